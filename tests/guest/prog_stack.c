/*
 * prog_stack.c - uses stack as its arguments say; tests/check/stack looks at the outcome.
 *
 *   prog_stack usable            bytes that a goroutine of go() may use
 *   prog_stack overflow          recurses for ever in main
 *   prog_stack overflow go [N]   in a goroutine, whose stack may have N bytes
 *   prog_stack deep KIB N        recurses KIB deep in a goroutine whose stack may have N bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/deep.h"

static void print_usable(void *arg)
{
    (void)arg;
    printf("usable: %zu bytes\n", (size_t)(getg()->stack->hi - getg()->stack->lo));
    chan_send(finished, NULL);
}

/* No frame ends up on the next one's address without a byte of it touched. */
static NOINLINE int recurse_for_ever(int n)
{
    volatile char frame[200];

    frame[0] = (char)n;
    return n < 0 ? 0 : recurse_for_ever(n + 1) + frame[0];
}

static void overflow(void *arg)
{
    (void)arg;
    printf("came back: %d\n", recurse_for_ever(0));
    chan_send(finished, NULL);
}

static void go_deep(void *arg)
{
    size_t bytes = *(size_t *)arg;

    printf("%zu KiB: %s\n", bytes / KIB, deep(bytes) ? "all frames right" : "WRONG");
    chan_send(finished, NULL);
}

static void run(const char *stack_max, void (*fn)(void *), void *arg)
{
    struct go_attr attr = {.stack_max_bytes = stack_max ? strtoull(stack_max, NULL, 0) : 0};
    int err = go_with(&attr, fn, arg);

    if (err) {
        printf("go_with: %d\n", err);
        exit(1);
    }
    join(1);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    finished = make(0, 0);
    if (strcmp(what, "usable") == 0) {
        run(NULL, print_usable, NULL);
    } else if (strcmp(what, "overflow") == 0 && argc > 2) {
        run(argc > 3 ? argv[3] : NULL, overflow, NULL);
    } else if (strcmp(what, "overflow") == 0) {
        overflow(NULL);
    } else if (strcmp(what, "deep") == 0 && argc > 3) {
        run(argv[3], go_deep, &(size_t){strtoull(argv[2], NULL, 0) * KIB});
    } else {
        printf("usage: prog_stack usable | overflow [go [N]] | deep KIB N\n");
        return 98;
    }
}
