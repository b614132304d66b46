/*
 * rwlock.c - locks that many read under, or one writes.
 *
 * Protocol:  readers and writers wait in one queue; a writer's sudog has elem set. Who unlocks, or leaves the queue
 *            since his time has come, lets in all that may go in now (admit()): they hold it when they wake.
 * Order:     the default prefers readers, as on Linux, so that a thread may read again under a lock it reads under:
 *            a reader waits only while somebody writes. With
 *            PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP it waits also while a writer waits.
 * Invariant: while the lock is free, nobody waits who may go in, but for writers behind readers' backs:
 *            __writers_wait counts writers in the queue whose wait has not been ended by somebody here.
 */
#include <errno.h>

#include "posix/deadline.h"
#include "posix/thread.h"
#include "rt0/go.h"

int pthread_rwlock_init(pthread_rwlock_t *restrict l, const pthread_rwlockattr_t *restrict attr)
{
    *l = (pthread_rwlock_t){.__kind = attr ? (unsigned)attr->__kind : 0};
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
    (void)l;
    return 0;
}

/* ---- who may go in ------------------------------------------------------------------------------ */

static bool readers_may(const pthread_rwlock_t *l)
{
    return !l->__writer &&
           (l->__kind != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP || !l->__writers_wait);
}

/* 0: the caller has it. */
static int enter_locked(pthread_rwlock_t *l, bool write, uint64_t me)
{
    if (l->__writer == me)
        return EDEADLK;
    if (write ? l->__writer || l->__readers : !readers_may(l))
        return EBUSY;
    if (write)
        l->__writer = me;
    else if (l->__readers == UINT32_MAX)
        return EAGAIN;
    else
        l->__readers++;
    return 0;
}

/* Takes sg out of the queue. False: its time has come, and it looks for itself. */
static bool claim_locked(struct monitor *mon, struct sudog *sg)
{
    waitq_remove(&mon->q, sg);
    return sudog_claim(sg);
}

/* Lets in who may go in; returns them for monitor_ready_all(). */
static struct sudog *admit_locked(struct monitor *mon, pthread_rwlock_t *l)
{
    struct sudog *in = NULL, *next;
    bool readers = readers_may(l);

    for (struct sudog *sg = mon->q.first; sg && !l->__writer; sg = next) {
        bool write = sg->elem != NULL;
        next = sg->next;
        if (write ? l->__readers != 0 : !readers)
            continue;
        if (!claim_locked(mon, sg))
            continue;
        if (write) {
            l->__writer = sg->g->goid;
            l->__writers_wait--;
        } else {
            l->__readers++;
        }
        sg->next = in;
        in = sg;
    }
    return in;
}

/* ---- locking ------------------------------------------------------------------------------------ */

static int try_once(pthread_rwlock_t *l, bool write)
{
    struct monitor *mon = monitor(&l->__monitor);

    lock(&mon->lock);
    int err = enter_locked(l, write, goid());
    unlock(&mon->lock);
    return err;
}

/* Its time came: whom it kept waiting may go in. */
static void leave_queue(struct monitor *mon, pthread_rwlock_t *l, struct sudog *sg)
{
    lock(&mon->lock);
    waitq_remove(&mon->q, sg);
    if (sg->elem)
        l->__writers_wait--;
    struct sudog *in = admit_locked(mon, l);
    unlock(&mon->lock);
    monitor_ready_all(in);
}

static int wait(pthread_rwlock_t *l, bool write, int64_t deadline)
{
    struct monitor *mon = monitor(&l->__monitor);
    struct waiter w;
    struct sudog sg = {.g = getg(), .waiter = &w, .elem = write ? l : NULL};
    int err = -wait_begin(&w, deadline, NULL);

    if (err)
        return err;
    lock(&mon->lock);
    err = enter_locked(l, write, goid());
    if (err != EBUSY) {
        unlock(&mon->lock);
        wait_end(&w);
        return err;
    }
    l->__writers_wait += write;
    monitor_park(mon, &w, &sg, write ? WAIT_SYNC_RWMUTEX_LOCK : WAIT_SYNC_RWMUTEX_RLOCK);
    if (!w.by)
        leave_queue(mon, l, &sg);
    return -wait_end(&w);
}

static int lock_until(pthread_rwlock_t *l, bool write, clockid_t clock,
                      const struct timespec *abstime)
{
    int64_t deadline;
    int err = deadline_of(clock, abstime, &deadline);

    if (!err && (err = try_once(l, write)) == EBUSY)
        err = wait(l, write, deadline);
    return err;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    return lock_until(l, false, CLOCK_REALTIME, NULL);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    return lock_until(l, true, CLOCK_REALTIME, NULL);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l,
                               const struct timespec *restrict abstime)
{
    return lock_until(l, false, CLOCK_REALTIME, abstime);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l,
                               const struct timespec *restrict abstime)
{
    return lock_until(l, true, CLOCK_REALTIME, abstime);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict l, clockid_t clock,
                               const struct timespec *restrict abstime)
{
    return lock_until(l, false, clock, abstime);
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict l, clockid_t clock,
                               const struct timespec *restrict abstime)
{
    return lock_until(l, true, clock, abstime);
}

static int try_or_busy(pthread_rwlock_t *l, bool write)
{
    int err = try_once(l, write);

    return err == EDEADLK ? EBUSY : err;
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    return try_or_busy(l, false);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    return try_or_busy(l, true);
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    struct monitor *mon = monitor(&l->__monitor);
    struct sudog *in = NULL;
    int err = 0;

    lock(&mon->lock);
    if (l->__writer)
        l->__writer = 0;
    else if (l->__readers)
        l->__readers--;
    else
        err = EPERM;
    if (!err)
        in = admit_locked(mon, l);
    unlock(&mon->lock);
    monitor_ready_all(in);
    return err;
}

/* ---- attributes --------------------------------------------------------------------------------- */

int pthread_rwlockattr_init(pthread_rwlockattr_t *attr)
{
    *attr = (pthread_rwlockattr_t){.__kind = PTHREAD_RWLOCK_DEFAULT_NP};
    return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__shared = shared;
    return 0;
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attr, int *restrict shared)
{
    *shared = attr->__shared;
    return 0;
}

int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attr, int kind)
{
    if (kind < PTHREAD_RWLOCK_PREFER_READER_NP ||
        kind > PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
        return EINVAL;
    attr->__kind = kind;
    return 0;
}

int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *restrict attr, int *restrict kind)
{
    *kind = attr->__kind;
    return 0;
}
