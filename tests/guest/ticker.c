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

#define US INT64_C(1000)
#define MS INT64_C(1000000)

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

static void test_no_memory(void)
{
    struct hoard *all = hoard_take();
    int refused = 0;
    struct chan *some[64], *c;

    for (int i = 0; i < 64 && (c = after_ns(MS)) != NULL; i++) // what is in the pool
        some[refused++] = c;
    bool none = refused == 64 || !ticker(MS);
    hoard_give_back(all);
    while (refused-- > 0)
        chan_free(some[refused]);
    ok(none, "without memory: NULL");
}

int main(void)
{
    finished = make(0, 0);
    test_ticks();
    test_nothing_stale();
    test_after();
    test_used_again();
    ok(all_of(take_ticks, 500) == 0, "500 tickers at once");
    test_no_memory();
    return done();
}
