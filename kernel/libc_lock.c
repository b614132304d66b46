/*
 * libc_lock.c - the locks of newlib and picolibc, which name them alike ("retargetable locking").
 *
 * Every one is a recursive mutex, also where the libc asks for a plain one: that is stricter than
 * nothing it relies on. Static locks are the libc's own list; one that a libc version does not have
 * costs a few bytes.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/lock.h>

#include "sched/rmutex.h"

struct __lock {
    struct rmutex rm;
};

#define STATIC_LOCK(name)      \
    extern struct __lock name; \
    struct __lock name = {RMUTEX_INIT}

STATIC_LOCK(__lock___libc_recursive_mutex); // picolibc
STATIC_LOCK(__lock___sinit_recursive_mutex);
STATIC_LOCK(__lock___sfp_recursive_mutex);
STATIC_LOCK(__lock___atexit_recursive_mutex);
STATIC_LOCK(__lock___malloc_recursive_mutex);
STATIC_LOCK(__lock___env_recursive_mutex);
STATIC_LOCK(__lock___at_quick_exit_mutex);
STATIC_LOCK(__lock___tz_mutex);
STATIC_LOCK(__lock___dd_hash_mutex);
STATIC_LOCK(__lock___arc4random_mutex);

/* Some versions of picolibc declare these. */
int __retarget_lock_try_acquire(_LOCK_T l);
int __retarget_lock_try_acquire_recursive(_LOCK_T l);

/*
 * For when malloc() has nothing: newlib makes a lock for each call of printf() while a stream has
 * no buffer, and a program that has used up its memory should be able to say so.
 */
#define NRESERVE 64

static struct __lock reserve[NRESERVE];
static _Atomic(uint64_t) reserve_taken; // a bit for each; acquire and release, as for any allocator

static struct __lock *reserve_take(void)
{
    uint64_t taken = atomic_load_explicit(&reserve_taken, memory_order_relaxed);

    while (taken != UINT64_MAX)
        if (atomic_compare_exchange_weak_explicit(&reserve_taken, &taken, taken | (taken + 1),
                                                  memory_order_acquire, memory_order_relaxed))
            return &reserve[__builtin_ctzll(~taken)];
    return NULL;
}

/* Without one the FILE that wants it can't be opened safely, and the libc has no way to be told
 * so. */
void __retarget_lock_init(_LOCK_T *l)
{
    *l = malloc(sizeof **l);
    if (!*l)
        *l = reserve_take();
    if (!*l)
        throw("out of memory: a lock of the libc");
    **l = (struct __lock){RMUTEX_INIT};
}

void __retarget_lock_close(_LOCK_T l)
{
    if (l >= reserve && l < reserve + NRESERVE)
        atomic_fetch_and_explicit(&reserve_taken, ~(UINT64_C(1) << (l - reserve)),
                                  memory_order_release);
    else
        free(l);
}

void __retarget_lock_acquire(_LOCK_T l)
{
    rmutex_lock(&l->rm);
}

int __retarget_lock_try_acquire(_LOCK_T l)
{
    return rmutex_trylock(&l->rm);
}

void __retarget_lock_release(_LOCK_T l)
{
    rmutex_unlock(&l->rm);
}

void __retarget_lock_init_recursive(_LOCK_T *l)
{
    __retarget_lock_init(l);
}

void __retarget_lock_close_recursive(_LOCK_T l)
{
    __retarget_lock_close(l);
}

void __retarget_lock_acquire_recursive(_LOCK_T l)
{
    __retarget_lock_acquire(l);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T l)
{
    return __retarget_lock_try_acquire(l);
}

void __retarget_lock_release_recursive(_LOCK_T l)
{
    __retarget_lock_release(l);
}
