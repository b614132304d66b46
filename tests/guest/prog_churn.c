/*
 * prog_churn - stacks in quick use, and what must hold meanwhile; for tests/check/churn.
 *
 *   wild     goroutines with deep stacks come and go on all cores while main reads an address of the
 *            arena that is nobody's: the report must come, whatever the stopped cores were doing
 *   misfit   a deep goroutine and one of a smaller limit take turns on stacks of one size: no more stacks
 *            than goroutines at a time come of it
 *   own      malloc() takes all memory, that of free stacks in this core's cache included
 *   tls      the program's thread-local objects fit a stack, or go_with() refuses it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/mem.h"
#include "tests/guest/deep.h"

/* More than half of GO_STACK_MIN. */
static _Thread_local char local[12 * KIB];

static atomic_int live, ended;

static void dive(void *bytes)
{
    deep((size_t)bytes);
    atomic_fetch_sub(&live, 1);
    atomic_fetch_add(&ended, 1);
}

static void churn(void *unused)
{
    (void)unused;
    for (;;) {
        if (atomic_load(&live) < 64) {
            atomic_fetch_add(&live, 1);
            go(dive, (void *)(200 * KIB));
        }
        gosched();
    }
}

static __attribute__((noinline)) int wild(void)
{
    enum { NOBODYS = 0x300000 };

    for (int i = 0; i < 8; i++)
        go(churn, NULL);
    while (atomic_load(&ended) < 500)
        gosched();
    return *(volatile char *)(ARENA_BASE + NOBODYS);
}

static void run(size_t limit, size_t bytes)
{
    int before = atomic_load(&ended);

    atomic_fetch_add(&live, 1);
    if (go_with(&(struct go_attr){.stack_max_bytes = limit}, dive, (void *)bytes))
        exit(1);
    while (atomic_load(&ended) == before || numgoroutine() > 1)
        gosched();
}

static int misfit(void)
{
    static struct memstats st;

    for (int i = 0; i < 500; i++) {
        run(256 * KIB, 200 * KIB);
        run(180 * KIB, KIB);
        run(1024 * KIB, 900 * KIB);
        run(600 * KIB, KIB);
    }
    memstats_read(&st);
    printf("%zu stacks\n", st.stacks);
    return st.stacks > 40;
}

static void use_and_wait(void *bytes)
{
    deep((size_t)bytes);
    gosched();
    gosched();
}

static int own(void)
{
    static struct memstats st;

    for (int i = 0; i < 40; i++)
        go(use_and_wait, (void *)(12 * KIB));
    while (numgoroutine() > 1)
        gosched();
    while (malloc(9 * 4096))
        ;
    memstats_read(&st);
    printf("%zu stacks are free, %zu pages rest\n", st.stacks_free, st.stack_limbo);
    return st.stacks_free + st.stack_limbo != 0;
}

static void use_local(void *unused)
{
    (void)unused;
    memset(local, 1, sizeof local);
    atomic_fetch_add(&ended, 1);
}

static int tls(void)
{
    struct go_attr small = {.stack_max_bytes = GO_STACK_MIN}, large = {.stack_max_bytes = 64 * KIB};
    int refused = go_with(&small, use_local, NULL), taken = go_with(&large, use_local, NULL);

    while (!taken && !atomic_load(&ended))
        gosched();
    printf("small: %d, large: %d\n", refused, taken);
    return refused != -EINVAL || taken != 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "wild") == 0)
        return wild();
    if (strcmp(what, "misfit") == 0)
        return misfit();
    if (strcmp(what, "own") == 0)
        return own();
    if (strcmp(what, "tls") == 0)
        return tls();
    printf("usage: prog_churn wild|misfit|own|tls\n");
    return 3;
}
