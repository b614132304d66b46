/*
 * ticker.c - channels on which the time comes.
 *
 * Goal:   nothing comes early, nothing after a stop, nothing old after a reset, and no more than one waits to be
 *         received; tickers that are freed while they tick are used again.
 * Method: times are compared with the clock from below only. What must happen in the end is waited for.
 * Budget: 10 s.
 * Source: some cases are those of Go's tick_test.go and sleep_test.go, written anew for this API.
 */
#include <errno.h>

#include "rt0/mem.h"
#include "rt0/time.h"
#include "sched/chan.h"
#include "tests/guest/hoard.h"
#include "tests/guest/parks.h"

static struct chan *must_tick(int64_t period_ns)
{
    return must(ticker(period_ns));
}

static void test_ticks(void)
{
    int early = 0;
    struct chan *c = must_tick(3600000 * MS);

    ok(chan_cap(c) == 1 && chan_len(c) == 0, "a ticker is a channel of capacity 1");
    int64_t from = nanotime(), last = from, t = 0;
    ticker_reset(c, MS);
    for (int i = 1; i <= 10; i++) {
        check(chan_recv(c, &t) == 0, "a tick");
        early += t < from + i * MS || t > nanotime() || t <= last;
        last = t;
    }
    ok(early == 0, "10 ticks, none of them early");
    ticker_stop(c);
    ok(chan_recv_until(c, &t, nanotime() + 5 * MS) == -ETIMEDOUT, "stopped, it ticks no more");
    ok(ticker_reset(c, 0) == -EINVAL && ticker_reset(c, -1) == -EINVAL,
       "it can't be reset to no period");
    from = nanotime();
    ok(ticker_reset(c, 2 * MS) == 0 && chan_recv(c, &t) == 0 && t >= from + 2 * MS,
       "reset, it ticks with the new period");
    chan_free(c);
    ok(!ticker(0) && !ticker(-5), "no period: NULL");
    ticker_stop(c = must_tick(INT64_MAX));
    chan_free(c);
}

/* What had come is not received after a stop or a reset. */
static void test_nothing_stale(void)
{
    struct chan *c = must_tick(10 * US);
    int64_t t;
    int stale = 0;

    for (int i = 0; i < 200; i++) {
        while (i % 2 && !chan_len(c))
            gosched();
        if (i % 4 < 2) {
            ticker_stop(c);
            stale += chan_len(c) != 0 || chan_try_recv(c, &t) != -EAGAIN;
        }
        int64_t from = nanotime();
        ticker_reset(c, i % 3 ? 10 * US : 200 * US);
        stale += chan_recv(c, &t) != 0 || t < from + (i % 3 ? 10 * US : 200 * US);
    }
    ok(stale == 0, "200 stops and resets: nothing old is received");
    for (int i = 0; i < 3; i++)
        while (!chan_len(c))
            gosched();
    ok(chan_len(c) == 1, "one that nobody receives from keeps one tick");
    chan_free(c);
}

static void test_after(void)
{
    int64_t from = nanotime(), t;
    struct chan *c = must(after_ns(2 * MS)), *late = must(after_ns(3600000 * MS)),
                *now = must(after_ns(-1));

    ok(chan_recv(c, &t) == 0 && t >= from + 2 * MS, "after_ns() comes, and not early");
    ok(chan_recv_until(c, &t, nanotime() + MS) == -ETIMEDOUT, "once");
    ok(chan_recv(now, &t) == 0, "at once if the time has passed");
    struct select_case cases[2] = {{.dir = SELECT_RECV, .c = late, .elem = &t},
                                   {.dir = SELECT_RECV, .c = must(after_ns(MS)), .elem = &t}};
    ok(chan_select(cases, 2, DEADLINE_NONE) == 1, "the earlier of two, by select");
    chan_free(cases[1].c);
    chan_free(c);
    chan_free(now);
    chan_free(late);
}

/* What is received is the time at which it came, however late that is. */
static void test_times(void)
{
    struct chan *c[2] = {must_tick(2 * MS), must(after_ns(2 * MS))};
    int64_t t;
    int bad = 0;

    for (int i = 0; i < 2; i++) {
        while (!chan_len(c[i]))
            gosched();
        int64_t came = nanotime();
        sleep_ns(2 * MS);
        bad += chan_recv(c[i], &t) != 0 || t > came;
        chan_free(c[i]);
    }
    ok(bad == 0, "AfterTimes, TickTimes: the time at which it came");
}

/* The longest time there is does not come, nor does it hold up others. */
static void test_overflow(void)
{
    struct chan *big = must(after_ns(INT64_MAX)), *soon = must(after_ns(MS)),
                *negative = must(after_ns(INT64_MIN));
    struct select_case cases[2] = {{.dir = SELECT_RECV, .c = big}, {.dir = SELECT_RECV, .c = soon}};

    ok(chan_select(cases, 2, DEADLINE_NONE) == 1 && chan_recv(negative, NULL) == 0 &&
           !chan_len(big),
       "OverflowSleep: 292 years are long, less than nothing is not");
    chan_free(big);
    chan_free(soon);
    chan_free(negative);
}

/* A time of nothing comes each time. */
static void test_zero(void)
{
    enum { ROUNDS = 10000 };
    struct chan *c = must(after_ns(0));
    int64_t from = 0, t;
    int bad = chan_recv(c, &t) != 0;

    chan_free(c);
    for (int i = 1; i < ROUNDS; i++) {
        from = nanotime();
        c = must(after_ns(0));
        bad += chan_recv(c, &t) != 0 || t < from;
        chan_free(c);
    }
    ok(bad == 0, "ZeroTimer: %d times nothing", ROUNDS);
}

/* ---- those who wait already ---- */

static int recv_tick(struct call *call)
{
    return chan_recv(call->on, call->elem);
}

/* A tick, or the end. */
static struct chan *stop;

static int select_tick(struct call *call)
{
    struct select_case cases[2] = {{.dir = SELECT_RECV, .c = call->on, .elem = call->elem},
                                   {.dir = SELECT_RECV, .c = stop}};

    return chan_select(cases, 2, DEADLINE_NONE);
}

static void test_reset_waited(struct chan *c, const char *name)
{
    int64_t t[2] = {0}, from;
    struct call recv = {.fn = recv_tick, .on = c, .elem = &t[0]}, two[2];

    stop = make(0, 0);
    check(parks(&recv, WAIT_CHAN_RECEIVE), "one waits");
    check(ticker_reset(c, 7200000 * MS) == 0, "reset");
    ok(is_parked(&recv, WAIT_CHAN_RECEIVE), "%s put off: who waits goes on waiting", name);
    from = nanotime();
    ticker_reset(c, MS);
    join(1);
    ok(recv.result == 0 && t[0] >= from + MS,
       "made the next: it comes to who waits, and not early");
    ticker_stop(c);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            two[i] = (struct call){.fn = select_tick, .on = c, .elem = &t[i]};
            check(parks(&two[i], WAIT_SELECT), "two wait");
        }
        from = nanotime();
        if (round == 0) {
            ticker_reset(c, MS);
            join(2);
            ok(two[0].result == 0 && two[1].result == 0 && t[0] >= from + MS &&
                   t[1] >= from + 2 * MS,
               "two that select: one gets the first tick, one the second");
            ticker_stop(c);
        }
    }
    chan_close(stop);
    join(2);
    ok(two[0].result == 1 && two[1].result == 1, "stopped: nothing comes to two that select");
    chan_free(stop);
    chan_free(c);
}

/* Many receive from one that ticks as often as it can: everybody gets his ticks, of which none is earlier than the one
 * before. */
static void share_ticks(void *c)
{
    int64_t t, last = 0;

    for (int i = 0; i < 100; i++) {
        fail_once(chan_recv(c, &t) == 0 && t >= last);
        last = t;
    }
    finish();
}

static void test_shared(void)
{
    enum { N = 10 };
    struct chan *c = must_tick(1);

    atomic_store(&wrong, 0);
    for (int i = 0; i < N; i++)
        start(share_ticks, c);
    join(N);
    ticker_stop(c);
    ok(atomic_load(&wrong) == 0, "TickerConcurrentStress: %d receive from a ticker of 1 ns", N);
    chan_free(c);
}

/* Freed while they tick, in all goroutines at once: who gets one again gets none of its old ticks. */
static void make_and_free(void *arg)
{
    for (int i = 0; i < 150; i++) {
        int64_t from = nanotime(), period = (1 + (i + (intptr_t)arg) % 7) * 10 * US, t;
        struct chan *c = i % 2 ? ticker(period) : after_ns(period);
        fail_once(c && chan_len(c) <= 1);
        if (i % 3) {
            fail_once(chan_recv(c, &t) == 0 && t >= from + period);
        } else if (i % 5 == 0) {
            ticker_stop(c);
            fail_once(chan_try_recv(c, &t) == -EAGAIN);
        }
        if (i % 11 == 0)
            chan_close(c);
        chan_free(c);
    }
    finish();
}

static void test_used_again(void)
{
    struct memstats before, after;

    ok(all_of(make_and_free, 8) == 0, "1200 tickers made and freed in 8 goroutines");
    memstats_read(&before);
    int bad = all_of(make_and_free, 8);
    memstats_read(&after);
    ok(bad == 0 && after.heap_bytes <= before.heap_bytes + 8 * 512,
       "and 1200 more in the same memory");
}

/* With many of them everybody gets his ticks. */
static void take_ticks(void *arg)
{
    struct chan *c = must_tick((1 + (intptr_t)arg % 10) * 100 * US);
    int64_t t, last = 0;

    for (int i = 0; i < 5; i++) {
        fail_once(chan_recv(c, &t) == 0 && t > last);
        last = t;
    }
    chan_free(c);
    finish();
}

static void no_tick(void *arg)
{
    (void)arg;
}

/* On one P, whose heap of timers is full: what is there is stopped, and works again. */
static void test_no_memory(void)
{
    static struct timer far[5000];
    int procs = gomaxprocs(1), n = 0, refused = 0;
    struct chan *some[64], *c, *there = must_tick(MS);

    ticker_stop(there);
    struct hoard *all = hoard_take();
    while (n < 5000 && timer_start(&far[n], INT64_MAX, 0, no_tick, NULL) == 0)
        n++;
    int reset = ticker_reset(there, MS);
    for (int i = 0; i < n; i++)
        timer_stop(&far[i]);
    for (int i = 0; i < 64 && (c = after_ns(MS)) != NULL; i++) // what is in the pool
        some[refused++] = c;
    bool none = refused == 64 || !ticker(MS);
    hoard_give_back(all);
    while (refused-- > 0)
        chan_free(some[refused]);
    ok(none, "without memory: NULL");
    ok(n < 5000 && reset == -ENOMEM &&
           chan_recv_until(there, NULL, nanotime() + 3 * MS) == -ETIMEDOUT,
       "or -ENOMEM, and it is stopped");
    ok(ticker_reset(there, MS) == 0 && chan_recv(there, NULL) == 0, "with memory it ticks");
    chan_free(there);
    gomaxprocs(procs);
}

int main(void)
{
    finished = make(0, 0);
    test_ticks();
    test_nothing_stale();
    test_after();
    test_times();
    test_overflow();
    test_zero();
    test_reset_waited(must_tick(3600000 * MS), "a ticker");
    test_reset_waited(must(after_ns(3600000 * MS)), "one that comes once");
    test_shared();
    test_used_again();
    ok(all_of(take_ticks, 500) == 0, "500 tickers at once");
    test_no_memory();
    return done();
}
