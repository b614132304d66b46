/*
 * machine/time.h - the unit of clock_t, which POSIX fixes; a libc for bare machines has another.
 */
#ifndef RT0_POSIX_MACHINE_TIME_H
#define RT0_POSIX_MACHINE_TIME_H

#define _CLOCKS_PER_SEC_ 1000000

#endif
