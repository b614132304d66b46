/*
 * mutex.c - mutexes: normal, recursive, error checking; robust or not.
 *
 * Protocol:  __owner is the number of the goroutine that has it. Unlocking frees the mutex and wakes the first that
 *            waits, and whoever comes first gets it: a newcomer that runs already often does, which saves a switch
 *            for each hand-over. Who was woken in vain waits at the head of the queue. If it has waited for a
 *            millisecond, the mutex is `starving`: unlocking gives it to the first, until the first one of the
 *            queue has not waited that long. This is Go's (sync/mutex.go).
 * Woken:     one waiter is under way: no other is woken until it has looked.
 * Robust:    each thread has a list of those it holds; if it ends, they have no owner, and the next who gets one
 *            is told so (EOWNERDEAD). Unless that one says that all is well again, unlocking it makes it
 *            unusable. Robust ones are not handed over: the list is its owner's.
 * Invariant: while the lock is free, starving implies that the mutex is taken and somebody is in the queue, or was
 *            taken out of it by his time and comes to clear it.
 */
#include "posix/mutex.h"

#include <errno.h>

#include "posix/deadline.h"
#include "rt0/go.h"

#define STARVING_NS 1000000

/* __robust; of the last two nobody is the owner when it begins. */
enum { STALLED, ROBUST, OWNER_DIED, UNUSABLE };

/* ---- attributes --------------------------------------------------------------------------------- */

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
    *attr = (pthread_mutexattr_t){0};
    return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
    if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ADAPTIVE_NP)
        return EINVAL;
    attr->__type = (unsigned char)type;
    return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *restrict attr, int *restrict type)
{
    *type = attr->__type;
    return 0;
}

/* There is one process: what it shares with others it shares with nobody. */
int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__shared = (unsigned char)shared;
    return 0;
}

int pthread_mutexattr_getpshared(const pthread_mutexattr_t *restrict attr, int *restrict shared)
{
    *shared = attr->__shared;
    return 0;
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
    if (robust != PTHREAD_MUTEX_STALLED && robust != PTHREAD_MUTEX_ROBUST)
        return EINVAL;
    attr->__robust = (unsigned char)robust;
    return 0;
}

int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust)
{
    *robust = attr->__robust;
    return 0;
}

/* Goroutines have no priorities that a mutex could lend. */
int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
    (void)attr;
    if (protocol == PTHREAD_PRIO_INHERIT || protocol == PTHREAD_PRIO_PROTECT)
        return ENOTSUP;
    return protocol == PTHREAD_PRIO_NONE ? 0 : EINVAL;
}

int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict attr, int *restrict protocol)
{
    (void)attr;
    *protocol = PTHREAD_PRIO_NONE;
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *restrict m, const pthread_mutexattr_t *restrict attr)
{
    *m = (pthread_mutex_t){0};
    if (attr) {
        m->__type = attr->__type;
        m->__robust = attr->__robust ? ROBUST : STALLED;
    }
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
    struct monitor *mon = monitor(&m->__monitor);

    lock(&mon->lock);
    int err = m->__owner || m->__wanted_back ? EBUSY : 0;
    unlock(&mon->lock);
    return err;
}

/* ---- robust ones -------------------------------------------------------------------------------- */

/* Ctx: the mutex is t's, t is the caller. */
static void robust_link(pthread_mutex_t *m, struct thread *t)
{
    m->__prev = NULL;
    m->__next = t->robust;
    if (t->robust)
        t->robust->__prev = m;
    t->robust = m;
}

static void robust_unlink(pthread_mutex_t *m, struct thread *t)
{
    pthread_mutex_t *prev = m->__prev, *next = m->__next;

    if (prev)
        prev->__next = next;
    else
        t->robust = next;
    if (next)
        next->__prev = prev;
}

int pthread_mutex_consistent(pthread_mutex_t *m)
{
    struct monitor *mon = monitor(&m->__monitor);
    int err = EINVAL;

    lock(&mon->lock);
    if (m->__robust == OWNER_DIED && m->__owner == goid()) {
        m->__robust = ROBUST;
        err = 0;
    }
    unlock(&mon->lock);
    return err;
}

/* ---- taking it ---------------------------------------------------------------------------------- */

/* 0 or EOWNERDEAD: it is the caller's. EBUSY: it is somebody's. `came_back`: was in the queue. */
static int take_locked(pthread_mutex_t *m, uint64_t me, bool came_back)
{
    if (m->__robust == UNUSABLE)
        return ENOTRECOVERABLE;
    if (m->__owner || (m->__starving && !came_back))
        return EBUSY;
    m->__owner = me;
    m->__depth = 1;
    return m->__robust == OWNER_DIED ? EOWNERDEAD : 0;
}

/* The same of one that may be the caller's already. */
static int enter_locked(pthread_mutex_t *m, uint64_t me)
{
    if (m->__owner != me || m->__type == PTHREAD_MUTEX_NORMAL ||
        m->__type == PTHREAD_MUTEX_ADAPTIVE_NP)
        return take_locked(m, me, false);
    if (m->__type == PTHREAD_MUTEX_ERRORCHECK)
        return EDEADLK;
    if (m->__depth == UINT32_MAX)
        return EAGAIN;
    m->__depth++;
    return 0;
}

static int took(pthread_mutex_t *m, int err)
{
    if (m->__robust && m->__depth == 1 && (err == 0 || err == EOWNERDEAD))
        robust_link(m, thread_self());
    return err;
}

struct mutex_wait {
    struct waiter w;
    struct sudog sg;
    int64_t since;
    bool came_back;
};

static void queue_locked(struct monitor *mon, pthread_mutex_t *m, struct mutex_wait *mw)
{
    if (!mw->came_back) {
        waitq_push(&mon->q, &mw->sg);
        return;
    }
    monitor_push_first(mon, &mw->sg);
    if (!m->__robust && nanotime() - mw->since >= STARVING_NS)
        m->__starving = true;
}

/* What became of a wait. EBUSY: woken, but somebody else was quicker. */
static int look_again_locked(struct monitor *mon, pthread_mutex_t *m, struct mutex_wait *mw,
                             uint64_t me)
{
    if (!mw->w.by) {
        waitq_remove(&mon->q, &mw->sg);
        if (!mon->q.first)
            m->__starving = false;
        return EBUSY;
    }
    mw->came_back = true;
    if (mw->sg.result)
        return 0;
    m->__woken = false;
    return take_locked(m, me, true);
}

/* Parks once. EBUSY: to be tried again. */
static int wait_once(pthread_mutex_t *m, struct mutex_wait *mw, uint64_t me, int64_t deadline)
{
    struct monitor *mon = monitor(&m->__monitor);
    int err = -wait_begin(&mw->w, deadline, NULL);

    if (err)
        return err;
    lock(&mon->lock);
    err = take_locked(m, me, mw->came_back);
    if (err == EBUSY) {
        mw->sg.result = false;
        queue_locked(mon, m, mw);
        wait_park(&mw->w, unlock_after_park, &mon->lock, WAIT_SYNC_MUTEX_LOCK);
        lock(&mon->lock);
        err = look_again_locked(mon, m, mw, me);
    }
    unlock(&mon->lock);
    int ended = -wait_end(&mw->w);
    return err == EBUSY && ended ? ended : err;
}

/* Takes it or waits for it, whoever has it. */
static int wait_for(pthread_mutex_t *m, int64_t deadline)
{
    struct mutex_wait mw = {.sg = {.g = getg(), .waiter = &mw.w, .elem = &mw.since},
                            .since = nanotime()};
    uint64_t me = goid();
    int err;

    do
        err = wait_once(m, &mw, me, deadline);
    while (err == EBUSY);
    return took(m, err);
}

static int try_once(pthread_mutex_t *m)
{
    struct monitor *mon = monitor(&m->__monitor);

    lock(&mon->lock);
    int err = enter_locked(m, goid());
    unlock(&mon->lock);
    return err == EBUSY ? EBUSY : took(m, err);
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
    int err = try_once(m);

    return err == EDEADLK ? EBUSY : err;
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict m, clockid_t clock,
                            const struct timespec *restrict abstime)
{
    int64_t deadline;

    if (!deadline_clock(clock))
        return EINVAL;
    int err = try_once(m);
    if (err != EBUSY)
        return err;
    err = deadline_of(clock, abstime, &deadline);
    return err ? err : wait_for(m, deadline);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict abstime)
{
    return pthread_mutex_clocklock(m, CLOCK_REALTIME, abstime);
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
    return pthread_mutex_clocklock(m, CLOCK_REALTIME, NULL);
}

/* ---- giving it up ------------------------------------------------------------------------------- */

/* Whom to ready; for a mutex that has become unusable all, else one. */
static struct sudog *free_locked(struct monitor *mon, pthread_mutex_t *m)
{
    struct sudog *sg;

    m->__owner = 0;
    m->__depth = 0;
    if (m->__robust == UNUSABLE)
        return monitor_dequeue_all(mon);
    if (m->__woken)
        return NULL;
    sg = waitq_dequeue(&mon->q);
    if (sg && m->__starving) {
        m->__owner = sg->g->goid;
        m->__depth = 1;
        sg->result = true;
        m->__starving = mon->q.first && nanotime() - *(int64_t *)sg->elem >= STARVING_NS;
        return sg;
    }
    m->__starving = false;
    m->__woken = sg != NULL;
    return sg;
}

static void let_go(pthread_mutex_t *m)
{
    struct monitor *mon = monitor(&m->__monitor);

    lock(&mon->lock);
    struct sudog *sg = free_locked(mon, m);
    unlock(&mon->lock);
    monitor_ready_all(sg);
}

/* Anybody may unlock a normal one, if it is locked. */
static bool may_unlock(pthread_mutex_t *m)
{
    uint64_t owner = __atomic_load_n(&m->__owner, __ATOMIC_RELAXED);

    if (!m->__robust &&
        (m->__type == PTHREAD_MUTEX_NORMAL || m->__type == PTHREAD_MUTEX_ADAPTIVE_NP))
        return owner != 0;
    return owner == goid();
}

/* From here on nobody else changes it. */
static void leave_robust(pthread_mutex_t *m)
{
    robust_unlink(m, thread_self());
    if (m->__robust == OWNER_DIED)
        m->__robust = UNUSABLE;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (!may_unlock(m))
        return EPERM;
    if (m->__depth > 1) {
        m->__depth--;
        return 0;
    }
    if (m->__robust)
        leave_robust(m);
    let_go(m);
    return 0;
}

void robust_end(struct thread *t)
{
    pthread_mutex_t *m;

    while ((m = t->robust) != NULL) {
        robust_unlink(m, t);
        m->__robust = OWNER_DIED;
        let_go(m);
    }
}

/* ---- for condition variables -------------------------------------------------------------------- */

int mutex_give_up(pthread_mutex_t *m, unsigned *depth)
{
    if (!may_unlock(m))
        return EPERM;
    *depth = m->__depth;
    if (m->__robust)
        leave_robust(m);
    return 0;
}

void mutex_let_go(pthread_mutex_t *m)
{
    struct monitor *mon = monitor(&m->__monitor);

    lock(&mon->lock);
    m->__wanted_back++;
    struct sudog *sg = free_locked(mon, m);
    unlock(&mon->lock);
    monitor_ready_all(sg);
}

int mutex_regain(pthread_mutex_t *m, unsigned depth)
{
    struct monitor *mon = monitor(&m->__monitor);
    int err = wait_for(m, DEADLINE_NONE);

    lock(&mon->lock);
    m->__wanted_back--;
    unlock(&mon->lock);
    if (err == 0 || err == EOWNERDEAD)
        m->__depth = depth;
    return err;
}
