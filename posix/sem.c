/*
 * sem.c - semaphores.
 *
 * Invariant: tokens > 0 implies that nobody waits. A token that is posted while threads wait is the first one's,
 *            and never counted. A waiter whose time has come is dropped when a post meets it, which goes on to
 *            the next.
 * Ctx:       sem_post() may be called by a timer's function, too.
 */
#include <errno.h>
#include <semaphore.h>

#include "posix/deadline.h"
#include "posix/thread.h"

static int error(int err)
{
    if (!err)
        return 0;
    errno = err;
    return -1;
}

int sem_init(sem_t *s, int shared, unsigned value)
{
    (void)shared;
    if (value > SEM_VALUE_MAX)
        return error(EINVAL);
    *s = (sem_t){.__value = value};
    return 0;
}

int sem_destroy(sem_t *s)
{
    (void)s;
    return 0;
}

static bool take_locked(sem_t *s)
{
    if (!s->__value)
        return false;
    s->__value--;
    return true;
}

static int try_once(sem_t *s)
{
    struct monitor *mon = monitor(&s->__monitor);

    lock(&mon->lock);
    bool taken = take_locked(s);
    unlock(&mon->lock);
    return taken ? 0 : EAGAIN;
}

static int wait(sem_t *s, int64_t deadline, struct cancel *cancel)
{
    struct monitor *mon = monitor(&s->__monitor);
    struct waiter w;
    struct sudog sg = {.g = getg(), .waiter = &w};
    int err = wait_begin(&w, deadline, cancel);

    if (err)
        return -err;
    lock(&mon->lock);
    if (take_locked(s)) {
        unlock(&mon->lock);
        wait_end(&w);
        return 0;
    }
    monitor_park(mon, &w, &sg, WAIT_SEMA);
    if (!w.by) {
        lock(&mon->lock);
        waitq_remove(&mon->q, &sg);
        unlock(&mon->lock);
    }
    return -wait_end(&w);
}

static int wait_until(sem_t *s, clockid_t clock, const struct timespec *abstime)
{
    struct cancel *cancel = thread_cancel();
    int64_t deadline;

    pthread_testcancel();
    int err = deadline_of(clock, abstime, &deadline);
    if (!err && (err = try_once(s)) == EAGAIN)
        err = wait(s, deadline, cancel);
    if (err == ECANCELED)
        thread_canceled();
    return error(err);
}

int sem_wait(sem_t *s)
{
    return wait_until(s, CLOCK_REALTIME, NULL);
}

int sem_trywait(sem_t *s)
{
    return error(try_once(s));
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict abstime)
{
    return wait_until(s, CLOCK_REALTIME, abstime);
}

int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict abstime)
{
    return wait_until(s, clock, abstime);
}

int sem_post(sem_t *s)
{
    struct monitor *mon = monitor(&s->__monitor);
    int err = 0;

    lock(&mon->lock);
    struct sudog *sg = waitq_dequeue(&mon->q);
    if (!sg && s->__value == SEM_VALUE_MAX)
        err = EOVERFLOW;
    else if (!sg)
        s->__value++;
    unlock(&mon->lock);
    if (sg)
        sudog_ready(sg);
    return error(err);
}

int sem_getvalue(sem_t *restrict s, int *restrict value)
{
    *value = (int)__atomic_load_n(&s->__value, __ATOMIC_RELAXED);
    return 0;
}
