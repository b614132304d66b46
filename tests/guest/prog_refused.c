/*
 * prog_refused.c - uses a register that preemption does not save (tests/check/preempt).
 *
 * Argument: which one of ARCH/refused.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "refused.h"

int main(int argc, char **argv)
{
    unsigned which = argc > 1 ? (unsigned)atoi(argv[1]) : 0;

    if (which >= sizeof refused / sizeof refused[0])
        return 1;
    refused[which]();
    printf("went on\n");
    return 0;
}
