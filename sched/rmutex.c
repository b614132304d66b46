/*
 * rmutex.c - recursive mutexes that park.
 *
 * Protocol:  unlock hands the mutex to the waiter that came first, so a woken waiter owns it and never
 *            competes. rm->lock guards every field; it is released on g0 after the waiter is parked.
 * Invariant: owner == NULL implies depth == 0 and no waiters.
 * Why hand-off: the holders are libc calls, short and rarely contended; order is worth more there than
 *            the throughput of barging.
 */
#include "sched/rmutex.h"

bool rmutex_trylock(struct rmutex *rm)
{
    struct g *gp = getg();

    lock(&rm->lock);
    bool ours = !rm->owner || rm->owner == gp;
    if (ours) {
        rm->owner = gp;
        rm->depth++;
    }
    unlock(&rm->lock);
    return ours;
}

void rmutex_lock(struct rmutex *rm)
{
    struct g *gp = getg();

    lock(&rm->lock);
    if (!rm->owner || rm->owner == gp) {
        rm->owner = gp;
        rm->depth++;
        unlock(&rm->lock);
        return;
    }
    struct sudog sg = {.g = gp};
    waitq_push(&rm->waiters, &sg);
    gopark(unlock_after_park, &rm->lock, WAIT_LIBC_LOCK);
}

void rmutex_unlock(struct rmutex *rm)
{
    struct g *next = NULL;

    lock(&rm->lock);
    if (rm->owner != getg())
        throw("unlock of a libc lock that goroutine %lu does not hold", getg()->goid);
    if (--rm->depth == 0) {
        struct sudog *sg = waitq_pop(&rm->waiters);
        next = sg ? sg->g : NULL;
        rm->owner = next;
        rm->depth = next ? 1 : 0;
    }
    unlock(&rm->lock);
    if (next)
        goready(next);
}
