/*
 * prog_crash.c - ends in the way that its argument names; tests/check/crash looks at the report.
 *
 * A second argument "go" lets it happen in a goroutine other than main.
 */
#include <alloca.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/options.h"
#include "rt0/chan.h"
#include "rt0/go.h"

#define NOINLINE __attribute__((noinline, noclone))

/* Out of the compiler's sight. */
static void *volatile nowhere = NULL;
static volatile int zero = 0;
static const int constant = 42;
static uint8_t code[64] = {0xc3};

int main(int argc, char **argv);

static NOINLINE void null_call(void)
{
    ((void (*)(void))nowhere)();
    printf("returned\n");
}

static NOINLINE void null_read(void)
{
    printf("read %d\n", *(volatile int *)nowhere);
}

static NOINLINE void null_write(void)
{
    *(volatile int *)nowhere = 1;
}

static NOINLINE void null_field(void)
{
    printf("read %d\n", ((volatile char *)nowhere)[0x123]);
}

static NOINLINE void wild_read(void)
{
    printf("read %d\n", *(volatile int *)((uintptr_t)nowhere + 0x123456789000));
}

static NOINLINE void text_write(void)
{
    *(volatile char *)(uintptr_t)main = 1;
}

static NOINLINE void const_write(void)
{
    *(volatile int *)(uintptr_t)&constant = 1;
}

static NOINLINE void sealed_write(void)
{
    *(volatile uint64_t *)&options.cores = 1;
}

static NOINLINE void data_exec(void)
{
    ((void (*)(void))(uintptr_t)code)();
    printf("returned\n");
}

static NOINLINE void stack_exec(void)
{
    volatile uint8_t here[64] = {0xc3};
    ((void (*)(void))(uintptr_t)here)();
    printf("returned %d\n", here[1]);
}

static NOINLINE int recurse(int n)
{
    volatile char frame[1024];
    frame[0] = (char)n;
    return n == zero - 1 ? 0 : recurse(n + 1) + frame[0];
}

static NOINLINE void stack_guard(void)
{
    printf("%d\n", recurse(0));
}

/* One frame larger than the whole reservation: without probes it would step over the guard. */
static NOINLINE void big_frame(void)
{
    volatile char *p = alloca((size_t)16 * 1024 * 1024 + (size_t)zero);
    p[0] = 1;
    printf("%d\n", p[0]);
}

static NOINLINE void div_zero(void)
{
    printf("%d\n", 7 / zero);
}

static NOINLINE void mod_zero(void)
{
    printf("%lu\n", (unsigned long)7 % (unsigned long)zero);
}

static NOINLINE void do_abort(void)
{
    abort();
}

static NOINLINE void do_assert(void)
{
    assert(zero == 1);
}

static NOINLINE void trap(void)
{
    __builtin_trap();
}

static NOINLINE void exit3(void)
{
    exit(3);
}

static NOINLINE void deadlock(void)
{
    chan_recv(chan_make(0, 0), NULL);
}

static void wait_here(void *c)
{
    chan_recv(c, NULL);
}

static NOINLINE void free_in_use(void)
{
    struct chan *c = chan_make(0, 0);

    go(wait_here, c);
    for (int i = 0; i < 100000; i++)
        gosched();
    chan_free(c);
}

static void chatter(void *arg)
{
    for (int i = 0;; i++) {
        printf("%d:%d:noise without end", (int)(intptr_t)arg, i);
        if (i % 3 == 0)
            printf("\n");
        gosched();
    }
}

/* While every other core prints. */
static NOINLINE void noisy(void)
{
    for (int i = 0; i < 12; i++)
        go(chatter, (void *)(intptr_t)i);
    for (int i = 0; i < 50; i++)
        gosched();
    null_read();
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"null_call", null_call},
    {"null_read", null_read},
    {"null_write", null_write},
    {"null_field", null_field},
    {"wild_read", wild_read},
    {"text_write", text_write},
    {"const_write", const_write},
    {"sealed_write", sealed_write},
    {"data_exec", data_exec},
    {"stack_exec", stack_exec},
    {"stack_guard", stack_guard},
    {"big_frame", big_frame},
    {"div_zero", div_zero},
    {"mod_zero", mod_zero},
    {"abort", do_abort},
    {"assert", do_assert},
    {"trap", trap},
    {"exit3", exit3},
    {"deadlock", deadlock},
    {"goexit", goexit},
    {"free_in_use", free_in_use},
    {"noisy", noisy},
};

static void run_way(void *way)
{
    void (*fn)(void) = *(void (**)(void))way;
    fn();
    printf("went on\n");
    exit(99);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (argc < 2 || strcmp(argv[1], ways[i].name))
            continue;
        void *way = (void *)(uintptr_t)&ways[i].fn;
        if (argc < 3)
            run_way(way);
        go(run_way, way);
        chan_recv(NULL, NULL);
    }
    printf("usage: prog_crash WAY [go]\n");
    return 98;
}
