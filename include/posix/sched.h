/*
 * sched.h - the libc's, and sched_yield(), which it declares only where processes have priorities.
 */
#ifndef RT0_POSIX_SCHED_H
#define RT0_POSIX_SCHED_H

#include_next <sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What numbers mean is the scheduling policy's; a thread is told at pthread_create(). */
int sched_get_priority_min(int policy);
int sched_get_priority_max(int policy);

/* The core that runs the caller. */
int sched_getcpu(void);

#define CPU_SETSIZE 64

typedef struct {
    unsigned long __bits[1];
} cpu_set_t;

#define CPU_ZERO(set)       ((void)((set)->__bits[0] = 0))
#define CPU_SET(cpu, set)   ((void)((set)->__bits[0] |= 1ul << (cpu)))
#define CPU_CLR(cpu, set)   ((void)((set)->__bits[0] &= ~(1ul << (cpu))))
#define CPU_ISSET(cpu, set) ((int)((set)->__bits[0] >> (cpu)&1))
#define CPU_COUNT(set)      __builtin_popcountl((set)->__bits[0])

/* Lets the other goroutines that wait run first. Returns 0. */
int sched_yield(void);

#ifdef __cplusplus
}
#endif

#endif
