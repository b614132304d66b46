/*
 * sleep.c - POSIX's ways to wait. There are no signals, so none ends early, and none says what is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "kernel/walltime.h"
#include "posix/timespec.h"
#include "rt0/cancel.h"
#include "rt0/go.h"
#include "rt0/time.h"

/* thread.c's; absent in a program without threads, which nobody could call off. */
struct cancel *thread_cancel(void) __attribute__((weak));
_Noreturn void thread_canceled(void) __attribute__((weak));

static void rest(int64_t ns)
{
    struct cancel *cancel = thread_cancel ? thread_cancel() : NULL;

    if (!cancel)
        sleep_ns(ns);
    else if (sleep_cancel(ns, cancel))
        thread_canceled();
}

/* The clocks may be set meanwhile, and nobody is woken for that: who is early then waits for the rest. */
static void sleep_until(int64_t (*clock)(void), int64_t when)
{
    int64_t left;

    while (!__builtin_sub_overflow(when, clock(), &left) && left > 0)
        rest(left);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *ts, struct timespec *left)
{
    (void)left;
    if (!timespec_valid(ts) || (ts->tv_sec < 0 && !(flags & TIMER_ABSTIME)))
        return EINVAL;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
        break;
    case CLOCK_PROCESS_CPUTIME_ID:
        return ENOTSUP;
    default:
        return EINVAL;
    }
    if (flags & TIMER_ABSTIME)
        sleep_until(id == CLOCK_REALTIME ? walltime : nanotime, timespec_to_ns(ts));
    else
        rest(timespec_to_ns(ts));
    return 0;
}

int nanosleep(const struct timespec *ts, struct timespec *left)
{
    int err = clock_nanosleep(CLOCK_MONOTONIC, 0, ts, left);

    if (err == 0)
        return 0;
    errno = err;
    return -1;
}

unsigned sleep(unsigned seconds)
{
    rest(seconds * NS_PER_S);
    return 0;
}

int usleep(useconds_t us)
{
    rest((int64_t)us * 1000);
    return 0;
}

int sched_yield(void)
{
    gosched();
    return 0;
}
