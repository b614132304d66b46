/*
 * spin.c - locks that are waited for by looking again and again. The holder may be preempted, on this very core,
 * too: so who has looked for a while gives way.
 */
#include <errno.h>
#include <pthread.h>

#include "arch/arch.h"
#include "rt0/go.h"

#define LOOKS 100

int pthread_spin_init(pthread_spinlock_t *l, int shared)
{
    (void)shared;
    *l = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *l)
{
    (void)l;
    return 0;
}

/* Acquire: pairs with the release in pthread_spin_unlock(). */
int pthread_spin_trylock(pthread_spinlock_t *l)
{
    return __atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}

int pthread_spin_lock(pthread_spinlock_t *l)
{
    while (pthread_spin_trylock(l)) {
        for (int i = 0; i < LOOKS && __atomic_load_n(l, __ATOMIC_RELAXED); i++)
            cpu_relax();
        if (__atomic_load_n(l, __ATOMIC_RELAXED))
            gosched();
    }
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *l)
{
    __atomic_store_n(l, 0, __ATOMIC_RELEASE);
    return 0;
}
