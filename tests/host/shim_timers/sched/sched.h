/*
 * sched.h - for the host tests of the timers: what of G, M and P they use.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "sched/timers.h"

struct g {
    uint64_t goid;
};

struct p {
    uint32_t id;
    struct timers timers;
};

struct m {
    struct g *g, *g0;
    struct p *p;
    uint32_t locks;
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

void alarm_earlier(struct p *pp);

#endif
