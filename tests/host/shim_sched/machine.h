/*
 * machine.h - what the scheduler's host tests have in common: a P on its M, Gs, an empty global queue.
 */
#ifndef TESTS_HOST_SHIM_SCHED_MACHINE_H
#define TESTS_HOST_SHIM_SCHED_MACHINE_H

#include "sched/runq.h"

struct sched sched = {.lock = SPINLOCK_INIT(RANK_SCHED), .nprocs = 1};
struct m *allm[MAX_CPUS];
struct p *allp[MAX_CPUS];
_Thread_local struct m *this_m;

struct m *acquirem(void)
{
    this_m->locks++;
    return this_m;
}

/* releasem() asks for it; nobody sets m->preempt here. */
void preempt_deferred(void)
{
}

/* pp is empty, its ring begins at `index`, and mp, the caller's M, holds it. */
static inline void machine_p(struct p *pp, struct m *mp, uint32_t index)
{
    *pp = (struct p){.runqhead = index, .runqtail = index};
    *mp = (struct m){.p = pp};
    atomic_store(&pp->m, mp);
    this_m = mp;
}

#endif
