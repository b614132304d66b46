/*
 * deadline.c - until when.
 */
#include "posix/deadline.h"

#include <errno.h>

#include "posix/timespec.h"
#include "rt0/time.h"

bool deadline_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

/* Both clocks are read, nanotime() second: what passes in between makes the deadline later, never earlier. */
int deadline_of(clockid_t clock, const struct timespec *abstime, int64_t *deadline_ns)
{
    struct timespec now;
    int64_t left;

    *deadline_ns = DEADLINE_NONE;
    if (!abstime)
        return 0;
    if (!deadline_clock(clock) || !timespec_valid(abstime))
        return EINVAL;
    if (clock_gettime(clock, &now))
        return EINVAL;
    if (__builtin_sub_overflow(timespec_to_ns(abstime), timespec_to_ns(&now), &left))
        left = abstime->tv_sec < 0 ? INT64_MIN : INT64_MAX;
    if (left <= 0)
        *deadline_ns = DEADLINE_NOW + 1; // past, and not "try once"
    else if (__builtin_add_overflow(nanotime(), left, deadline_ns))
        *deadline_ns = DEADLINE_NONE;
    return 0;
}
