/*
 * clock.c - POSIX's clocks. time() and clock() are the libc's own, on top of gettimeofday() and times().
 *
 * The process's processor time is what has passed since the image's first instruction: the machine
 * belongs to the program, whether it uses its cores or not. A thread's is its goroutine's own.
 */
#define _GNU_SOURCE // for all the clocks' names
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "arch/arch.h"
#include "kernel/walltime.h"
#include "posix/timespec.h"
#include "rt0/sched.h"
#include "rt0/time.h"

#define NS_PER_TICK (NS_PER_S / CLOCKS_PER_SEC)

static int64_t thread_ns(void)
{
    struct gostats st;

    gostats_read(&st);
    return st.cpu_ns;
}

static int64_t process_ns(void)
{
    return nanotime() - clock_entry();
}

static bool clock_read(clockid_t id, int64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = walltime();
        return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = nanotime();
        return true;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = process_ns();
        return true;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = thread_ns();
        return true;
    default:
        return false;
    }
}

static int invalid(void)
{
    errno = EINVAL;
    return -1;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int64_t ns;

    if (!clock_read(id, &ns))
        return invalid();
    *ts = timespec_from_ns(ns);
    return 0;
}

/* All of them are the machine's counter, of which a tick may be less than a nanosecond. */
int clock_getres(clockid_t id, struct timespec *res)
{
    int64_t now, tick = clock_ticks_to_ns(1);

    if (!clock_read(id, &now))
        return invalid();
    if (res)
        *res = timespec_from_ns(tick > 0 ? tick : 1);
    return 0;
}

/* The machine's real-time clock is left as it is. Who sleeps until a time of day sleeps as long as it
 * seemed then. */
int clock_settime(clockid_t id, const struct timespec *ts)
{
    if (id != CLOCK_REALTIME || !timespec_valid(ts) || ts->tv_sec < 0)
        return invalid();
    walltime_set(timespec_to_ns(ts));
    return 0;
}

int clock_getcpuclockid(pid_t pid, clockid_t *id)
{
    if (pid != 0 && pid != 1)
        return ESRCH;
    *id = CLOCK_PROCESS_CPUTIME_ID;
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict timezone)
{
    struct timespec ts = timespec_from_ns(walltime());

    (void)timezone;
    if (tv)
        *tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = (suseconds_t)(ts.tv_nsec / 1000)};
    return 0;
}

int timespec_get(struct timespec *ts, int base)
{
    if (base != TIME_UTC)
        return 0;
    *ts = timespec_from_ns(walltime());
    return base;
}

clock_t times(struct tms *t)
{
    clock_t now = (clock_t)(process_ns() / NS_PER_TICK);

    if (t)
        *t = (struct tms){.tms_utime = now};
    return now;
}
