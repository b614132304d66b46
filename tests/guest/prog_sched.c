/*
 * prog_sched.c - gives the scheduler something to do; for tests/check/schedtrace, schedstats, determinism, trace
 * and goroutines.
 *
 * Arguments: load ROUNDS | hold TICKS | away TICKS | times ROUNDS
 *
 *   load  workers that pass numbers on in a ring of channels, yield, sleep, compute, select, make goroutines and
 *         end; prints the sum of what went round, which does not depend on the order, and main's own times
 *   hold  a goroutine in each way of waiting, and one that runs; then "tick N" every 10 ms
 *   away  the same with one P, which is that of another core than the first
 *   times what rt0/sched.h tells of times and counts, against the clock; on one core, with schedstats=1
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sched.h"
#include "rt0/time.h"

#define WORKERS 8

#define US INT64_C(1000)
#define MS INT64_C(1000000)

/* ---- load ---- */

static struct chan *ring[WORKERS];
static struct chan *ends;
static long rounds;

/* A short-lived goroutine: *arg becomes its square. */
static void square(void *arg)
{
    long *v = arg;

    *v *= *v;
    chan_send(ends, &(long){1});
}

static void compute(void)
{
    for (volatile int i = 0; i < 20000; i++)
        ;
}

/* Something else in each round, so that every way of giving way comes up. */
static void do_something(long round)
{
    switch (round % 4) {
    case 0:
        gosched();
        break;
    case 1:
        sleep_ns(20 * US);
        break;
    case 2:
        compute();
        break;
    }
}

static void worker(void *arg)
{
    long id = (long)arg, v;

    for (long round = 0; round < rounds; round++) {
        chan_recv(ring[id], &v);
        v += id;
        do_something(round + id);
        chan_send(ring[(id + 1) % WORKERS], &v);
    }
    chan_send(ends, &(long){0});
}

static int load(void)
{
    static long squares[64];
    long sum = 0, v = 0;
    struct gostats st;

    ends = chan_make(sizeof(long), 0);
    for (long i = 0; i < WORKERS; i++)
        ring[i] = chan_make(sizeof(long), 2);
    for (long i = 0; i < WORKERS; i++)
        go(worker, (void *)i);
    for (int i = 0; i < WORKERS / 2; i++)
        chan_send(ring[2 * i], &v);
    for (long i = 0; i < 64; i++) {
        squares[i] = i;
        go(square, &squares[i]);
    }
    for (int i = 0; i < WORKERS + 64; i++)
        chan_recv(ends, &v);
    for (int i = 0; i < 64; i++)
        sum += squares[i];
    for (int i = 0; i < WORKERS; i++)
        while (chan_try_recv(ring[i], &v) == 0)
            sum += v;
    while (numgoroutine() > 1) // they have answered, not ended
        gosched();
    gostats_read(&st);
    printf("load: sum %ld\nload: main cpu_ns=%lld wait_ns=%lld\n", sum, (long long)st.cpu_ns,
           (long long)st.wait_ns);
    return 0;
}

/* ---- hold ---- */

static struct chan *never;
static atomic_int started;

static __attribute__((noinline)) void hold_receive(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    chan_recv(never, NULL);
}

static void hold_send(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    chan_send(arg, &(long){1});
}

static void hold_sleep(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    sleep_ns(INT64_C(1000000) * MS);
}

static void hold_locked(void *arg)
{
    lockosthread();
    hold_receive(arg);
}

static void hold_run(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    for (;;)
        compute();
}

/* Its name is looked for in tracebacks. */
static __attribute__((noinline)) int hold(long ticks)
{
    struct chan *full = chan_make(sizeof(long), 0);

    never = chan_make(sizeof(long), 0);
    go(hold_receive, NULL);
    go(hold_send, full);
    go(hold_sleep, NULL);
    go(hold_locked, NULL);
    go(hold_run, NULL);
    while (atomic_load(&started) < 5)
        sleep_ns(MS);
    printf("ready\n");
    for (long i = 0; i < ticks; i++) {
        sleep_ns(10 * MS);
        printf("tick %ld\n", i);
    }
    return 0;
}

/* Whose core calls gomaxprocs() keeps its P. */
static void keep_this_core(void *done)
{
    gomaxprocs(1);
    chan_send(done, NULL);
}

static __attribute__((noinline)) int away(long ticks)
{
    struct chan *done = chan_make(0, 0);

    if (go_with(&(struct go_attr){.affinity = 2}, keep_this_core, done))
        return 1;
    chan_recv(done, NULL);
    return hold(ticks);
}

/* ---- times ---- */

static bool wrong;

static void expect(bool good, const char *what, long long a, long long b)
{
    if (good)
        return;
    wrong = true;
    printf("times: %s: %lld, %lld\n", what, a, b);
}

/* What one goroutine used, and waited for, since *st. */
static struct gostats since(const struct gostats *st)
{
    struct gostats now;

    gostats_read(&now);
    return (struct gostats){now.cpu_ns - st->cpu_ns, now.wait_ns - st->wait_ns};
}

static int64_t other_ns;

/* Runs while main waits for the only core. */
static void other(void *arg)
{
    static const struct gostats none;
    struct gostats st;

    (void)arg;
    compute();
    st = since(&none);
    other_ns = st.cpu_ns;
}

static void one_round(void)
{
    int64_t begin = nanotime(), elapsed;
    struct gostats at, used;

    gostats_read(&at);
    compute();
    used = since(&at);
    elapsed = nanotime() - begin;
    expect(used.cpu_ns > 0 && used.cpu_ns <= elapsed, "running", used.cpu_ns, elapsed);

    begin = nanotime();
    gostats_read(&at);
    sleep_ns(MS);
    used = since(&at);
    elapsed = nanotime() - begin;
    expect(used.cpu_ns > 0 && used.cpu_ns < elapsed, "asleep", used.cpu_ns, elapsed);

    begin = nanotime();
    gostats_read(&at);
    go(other, NULL);
    gosched();
    used = since(&at);
    elapsed = nanotime() - begin;
    expect(used.wait_ns >= other_ns, "waiting", used.wait_ns, other_ns);
    expect(used.cpu_ns + used.wait_ns <= elapsed, "both", used.cpu_ns + used.wait_ns, elapsed);
}

static void expect_counts(long n)
{
    struct schedstats st;
    struct schedcounts c;

    schedstats_read(&st);
    expect(st.gomaxprocs == 1 && st.cores == 1, "cores", st.gomaxprocs, st.cores);
    expect(strcmp(st.policy, "gmp") == 0, "policy", 0, 0);
    expect(st.all.created == (uint64_t)n + 1, "created", (long long)st.all.created, n + 1);
    expect(st.all.ended == (uint64_t)n, "ended", (long long)st.all.ended, n);
    expect(schedstats_read_p(0, &c) == 0 && c.created == st.all.created, "P0", (long long)c.created,
           0);
    expect(schedstats_read_p(1, &c) == -EINVAL, "no P1", 0, 0);
}

static int times(long n)
{
    for (long i = 0; i < n; i++)
        one_round();
    expect_counts(n);
    if (!wrong)
        printf("times: right\n");
    return wrong;
}

int main(int argc, char **argv)
{
    long n = argc == 3 ? atol(argv[2]) : 0;

    if (n > 0 && strcmp(argv[1], "load") == 0) {
        rounds = n;
        return load();
    }
    if (n > 0 && strcmp(argv[1], "hold") == 0)
        return hold(n);
    if (n > 0 && strcmp(argv[1], "away") == 0)
        return away(n);
    if (n > 0 && strcmp(argv[1], "times") == 0)
        return times(n);
    printf("usage: prog_sched load ROUNDS | hold TICKS | away TICKS | times ROUNDS\n");
    return 99;
}
