/*
 * bench.h - measuring: repetitions, the median and the least, and the lines that tools/bench
 * collects.
 *
 * A bench is an entry of a table that ends a program of bench/:
 *
 *      static double chan_buffered(void)      one repetition; returns nanoseconds per operation
 *      { ... }
 *      static const struct bench benches[] = {
 *          {"chan_buffered", .sample = chan_buffered},
 *      };
 *      int main(int argc, char **argv)
 *      {
 *          return bench_main(benches, LENGTH(benches), argc, argv);
 *      }
 *
 * which prints two lines, `chan_buffered<TAB>median<TAB>ns` and
 * `chan_buffered.min<TAB>least<TAB>ns`. The first repetition only warms up. One that gives
 * several figures at once, or that can't be repeated, has .run instead and prints with
 * bench_print(). A name is written in its table only: tools/bench finds it there.
 *
 * The program's words are the names that are wanted; none: all. Text that begins with "# " is for
 * people. A line " * Machine: MEM=6G SMP=1" in a program's head says what it needs, as
 * tools/run-qemu takes it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"

#define BENCH_REPETITIONS 7 // an odd number: the median is one of them

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define NOINLINE      __attribute__((noinline, noclone))

struct bench {
    const char *name;
    double (*sample)(void);        // one repetition, or
    void (*run)(const char *name); // all of it
    const char *unit;              // of what sample() returns; NULL: ns
};

/* The program can't go on: what it would print now would be wrong. */
#define bench_require(cond)                                             \
    do {                                                                \
        if (!(cond)) {                                                  \
            printf("# %s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                    \
        }                                                               \
    } while (0)

static inline void bench_print(const char *name, const char *suffix, double value, const char *unit)
{
    printf("%s%s\t%.*f\t%s\n", name, suffix, value < 1000 ? 2 : 0, value, unit);
    fflush(stdout);
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static inline void bench_print_values(const char *name, double *values, size_t n, const char *unit)
{
    qsort(values, n, sizeof *values, bench_compare);
    bench_print(name, "", values[n / 2], unit);
    bench_print(name, ".min", values[0], unit);
}

static inline void bench_run(const struct bench *b)
{
    double values[BENCH_REPETITIONS];

    if (b->run) {
        b->run(b->name);
        return;
    }
    b->sample();
    for (size_t i = 0; i < BENCH_REPETITIONS; i++)
        values[i] = b->sample();
    bench_print_values(b->name, values, BENCH_REPETITIONS, b->unit ? b->unit : "ns");
}

static inline bool bench_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc <= 1;

    for (int i = 1; i < argc; i++)
        wanted |= strcmp(argv[i], name) == 0;
    return wanted;
}

static inline int bench_main(const struct bench *benches, size_t n, int argc, char **argv)
{
    for (size_t i = 0; i < n; i++)
        if (bench_wanted(benches[i].name, argc, argv))
            bench_run(&benches[i]);
    return 0;
}

/* The time that fn(arg) takes, per one of `ops` operations that it does. */
static inline double bench_time(void (*fn)(void *), void *arg, double ops)
{
    int64_t start = nanotime();

    fn(arg);
    return (double)(nanotime() - start) / ops;
}

#endif
