/*
 * rmutex.h - recursive mutexes that park; the libc's locks.
 */
#ifndef SCHED_RMUTEX_H
#define SCHED_RMUTEX_H

#include "sched/waitq.h"

/* Owned by a G, not by an M: the owner may be moved to another core, and who waits gives its core to
 * somebody else. Zero bytes but for the rank: RMUTEX_INIT. */
struct rmutex {
    struct spinlock lock;
    struct g *owner;      // lock
    uint32_t depth;       // lock; times the owner holds it
    struct waitq waiters; // lock
};

#define RMUTEX_INIT                       \
    {                                     \
        .lock = SPINLOCK_INIT(RANK_MUTEX) \
    }

/* Ctx: G. May park. */
void rmutex_lock(struct rmutex *rm);
bool rmutex_trylock(struct rmutex *rm);
void rmutex_unlock(struct rmutex *rm);

#endif
