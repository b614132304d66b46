/*
 * mutex.c - mutexes, and what else guards something.
 *
 * mutex_uncontended         a mutex_lock() and its mutex_unlock(), one goroutine
 * mutex_contended           the same by 4 goroutines for each P: one pair
 * mutex_held_over_yield_4g  mutex_lock(), gosched(), mutex_unlock() by 4 goroutines on one P: one of the three
 * rwmutex_rlock             rwmutex_rlock() and rwmutex_runlock(), one goroutine
 * rwmutex_lock              rwmutex_lock() and rwmutex_unlock(), one goroutine
 * cond_pingpong             two goroutines on one P, under one mutex, signal each other: one way
 * once_done                 once_do() of what is done
 */
#include "bench/bench.h"
#include "rt0/sync.h"

enum { CALLS = 100000, ROUNDS = 20000, EACH = 4 };

static struct mutex mutex;
static struct rwmutex rwmutex;
static struct waitgroup ended;
static long guarded;

static void lock_unlock(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        mutex_lock(&mutex);
        mutex_unlock(&mutex);
    }
}

static double mutex_uncontended(void)
{
    return bench_time(lock_unlock, NULL, CALLS);
}

/* ---- several ---- */

static void count_guarded(void *calls)
{
    for (int i = (int)(intptr_t)calls; i > 0; i--) {
        mutex_lock(&mutex);
        guarded++;
        mutex_unlock(&mutex);
    }
    waitgroup_done(&ended);
}

static void count_over_yield(void *calls)
{
    for (int i = (int)(intptr_t)calls; i > 0; i--) {
        mutex_lock(&mutex);
        long v = guarded;
        gosched();
        guarded = v + 1;
        mutex_unlock(&mutex);
    }
    waitgroup_done(&ended);
}

struct crowd {
    void (*fn)(void *);
    int n, calls;
};

static void run_crowd(void *arg)
{
    struct crowd *c = arg;

    guarded = 0;
    waitgroup_add(&ended, c->n);
    for (int i = 0; i < c->n; i++)
        bench_require(go(c->fn, (void *)(intptr_t)c->calls) == 0);
    waitgroup_wait(&ended);
    bench_require(guarded == (long)c->n * c->calls);
}

static double mutex_contended(void)
{
    struct crowd c = {count_guarded, EACH * gomaxprocs(0), CALLS / EACH};

    return bench_time(run_crowd, &c, (double)c.n * c.calls);
}

static double on_one_p(void (*fn)(void *), void *arg, double ops)
{
    int procs = gomaxprocs(1);
    double ns = bench_time(fn, arg, ops);

    gomaxprocs(procs);
    return ns;
}

static double mutex_held_over_yield(void)
{
    struct crowd c = {count_over_yield, EACH, ROUNDS / EACH};

    return on_one_p(run_crowd, &c, (double)c.n * c.calls);
}

/* ---- rwmutex ---- */

static void rlock_runlock(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        rwmutex_rlock(&rwmutex);
        rwmutex_runlock(&rwmutex);
    }
}

static void wlock_unlock(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        rwmutex_lock(&rwmutex);
        rwmutex_unlock(&rwmutex);
    }
}

static double rwmutex_rlock_ns(void)
{
    return bench_time(rlock_runlock, NULL, CALLS);
}

static double rwmutex_lock_ns(void)
{
    return bench_time(wlock_unlock, NULL, CALLS);
}

/* ---- cond ---- */

static struct cond turned[2];
static int turn;

static void take_turns(void *arg)
{
    int me = (int)(intptr_t)arg;

    mutex_lock(&mutex);
    for (int i = 0; i < ROUNDS; i++) {
        while (turn != me)
            cond_wait(&turned[me], &mutex);
        turn = !me;
        cond_signal(&turned[!me]);
    }
    mutex_unlock(&mutex);
    waitgroup_done(&ended);
}

static void two_take_turns(void *arg)
{
    (void)arg;
    waitgroup_add(&ended, 2);
    for (intptr_t i = 0; i < 2; i++)
        bench_require(go(take_turns, (void *)i) == 0);
    waitgroup_wait(&ended);
}

static double cond_pingpong(void)
{
    return on_one_p(two_take_turns, NULL, 2 * ROUNDS);
}

/* ---- once ---- */

static struct once once;

static void nothing(void *arg)
{
    (void)arg;
}

static void do_once(void *arg)
{
    for (int i = 0; i < CALLS; i++) {
        once_do(&once, nothing, arg);
        __asm__ volatile("" ::: "memory");
    }
}

static double once_done(void)
{
    return bench_time(do_once, NULL, CALLS);
}

static const struct bench benches[] = {
    {"mutex_uncontended", .sample = mutex_uncontended},
    {"mutex_contended", .sample = mutex_contended},
    {"mutex_held_over_yield_4g", .sample = mutex_held_over_yield},
    {"rwmutex_rlock", .sample = rwmutex_rlock_ns},
    {"rwmutex_lock", .sample = rwmutex_lock_ns},
    {"cond_pingpong", .sample = cond_pingpong},
    {"once_done", .sample = once_done},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
