/*
 * policy_queue.h - a first-in first-out queue with its lock, for policies.
 *
 * Protocol:  the lock guards the queue; n is stored under it, and read without it by who asks whether
 *            anything is there. The core's fences (policy.h) order those questions against enqueue().
 * Invariant: n is the queue's length whenever the lock is free; a queued G is in no other queue.
 */
#ifndef SCHED_POLICY_QUEUE_H
#define SCHED_POLICY_QUEUE_H

#include "sched/sched.h"

struct policy_queue {
    struct spinlock lock;
    _Atomic(size_t) n; // a  relaxed; stored under the lock
    struct gqueue q;   // lock
};

#define POLICY_QUEUE_INIT                   \
    {                                       \
        .lock = SPINLOCK_INIT(RANK_POLICY), \
    }

static inline bool policy_queue_empty(struct policy_queue *pq)
{
    return atomic_load_explicit(&pq->n, memory_order_relaxed) == 0;
}

static inline void policy_queue_count_locked(struct policy_queue *pq)
{
    atomic_store_explicit(&pq->n, pq->q.n, memory_order_relaxed);
}

static inline void policy_queue_put(struct policy_queue *pq, struct g *gp)
{
    lock(&pq->lock);
    gqueue_push(&pq->q, gp);
    policy_queue_count_locked(pq);
    unlock(&pq->lock);
}

/* The oldest, or NULL. An empty queue is not locked: who must not miss a G asks again, after a fence. */
static inline struct g *policy_queue_get(struct policy_queue *pq)
{
    if (policy_queue_empty(pq))
        return NULL;
    lock(&pq->lock);
    struct g *gp = gqueue_pop(&pq->q);
    policy_queue_count_locked(pq);
    unlock(&pq->lock);
    return gp;
}

#endif
