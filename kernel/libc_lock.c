/*
 * libc_lock.c - the locks of newlib and picolibc, which name them alike ("retargetable locking").
 *
 * Every one is a recursive mutex, also where the libc asks for a plain one: that is stricter than
 * nothing it relies on. Static locks are the libc's own list; one that a libc version does not have
 * costs a few bytes.
 */
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

/* Without memory for it the FILE that wants it can't be opened safely, and the libc has no way to be
 * told so. */
void __retarget_lock_init(_LOCK_T *l)
{
    *l = malloc(sizeof **l);
    if (!*l)
        throw("out of memory: a lock of the libc");
    **l = (struct __lock){RMUTEX_INIT};
}

void __retarget_lock_close(_LOCK_T l)
{
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
