/*
 * timespec.h - POSIX's times and nanoseconds.
 */
#ifndef POSIX_TIMESPEC_H
#define POSIX_TIMESPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static inline bool timespec_valid(const struct timespec *ts)
{
    return ts->tv_nsec >= 0 && ts->tv_nsec < NS_PER_S;
}

/* What does not fit is the last or first moment there is, 292 years away. */
static inline int64_t timespec_to_ns(const struct timespec *ts)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)ts->tv_sec, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (int64_t)ts->tv_nsec, &ns))
        return ts->tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

/* Rounds down, so that tv_nsec is never negative. */
static inline struct timespec timespec_from_ns(int64_t ns)
{
    int64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;

    if (rest < 0) {
        seconds--;
        rest += NS_PER_S;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = (long)rest};
}

#endif
