/*
 * memstats.h - the figures of rt0/mem.h on the console.
 */
#ifndef SCHED_MEMSTATS_H
#define SCHED_MEMSTATS_H

/* The kernel's key `memstats=1`: what exit() prints. Ctx: G. */
void memstats_print(void);

#endif
