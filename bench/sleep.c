/*
 * sleep.c - how late sleepers wake, and what a timer costs.
 *
 * sleep1ms_late.1       one goroutine sleeps for a millisecond, again and again: how late it runs
 * sleep1ms_late.1000    1000 goroutines do, begun at the same time, 150 times each
 * sleep1ms_late.1000_first  only once each: all are due while the work of a fraction of them can be done
 * timer_start_stop      a timer is started and stopped, nothing else runs
 * timer_start_stop_10k  the same while 10,000 others run
 * timer_reset           a timer that runs is put off
 */
#include <stdatomic.h>

#include "bench/percentile.h"
#include "rt0/sync.h"

#define MS INT64_C(1000000)

enum { CALLS = 10000, OTHERS = 10000 };

static struct {
    double *late;
    int each;
    atomic_uint next;
    struct waitgroup all;
} sleepers;

static void sleep_1ms(void *arg)
{
    (void)arg;
    for (int i = 0; i < sleepers.each; i++) {
        int64_t from = nanotime();
        sleep_ns(MS);
        int64_t late = nanotime() - from - MS;
        bench_require(late >= 0);
        sleepers.late[atomic_fetch_add(&sleepers.next, 1)] = (double)late;
    }
    waitgroup_done(&sleepers.all);
}

static void sleep_all(double *late, size_t n, int goroutines)
{
    sleepers.late = late;
    sleepers.each = (int)n / goroutines;
    atomic_store(&sleepers.next, 0);
    waitgroup_add(&sleepers.all, goroutines);
    for (int i = 0; i < goroutines; i++)
        bench_require(go(sleep_1ms, NULL) == 0);
    waitgroup_wait(&sleepers.all);
    bench_require(atomic_load(&sleepers.next) == n);
}

static void one(double *late, size_t n)
{
    sleep_all(late, n, 1);
}

static void thousand(double *late, size_t n)
{
    sleep_all(late, n, 1000);
}

static void sleep1ms_late(const char *name)
{
    bench_latency(name, ".1", one, 200);
    bench_latency(name, ".1000", thousand, 150000);
    bench_latency(name, ".1000_first", thousand, 1000);
}

/* ---- timers ---- */

static void nothing(void *arg)
{
    (void)arg;
}

static void start_stop(void *timer)
{
    for (int i = 0; i < CALLS; i++) {
        bench_require(timer_start(timer, 1000 * MS, 0, nothing, NULL) == 0);
        bench_require(timer_stop(timer) == 1);
    }
}

static void reset(void *timer)
{
    for (int i = 0; i < CALLS; i++)
        bench_require(timer_reset(timer, 1000 * MS) == 1);
}

static double timer_start_stop(void)
{
    struct timer t = {0};

    return bench_time(start_stop, &t, CALLS);
}

static double timer_start_stop_10k(void)
{
    struct timer *others = calloc(OTHERS, sizeof *others), t = {0};

    bench_require(others != NULL);
    for (int i = 0; i < OTHERS; i++)
        bench_require(timer_start(&others[i], (500 + i % 1000) * MS, 0, nothing, NULL) == 0);
    double ns = bench_time(start_stop, &t, CALLS);
    for (int i = 0; i < OTHERS; i++)
        timer_stop(&others[i]);
    free(others);
    return ns;
}

static double timer_reset_ns(void)
{
    struct timer t = {0};

    bench_require(timer_start(&t, 1000 * MS, 0, nothing, NULL) == 0);
    double ns = bench_time(reset, &t, CALLS);
    timer_stop(&t);
    return ns;
}

static const struct bench benches[] = {
    {"sleep1ms_late", .run = sleep1ms_late},
    {"timer_start_stop", .sample = timer_start_stop},
    {"timer_start_stop_10k", .sample = timer_start_stop_10k},
    {"timer_reset", .sample = timer_reset_ns},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
