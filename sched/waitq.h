/*
 * waitq.h - first-in first-out queues of waiting goroutines.
 *
 * A sudog lies on the stack of the goroutine that waits: rt0's stacks never move, so nothing is
 * allocated to wait (Go must take sudogs from a cache, since its stacks are copied). It is valid from
 * the enqueueing until its goroutine has been readied. The lock of what is waited for guards the queue.
 *
 * Invariant: a sudog that is in no queue has neither next nor prev and is nobody's first: so
 *            waitq_remove() can tell.
 */
#ifndef SCHED_WAITQ_H
#define SCHED_WAITQ_H

#include "sched/sched.h"

struct waiter;

struct sudog {
    struct g *g;
    struct waiter *waiter; // wait.h; NULL: dequeuing it is what ends the wait
    struct sudog *next, *prev;
    void *elem; // channels: where the element is taken from or put; NULL: dropped
    int result; // channels: what the wait gives; the waker writes it
};

struct waitq {
    struct sudog *first;
    struct sudog *last;
};

ALWAYS_INLINE void waitq_push(struct waitq *q, struct sudog *sg)
{
    struct sudog *last = q->last;

    sg->next = NULL;
    sg->prev = last;
    q->last = sg;
    if (last)
        last->next = sg;
    else
        q->first = sg;
}

/* Takes sg off, which is the first. */
ALWAYS_INLINE void waitq_pop_first(struct waitq *q, struct sudog *sg)
{
    struct sudog *next = sg->next;

    q->first = next;
    if (next) {
        next->prev = NULL;
        sg->next = NULL;
    } else {
        q->last = NULL;
    }
}

/* The first, whoever it is that ends its wait; waitq_dequeue() (wait.h) asks that too. */
ALWAYS_INLINE struct sudog *waitq_pop(struct waitq *q)
{
    struct sudog *sg = q->first;

    if (sg)
        waitq_pop_first(q, sg);
    return sg;
}

/* Wherever it is in q. False: it is not in q any more. */
ALWAYS_INLINE bool waitq_remove(struct waitq *q, struct sudog *sg)
{
    struct sudog *prev = sg->prev, *next = sg->next;

    if (!prev && q->first != sg)
        return false;
    if (prev)
        prev->next = next;
    else
        q->first = next;
    if (next)
        next->prev = prev;
    else
        q->last = prev;
    sg->next = sg->prev = NULL;
    return true;
}

/* gopark() callback: lets go of the spin lock that guards the queue the G is in. */
static inline bool unlock_after_park(struct g *gp, void *spinlock)
{
    (void)gp;
    unlock(spinlock);
    return true;
}

#endif
