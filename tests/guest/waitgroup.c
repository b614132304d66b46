/*
 * waitgroup.c - wait groups keep Go's promises.
 *
 * Goal:   who waits goes on when, and only when, the counter is zero, and sees what was done before; who gives up
 *         leaves nothing behind, and its memory is its own then.
 * Method: where a case needs a goroutine that waits, parks() looks at its state until it does;
 *         where it needs a race, many rounds are counted.
 * Budget: 3 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's waitgroup_test.go, written anew. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

static int wait_wg(struct call *call)
{
    waitgroup_wait(call->on);
    return 0;
}

static int wait_limited(struct call *call)
{
    return waitgroup_wait_cancel(call->on, call->deadline_ns, call->cancel);
}

static void test_wg_waits(void)
{
    struct waitgroup wg = {0};
    struct call calls[3];
    bool parked = true;

    waitgroup_wait(&wg);
    waitgroup_add(&wg, 0);
    waitgroup_wait(&wg);
    ok(true, "zero is not waited for");
    waitgroup_add(&wg, 2);
    waitgroup_add(&wg, 1);
    waitgroup_add(&wg, -2);
    waitgroup_done(&wg);
    waitgroup_wait(&wg);
    ok(true, "nor what has been counted down again");
    for (int round = 0; round < 3; round++) {
        waitgroup_add(&wg, 2);
        for (int i = 0; i < 3; i++) {
            calls[i] = (struct call){.fn = wait_wg, .on = &wg};
            parked &= parks(&calls[i], WAIT_WAITGROUP);
        }
        waitgroup_done(&wg);
        waitgroup_add(&wg, 1); // not from zero: allowed
        waitgroup_done(&wg);
        gosched();
        for (int i = 0; i < 3; i++)
            parked &= !atomic_load(&calls[i].returned);
        waitgroup_done(&wg);
        join(3);
        waitgroup_wait(&wg);
    }
    ok(parked, "three goroutines wait until the counter is zero, again and again");
}

/* Plain memory: that it is seen is the wait group's doing. */
enum { WORKERS = 200 };
static int written[WORKERS];
static struct waitgroup written_wg;

static void write_one(void *arg)
{
    int i = (int)(intptr_t)arg;

    if (i % 3 == 0)
        gosched();
    written[i]++;
    waitgroup_done(&written_wg);
}

static void test_wg_orders(void)
{
    int missing = 0;

    for (int round = 1; round <= 30; round++) {
        waitgroup_add(&written_wg, WORKERS);
        for (int i = 0; i < WORKERS; i++)
            start(write_one, (void *)(intptr_t)i);
        waitgroup_wait(&written_wg);
        for (int i = 0; i < WORKERS; i++)
            missing += written[i] != round;
    }
    ok(missing == 0, "30 rounds of %d goroutines: what they wrote is seen, %d missing", WORKERS,
       missing);
}

/* A wait that may or may not come before the last done. The memory is somebody else's after it. */
static void just_done(void *wg)
{
    waitgroup_done(wg);
}

static void race_once(void *arg)
{
    for (int i = 0; i < 300; i++) {
        struct waitgroup wg = {0};
        waitgroup_add(&wg, 2);
        start(just_done, &wg);
        start(just_done, &wg);
        if (i % 2)
            gosched();
        waitgroup_wait(&wg);
        fail_once(atomic_load(&wg.state) == 0 && !wg.waiters.lock && !wg.waiters.first);
        wg = (struct waitgroup){.state = 0x1234567812345678};
        __asm__ volatile("" ::"r"(&wg) : "memory");
    }
    (void)arg;
    finish();
}

static void timer_done(void *wg)
{
    waitgroup_done(wg);
}

static void test_wg_races(void)
{
    struct waitgroup wg = {0};
    struct timer t[10] = {0};

    ok(all_of(race_once, 8) == 0, "2400 wait groups on stacks, waited for by one");
    waitgroup_add(&wg, 10);
    for (int i = 0; i < 10; i++)
        timer_start(&t[i], i * 10000, 0, timer_done, &wg);
    waitgroup_wait(&wg);
    ok(true, "timers count down");
}

/* ---- limits ---- */

static void test_wg_limited(void)
{
    struct cancel fired = {0}, cancel = {0};
    struct waitgroup wg = {0};
    struct call limited = {
        .fn = wait_limited, .on = &wg, .deadline_ns = DEADLINE_NONE, .cancel = &cancel};
    struct call plain = {.fn = wait_wg, .on = &wg};

    cancel_fire(&fired);
    ok(waitgroup_wait_cancel(&wg, DEADLINE_NONE, &fired) == -ECANCELED &&
           waitgroup_wait_until(&wg, DEADLINE_NOW) == 0 && waitgroup_wait_until(&wg, 1) == 0,
       "zero is not waited for, however late");
    waitgroup_add(&wg, 2);
    test_limits("waitgroup_wait", wait_limited, &wg, WAIT_WAITGROUP);
    ok((uint32_t)atomic_load(&wg.state) == 0 && !wg.waiters.first,
       "none of them is counted as waiting any more");
    bool parked = parks(&limited, WAIT_WAITGROUP) & parks(&plain, WAIT_WAITGROUP);
    waitgroup_done(&wg);
    cancel_fire(&cancel);
    join(1);
    ok(parked && limited.result == -ECANCELED && !atomic_load(&plain.returned),
       "one gives up before another");
    limited = (struct call){
        .fn = wait_limited, .on = &wg, .deadline_ns = nanotime() + 3600000 * MS};
    parked = parks(&limited, WAIT_WAITGROUP);
    waitgroup_done(&wg);
    join(2);
    ok(parked && limited.result == 0 && atomic_load(&wg.state) == 0, "which waits for zero");
}

/* The last done at the same time as the limit. Who gave up waits once more, and then the memory is its own. */
static atomic_long in_time, too_late;

static void race_limits(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 150; i++) {
        struct cancel cancel = {0};
        struct waitgroup wg = {0};
        int64_t until = nanotime() + (int64_t)draw(&seed, 50) * US;
        waitgroup_add(&wg, 1);
        start(just_done, &wg);
        if (i % 3 == 0)
            cancel_fire(&cancel);
        int err = waitgroup_wait_cancel(&wg, until, i % 2 ? &cancel : NULL);
        atomic_fetch_add(err ? &too_late : &in_time, 1);
        fail_once(err ? err == -ETIMEDOUT || err == -ECANCELED : atomic_load(&wg.state) == 0);
        waitgroup_wait(&wg);
        fail_once(atomic_load(&wg.state) == 0 && !wg.waiters.lock && !wg.waiters.first);
        wg = (struct waitgroup){.state = 0x1234567812345678};
        __asm__ volatile("" ::"r"(&wg) : "memory");
    }
    finish();
}

/* Several wait, with limits and without. */
static struct waitgroup shared;

static void wait_somehow(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    int err = -ETIMEDOUT;

    while (err) {
        int64_t until = nanotime() + (int64_t)draw(&seed, 30) * US;
        err = waitgroup_wait_until(&shared, draw(&seed, 4) ? until : DEADLINE_NONE);
        fail_once(err == 0 || err == -ETIMEDOUT);
    }
    fail_once(atomic_load(&shared.state) >> 32 == 0); // others may still be about to be woken
    finish();
}

static void test_wg_limits_race(void)
{
    int bad = 0;

    bad = all_of(race_limits, 8);
    ok(bad == 0, "the last done at the same time as a limit: %ld in time, %ld too late",
       atomic_load(&in_time), atomic_load(&too_late));
    atomic_store(&wrong, 0);
    for (int round = 0; round < 60; round++) {
        waitgroup_add(&shared, 4);
        for (int i = 0; i < 8; i++)
            start(wait_somehow, (void *)(intptr_t)i);
        for (int i = 0; i < 4; i++) {
            gosched();
            start(just_done, &shared);
        }
        join(8);
    }
    ok(atomic_load(&wrong) == 0 && atomic_load(&shared.state) == 0,
       "eight wait for four, with limits that end while they do");
}

int main(void)
{
    finished = make(0, 0);
    test_wg_waits();
    test_wg_orders();
    test_wg_races();
    test_wg_limited();
    test_wg_limits_race();
    return done();
}
