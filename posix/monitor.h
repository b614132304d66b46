/*
 * monitor.h - what every object of POSIX that is waited for has in it: a spin lock, and who waits.
 *
 * Protocol:  each operation is a few instructions under the lock; who has to wait queues a sudog and parks. Who
 *            changes things for others takes them out of the queue, releases the lock and readies them. That
 *            release is the last that he does with the object.
 * Why not one atomic word first, as in sched/sync.c: POSIX lets the memory go as soon as the last call that needs
 *            it can be told to have had its effect (a semaphore once sem_wait() has returned, a mutex once its
 *            last owner has unlocked and destroyed it), though the call that brought that about may still be under
 *            way. Where every change is made under the lock, whoever sees the effect has taken the lock after it
 *            was released. A pair of lock and unlock costs two atomic operations either way.
 * Invariant: zero bytes are a free lock of rank 0 and nobody waiting.
 */
#ifndef POSIX_MONITOR_H
#define POSIX_MONITOR_H

#include <sys/types.h>

#include "sched/wait.h"

struct monitor {
    struct spinlock lock;
    struct waitq q; // lock
};
_Static_assert(sizeof(struct monitor) == sizeof(struct __monitor), "sys/_pthreadtypes.h");
_Static_assert(_Alignof(struct monitor) == _Alignof(struct __monitor), "sys/_pthreadtypes.h");
_Static_assert(RANK_SYNC == 0, "zero bytes are ready to use");

ALWAYS_INLINE struct monitor *monitor(struct __monitor *m)
{
    return (struct monitor *)m;
}

/*
 * monitor_park - queued or not yet, sg waits until somebody has dequeued it, or w's time or cancel came.
 * Ctx: G, after wait_begin(w); holds the lock, and gives it up. w->by tells whether it was dequeued.
 */
static inline void monitor_park(struct monitor *mon, struct waiter *w, struct sudog *sg,
                                enum waitreason reason)
{
    waitq_push(&mon->q, sg);
    wait_park(w, unlock_after_park, &mon->lock, reason);
}

/* At the head, not the tail. Ctx: lock held. */
static inline void monitor_push_first(struct monitor *mon, struct sudog *sg)
{
    struct sudog *first = mon->q.first;

    sg->prev = NULL;
    sg->next = first;
    mon->q.first = sg;
    if (first)
        first->prev = sg;
    else
        mon->q.last = sg;
}

/* All who wait, chained by sudog->next, for monitor_ready_all() after the lock is released. Ctx: lock held. */
static inline struct sudog *monitor_dequeue_all(struct monitor *mon)
{
    struct sudog *first = NULL, **last = &first, *sg;

    while ((sg = waitq_dequeue(&mon->q)) != NULL) {
        *last = sg;
        last = &sg->next;
    }
    *last = NULL;
    return first;
}

static inline void monitor_ready_all(struct sudog *sg)
{
    while (sg) {
        struct sudog *next = sg->next; // sg is on the stack of a goroutine that may now run
        sudog_ready(sg);
        sg = next;
    }
}

#endif
