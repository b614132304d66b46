/*
 * machine.h - a machine on which each goroutine is a thread of the host: parking, readying, timers.
 *
 * A G that parks waits for its thread's condition variable; what readies it is ordered before what it does then, as
 * on the real machine, and nothing else is: neither parking nor being started late hides a missing order from
 * the sanitizer. Timers are looked at by one thread, all the time. Some can't be started: there is no memory.
 */
#ifndef TESTS_HOST_SHIM_SYNC_MACHINE_H
#define TESTS_HOST_SHIM_SYNC_MACHINE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>

#include "rt0/go.h"
#include "sched/runq.h"
#include "sched/wait.h"
#include "tests/host/tap.h"

enum { MACHINE_GS = 16, MACHINE_TIMERS = 64, MACHINE_NO_ROOM_EVERY = 13 };

struct thread {
    struct g g; // first: goready() finds the thread by it
    struct m m;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    enum { THREAD_RUNS, THREAD_PARKS, THREAD_READY } state; // mutex
    uint64_t random;
    void (*fn)(struct thread *);
    int number;
};

struct sched sched = {.lock = SPINLOCK_INIT(RANK_SCHED), .nprocs = MACHINE_GS};
struct p *allp[MAX_CPUS];
_Thread_local struct m *this_m;
_Thread_local struct g *this_g;

struct m *acquirem(void)
{
    this_m->locks++;
    return this_m;
}

void preempt_deferred(void)
{
}

bool runqempty(struct p *pp)
{
    (void)pp;
    return true;
}

void gosched(void)
{
    sched_yield();
}

int64_t nanotime(void)
{
    return clock_nanotime();
}

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("Bail out! ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(stdout);
    abort();
}

/* ---- parking ---- */

static struct thread *thread_of(struct g *gp)
{
    return (struct thread *)gp;
}

void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason)
{
    struct thread *t = thread_of(getg());

    (void)reason;
    pthread_mutex_lock(&t->mutex);
    t->state = THREAD_PARKS;
    pthread_mutex_unlock(&t->mutex);
    bool waits = !unlockf || unlockf(&t->g, arg);
    pthread_mutex_lock(&t->mutex);
    while (waits && t->state == THREAD_PARKS)
        pthread_cond_wait(&t->cond, &t->mutex);
    t->state = THREAD_RUNS;
    pthread_mutex_unlock(&t->mutex);
}

void goready(struct g *gp)
{
    struct thread *t = thread_of(gp);

    pthread_mutex_lock(&t->mutex);
    if (t->state != THREAD_PARKS)
        throw("goready: the G does not wait");
    t->state = THREAD_READY;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->mutex);
}

/* ---- timers ---- */

static struct {
    pthread_mutex_t mutex;
    pthread_t thread;
    struct thread self;
    struct {
        struct timer *t;
        int64_t when;
    } running[MACHINE_TIMERS]; // mutex
    unsigned started;          // mutex
    bool end;                  // mutex
} clockwork = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int timer_start(struct timer *t, int64_t ns, int64_t period_ns, void (*fn)(void *), void *arg)
{
    int err = -ENOMEM;

    (void)period_ns;
    t->fn = fn;
    t->arg = arg;
    pthread_mutex_lock(&clockwork.mutex);
    if (++clockwork.started % MACHINE_NO_ROOM_EVERY)
        for (int i = 0; i < MACHINE_TIMERS && err; i++)
            if (!clockwork.running[i].t) {
                clockwork.running[i].t = t;
                clockwork.running[i].when = nanotime() + ns;
                err = 0;
            }
    pthread_mutex_unlock(&clockwork.mutex);
    return err;
}

int timer_stop(struct timer *t)
{
    int stopped = 0;

    pthread_mutex_lock(&clockwork.mutex);
    for (int i = 0; i < MACHINE_TIMERS && !stopped; i++)
        if (clockwork.running[i].t == t) {
            clockwork.running[i].t = NULL;
            stopped = 1;
        }
    pthread_mutex_unlock(&clockwork.mutex);
    return stopped;
}

/* The first one that is due is called, without the mutex. */
static bool clockwork_turn(void)
{
    void (*fn)(void *) = NULL;
    void *arg = NULL;

    pthread_mutex_lock(&clockwork.mutex);
    bool end = clockwork.end;
    for (int i = 0; i < MACHINE_TIMERS && !fn; i++)
        if (clockwork.running[i].t && clockwork.running[i].when <= nanotime()) {
            fn = clockwork.running[i].t->fn;
            arg = clockwork.running[i].t->arg;
            clockwork.running[i].t = NULL;
        }
    pthread_mutex_unlock(&clockwork.mutex);
    if (fn)
        fn(arg);
    else
        sched_yield();
    return !end;
}

static void *clockwork_run(void *arg)
{
    this_m = &clockwork.self.m;
    this_g = &clockwork.self.g;
    while (clockwork_turn())
        ;
    return arg;
}

/* ---- threads ---- */

static struct thread threads[MACHINE_GS];

static void *thread_run(void *arg)
{
    struct thread *t = arg;

    this_g = &t->g;
    this_m = &t->m;
    t->fn(t);
    return NULL;
}

static inline uint64_t thread_draw(struct thread *t, uint64_t n)
{
    t->random = t->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (t->random >> 33) % n;
}

static inline void machine_start(void)
{
    for (int i = 0; i < MACHINE_GS; i++) {
        pthread_mutex_init(&threads[i].mutex, NULL);
        pthread_cond_init(&threads[i].cond, NULL);
    }
    if (pthread_create(&clockwork.thread, NULL, clockwork_run, NULL))
        abort();
}

static inline void machine_end(void)
{
    pthread_mutex_lock(&clockwork.mutex);
    clockwork.end = true;
    pthread_mutex_unlock(&clockwork.mutex);
    pthread_join(clockwork.thread, NULL);
}

/* fn in n threads at once, with other random numbers for each seed; returns when all have. */
static inline void machine_run_from(void (*fn)(struct thread *t), int n, uint64_t seed)
{
    for (int i = 0; i < n; i++) {
        threads[i].fn = fn;
        threads[i].number = i;
        threads[i].random = seed * MACHINE_GS + (uint64_t)i;
        if (pthread_create(&threads[i].thread, NULL, thread_run, &threads[i]))
            abort();
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i].thread, NULL);
}

static inline void machine_run(void (*fn)(struct thread *t), int n)
{
    machine_run_from(fn, n, 0);
}

#endif
