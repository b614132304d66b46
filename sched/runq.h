/*
 * runq.h - a P's run queue: runnext, and a ring of RUNQ_LEN. The short ways, inlined where Gs are switched;
 * the rest is in runq.c, with the protocol.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include "sched/sched.h"

/* Ring full: half of it and gp go to the global queue. Ctx: as runqput_tail(); afterwards the P may be another. */
void runqput_slow(struct p *pp, struct g *gp);

/* gp at the ring's end. Ctx: M that holds pp, preemption off. */
ALWAYS_INLINE void runqput_tail(struct p *pp, struct g *gp)
{
    /* Acquire: pairs with the release of the thief's compare-exchange: it has read the slot. */
    uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&pp->runqtail, memory_order_relaxed);

    if (__builtin_expect(tail - head >= RUNQ_LEN, 0)) {
        runqput_slow(pp, gp);
        return;
    }
    atomic_store_explicit(&pp->runq[tail % RUNQ_LEN], gp, memory_order_relaxed);
    /* Release: the G is in its slot, and its fields are written. Pairs with the acquire in runqgrab(). */
    atomic_store_explicit(&pp->runqtail, tail + 1, memory_order_release);
}

/* gp as runnext; what was that goes to the ring's end. Only this M makes an empty runnext a full one, so
 * that takes no compare-exchange. Ctx: as runqput_tail(). */
ALWAYS_INLINE void runqput_next(struct p *pp, struct g *gp)
{
    struct g *old = atomic_load_explicit(&pp->runnext, memory_order_relaxed);

    if (!old) {
        /* Release: pairs with the acquire of the thief's compare-exchange. */
        atomic_store_explicit(&pp->runnext, gp, memory_order_release);
        return;
    }
    old = atomic_exchange_explicit(&pp->runnext, gp, memory_order_acq_rel);
    if (old)
        runqput_tail(pp, old);
}

/* The ring's first, or NULL. Ctx: as runqput_tail(). */
ALWAYS_INLINE struct g *runqget_ring(struct p *pp)
{
    uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);

    for (;;) {
        if (head == atomic_load_explicit(&pp->runqtail, memory_order_relaxed))
            return NULL;
        struct g *gp = atomic_load_explicit(&pp->runq[head % RUNQ_LEN], memory_order_relaxed);
        /* Release: pairs with the acquire of head in runqput_tail() by a later holder of pp. */
        if (atomic_compare_exchange_weak_explicit(&pp->runqhead, &head, head + 1,
                                                  memory_order_acq_rel, memory_order_acquire))
            return gp;
    }
}

/* runnext, or NULL. Ctx: as runqput_tail(). */
ALWAYS_INLINE struct g *runqget_next(struct p *pp)
{
    struct g *gp = atomic_load_explicit(&pp->runnext, memory_order_relaxed);

    /* If it fails, a thief has it: nobody but this M would put another one there. */
    if (gp && atomic_compare_exchange_strong_explicit(&pp->runnext, &gp, NULL, memory_order_acq_rel,
                                                      memory_order_relaxed))
        return gp;
    return NULL;
}

#endif
