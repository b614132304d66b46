/*
 * lock.h - spin locks, and the order in which they may be taken.
 *
 * A spin lock is held with preemption off (m->locks), interrupts on: interrupt handlers take no lock
 * (design: they acknowledge, set bits and let the scheduler act), so none can wait for its own core.
 *
 * Ranks: a lock may be taken only while every lock held has a lower rank. Debug builds check each
 * acquisition and name both; docs/locking.md gives the reason for each place in the order.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_rank {
    RANK_SYNC = 0, // locks inside zero-value objects (rt0/sync.h): nothing may be held
    RANK_CANCEL, // who waits with a cancel; taken under the lock of the cancel's tree, of RANK_SYNC
    RANK_MUTEX,  // struct rmutex's waiters
    RANK_CHAN,   // struct chan; several are taken in address order
    RANK_FILES,  // open descriptors
    RANK_MCENTRAL, // spans of a size class that no P holds
    RANK_TIMERS,   // a P's timers
    RANK_POLICY,   // queues of scheduling policies
    RANK_SCHED,    // global run queue, idle Ps
    RANK_CONSOLE,  // one message at a time
    /* From here on: only on g0 and exception stacks, since a growth fault takes them, and may come while its
     * goroutine holds any of the above. */
    RANK_STACKPOOL, // the arena: slots, free stacks, resting pages
    RANK_MHEAP,     // spans and the span table
    RANK_VM,        // page tables
    RANK_PAGE,      // page bitmap
    NRANK
};

struct spinlock {
    _Atomic(uint32_t) held;
    uint32_t rank;
};

#define SPINLOCK_INIT(rank_) \
    {                        \
        .rank = (rank_)      \
    }

/* Acquire and release; every access that the lock guards is ordered by this pair. Ctx: any; isr only for
 * RANK_STACKPOOL and above, with nothing of the kind held by what was interrupted. */
void lock(struct spinlock *l);
void unlock(struct spinlock *l);

bool lock_held(const struct spinlock *l);

#endif
