/*
 * sched.h - for the heap's host tests: what of G, M and P the heap uses.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "arch/arch.h"
#include "kernel/malloc.h"

#define NOPREEMPT __attribute__((noinline))

struct g {
    uint64_t goid;
};

struct p {
    uint32_t id;
    struct mcache mcache;
};

struct m {
    struct g *g;
    struct p *p;
    uint32_t locks; // acquirem()
    uint32_t depth; // systemstack()
};

static inline struct g *getg(void)
{
    return getm()->g;
}

static inline struct m *acquirem(void)
{
    getm()->locks++;
    return getm();
}

static inline void releasem(struct m *mp)
{
    mp->locks--;
}

#endif
