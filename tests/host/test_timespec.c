/*
 * test_timespec.c - POSIX's times and nanoseconds.
 *
 * Goal:   the two are converted exactly where both can hold the time, and never overflow.
 * Method: directed cases, and random ones there and back.
 * Time:   under 1 s.
 */
#include "posix/timespec.h"

#include "tests/host/tap.h"

static struct timespec ts(int64_t s, long ns)
{
    return (struct timespec){.tv_sec = s, .tv_nsec = ns};
}

static bool is(struct timespec t, int64_t s, long ns)
{
    return t.tv_sec == s && t.tv_nsec == ns;
}

static int64_t to_ns(int64_t s, long ns)
{
    struct timespec t = ts(s, ns);

    return timespec_to_ns(&t);
}

static bool valid(long ns)
{
    struct timespec t = ts(0, ns);

    return timespec_valid(&t);
}

static void test_there_and_back(void)
{
    bool good = true;

    for (int i = 0; i < 1000000 && good; i++) {
        int64_t ns = (int64_t)rnd() >> rnd_below(64);
        struct timespec t = timespec_from_ns(ns);
        good = timespec_valid(&t) && (timespec_to_ns(&t) == ns || ns < INT64_MIN + NS_PER_S);
    }
    ok(good, "random times there and back");
}

int main(void)
{
    ok(valid(0) && valid(999999999) && !valid(-1) && !valid(1000000000), "valid nanoseconds");
    ok(to_ns(0, 0) == 0 && to_ns(1, 5) == 1000000005 && to_ns(-1, 1) == -999999999,
       "to nanoseconds");
    ok(to_ns(9223372036, 854775807) == INT64_MAX, "the last that fits");
    ok(to_ns(9223372036, 854775808) == INT64_MAX && to_ns(9223372037, 0) == INT64_MAX &&
           to_ns(INT64_MAX, 999999999) == INT64_MAX,
       "what does not fit is the last moment");
    ok(to_ns(-9223372037, 0) == INT64_MIN && to_ns(INT64_MIN, 0) == INT64_MIN, "or the first");
    ok(is(timespec_from_ns(0), 0, 0) && is(timespec_from_ns(1999999999), 1, 999999999) &&
           is(timespec_from_ns(2000000000), 2, 0),
       "from nanoseconds");
    ok(is(timespec_from_ns(-1), -1, 999999999) && is(timespec_from_ns(-1000000000), -1, 0) &&
           is(timespec_from_ns(-1000000001), -2, 999999999),
       "before 1970");
    ok(is(timespec_from_ns(INT64_MAX), 9223372036, 854775807) &&
           is(timespec_from_ns(INT64_MIN), -9223372037, 145224192),
       "the last and the first");
    test_there_and_back();
    return done();
}
