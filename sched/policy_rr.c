/*
 * policy_rr.c - a queue for each P, round robin in each, and nothing is stolen.
 *
 * Protocol:  a new G is dealt to the next live P in turn and stays with it: woken it goes back to the P of
 *            the core it last ran on, yielding or preempted to the end of the queue of the P it runs on. Each
 *            queue has its own lock; an M holds one at a time. What a P gets while it is idle is told to the
 *            core by place().
 * Invariant: a G moves to another P only when its own is live no more: then what is queued goes to the P
 *            that drain() names, and what wakes later is dealt anew.
 * Why:       no core ever writes to another's queue but to wake or to deal, and a G's caches stay warm;
 *            what it costs is that a core may be idle while another has a queue.
 */
#include "sched/policy.h"
#include "sched/policy_queue.h"

#include <errno.h>
#include <stdlib.h>

/* A P's. */
struct rr {
    _Alignas(CACHE_LINE) struct policy_queue queue;
    struct p *placed; // o  where the P's last enqueue() went
};

static _Atomic(uint32_t) dealt; // a  relaxed; new Gs so far

static struct rr *rr_of(const struct p *pp)
{
    return pp->policy;
}

static int rr_init_p(struct p *pp)
{
    if (pp->policy)
        return 0; // live again
    struct rr *r = aligned_alloc(_Alignof(struct rr), sizeof *r);
    if (!r)
        return -ENOMEM;
    *r = (struct rr){.queue = POLICY_QUEUE_INIT};
    pp->policy = r;
    return 0;
}

static struct p *deal(void)
{
    uint32_t turn = atomic_fetch_add_explicit(&dealt, 1, memory_order_relaxed);

    return allp[turn % sched.nprocs];
}

/* The P of the core that gp ran on last; another one if that is live no more. */
static struct p *home(const struct g *gp)
{
    /* Another M may swap its P away right now: any P that is live will do, and a swap changes no P's life. */
    struct p *pp = __atomic_load_n(&gp->m->p, __ATOMIC_RELAXED);

    return pp->id < sched.nprocs ? pp : deal();
}

static struct p *choose(struct p *pp, const struct g *gp, enum enqueue_why why)
{
    switch (why) {
    case ENQUEUE_NEW:
        return deal();
    case ENQUEUE_WAKE:
        return home(gp);
    case ENQUEUE_YIELD:
    case ENQUEUE_PREEMPT:
        break;
    }
    return pp;
}

static void rr_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    struct p *to = choose(pp, gp, why);

    rr_of(pp)->placed = to;
    policy_queue_put(&rr_of(to)->queue, gp);
}

static struct g *rr_pick(struct p *pp)
{
    return policy_queue_get(&rr_of(pp)->queue);
}

static bool rr_waiting(struct p *pp)
{
    return !policy_queue_empty(&rr_of(pp)->queue);
}

/* gp may be running elsewhere by now, so it is not asked. */
static struct p *rr_place(struct p *pp, struct g *gp)
{
    (void)gp;
    return rr_of(pp)->placed;
}

/* One lock at a time: they are of the same rank. */
static void rr_drain(struct p *pp, struct p *to)
{
    struct g *gp;

    while ((gp = rr_pick(pp)))
        policy_queue_put(&rr_of(to)->queue, gp);
}

const struct sched_policy policy_rr = {
    .name = "rr",
    .help = "a queue for each core, round robin, no stealing",
    .init_p = rr_init_p,
    .enqueue = rr_enqueue,
    .pick = rr_pick,
    .waiting = rr_waiting,
    .place = rr_place,
    .drain = rr_drain,
};
