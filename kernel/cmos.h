/*
 * cmos.h - the PC's real-time clock, an MC146818 and its descendants.
 */
#ifndef KERNEL_CMOS_H
#define KERNEL_CMOS_H

#include <stdint.h>

#include "kernel/errbuf.h"

/* Gives one of the clock's registers. */
typedef uint8_t cmos_read_fn(uint8_t reg);

/*
 * cmos_read_time - the clock's time in seconds since 1970, taking it for UTC.
 * century  the register that has the century; 0: none has, and the years are 1970 to 2069.
 * Returns 0; -ENODEV: nothing answers; -EIO: the clock never stops to update; -EINVAL: its battery was
 * empty, or there is no such time; with a line in e.
 * Ctx: boot.
 */
int cmos_read_time(cmos_read_fn *read, uint8_t century, int64_t *seconds, struct errbuf *e);

#endif
