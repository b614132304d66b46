/*
 * rt0/time.h - time.
 */
#ifndef RT0_TIME_H
#define RT0_TIME_H

#include <stdint.h>

/* nanotime - nanoseconds since the machine's counter started; monotonic, the same on every core.
 * Ctx: any. */
int64_t nanotime(void);

#endif
