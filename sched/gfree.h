/*
 * gfree.h - dead Gs: the short ways of a P's list, inlined where goroutines are made and end. The rest is in g.c.
 *
 * The list is counted, not ended by NULL: so its lower GFREE_BATCH Gs can be handed on without a walk.
 *
 *      pp->gfree -> G -> G -> ... -> G -> ... -> G -> (anything)
 *                   |<-- pp->ngfree ------------------->|
 *      pp->gbatch, once there are so many: |<---------->| GFREE_BATCH
 */
#ifndef SCHED_GFREE_H
#define SCHED_GFREE_H

#include "sched/sched.h"

/* What go() counts on. The stack is the caller's to give back. */
ALWAYS_INLINE void g_reset(struct g *gp)
{
    gp->plain = GDEAD;
    gp->stack_max = (uint32_t)sched.stack_max;
    gp->attr = NULL;
    gp->since = 0;
}

/* Ctx: M that holds pp, preemption off. NULL: gfget() finds one. */
ALWAYS_INLINE struct g *gfree_get(struct p *pp)
{
    struct g *gp = pp->gfree;

    if (__builtin_expect(!pp->ngfree, 0))
        return NULL;
    pp->gfree = gp->schedlink;
    pp->ngfree--;
    return gp;
}

/* False: the next one is gfput()'s. */
ALWAYS_INLINE bool gfree_has_room(struct p *pp)
{
    return (pp->ngfree + 1) % GFREE_BATCH != 0;
}

/* There is room. Ctx: as gfree_get(). */
ALWAYS_INLINE void gfree_put(struct p *pp, struct g *gp)
{
    gp->schedlink = pp->gfree;
    pp->gfree = gp;
    pp->ngfree++;
}

#endif
