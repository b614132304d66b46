/*
 * support/timespec.h - comparing times. Stands in for the file of this name in glibc.
 */
#ifndef SHIM_SUPPORT_TIMESPEC_H
#define SHIM_SUPPORT_TIMESPEC_H

#include <errno.h>
#include <stdio.h>
#include <support/check.h>
#include <support/xtime.h>

#define TIMESPEC_HZ 1000000000L

static inline struct timespec make_timespec(time_t seconds, long ns)
{
    return (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
}

static inline struct timespec timespec_add(struct timespec a, struct timespec b)
{
    struct timespec sum = {.tv_sec = a.tv_sec + b.tv_sec, .tv_nsec = a.tv_nsec + b.tv_nsec};

    if (sum.tv_nsec >= TIMESPEC_HZ) {
        sum.tv_nsec -= TIMESPEC_HZ;
        sum.tv_sec++;
    }
    return sum;
}

static inline bool shim_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

#define TEST_TIMESPEC_BEFORE(a, b)           TEST_VERIFY(shim_before((a), (b)))
#define TEST_TIMESPEC_EQUAL_OR_AFTER(a, b)   TEST_VERIFY(!shim_before((a), (b)))
#define TEST_TIMESPEC_BEFORE_NOW(a, clock)   TEST_TIMESPEC_BEFORE((a), xclock_now(clock))
#define TEST_TIMESPEC_NOW_OR_AFTER(clock, a) TEST_TIMESPEC_EQUAL_OR_AFTER(xclock_now(clock), (a))

#endif
