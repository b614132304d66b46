/*
 * stackcache.h - a P's free stacks: the short ways, inlined where goroutines begin and end. The rest is in
 * stack.c.
 */
#ifndef SCHED_STACKCACHE_H
#define SCHED_STACKCACHE_H

#include "sched/sched.h"

/* A stack that the next goroutine of go() can have as it is: nothing of it rests, it ends where such a
 * goroutine's ends, and it is as small as a free one should be. */
ALWAYS_INLINE bool stack_is_plain(const struct stacktop *top)
{
    return !(atomic_load_explicit(&top->how, memory_order_relaxed) & ~(uint32_t)STACK_TLS);
}

ALWAYS_INLINE void stack_give(struct stacktop *top, struct g *gp)
{
    top->g = gp;
    gp->stack = &top->stack;
}

/* The one that was used last, if it is plain; NULL: stack_bind() finds one. Ctx: g0, M that holds pp. */
ALWAYS_INLINE struct stacktop *stackcache_get(struct p *pp)
{
    struct stacktop *top = pp->stackcache;

    if (__builtin_expect(!top || !stack_is_plain(top), 0))
        return NULL;
    pp->stackcache = top->next;
    pp->nstackcache--;
    return top;
}

/* Of the default size, and nobody's. Ctx: as stackcache_get(). */
ALWAYS_INLINE void stackcache_put(struct p *pp, struct stacktop *top)
{
    top->next = pp->stackcache;
    pp->stackcache = top;
    if (__builtin_expect(++pp->nstackcache == STACK_CACHE_MAX, 0))
        stackcache_spill(pp);
}

#endif
