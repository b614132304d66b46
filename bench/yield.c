/*
 * yield.c - gosched() among goroutines on one P.
 *
 * yield_switch       two goroutines
 * yield_switch_100g  100
 */
#include <stdatomic.h>

#include "bench/bench.h"
#include "rt0/sync.h"

#define YIELDS 100000

static struct waitgroup all;
static int each;
static atomic_int done;

static void yield(void *arg)
{
    int n = each;

    (void)arg;
    for (int i = 0; i < n; i++)
        gosched();
    atomic_fetch_add(&done, n);
    waitgroup_done(&all);
}

static void run(void *goroutines)
{
    int n = *(int *)goroutines;

    each = YIELDS / n;
    atomic_store(&done, 0);
    waitgroup_add(&all, n);
    for (int i = 0; i < n; i++)
        bench_require(go(yield, NULL) == 0);
    waitgroup_wait(&all);
    bench_require(atomic_load(&done) == YIELDS);
}

static double yield_switch(void)
{
    return bench_time(run, &(int){2}, YIELDS);
}

static double yield_switch_100g(void)
{
    return bench_time(run, &(int){100}, YIELDS);
}

static const struct bench benches[] = {
    {"yield_switch", .sample = yield_switch},
    {"yield_switch_100g", .sample = yield_switch_100g},
};

int main(int argc, char **argv)
{
    gomaxprocs(1);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
