/*
 * policy_fifo.c - one queue for all cores: whoever became runnable first runs first.
 *
 * Protocol:  fifo.lock guards the queue. New, woken, yielding and preempted Gs all go to its end, and any
 *            P takes from its head, so there is nothing to steal and no core to be preferred.
 * Invariant: of two queued Gs the one that was queued first starts first.
 * Why:       the order every other policy is measured against; and its lock is what per-core queues avoid.
 */
#include "sched/policy.h"
#include "sched/policy_queue.h"

static struct policy_queue fifo = POLICY_QUEUE_INIT;

static void fifo_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    (void)pp;
    (void)why;
    policy_queue_put(&fifo, gp);
}

static struct g *fifo_pick(struct p *pp)
{
    (void)pp;
    return policy_queue_get(&fifo);
}

static bool fifo_waiting(struct p *pp)
{
    (void)pp;
    return !policy_queue_empty(&fifo);
}

/* Nothing is a P's own. */
static void fifo_drain(struct p *pp, struct p *to)
{
    (void)pp;
    (void)to;
}

const struct sched_policy policy_fifo = {
    .name = "fifo",
    .help = "one queue for all cores, first in, first out",
    .enqueue = fifo_enqueue,
    .pick = fifo_pick,
    .waiting = fifo_waiting,
    .drain = fifo_drain,
};
