/*
 * tap.h - Test Anything Protocol for host tests, and what they need to be hostile.
 *
 * A test program calls ok() as often as it likes and returns done() from main(); the plan is the
 * last line, so a program that dies before it is a failure for `prove` too. A failed check names
 * its file and line. Single-threaded; a long loop is one check, of its result.
 */
#ifndef TESTS_HOST_TAP_H
#define TESTS_HOST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned tap_planned;
static unsigned tap_run;
static unsigned tap_failed;

/* Optional: how many checks there will be. */
static inline void plan(unsigned n)
{
    tap_planned = n;
    printf("1..%u\n", n);
}

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
                                                                int line, const char *fmt, ...)
{
    va_list ap;

    tap_run++;
    tap_failed += !good;
    printf("%s %u - ", good ? "ok" : "not ok", tap_run);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    if (!good)
        printf("# failed at %s:%d\n", file, line);
    fflush(stdout);
    return good;
}

/* Two strings are the same; both are shown if not. */
static inline bool tap_same(const char *have, const char *want, const char *file, int line)
{
    bool good = tap_ok(strcmp(have, want) == 0, file, line, "text: %s", want);

    if (!good)
        printf("# have: %s\n# want: %s\n", have, want);
    return good;
}

#define ok(cond, ...)    tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define same(have, want) tap_same((have), (want), __FILE__, __LINE__)

/* The exit status of the program. */
static inline int done(void)
{
    if (tap_planned == 0)
        printf("1..%u\n", tap_run);
    else if (tap_planned != tap_run)
        printf("# %u checks planned, %u run\n", tap_planned, tap_run);
    return tap_failed != 0 || tap_run == 0 || (tap_planned != 0 && tap_planned != tap_run);
}

static uint64_t rnd_state = UINT64_C(0x9e3779b97f4a7c15);

/* The same numbers in every run (xorshift64*, Vigna). */
static inline uint64_t rnd(void)
{
    rnd_state ^= rnd_state >> 12;
    rnd_state ^= rnd_state << 25;
    rnd_state ^= rnd_state >> 27;
    return rnd_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. n-1 */
static inline size_t rnd_below(size_t n)
{
    return (size_t)(rnd() >> 11) % n;
}

/* A copy with nothing behind it: AddressSanitizer sees the first byte read past its end. */
static inline void *exact_copy(const void *from, size_t n)
{
    void *to = malloc(n);

    if (to == NULL && n != 0)
        abort();
    if (n != 0)
        memcpy(to, from, n);
    return to;
}

#endif
