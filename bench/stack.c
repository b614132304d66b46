/*
 * stack.c - stacks that grow and shrink under a recursion.
 *
 * stack_64k_fresh   a recursion 64 KiB deep in a new goroutine, whose stack has one page: with
 *                   its growth
 * stack_64k_grown   the same again in the same goroutine: the recursion alone
 * stack_1m_*        1 MiB deep
 * stack_shrink      memreclaim() takes back a stack that is parked and was 64 KiB deep: per stack
 * stack_regrow      the recursion again on such a stack
 *
 * One op is one whole recursion. Frames are about 120 bytes (their size is printed); each has a
 * number of its own, and their sum is checked.
 */
#include "bench/bench.h"
#include "rt0/mem.h"
#include "sched/sched.h"

static uintptr_t frame_at[2];

/* Returns the sum of 1 .. n, out of n + 1 frames. */
static NOINLINE uint64_t recurse(uint64_t n)
{
    volatile uint64_t frame[10];

    frame[n & 7] = n;
    if (n <= 1)
        frame_at[n] = (uintptr_t)frame;
    uint64_t below = n ? recurse(n - 1) : 0;
    return below + frame[n & 7];
}

static size_t frame_bytes(void)
{
    recurse(1);
    return frame_at[1] - frame_at[0];
}

static void recurse_bytes(size_t bytes)
{
    uint64_t n = bytes / frame_bytes();

    bench_require(recurse(n) == n * (n + 1) / 2);
}

/* ---- in a goroutine of its own ---- */

struct dive {
    size_t bytes;
    double fresh, grown; // ns
    struct chan *done;
};

static void dive(void *arg)
{
    struct dive *d = arg;
    uint64_t n = d->bytes / frame_bytes(), sums = 0;
    int64_t start = nanotime();

    sums += recurse(n);
    int64_t middle = nanotime();
    sums += recurse(n);
    int64_t end = nanotime();
    bench_require(sums == n * (n + 1));
    d->fresh = (double)(middle - start);
    d->grown = (double)(end - middle);
    chan_send(d->done, NULL);
}

static struct dive dive_once(size_t bytes)
{
    struct dive d = {.bytes = bytes, .done = chan_make(0, 0)};
    struct go_attr attr = {.stack_max_bytes = 4 * bytes};

    /* Free stacks may have kept pages: away with them. */
    memreclaim();
    bench_require(go_with(&attr, dive, &d) == 0);
    chan_recv(d.done, NULL);
    chan_free(d.done);
    return d;
}

static double stack_64k_fresh(void)
{
    return dive_once(64 << 10).fresh;
}

static double stack_64k_grown(void)
{
    return dive_once(64 << 10).grown;
}

static double stack_1m_fresh(void)
{
    return dive_once(1 << 20).fresh;
}

static double stack_1m_grown(void)
{
    return dive_once(1 << 20).grown;
}

/* ---- parked ---- */

enum { PARKED = 64, PARKED_BYTES = 64 << 10 };

struct sleeper {
    _Atomic(struct g *) g;
    struct chan *wake, *done;
    int64_t regrow_ns;
};

static void sleeper(void *arg)
{
    struct sleeper *s = arg;

    recurse_bytes(PARKED_BYTES);
    atomic_store(&s->g, getg());
    chan_recv(s->wake, NULL);
    int64_t start = nanotime();
    recurse_bytes(PARKED_BYTES);
    s->regrow_ns = nanotime() - start;
    chan_send(s->done, NULL);
}

static void sleepers_start(struct sleeper *sleepers, struct chan *wake, struct chan *done)
{
    for (int i = 0; i < PARKED; i++) {
        sleepers[i] = (struct sleeper){.wake = wake, .done = done};
        bench_require(go(sleeper, &sleepers[i]) == 0);
    }
    for (int i = 0; i < PARKED; i++) {
        struct g *gp;
        while (!(gp = atomic_load(&sleepers[i].g)) || atomic_load(&gp->status) != GWAITING)
            gosched();
    }
}

/* The mean of the sleepers' second recursions. */
static double sleepers_end(struct sleeper *sleepers, struct chan *wake, struct chan *done)
{
    int64_t sum = 0;

    chan_close(wake);
    for (int i = 0; i < PARKED; i++)
        chan_recv(done, NULL);
    for (int i = 0; i < PARKED; i++)
        sum += sleepers[i].regrow_ns;
    chan_free(wake);
    chan_free(done);
    return (double)sum / PARKED;
}

static int64_t reclaim_ns(void)
{
    int64_t start = nanotime();

    memreclaim();
    return nanotime() - start;
}

/* What a call costs beyond its stacks is taken off, by one more call that finds nothing to do. */
static void shrink_regrow(double *shrink, double *regrow)
{
    struct sleeper sleepers[PARKED];
    struct chan *wake = chan_make(0, 0), *done = chan_make(0, 0);
    struct memstats before, after;

    memreclaim();
    sleepers_start(sleepers, wake, done);
    memstats_read(&before);
    int64_t first = reclaim_ns();
    memstats_read(&after);
    *shrink = (double)(first - reclaim_ns()) / PARKED;
    *regrow = sleepers_end(sleepers, wake, done);
    bench_require(before.stack_pages - after.stack_pages >= (size_t)PARKED * 14);
}

static double stack_shrink(void)
{
    double shrink, regrow;

    shrink_regrow(&shrink, &regrow);
    return shrink;
}

static double stack_regrow(void)
{
    double shrink, regrow;

    shrink_regrow(&shrink, &regrow);
    return regrow;
}

static const struct bench benches[] = {
    {"stack_64k_fresh", .sample = stack_64k_fresh}, {"stack_64k_grown", .sample = stack_64k_grown},
    {"stack_1m_fresh", .sample = stack_1m_fresh},   {"stack_1m_grown", .sample = stack_1m_grown},
    {"stack_shrink", .sample = stack_shrink},       {"stack_regrow", .sample = stack_regrow},
};

int main(int argc, char **argv)
{
    printf("# stack: frames of %zu bytes\n", frame_bytes());
    return bench_main(benches, LENGTH(benches), argc, argv);
}
