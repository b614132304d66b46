/*
 * prog_input.c - what the console receives (tests/check/input).
 *
 * Counts bytes and lines up to a line "end", prints them and a checksum, and how often Ctrl-A came.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel/console_input.h"
#include "rt0/go.h"

int main(void)
{
    static char line[4096];
    size_t len = 0, bytes = 0, lines = 0;
    uint32_t sum = 0;

    printf("ready\n");
    fflush(stdout);
    for (;;) {
        char c;
        if (!console_input_read(&c, 1)) {
            gosched();
            continue;
        }
        if (c != '\n') {
            line[len++ % sizeof line] = c;
            continue;
        }
        line[len % sizeof line] = 0;
        if (strcmp(line, "end") == 0)
            break;
        for (size_t i = 0; i < len; i++)
            sum = sum * 31 + (uint8_t)line[i];
        bytes += len + 1;
        lines++;
        len = 0;
    }
    printf("%zu bytes, %zu lines, sum %08x\n", bytes, lines, sum);
    return 0;
}
