/*
 * waitq.h - first-in first-out queues of waiting goroutines.
 *
 * A sudog lies on the stack of the goroutine that waits: rt0's stacks never move, so nothing is
 * allocated to wait (Go must take sudogs from a cache, since its stacks are copied). It is valid from
 * the enqueueing until its goroutine has been readied. The lock of what is waited for guards the queue.
 */
#ifndef SCHED_WAITQ_H
#define SCHED_WAITQ_H

#include "sched/sched.h"

struct sudog {
    struct g *g;
    struct sudog *next;
    void *elem;   // channels: where the element is taken from or put; NULL: dropped
    bool success; // set by the waker: an element was transferred, not a close
};

struct waitq {
    struct sudog *first;
    struct sudog *last;
};

static inline void waitq_push(struct waitq *q, struct sudog *sg)
{
    sg->next = NULL;
    if (q->last)
        q->last->next = sg;
    else
        q->first = sg;
    q->last = sg;
}

static inline struct sudog *waitq_pop(struct waitq *q)
{
    struct sudog *sg = q->first;

    if (sg) {
        q->first = sg->next;
        if (!q->first)
            q->last = NULL;
    }
    return sg;
}

/* gopark() callback: lets go of the spin lock that guards the queue the G is in. */
static inline bool unlock_after_park(struct g *gp, void *spinlock)
{
    (void)gp;
    unlock(spinlock);
    return true;
}

#endif
