/*
 * cond.c - who waits with a cond is woken by a signal, and each signal wakes one.
 *
 * Goal:   a signal wakes the one that has waited longest, a broadcast all; a signal that comes together with a limit
 *         is not lost, nor is anybody woken by none; the mutex is the caller's again in any case.
 * Method: goroutines are made to wait one by one and counted when they are woken; where a limit races with a
 *         signal another goroutine waits behind, so that a lost signal leaves both asleep.
 * Budget: 3 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's cond_test.go, written anew. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

static struct mutex m;
static struct cond c;

static bool is_clean(void)
{
    return atomic_load(&c.waiting) == 0 && !c.waiters.lock && !c.waiters.first &&
           atomic_load(&m.state) == 0;
}

/* ---- waking ---- */

static int woken[10], nwoken; // m
static bool all;              // m

static int wait_once(struct call *call)
{
    mutex_lock(&m);
    cond_wait(&c, &m);
    woken[nwoken++ % 10] = call->number;
    mutex_unlock(&m);
    return 0;
}

static int wait_for_all(struct call *call)
{
    (void)call;
    mutex_lock(&m);
    while (!all)
        cond_wait(&c, &m);
    nwoken++;
    mutex_unlock(&m);
    return 0;
}

static bool n_park(struct call *calls, int n, int (*fn)(struct call *))
{
    bool parked = true;

    nwoken = 0;
    for (int i = 0; i < n; i++) {
        calls[i] = (struct call){.fn = fn, .number = i};
        parked &= parks(&calls[i], WAIT_SYNC_COND_WAIT);
    }
    return parked;
}

/* Go's TestCondSignal and TestCondSignalGenerations. */
static void test_signal(void)
{
    struct call calls[10];
    bool good = n_park(calls, 10, wait_once);

    mutex_lock(&m);
    ok(good, "who waits does not have the mutex");
    mutex_unlock(&m);
    for (int i = 0; i < 10; i++) {
        if (i % 2)
            mutex_lock(&m);
        cond_signal(&c);
        if (i % 2)
            mutex_unlock(&m);
        join(1);
        mutex_lock(&m);
        good &= nwoken == i + 1 && woken[i] == i;
        mutex_unlock(&m);
    }
    ok(good, "each signal wakes one, the one that has waited longest");
    cond_signal(&c);
    cond_broadcast(&c);
    ok(is_clean(), "a signal for nobody is forgotten");
    n_park(calls, 1, wait_once);
    ok(!atomic_load(&calls[0].returned), "and wakes nobody who comes later");
    cond_signal(&c);
    join(1);
}

static void test_broadcast(void)
{
    struct call calls[10];
    bool good = true;

    for (int round = 0; round < 10; round++) {
        all = false;
        good &= n_park(calls, 10, wait_for_all);
        cond_broadcast(&c);
        for (int i = 0; i < 10; i++)
            good &= is_parked(&calls[i], WAIT_SYNC_COND_WAIT);
        mutex_lock(&m);
        all = true;
        cond_broadcast(&c);
        mutex_unlock(&m);
        join(10);
        good &= nwoken == 10;
    }
    ok(good && is_clean(), "a broadcast wakes all, as often as they wait");
}

/* Go's TestCondSignalStealing: one that is not woken yet does not get the signal for the one that comes after. */
static bool stolen;

static int wait_unless(struct call *call)
{
    mutex_lock(&m);
    while (!stolen)
        cond_wait(&c, &m);
    stolen = false;
    mutex_unlock(&m);
    return call->number;
}

static void test_stealing(void)
{
    for (int i = 0; i < 200; i++) {
        struct call first = {.fn = wait_once}, second = {.fn = wait_unless};
        nwoken = 0;
        parks(&first, WAIT_SYNC_COND_WAIT);
        cond_signal(&c);
        parks(&second, WAIT_SYNC_COND_WAIT);
        mutex_lock(&m);
        stolen = true;
        cond_signal(&c);
        mutex_unlock(&m);
        join(2);
    }
    ok(!stolen && is_clean(), "nobody takes the signal of one that came before, or after");
}

/* Go's TestRace: 1, 2 and 3 in turn. */
static int x;

static void turn_of(int me)
{
    mutex_lock(&m);
    while (x != me)
        cond_wait(&c, &m);
    x = me + 1;
    cond_broadcast(&c);
    mutex_unlock(&m);
}

static void take_turn(void *arg)
{
    for (int i = 0; i < 100; i++)
        turn_of(3 * i + (int)(intptr_t)arg);
    finish();
}

static void test_turns(void)
{
    x = 0;
    all_of(take_turn, 3);
    ok(x == 300 && is_clean(), "three take 300 turns by broadcasts");
}

/* ---- limits ---- */

static int wait_limited(struct call *call)
{
    mutex_lock(&m);
    int err = cond_wait_cancel(&c, &m, call->deadline_ns, call->cancel);
    check(mutex_trylock(&m) == -EBUSY, "the mutex is locked again");
    mutex_unlock(&m);
    return err;
}

static void signal_it(void *cond)
{
    cond_signal(cond);
}

static void test_limited(void)
{
    struct rivals rivals = {wait_limited, wait_once, signal_it, &c, WAIT_SYNC_COND_WAIT};
    struct call call = {.fn = wait_limited, .deadline_ns = DEADLINE_NONE};

    test_limits("cond_wait", wait_limited, &c, WAIT_SYNC_COND_WAIT);
    ok(is_clean(), "none of them is counted as waiting any more");
    bool parked = parks(&call, WAIT_SYNC_COND_WAIT);
    cond_broadcast(&c);
    join(1);
    ok(parked && call.result == 0, "one without a limit is woken");
    call = (struct call){.fn = wait_limited, .deadline_ns = nanotime() + 3600000 * MS};
    parked = parks(&call, WAIT_SYNC_COND_WAIT);
    cond_signal(&c);
    join(1);
    ok(parked && call.result == 0, "so is one with a deadline of an hour");
    test_rivals("cond_wait", &rivals);
    ok(is_clean(), "nothing is left behind");
}

/* Who polls with a deadline that has passed lets others have the mutex: here for what it polls for. */
static bool there; // m

static void put_there(void *arg)
{
    (void)arg;
    mutex_lock(&m);
    there = true;
    mutex_unlock(&m);
    finish();
}

static void test_polling(void)
{
    mutex_lock(&m);
    start(put_there, NULL);
    while (!there)
        check(cond_wait_until(&c, &m, 1) == -ETIMEDOUT, "the deadline has passed");
    mutex_unlock(&m);
    join(1);
    ok(is_clean(), "who polls does not keep the mutex all the time");
}

/* ---- a queue of items: each item has one signal, each signal one item ---- */

enum { ITEMS = 1500, CONSUMERS = 8 };

static int items, taken[CONSUMERS]; // m
static struct cancel storm;

static void consume(void *arg)
{
    int me = (int)(intptr_t)arg;
    uint64_t seed = (uint64_t)me;

    for (int i = 0; i < ITEMS / CONSUMERS; i++) {
        mutex_lock(&m);
        while (items == 0) {
            int64_t until = nanotime() + (int64_t)draw(&seed, 40) * US;
            if (me % 2)
                cond_wait(&c, &m);
            else
                cond_wait_cancel(&c, &m, until, draw(&seed, 2) ? &storm : NULL);
        }
        items--;
        taken[me]++;
        mutex_unlock(&m);
    }
    finish();
}

static void produce(void *arg)
{
    for (int i = 0; i < ITEMS / CONSUMERS; i++) {
        mutex_lock(&m);
        items++;
        if (i % 2)
            cond_signal(&c);
        mutex_unlock(&m);
        if (i % 2 == 0)
            cond_signal(&c);
        if (i % 8 == (int)(intptr_t)arg)
            gosched();
        if (i == ITEMS / CONSUMERS / 2)
            cancel_fire(&storm);
    }
    finish();
}

static void test_items(void)
{
    int sum = 0;

    for (int i = 0; i < CONSUMERS; i++)
        start(consume, (void *)(intptr_t)i);
    all_of(produce, CONSUMERS);
    join(CONSUMERS);
    for (int i = 0; i < CONSUMERS; i++)
        sum += taken[i];
    ok(items == 0 && sum == ITEMS / CONSUMERS * CONSUMERS && is_clean(),
       "%d items go from hand to hand, half of the hands with limits", sum);
}

int main(void)
{
    finished = make(0, 0);
    test_signal();
    test_broadcast();
    test_stealing();
    test_turns();
    test_limited();
    test_polling();
    test_items();
    return done();
}
