/*
 * walltime.h - the time of day.
 */
#ifndef KERNEL_WALLTIME_H
#define KERNEL_WALLTIME_H

#include <stdint.h>

/* Reads the machine's real-time clock; without one, the time is 0 now. Ctx: boot, after clock_init(). */
void walltime_init(void);

/* Nanoseconds since 1970-01-01 00:00:00 UTC. Ctx: any. */
int64_t walltime(void);

/* From now on it is ns. Ctx: any. */
void walltime_set(int64_t ns);

#endif
