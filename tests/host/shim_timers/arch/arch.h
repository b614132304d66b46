/*
 * arch.h - for the host tests of the timers: a thread is an M.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <sched.h>

struct g;
struct m;

extern _Thread_local struct m *this_m;

static inline struct m *getm(void)
{
    return this_m;
}

/* The one that is waited for may not have a core of the host. */
static inline void cpu_relax(void)
{
    sched_yield();
}

#endif
