/*
 * time.h - the libc's, and C11's timespec_get(), which it lacks.
 */
#ifndef RT0_POSIX_TIME_H
#define RT0_POSIX_TIME_H

#include <sys/features.h>

/* picolibc 1.8.10 uses pid_t without it. */
#if __POSIX_VISIBLE
#include <sys/types.h>
#endif

#include_next <time.h>

#if __ISO_C_VISIBLE >= 2011

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TIME_UTC
#define TIME_UTC 1
int timespec_get(struct timespec *ts, int base);
#endif

#ifdef __cplusplus
}
#endif

#endif

#endif
