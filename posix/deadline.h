/*
 * deadline.h - until when: POSIX's clocks and times as a deadline of rt0/time.h.
 */
#ifndef POSIX_DEADLINE_H
#define POSIX_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * deadline_of - *deadline_ns: the nanotime() at which the clock shows *abstime, or later; DEADLINE_NONE if abstime
 * is NULL. Returns 0; EINVAL: not CLOCK_REALTIME or CLOCK_MONOTONIC, or no time.
 * A realtime clock that is set meanwhile does not move a deadline that is under way.
 */
int deadline_of(clockid_t clock, const struct timespec *abstime, int64_t *deadline_ns);

/* Whether something may be waited for until a time of this clock: one of the two. */
bool deadline_clock(clockid_t clock);

#endif
