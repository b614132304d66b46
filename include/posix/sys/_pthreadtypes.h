/*
 * sys/_pthreadtypes.h - the types of POSIX threads; stands where newlib has a file of this name, which its
 * <sys/types.h> includes.
 *
 * The fields are posix/'s. Zero bytes are an unlocked mutex, a condition variable, a lock, a once that has not
 * run: as a static initializer leaves them.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <sys/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whose wait is under way: a spin lock, and a queue. */
struct __monitor {
    unsigned long __lock;
    void *__first, *__last;
};

/* The address of a thread's struct. A number, as on Linux, where programs count with it and print it. */
typedef unsigned long pthread_t;

typedef struct {
    unsigned long __stack_bytes, __guard_bytes, __affinity;
    void *__stack_lo; /* pthread_getattr_np() only */
    struct sched_param __param;
    int __policy, __detached, __explicit;
} pthread_attr_t;

typedef struct {
    struct __monitor __monitor;
    unsigned long __owner; /* its goroutine's number; 0: free */
    unsigned __depth;
    unsigned __wanted_back; /* by threads that wait for a condition */
    unsigned char __type, __robust, __starving, __woken;
    void *__prev, *__next; /* robust ones of a thread */
} pthread_mutex_t;

typedef struct {
    unsigned char __type, __robust, __shared;
} pthread_mutexattr_t;

typedef struct {
    struct __monitor __monitor;
    unsigned __waiters;
    int __clock;
} pthread_cond_t;

typedef struct {
    int __clock, __shared;
} pthread_condattr_t;

typedef struct {
    struct __monitor __monitor;
    unsigned long __writer; /* its goroutine's number */
    unsigned __readers, __writers_wait, __kind;
} pthread_rwlock_t;

typedef struct {
    int __kind, __shared;
} pthread_rwlockattr_t;

typedef struct {
    struct __monitor __monitor;
    unsigned __count, __arrived;
} pthread_barrier_t;

typedef struct {
    int __shared;
} pthread_barrierattr_t;

typedef struct {
    struct __monitor __monitor;
    unsigned __state;
} pthread_once_t;

typedef volatile unsigned pthread_spinlock_t;

typedef unsigned pthread_key_t;

#ifdef __cplusplus
}
#endif

#endif
