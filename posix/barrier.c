/*
 * barrier.c - threads that wait until so many have come.
 *
 * The last one to come takes all others out of the queue under the lock and readies them after it: nobody returns
 * before, so whoever returns may destroy the barrier, and the next round begins with an empty queue.
 */
#include <errno.h>

#include "posix/thread.h"

int pthread_barrier_init(pthread_barrier_t *restrict b, const pthread_barrierattr_t *restrict attr,
                         unsigned count)
{
    (void)attr;
    if (count == 0 || count > INT32_MAX)
        return EINVAL;
    *b = (pthread_barrier_t){.__count = count};
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *b)
{
    struct monitor *mon = monitor(&b->__monitor);

    lock(&mon->lock);
    int err = b->__arrived ? EBUSY : 0;
    unlock(&mon->lock);
    return err;
}

int pthread_barrier_wait(pthread_barrier_t *b)
{
    struct monitor *mon = monitor(&b->__monitor);
    struct sudog sg = {.g = getg()};

    lock(&mon->lock);
    if (++b->__arrived < b->__count) {
        waitq_push(&mon->q, &sg);
        gopark(unlock_after_park, &mon->lock, WAIT_WAITGROUP);
        return 0;
    }
    b->__arrived = 0;
    struct sudog *waiters = monitor_dequeue_all(mon);
    unlock(&mon->lock);
    monitor_ready_all(waiters);
    return PTHREAD_BARRIER_SERIAL_THREAD;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
    *attr = (pthread_barrierattr_t){0};
    return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__shared = shared;
    return 0;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict attr, int *restrict shared)
{
    *shared = attr->__shared;
    return 0;
}
