/*
 * runq.c - queues of Gs, linked through g->schedlink.
 *
 * Protocol:  whoever owns the queue holds the lock that guards it (sched.lock for sched.runq).
 * Invariant: a G is in one queue at most, and is runnable while it is in sched.runq; first in, first
 *            out, so no runnable G waits for ever.
 */
#include "sched/sched.h"

void gqueue_push(struct gqueue *q, struct g *gp)
{
    gp->schedlink = NULL;
    if (q->tail)
        q->tail->schedlink = gp;
    else
        q->head = gp;
    q->tail = gp;
    q->n++;
}

struct g *gqueue_pop(struct gqueue *q)
{
    struct g *gp = q->head;

    if (!gp)
        return NULL;
    q->head = gp->schedlink;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    gp->schedlink = NULL;
    return gp;
}
