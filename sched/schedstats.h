/*
 * schedstats.h - the figures of rt0/sched.h on the console.
 */
#ifndef SCHED_SCHEDSTATS_H
#define SCHED_SCHEDSTATS_H

/* The kernel's key `schedstats=1`: what exit() prints. Ctx: G. */
void schedstats_print(void);

#endif
