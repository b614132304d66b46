/*
 * percentile.h - latencies: of each repetition the p50 and the p99, and of these the median.
 *
 *      static void wakeups(double *late, size_t n)     one repetition: n latencies in ns
 *      { ... }
 *      bench_latency(name, ".same_p", wakeups, 200);
 *
 * prints `wakeup.same_p.p50` and `wakeup.same_p.p99`, in ns.
 */
#ifndef BENCH_PERCENTILE_H
#define BENCH_PERCENTILE_H

#include "bench/bench.h"

/* Of sorted values: the least one that is not exceeded by so many percent of them. */
static inline double bench_percentile(const double *sorted, size_t n, unsigned percent)
{
    return sorted[(n * percent + 99) / 100 - 1];
}

static inline void bench_print_percentile(const char *name, const char *suffix, unsigned percent,
                                          double *of_repetitions)
{
    char full[40];

    qsort(of_repetitions, BENCH_REPETITIONS, sizeof *of_repetitions, bench_compare);
    snprintf(full, sizeof full, "%s.p%u", suffix, percent);
    bench_print(name, full, of_repetitions[BENCH_REPETITIONS / 2], "ns");
}

/* The first repetition only warms up. */
static inline void bench_latency(const char *name, const char *suffix,
                                 void (*sample)(double *late, size_t n), size_t n)
{
    double p50[BENCH_REPETITIONS], p99[BENCH_REPETITIONS], *late = calloc(n, sizeof *late);

    bench_require(late != NULL);
    sample(late, n);
    for (size_t i = 0; i < BENCH_REPETITIONS; i++) {
        sample(late, n);
        qsort(late, n, sizeof *late, bench_compare);
        p50[i] = bench_percentile(late, n, 50);
        p99[i] = bench_percentile(late, n, 99);
    }
    bench_print_percentile(name, suffix, 50, p50);
    bench_print_percentile(name, suffix, 99, p99);
    free(late);
}

#endif
