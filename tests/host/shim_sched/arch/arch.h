/*
 * arch.h - for the scheduler's host tests: a thread is an M, and a nanosecond is a tick.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "arch/x86_64/offsets.h" // any will do: they are asserted, not used

struct g;
struct m;
struct trapframe;

struct arch_m {
    int none;
};

extern _Thread_local struct m *this_m;

static inline struct m *getm(void)
{
    return this_m;
}

extern _Thread_local struct g *this_g;

static inline struct g *getg(void)
{
    return this_g;
}

struct m *acquirem(void); // its fields are not known yet

static inline void cpu_relax(void)
{
}

static inline uint64_t cpu_counter(void)
{
    struct timespec t;

    timespec_get(&t, TIME_UTC);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline int64_t clock_nanotime(void)
{
    return (int64_t)cpu_counter();
}

static inline uint64_t clock_ns_to_ticks(int64_t ns)
{
    return (uint64_t)ns;
}

#endif
