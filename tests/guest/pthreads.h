/*
 * pthreads.h - what the tests of POSIX threads have in common.
 */
#ifndef TESTS_GUEST_PTHREADS_H
#define TESTS_GUEST_PTHREADS_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "posix/thread.h"
#include "tests/guest/tap.h"

enum { THREADS = 8, ROUNDS = 500 };

static inline pthread_t spawn(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    check(pthread_create(&t, NULL, fn, arg) == 0, "pthread_create");
    return t;
}

static inline void *join(pthread_t t)
{
    void *result = NULL;

    check(pthread_join(t, &result) == 0, "pthread_join");
    return result;
}

static inline void all_of(void *(*fn)(void *), void *arg)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        t[i] = spawn(fn, arg);
    for (int i = 0; i < THREADS; i++)
        join(t[i]);
}

/* Until the thread waits for something, or has ended. */
static inline void settles(pthread_t thread)
{
    struct thread *t = thread_of(thread);
    struct g *gp;

    while (
        !__atomic_load_n(&t->ended, __ATOMIC_RELAXED) &&
        (!(gp = __atomic_load_n(&t->g, __ATOMIC_RELAXED)) || atomic_load(&gp->status) != GWAITING))
        sched_yield();
}

static inline struct timespec from_now(clockid_t clock, int64_t ns)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    ts.tv_sec += ns / 1000000000;
    ts.tv_nsec += ns % 1000000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

static const struct timespec past = {.tv_sec = 1}, no_time = {.tv_nsec = 1000000000};

#endif
