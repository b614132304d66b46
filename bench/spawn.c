/*
 * spawn.c - goroutines that begin, do little and end.
 *
 * spawn_join         an empty function and its waitgroup_done(), 1000 started before one
 *                    waitgroup_wait()
 * spawn_join_single  the same, one at a time
 * spawn1m            a million started by one goroutine, then one wait
 * spawn1m_work200    the same, each with 200 steps of a xorshift generator
 */
#include <stdatomic.h>

#include "bench/bench.h"
#include "rt0/sync.h"

enum { BATCH = 1000, BATCHES = 20, SINGLES = 5000, MILLION = 1000000 };

static struct waitgroup all;

static void empty(void *arg)
{
    (void)arg;
    waitgroup_done(&all);
}

static NOINLINE uint64_t steps(uint64_t x)
{
    for (int i = 0; i < 200; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

static _Atomic(uint64_t) sum;

static void work(void *arg)
{
    uint64_t x = steps((uintptr_t)arg);

    if (x == 0) // never: but the steps must be done
        atomic_fetch_add(&sum, x);
    waitgroup_done(&all);
}

static void spawn_all(void (*fn)(void *), uintptr_t n)
{
    waitgroup_add(&all, (int)n);
    for (uintptr_t i = 1; i <= n; i++)
        bench_require(go(fn, (void *)i) == 0);
    waitgroup_wait(&all);
}

static void batches(void *arg)
{
    (void)arg;
    for (int i = 0; i < BATCHES; i++)
        spawn_all(empty, BATCH);
}

static void singles(void *arg)
{
    (void)arg;
    for (int i = 0; i < SINGLES; i++)
        spawn_all(empty, 1);
}

static void million_empty(void *arg)
{
    (void)arg;
    spawn_all(empty, MILLION);
}

static void million_work(void *arg)
{
    (void)arg;
    spawn_all(work, MILLION);
}

static double spawn_join(void)
{
    return bench_time(batches, NULL, BATCH * BATCHES);
}

static double spawn_join_single(void)
{
    return bench_time(singles, NULL, SINGLES);
}

/* Three repetitions, the first of which makes the struct gs: a million is long enough. */
static void million(const char *name, void (*fn)(void *))
{
    double values[3];

    for (size_t i = 0; i < LENGTH(values); i++)
        values[i] = bench_time(fn, NULL, MILLION);
    bench_print_values(name, values, LENGTH(values), "ns");
}

static void spawn1m(const char *name)
{
    million(name, million_empty);
}

static void spawn1m_work200(const char *name)
{
    million(name, million_work);
}

static const struct bench benches[] = {
    {"spawn_join", .sample = spawn_join},
    {"spawn_join_single", .sample = spawn_join_single},
    {"spawn1m", .run = spawn1m},
    {"spawn1m_work200", .run = spawn1m_work200},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
