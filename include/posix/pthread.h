/*
 * pthread.h - POSIX threads as goroutines (docs/posix.md).
 *
 * Functions return 0 or an error number, as the standard has it; those of its own kind say so. They are for
 * goroutines only, and those that wait park.
 */
#ifndef _PTHREAD_H
#define _PTHREAD_H

#include <sched.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PTHREAD_STACK_MIN             16384
#define PTHREAD_KEYS_MAX              1024
#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#define PTHREAD_THREADS_MAX           2147483647

enum { PTHREAD_CREATE_JOINABLE = 0, PTHREAD_CREATE_DETACHED = 1 };
enum { PTHREAD_INHERIT_SCHED = 0, PTHREAD_EXPLICIT_SCHED = 1 };
enum { PTHREAD_SCOPE_SYSTEM = 0, PTHREAD_SCOPE_PROCESS = 1 };
enum { PTHREAD_PROCESS_PRIVATE = 0, PTHREAD_PROCESS_SHARED = 1 };
enum { PTHREAD_PRIO_NONE = 0, PTHREAD_PRIO_INHERIT = 1, PTHREAD_PRIO_PROTECT = 2 };
enum {
    PTHREAD_MUTEX_NORMAL = 0,
    PTHREAD_MUTEX_RECURSIVE = 1,
    PTHREAD_MUTEX_ERRORCHECK = 2,
    PTHREAD_MUTEX_ADAPTIVE_NP = 3,
    PTHREAD_MUTEX_DEFAULT = PTHREAD_MUTEX_NORMAL,
    PTHREAD_MUTEX_TIMED_NP = PTHREAD_MUTEX_NORMAL,
    PTHREAD_MUTEX_RECURSIVE_NP = PTHREAD_MUTEX_RECURSIVE,
    PTHREAD_MUTEX_ERRORCHECK_NP = PTHREAD_MUTEX_ERRORCHECK,
    PTHREAD_MUTEX_FAST_NP = PTHREAD_MUTEX_NORMAL
};
enum {
    PTHREAD_MUTEX_STALLED = 0,
    PTHREAD_MUTEX_ROBUST = 1,
    PTHREAD_MUTEX_STALLED_NP = PTHREAD_MUTEX_STALLED,
    PTHREAD_MUTEX_ROBUST_NP = PTHREAD_MUTEX_ROBUST
};
enum {
    PTHREAD_RWLOCK_PREFER_READER_NP = 0,
    PTHREAD_RWLOCK_PREFER_WRITER_NP = 1,
    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP = 2,
    PTHREAD_RWLOCK_DEFAULT_NP = PTHREAD_RWLOCK_PREFER_READER_NP
};
enum { PTHREAD_CANCEL_ENABLE = 0, PTHREAD_CANCEL_DISABLE = 1 };
enum { PTHREAD_CANCEL_DEFERRED = 0, PTHREAD_CANCEL_ASYNCHRONOUS = 1 };

/* For programs that ask the preprocessor. */
#define PTHREAD_CREATE_JOINABLE       PTHREAD_CREATE_JOINABLE
#define PTHREAD_CREATE_DETACHED       PTHREAD_CREATE_DETACHED
#define PTHREAD_INHERIT_SCHED         PTHREAD_INHERIT_SCHED
#define PTHREAD_EXPLICIT_SCHED        PTHREAD_EXPLICIT_SCHED
#define PTHREAD_SCOPE_SYSTEM          PTHREAD_SCOPE_SYSTEM
#define PTHREAD_SCOPE_PROCESS         PTHREAD_SCOPE_PROCESS
#define PTHREAD_PROCESS_PRIVATE       PTHREAD_PROCESS_PRIVATE
#define PTHREAD_PROCESS_SHARED        PTHREAD_PROCESS_SHARED
#define PTHREAD_CANCEL_ENABLE         PTHREAD_CANCEL_ENABLE
#define PTHREAD_CANCEL_DISABLE        PTHREAD_CANCEL_DISABLE
#define PTHREAD_CANCEL_DEFERRED       PTHREAD_CANCEL_DEFERRED
#define PTHREAD_CANCEL_ASYNCHRONOUS   PTHREAD_CANCEL_ASYNCHRONOUS
#define PTHREAD_CANCELED              ((void *)-1)
#define PTHREAD_BARRIER_SERIAL_THREAD (-1)

#define PTHREAD_MUTEX_INITIALIZER               __PTHREAD_MUTEX(PTHREAD_MUTEX_NORMAL)
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP  __PTHREAD_MUTEX(PTHREAD_MUTEX_RECURSIVE)
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP __PTHREAD_MUTEX(PTHREAD_MUTEX_ERRORCHECK)
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP   __PTHREAD_MUTEX(PTHREAD_MUTEX_ADAPTIVE_NP)
#define __PTHREAD_MUTEX(type)                                    \
    {                                                            \
        {0, 0, 0}, 0, 0, 0, (unsigned char)(type), 0, 0, 0, 0, 0 \
    }
#define PTHREAD_COND_INITIALIZER \
    {                            \
        {0, 0, 0}, 0, 0          \
    }
#define PTHREAD_RWLOCK_INITIALIZER __PTHREAD_RWLOCK(PTHREAD_RWLOCK_DEFAULT_NP)
#define PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP \
    __PTHREAD_RWLOCK(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
#define __PTHREAD_RWLOCK(kind)     \
    {                              \
        {0, 0, 0}, 0, 0, 0, (kind) \
    }
#define PTHREAD_ONCE_INIT \
    {                     \
        {0, 0, 0}, 0      \
    }

/* ---- threads ---- */

int pthread_create(pthread_t *__restrict thread, const pthread_attr_t *__restrict attr,
                   void *(*start)(void *), void *__restrict arg);
void pthread_exit(void *result) __attribute__((__noreturn__));
int pthread_join(pthread_t thread, void **result);
int pthread_tryjoin_np(pthread_t thread, void **result);
int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *abstime);
int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                         const struct timespec *abstime);
int pthread_detach(pthread_t thread);
pthread_t pthread_self(void);
int pthread_equal(pthread_t a, pthread_t b);
int pthread_yield(void);
int pthread_setname_np(pthread_t thread, const char *name);
int pthread_getname_np(pthread_t thread, char *name, size_t bytes);
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr);
int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param);
int pthread_setconcurrency(int level);
int pthread_getconcurrency(void);
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

int pthread_attr_init(pthread_attr_t *attr);
int pthread_attr_destroy(pthread_attr_t *attr);
int pthread_attr_setdetachstate(pthread_attr_t *attr, int state);
int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state);
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes);
int pthread_attr_getstacksize(const pthread_attr_t *__restrict attr, size_t *__restrict bytes);
int pthread_attr_getstack(const pthread_attr_t *__restrict attr, void **__restrict lowest,
                          size_t *__restrict bytes);
int pthread_attr_setguardsize(pthread_attr_t *attr, size_t bytes);
int pthread_attr_getguardsize(const pthread_attr_t *__restrict attr, size_t *__restrict bytes);
int pthread_attr_setinheritsched(pthread_attr_t *attr, int inherit);
int pthread_attr_getinheritsched(const pthread_attr_t *__restrict attr, int *__restrict inherit);
int pthread_attr_setschedpolicy(pthread_attr_t *attr, int policy);
int pthread_attr_getschedpolicy(const pthread_attr_t *__restrict attr, int *__restrict policy);
int pthread_attr_setschedparam(pthread_attr_t *__restrict attr,
                               const struct sched_param *__restrict param);
int pthread_attr_getschedparam(const pthread_attr_t *__restrict attr,
                               struct sched_param *__restrict param);
int pthread_attr_setscope(pthread_attr_t *attr, int scope);
int pthread_attr_getscope(const pthread_attr_t *__restrict attr, int *__restrict scope);
int pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t bytes, const cpu_set_t *set);
int pthread_attr_getaffinity_np(const pthread_attr_t *attr, size_t bytes, cpu_set_t *set);

/* ---- calling off: deferred only ---- */

int pthread_cancel(pthread_t thread);
int pthread_setcancelstate(int state, int *before);
int pthread_setcanceltype(int type, int *before);
void pthread_testcancel(void);

struct __pthread_cleanup {
    void (*__routine)(void *);
    void *__arg;
    struct __pthread_cleanup *__next;
};
void __pthread_cleanup_push(struct __pthread_cleanup *c);
void __pthread_cleanup_pop(struct __pthread_cleanup *c, int execute);

/* A pair of braces, which the standard allows for. */
#define pthread_cleanup_push(routine, arg)                          \
    do {                                                            \
        struct __pthread_cleanup __cleanup = {(routine), (arg), 0}; \
        __pthread_cleanup_push(&__cleanup);                         \
        do {
#define pthread_cleanup_pop(execute)              \
    }                                             \
    while (0)                                     \
        ;                                         \
    __pthread_cleanup_pop(&__cleanup, (execute)); \
    }                                             \
    while (0)

/* ---- mutexes ---- */

int pthread_mutex_init(pthread_mutex_t *__restrict m, const pthread_mutexattr_t *__restrict attr);
int pthread_mutex_destroy(pthread_mutex_t *m);
int pthread_mutex_lock(pthread_mutex_t *m);
int pthread_mutex_trylock(pthread_mutex_t *m);
int pthread_mutex_timedlock(pthread_mutex_t *__restrict m,
                            const struct timespec *__restrict abstime);
int pthread_mutex_clocklock(pthread_mutex_t *__restrict m, clockid_t clock,
                            const struct timespec *__restrict abstime);
int pthread_mutex_unlock(pthread_mutex_t *m);
int pthread_mutex_consistent(pthread_mutex_t *m);
int pthread_mutexattr_init(pthread_mutexattr_t *attr);
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr);
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type);
int pthread_mutexattr_gettype(const pthread_mutexattr_t *__restrict attr, int *__restrict type);
int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared);
int pthread_mutexattr_getpshared(const pthread_mutexattr_t *__restrict attr,
                                 int *__restrict shared);
int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust);
int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust);
int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol);
int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *__restrict attr,
                                  int *__restrict protocol);

/* ---- condition variables ---- */

int pthread_cond_init(pthread_cond_t *__restrict c, const pthread_condattr_t *__restrict attr);
int pthread_cond_destroy(pthread_cond_t *c);
int pthread_cond_wait(pthread_cond_t *__restrict c, pthread_mutex_t *__restrict m);
int pthread_cond_timedwait(pthread_cond_t *__restrict c, pthread_mutex_t *__restrict m,
                           const struct timespec *__restrict abstime);
int pthread_cond_clockwait(pthread_cond_t *__restrict c, pthread_mutex_t *__restrict m,
                           clockid_t clock, const struct timespec *__restrict abstime);
int pthread_cond_signal(pthread_cond_t *c);
int pthread_cond_broadcast(pthread_cond_t *c);
int pthread_condattr_init(pthread_condattr_t *attr);
int pthread_condattr_destroy(pthread_condattr_t *attr);
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock);
int pthread_condattr_getclock(const pthread_condattr_t *__restrict attr,
                              clockid_t *__restrict clock);
int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared);
int pthread_condattr_getpshared(const pthread_condattr_t *__restrict attr, int *__restrict shared);

/* ---- read-write locks ---- */

int pthread_rwlock_init(pthread_rwlock_t *__restrict l,
                        const pthread_rwlockattr_t *__restrict attr);
int pthread_rwlock_destroy(pthread_rwlock_t *l);
int pthread_rwlock_rdlock(pthread_rwlock_t *l);
int pthread_rwlock_tryrdlock(pthread_rwlock_t *l);
int pthread_rwlock_timedrdlock(pthread_rwlock_t *__restrict l,
                               const struct timespec *__restrict abstime);
int pthread_rwlock_clockrdlock(pthread_rwlock_t *__restrict l, clockid_t clock,
                               const struct timespec *__restrict abstime);
int pthread_rwlock_wrlock(pthread_rwlock_t *l);
int pthread_rwlock_trywrlock(pthread_rwlock_t *l);
int pthread_rwlock_timedwrlock(pthread_rwlock_t *__restrict l,
                               const struct timespec *__restrict abstime);
int pthread_rwlock_clockwrlock(pthread_rwlock_t *__restrict l, clockid_t clock,
                               const struct timespec *__restrict abstime);
int pthread_rwlock_unlock(pthread_rwlock_t *l);
int pthread_rwlockattr_init(pthread_rwlockattr_t *attr);
int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr);
int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared);
int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *__restrict attr,
                                  int *__restrict shared);
int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attr, int kind);
int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *__restrict attr,
                                  int *__restrict kind);

/* ---- barriers, spin locks ---- */

int pthread_barrier_init(pthread_barrier_t *__restrict b,
                         const pthread_barrierattr_t *__restrict attr, unsigned count);
int pthread_barrier_destroy(pthread_barrier_t *b);
int pthread_barrier_wait(pthread_barrier_t *b);
int pthread_barrierattr_init(pthread_barrierattr_t *attr);
int pthread_barrierattr_destroy(pthread_barrierattr_t *attr);
int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared);
int pthread_barrierattr_getpshared(const pthread_barrierattr_t *__restrict attr,
                                   int *__restrict shared);

int pthread_spin_init(pthread_spinlock_t *l, int shared);
int pthread_spin_destroy(pthread_spinlock_t *l);
int pthread_spin_lock(pthread_spinlock_t *l);
int pthread_spin_trylock(pthread_spinlock_t *l);
int pthread_spin_unlock(pthread_spinlock_t *l);

/* ---- once, keys ---- */

int pthread_once(pthread_once_t *once, void (*fn)(void));
int pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int pthread_key_delete(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
void *pthread_getspecific(pthread_key_t key);

#ifdef __cplusplus
}
#endif

#endif
