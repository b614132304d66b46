/*
 * support/xtime.h - clocks that must be there. Stands in for the file of this name in glibc.
 */
#ifndef SHIM_SUPPORT_XTIME_H
#define SHIM_SUPPORT_XTIME_H

#include <support/check.h>
#include <time.h>

static inline struct timespec xclock_now(clockid_t clock)
{
    struct timespec ts;

    TEST_VERIFY_EXIT(clock_gettime(clock, &ts) == 0);
    return ts;
}

static inline void xclock_gettime(clockid_t clock, struct timespec *ts)
{
    *ts = xclock_now(clock);
}

#endif
