/*
 * support/xthread.h - calls that must not fail. Stands in for the file of this name in glibc.
 */
#ifndef SHIM_SUPPORT_XTHREAD_H
#define SHIM_SUPPORT_XTHREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <support/check.h>

#define SHIM_MUST(call)                                                         \
    do {                                                                        \
        int shim_err = (call);                                                  \
        if (shim_err)                                                           \
            FAIL_EXIT1("%s gave %d (%s)", #call, shim_err, strerror(shim_err)); \
    } while (0)

#define xpthread_barrier_init(b, attr, n)       SHIM_MUST(pthread_barrier_init(b, attr, n))
#define xpthread_barrier_destroy(b)             SHIM_MUST(pthread_barrier_destroy(b))
#define xpthread_mutexattr_init(attr)           SHIM_MUST(pthread_mutexattr_init(attr))
#define xpthread_mutexattr_destroy(attr)        SHIM_MUST(pthread_mutexattr_destroy(attr))
#define xpthread_mutexattr_settype(attr, type)  SHIM_MUST(pthread_mutexattr_settype(attr, type))
#define xpthread_mutexattr_setrobust(attr, r)   SHIM_MUST(pthread_mutexattr_setrobust(attr, r))
#define xpthread_mutexattr_setpshared(attr, s)  SHIM_MUST(pthread_mutexattr_setpshared(attr, s))
#define xpthread_mutexattr_setprotocol(attr, p) SHIM_MUST(pthread_mutexattr_setprotocol(attr, p))
#define xpthread_mutex_init(m, attr)            SHIM_MUST(pthread_mutex_init(m, attr))
#define xpthread_mutex_destroy(m)               SHIM_MUST(pthread_mutex_destroy(m))
#define xpthread_mutex_lock(m)                  SHIM_MUST(pthread_mutex_lock(m))
#define xpthread_mutex_unlock(m)                SHIM_MUST(pthread_mutex_unlock(m))
#define xpthread_mutex_consistent(m)            SHIM_MUST(pthread_mutex_consistent(m))
#define xpthread_cond_wait(c, m)                SHIM_MUST(pthread_cond_wait(c, m))
#define xpthread_cond_signal(c)                 SHIM_MUST(pthread_cond_signal(c))
#define xpthread_rwlockattr_init(attr)          SHIM_MUST(pthread_rwlockattr_init(attr))
#define xpthread_rwlockattr_setkind_np(attr, k) SHIM_MUST(pthread_rwlockattr_setkind_np(attr, k))
#define xpthread_rwlock_init(l, attr)           SHIM_MUST(pthread_rwlock_init(l, attr))
#define xpthread_rwlock_destroy(l)              SHIM_MUST(pthread_rwlock_destroy(l))
#define xpthread_rwlock_rdlock(l)               SHIM_MUST(pthread_rwlock_rdlock(l))
#define xpthread_rwlock_wrlock(l)               SHIM_MUST(pthread_rwlock_wrlock(l))
#define xpthread_rwlock_unlock(l)               SHIM_MUST(pthread_rwlock_unlock(l))
#define xpthread_once(once, fn)                 SHIM_MUST(pthread_once(once, fn))
#define xpthread_detach(t)                      SHIM_MUST(pthread_detach(t))
#define xpthread_cancel(t)                      SHIM_MUST(pthread_cancel(t))

pthread_t xpthread_create(pthread_attr_t *attr, void *(*fn)(void *), void *arg);
void *xpthread_join(pthread_t thread);
/* Whether the caller is the serial thread. */
int xpthread_barrier_wait(pthread_barrier_t *b);

/* exit(0) after that time: for a test that shows by then that it would wait for ever. */
void delayed_exit(int seconds);

/* There are no such mutexes, whatever clock. */
static inline bool support_mutex_pi_monotonic(void)
{
    return false;
}

#endif
