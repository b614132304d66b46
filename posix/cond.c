/*
 * cond.c - condition variables.
 *
 * Protocol:  a waiter queues itself under the condition's lock, and holds that until it is parked: on g0 the lock
 *            is released first and then the mutex, so whoever gets the mutex and signals finds it in the queue. It
 *            may have been woken by then, and wait for the mutex on another core; which it gets once g0 has let go
 *            of it. Signals go to whom they find waiting: what times out or is called off takes none.
 * Destroying: POSIX allows it as soon as all who wait have been woken. Who was takes no further look at the
 *            condition; but one whose time came meanwhile does, to leave the queue, and its caller can't tell. So
 *            __waiters counts those that have not been woken and not left, and pthread_cond_destroy() waits for the
 *            last of them.
 */
#include <errno.h>

#include "posix/deadline.h"
#include "posix/mutex.h"
#include "rt0/go.h"

int pthread_cond_init(pthread_cond_t *restrict c, const pthread_condattr_t *restrict attr)
{
    *c = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    if (attr)
        c->__clock = attr->__clock;
    return 0;
}

/* Those that are left are on their way out, or it is misuse. */
static bool has_waiters(pthread_cond_t *c, int *err)
{
    struct monitor *mon = monitor(&c->__monitor);

    lock(&mon->lock);
    struct sudog *sg = mon->q.first;
    if (sg && atomic_load_explicit(&sg->waiter->state, memory_order_relaxed) == WAITER_PARKED)
        *err = EBUSY;
    bool waiters = c->__waiters != 0;
    unlock(&mon->lock);
    return waiters;
}

int pthread_cond_destroy(pthread_cond_t *c)
{
    int err = 0;

    while (has_waiters(c, &err) && !err)
        gosched();
    return err;
}

/* ---- waiting ------------------------------------------------------------------------------------ */

struct both {
    struct monitor *mon;
    pthread_mutex_t *m;
};

/* The G may run as soon as the first lock is free, so what lies on its stack is read before. */
static bool unlock_both(struct g *gp, void *arg)
{
    struct both both = *(struct both *)arg;

    (void)gp;
    unlock(&both.mon->lock);
    mutex_let_go(both.m);
    return true;
}

/* Ctx: wait_begin(w) was done; the caller has given up m, but not let go of it. */
static void wait(pthread_cond_t *c, pthread_mutex_t *m, struct waiter *w)
{
    struct both both = {monitor(&c->__monitor), m};
    struct sudog sg = {.g = getg(), .waiter = w};

    lock(&both.mon->lock);
    c->__waiters++;
    waitq_push(&both.mon->q, &sg);
    wait_park(w, unlock_both, &both, WAIT_SYNC_COND_WAIT);
    if (w->by)
        return;
    lock(&both.mon->lock);
    waitq_remove(&both.mon->q, &sg);
    c->__waiters--;
    unlock(&both.mon->lock);
}

static int wait_until(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                      const struct timespec *abstime)
{
    struct cancel *cancel = thread_cancel();
    struct waiter w;
    int64_t deadline;
    unsigned depth;

    pthread_testcancel();
    int err = deadline_of(clock, abstime, &deadline);
    if (err || (err = mutex_give_up(m, &depth)) != 0)
        return err;
    err = -wait_begin(&w, deadline, cancel);
    if (err) {
        mutex_let_go(m);
    } else {
        wait(c, m, &w);
        err = -wait_end(&w);
    }
    int regained = mutex_regain(m, depth);
    if (err == ECANCELED)
        thread_canceled();
    return regained ? regained : err;
}

int pthread_cond_wait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m)
{
    return wait_until(c, m, CLOCK_REALTIME, NULL);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
                           const struct timespec *restrict abstime)
{
    return wait_until(c, m, c->__clock ? (clockid_t)c->__clock : CLOCK_REALTIME, abstime);
}

int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t clock,
                           const struct timespec *restrict abstime)
{
    return wait_until(c, m, clock, abstime);
}

/* ---- waking ------------------------------------------------------------------------------------- */

int pthread_cond_signal(pthread_cond_t *c)
{
    struct monitor *mon = monitor(&c->__monitor);

    lock(&mon->lock);
    struct sudog *sg = waitq_dequeue(&mon->q);
    if (sg)
        c->__waiters--;
    unlock(&mon->lock);
    if (sg)
        sudog_ready(sg);
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
    struct monitor *mon = monitor(&c->__monitor);

    lock(&mon->lock);
    struct sudog *waiters = monitor_dequeue_all(mon);
    for (struct sudog *sg = waiters; sg; sg = sg->next)
        c->__waiters--;
    unlock(&mon->lock);
    monitor_ready_all(waiters);
    return 0;
}

/* ---- attributes --------------------------------------------------------------------------------- */

int pthread_condattr_init(pthread_condattr_t *attr)
{
    *attr = (pthread_condattr_t){.__clock = CLOCK_REALTIME};
    return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    attr->__clock = (int)clock;
    return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *restrict attr, clockid_t *restrict clock)
{
    *clock = (clockid_t)attr->__clock;
    return 0;
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__shared = shared;
    return 0;
}

int pthread_condattr_getpshared(const pthread_condattr_t *restrict attr, int *restrict shared)
{
    *shared = attr->__shared;
    return 0;
}
