/*
 * libc_time.c - the clocks, waiting, the environment, and what else a C library keeps: of all goroutines at once.
 *
 * Goal:   every clock goes on and agrees with nanotime(); no wait ends early; refusals say why; the environment
 *         is one for all, rand() and gmtime()'s result each goroutine's own.
 * Method: a clock is read between two readings of nanotime(); nothing is said of how long anything takes.
 *         What the machine's clock and the command line give, tests/check/time sees.
 * Budget: 15 s.
 */
#define _GNU_SOURCE // all clocks

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "rt0/time.h"
#include "tests/guest/all_of.h"

#define NS_PER_S INT64_C(1000000000)

extern char **environ;

static int64_t ns_of(const struct timespec *ts)
{
    return ts->tv_sec * NS_PER_S + ts->tv_nsec;
}

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = {-1, -1};

    return clock_gettime(id, &ts) == 0 && ts.tv_nsec >= 0 && ts.tv_nsec < NS_PER_S ? ns_of(&ts)
                                                                                   : -1;
}

/* ---- the clocks ---- */

/* Each reading lies between two of nanotime(), if that much is taken away from it. */
static bool agrees(clockid_t id, int64_t offset)
{
    bool good = true;

    for (int i = 0; i < 1000; i++) {
        int64_t before = nanotime(), ns = read_clock(id) - offset, after = nanotime();
        good &= before <= ns && ns <= after;
    }
    return good;
}

static void test_clocks(void)
{
    static const clockid_t elapsed[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                        CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};

    for (size_t i = 0; i < LENGTH(elapsed); i++)
        ok(agrees(elapsed[i], 0), "clock %d is nanotime()", (int)elapsed[i]);
    int64_t start = clock_entry();
    ok(agrees(CLOCK_PROCESS_CPUTIME_ID, -start), "the process's time began with the image");
    for (size_t i = 0; i < LENGTH(elapsed); i++) {
        struct timespec res = {-1, -1};
        ok(clock_getres(elapsed[i], &res) == 0 && res.tv_sec == 0 && res.tv_nsec >= 1 &&
               res.tv_nsec <= 1000,
           "clock %d has ticks of %ld ns", (int)elapsed[i], res.tv_nsec);
    }
    ok(clock_getres(CLOCK_REALTIME, NULL) == 0, "clock_getres() without a place for it");
    clockid_t id = -1;
    ok(clock_getcpuclockid(0, &id) == 0 && id == CLOCK_PROCESS_CPUTIME_ID &&
           clock_getcpuclockid(getpid(), &id) == 0 && clock_getcpuclockid(77, &id) == ESRCH,
       "clock_getcpuclockid()");
}

static void test_time_of_day(void)
{
    struct timespec ts = {.tv_sec = 2000000000, .tv_nsec = 999999999};
    struct timeval tv;

    int64_t before = nanotime();
    ok(clock_settime(CLOCK_REALTIME, &ts) == 0, "clock_settime()");
    int64_t after = nanotime(), real = read_clock(CLOCK_REALTIME),
            mono = read_clock(CLOCK_MONOTONIC);
    ok(real >= ns_of(&ts) && real <= ns_of(&ts) + (mono - before),
       "it is what was set, and goes on");
    /* Where the constant that is added to nanotime() must lie, by each pair of readings. */
    int64_t least = ns_of(&ts) - after, most = ns_of(&ts) - before;
    for (int i = 0; i < 100; i++) {
        int64_t t0 = nanotime(), now = read_clock(CLOCK_REALTIME), t1 = nanotime();
        least = now - t1 > least ? now - t1 : least;
        most = now - t0 < most ? now - t0 : most;
    }
    ok(least <= most, "nanotime() and a constant");
    ok(time(NULL) >= 2000000000 && gettimeofday(&tv, NULL) == 0 && tv.tv_usec >= 0 &&
           tv.tv_usec < 1000000,
       "time() and gettimeofday()");
    for (int i = 0; i < 100; i++) {
        int64_t t0 = read_clock(CLOCK_REALTIME);
        gettimeofday(&tv, NULL);
        time_t s = time(NULL);
        ok(timespec_get(&ts, TIME_UTC) == TIME_UTC, "timespec_get()");
        int64_t us = (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
        if (!check(t0 / 1000 <= us && us <= ns_of(&ts) / 1000 && t0 / NS_PER_S <= s &&
                       s <= ns_of(&ts) / NS_PER_S && s >= tv.tv_sec,
                   "all ways to ask for the time agree"))
            break;
    }
    ok(timespec_get(&ts, 0) == 0 && timespec_get(&ts, 77) == 0, "timespec_get() of another base");
}

static void test_clock_refusals(void)
{
    struct timespec ts = {1, 0}, bad = {1, NS_PER_S}, negative = {1, -1}, early = {-1, 0};

    errno = 0;
    ok(clock_gettime(77, &ts) == -1 && errno == EINVAL, "clock_gettime() of no clock");
    errno = 0;
    ok(clock_getres(-1, &ts) == -1 && errno == EINVAL, "clock_getres() of no clock");
    errno = 0;
    ok(clock_settime(CLOCK_MONOTONIC, &ts) == -1 && errno == EINVAL, "a clock that can't be set");
    errno = 0;
    ok(clock_settime(CLOCK_REALTIME, &bad) == -1 && errno == EINVAL &&
           clock_settime(CLOCK_REALTIME, &negative) == -1 &&
           clock_settime(CLOCK_REALTIME, &early) == -1,
       "a time that is none");
}

/* They end only because the clock goes on. */
static void test_processor_time(void)
{
    struct tms t;
    clock_t c = clock(), later;

    ok(CLOCKS_PER_SEC == 1000000, "clock_t counts microseconds");
    do
        later = clock();
    while (later == c);
    ok(later > c && times(&t) >= later && t.tms_utime >= later, "clock() and times() go on");
    int64_t start = nanotime(), mine = read_clock(CLOCK_THREAD_CPUTIME_ID), now;
    do
        now = read_clock(CLOCK_THREAD_CPUTIME_ID);
    while (now < mine + 100000);
    ok(now - mine <= nanotime() - start, "a goroutine's processor time goes on as it runs");
}

static void test_calendar(void)
{
    time_t t = 1000000000;
    struct tm tm;
    char text[80];

    ok(gmtime_r(&t, &tm) == &tm && tm.tm_year == 101 && tm.tm_mon == 8 && tm.tm_mday == 9 &&
           tm.tm_hour == 1 && tm.tm_min == 46 && tm.tm_sec == 40 && tm.tm_wday == 0 &&
           tm.tm_yday == 251,
       "gmtime_r()");
    ok(mktime(&tm) == t && localtime_r(&t, &tm) == &tm && tm.tm_hour == 1,
       "mktime(): local is UTC");
    ok(strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a", &tm) == 23 &&
           strcmp(text, "2001-09-09 01:46:40 Sun") == 0,
       "strftime(): %s", text);
    ok(strcmp(ctime_r(&t, text), "Sun Sep  9 01:46:40 2001\n") == 0, "ctime_r()");
    ok(difftime(t + 5, t) == 5.0, "difftime()");
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    ok(localtime_r(&t, &tm) == &tm && tm.tm_hour == 3 && tm.tm_isdst == 1, "TZ is minded");
    setenv("TZ", "UTC0", 1); // newlib's mktime() keeps a zone that is only taken away
    tzset();
}

/* ---- waiting ---- */

static bool waits(int64_t ns)
{
    struct timespec ts = {ns / NS_PER_S, ns % NS_PER_S};
    int64_t before = nanotime();

    return nanosleep(&ts, &ts) == 0 && nanotime() - before >= ns;
}

static bool waits_until(clockid_t id, int64_t ns)
{
    int64_t when = read_clock(id) + ns;
    struct timespec ts = {when / NS_PER_S, when % NS_PER_S};

    return clock_nanosleep(id, TIMER_ABSTIME, &ts, NULL) == 0 && read_clock(id) >= when;
}

static void wait_in_all_ways(void *arg)
{
    int64_t ns = 1000 * (1 + (intptr_t)arg % 50);
    struct timespec ts = {0, ns};

    for (int i = 0; i < 20; i++) {
        fail_once(waits(ns));
        fail_once(waits_until(CLOCK_MONOTONIC, ns));
        fail_once(waits_until(CLOCK_REALTIME, ns));
        int64_t before = nanotime();
        fail_once(clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL) == 0 && nanotime() >= before + ns);
        before = nanotime();
        fail_once(usleep((useconds_t)(ns / 1000)) == 0 && nanotime() >= before + ns);
    }
    finish();
}

static void test_waiting(void)
{
    ok(waits(1) && waits(0) && waits(1000000), "nanosleep() is never early");
    ok(waits_until(CLOCK_MONOTONIC, 1000000) && waits_until(CLOCK_REALTIME, 1000000) &&
           waits_until(CLOCK_BOOTTIME, 1000000),
       "clock_nanosleep() until a time");
    ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){-5, 0}, NULL) == 0 &&
           clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){0, 0}, NULL) == 0,
       "a time that has been does not wait");
    int64_t before = nanotime();
    ok(sleep(0) == 0 && sleep(1) == 0 && nanotime() - before >= NS_PER_S, "sleep()");
    ok(all_of(wait_in_all_ways, 100) == 0, "100 goroutines wait in all ways");
}

static void test_wait_refusals(void)
{
    struct timespec bad = {0, NS_PER_S}, negative = {0, -1}, early = {-1, 0}, good = {0, 1};

    errno = 0;
    ok(nanosleep(&bad, NULL) == -1 && errno == EINVAL && nanosleep(&negative, NULL) == -1 &&
           nanosleep(&early, NULL) == -1,
       "nanosleep() of no time");
    errno = 0;
    ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &bad, NULL) == EINVAL &&
           clock_nanosleep(77, 0, &good, NULL) == EINVAL &&
           clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &good, NULL) == EINVAL &&
           clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &good, NULL) == ENOTSUP && errno == 0,
       "clock_nanosleep() returns its error");
}

static atomic_bool ran;

static void set_ran(void *arg)
{
    (void)arg;
    atomic_store(&ran, true);
    finish();
}

static void test_yield(void)
{
    bool good = true;

    start(set_ran, NULL);
    while (!atomic_load(&ran))
        good &= sched_yield() == 0;
    join(1);
    ok(good, "sched_yield() lets another run");
}

/* ---- what is everybody's, and what each goroutine's ---- */

static void use_environment(void *arg)
{
    char name[32], value[64];

    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "VAR_%d_%d", (int)(intptr_t)arg, i % 4);
        snprintf(value, sizeof value, "%d of %d %.*s", i, (int)(intptr_t)arg, i,
                 "a value that grows as it goes");
        fail_once(setenv(name, value, 1) == 0);
        gosched();
        const char *got = getenv(name);
        fail_once(got && strcmp(got, value) == 0);
        fail_once(setenv(name, "not this", 0) == 0 && strcmp(getenv(name), value) == 0);
        if (i % 4 == 3) {
            fail_once(unsetenv(name) == 0 && !getenv(name));
        }
    }
    finish();
}

static void test_environment(void)
{
    errno = 0;
    ok(setenv("A=B", "x", 1) == -1 && errno == EINVAL, "setenv() of a name with '='");
    ok(!getenv("NONE") && setenv("ONE", "1", 1) == 0 && strcmp(getenv("ONE"), "1") == 0 &&
           setenv("ONE", "a longer value than before", 1) == 0 &&
           strcmp(getenv("ONE"), "a longer value than before") == 0 && !getenv("ON"),
       "setenv() and getenv()");
    ok(all_of(use_environment, 60) == 0, "60 goroutines set and read variables");
    int n = 0;
    for (char **e = environ; *e; e++)
        n += strncmp(*e, "VAR_", 4) == 0;
    ok(n == 60 * 3, "environ has what they left: %d", n);
}

static unsigned int sequence(unsigned seed, void (*between)(void))
{
    unsigned int sum = 0;

    srand(seed);
    for (int i = 0; i < 50; i++) {
        sum = sum * 31 + (unsigned)rand();
        if (between)
            between();
    }
    return sum;
}

static unsigned expected[60];

static void use_rand(void *arg)
{
    size_t i = (size_t)(intptr_t)arg % LENGTH(expected);

    fail_once(sequence((unsigned)i, gosched) == expected[i]);
    finish();
}

static void use_calendar(void *arg)
{
    time_t t = 1000000000 + (intptr_t)arg * 86399;
    char text[64];

    for (int i = 0; i < 10; i++) {
        struct tm *tm = gmtime(&t), copy;
        gosched();
        copy = *tm;
        fail_once(mktime(&copy) == t);
        strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y\n", tm);
        const char *shown = asctime(tm);
        gosched();
        fail_once(strcmp(shown, text) == 0);
    }
    finish();
}

static void test_per_goroutine(void)
{
    for (size_t i = 0; i < LENGTH(expected); i++)
        expected[i] = sequence((unsigned)i, NULL);
    ok(all_of(use_rand, 60) == 0, "60 goroutines have each its own rand()");
    ok(all_of(use_calendar, 60) == 0, "60 goroutines have each its own gmtime() and asctime()");
}

int main(void)
{
    finished = chan_make(0, 0);
    test_clocks();
    test_time_of_day();
    test_clock_refusals();
    test_processor_time();
    test_calendar();
    test_waiting();
    test_wait_refusals();
    test_yield();
    test_environment();
    test_per_goroutine();
    return done();
}
