/*
 * c11threads.c - C11's threads keep the standard's promises. What is below them is tested in pthread.c.
 *
 * Goal:   results, including those of refused calls; _Thread_local objects and tss values are the thread's own.
 * Method: threads and no fixed sleeps; deadlines are past or are waited for.
 * Budget: 5 s.
 * Argument: the number of cores.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#include "rt0/go.h"
#include "tests/guest/hoard.h"
#include "tests/guest/tap.h"

enum { THREADS = 8, ROUNDS = 500 };

static thread_local int mine = 5;
static mtx_t mtx;
static cnd_t cnd;
static long guarded;
static tss_t key;
static atomic_int destroyed, ran;
static once_flag flag = ONCE_FLAG_INIT;

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, (int)(intptr_t)value);
}

static void run_once(void)
{
    atomic_fetch_add(&ran, 1);
}

static int count(void *arg)
{
    int before = mine;

    mine += (int)(intptr_t)arg;
    call_once(&flag, run_once);
    tss_set(key, (void *)1);
    for (int i = 0; i < ROUNDS; i++) {
        mtx_lock(&mtx);
        long v = guarded;
        if (i % 16 == 0)
            thrd_yield();
        guarded = v + 1;
        mtx_unlock(&mtx);
    }
    if (before != 5 || mine != 5 + (int)(intptr_t)arg || tss_get(key) != (void *)1)
        thrd_exit(-1);
    return (int)(intptr_t)arg;
}

static void test_threads(void)
{
    thrd_t t[THREADS];
    int result, wrong = 0;

    for (int i = 0; i < THREADS; i++)
        wrong += thrd_create(&t[i], count, (void *)(intptr_t)(i - 1)) != thrd_success;
    for (int i = 0; i < THREADS; i++)
        wrong += thrd_join(t[i], &result) != thrd_success || result != i - 1;
    ok(wrong == 0, "%d threads, their results and their own objects", THREADS);
    ok(guarded == THREADS * ROUNDS, "they count to %d: %ld", THREADS * ROUNDS, guarded);
    ok(ran == 1 && destroyed == THREADS && mine == 5 && tss_get(key) == NULL,
       "once, and each its own value");
    ok(thrd_equal(thrd_current(), thrd_current()) && !thrd_equal(thrd_current(), t[0]), "equal");
}

static int try_lock(void *m)
{
    struct timespec past = {.tv_sec = 1};
    int tried = mtx_trylock(m);

    return mtx_timedlock(m, &past) * 100 + tried;
}

static int elsewhere(int (*fn)(void *), void *arg)
{
    thrd_t t;
    int result = -1;

    if (thrd_create(&t, fn, arg) == thrd_success)
        thrd_join(t, &result);
    return result;
}

static void test_mutexes(void)
{
    mtx_t rec;

    ok(mtx_init(&rec, 99) == thrd_error &&
           mtx_init(&rec, mtx_recursive | mtx_timed) == thrd_success,
       "kinds of mutexes");
    ok(mtx_lock(&rec) == thrd_success && mtx_trylock(&rec) == thrd_success &&
           elsewhere(try_lock, &rec) == thrd_timedout * 100 + thrd_busy &&
           mtx_unlock(&rec) == thrd_success && mtx_unlock(&rec) == thrd_success &&
           mtx_unlock(&rec) == thrd_error,
       "recursive, busy, timed out");
    mtx_destroy(&rec);
}

static int turn;

static int take_turns(void *arg)
{
    int me = (int)(intptr_t)arg;

    mtx_lock(&mtx);
    for (int i = 0; i < ROUNDS; i++) {
        while (turn % 2 != me)
            cnd_wait(&cnd, &mtx);
        turn++;
        cnd_signal(&cnd);
    }
    mtx_unlock(&mtx);
    return 0;
}

static void test_conditions(void)
{
    struct timespec until, now;
    thrd_t t[2];
    int result;

    thrd_create(&t[0], take_turns, (void *)0);
    thrd_create(&t[1], take_turns, (void *)1);
    thrd_join(t[0], NULL);
    thrd_join(t[1], NULL);
    ok(turn == 2 * ROUNDS, "two threads take turns");
    timespec_get(&until, TIME_UTC);
    until.tv_nsec += 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    mtx_lock(&mtx);
    do
        result = cnd_timedwait(&cnd, &mtx, &until);
    while (result == thrd_success);
    timespec_get(&now, TIME_UTC);
    ok(result == thrd_timedout && mtx_unlock(&mtx) == thrd_success &&
           (now.tv_sec > until.tv_sec ||
            (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)),
       "time out, not early");
}

static atomic_bool detached_ran;

static int run_detached(void *arg)
{
    (void)arg;
    thrd_detach(thrd_current());
    atomic_store(&detached_ran, true);
    return 0;
}

static void test_rest(void)
{
    struct timespec bad = {.tv_nsec = -1}, little = {.tv_nsec = 1000}, left = {.tv_sec = 9};
    thrd_t t;

    ok(thrd_sleep(&bad, NULL) < 0 && thrd_sleep(&little, &left) == 0, "sleeping");
    ok(thrd_create(&t, run_detached, NULL) == thrd_success, "a thread that is its own");
    while (!atomic_load(&detached_ran))
        thrd_yield();
}

/* On one P, so that no other one's cache has any, when all others have ended. */
static void test_no_memory(void)
{
    thrd_t t;
    int procs = gomaxprocs(1);

    while (numgoroutine() > 1)
        thrd_yield();
    struct hoard *all = hoard_take();
    int result = thrd_create(&t, run_detached, NULL);

    hoard_give_back(all);
    gomaxprocs(procs);
    ok(result == thrd_nomem, "without memory: thrd_nomem");
}

int main(void)
{
    mtx_init(&mtx, mtx_plain);
    cnd_init(&cnd);
    tss_create(&key, destroy);
    test_threads();
    test_mutexes();
    test_conditions();
    test_rest();
    test_no_memory();
    cnd_destroy(&cnd);
    mtx_destroy(&mtx);
    tss_delete(key);
    return done();
}
