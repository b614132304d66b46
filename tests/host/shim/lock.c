/*
 * lock.c - kernel/lock.h's spin lock for host tests: no ranks, no M; the host's scheduler may run the
 * holder while another thread waits.
 */
#include <sched.h>

#include "kernel/lock.h"

void lock(struct spinlock *l)
{
    /* Acquire: pairs with the release in unlock(). */
    while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
        sched_yield();
}

void unlock(struct spinlock *l)
{
    /* Release: pairs with the acquire in lock(). */
    atomic_store_explicit(&l->held, 0, memory_order_release);
}
