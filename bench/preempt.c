/*
 * preempt.c - one P and a goroutine that never gives way.
 *
 * preempt                how long such a goroutine runs from its start while another one is
 * runnable preempt_sleep1ms_late  how late beside it another one wakes that sleeps for a
 * millisecond
 */
#include <stdatomic.h>

#include "bench/percentile.h"

#define MS INT64_C(1000000)

static struct chan *ended;
static _Atomic(int64_t) hog_began;
static atomic_bool hog_ends;
static _Atomic(int64_t) other_ran;

static void hog(void *arg)
{
    (void)arg;
    atomic_store(&hog_began, nanotime());
    while (!atomic_load(&hog_ends))
        ;
    chan_send(ended, NULL);
}

static void other(void *arg)
{
    (void)arg;
    atomic_store(&other_ran, nanotime());
    atomic_store(&hog_ends, true);
    chan_send(ended, NULL);
}

/* The one that was made last runs first, unless the host took the core away between the two. */
static double hog_beside_other(void)
{
    int64_t ns;

    do {
        atomic_store(&hog_ends, false);
        bench_require(go(other, NULL) == 0 && go(hog, NULL) == 0);
        chan_recv(ended, NULL);
        chan_recv(ended, NULL);
        ns = atomic_load(&other_ran) - atomic_load(&hog_began);
    } while (ns <= 0);
    return (double)ns;
}

static void hogs(double *late, size_t n)
{
    for (size_t i = 0; i < n; i++)
        late[i] = hog_beside_other();
}

static void sleepers(double *late, size_t n)
{
    atomic_store(&hog_ends, false);
    bench_require(go(hog, NULL) == 0);
    for (size_t i = 0; i < n; i++) {
        int64_t from = nanotime();
        sleep_ns(MS);
        late[i] = (double)(nanotime() - from - MS);
        bench_require(late[i] >= 0);
    }
    atomic_store(&hog_ends, true);
    chan_recv(ended, NULL);
}

static void preempt(const char *name)
{
    bench_latency(name, "", hogs, 20);
}

static void preempt_sleep(const char *name)
{
    bench_latency(name, "", sleepers, 100);
}

static const struct bench benches[] = {
    {"preempt", .run = preempt},
    {"preempt_sleep1ms_late", .run = preempt_sleep},
};

int main(int argc, char **argv)
{
    gomaxprocs(1);
    ended = chan_make(0, 0);
    bench_require(ended != NULL);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
