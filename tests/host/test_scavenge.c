/*
 * test_scavenge.c - which free pages go back, when, and in what steps.
 *
 * Goal:   nothing beyond the goal is taken, nothing before its time, no more than a step at once,
 *         for no more than 1% of one core; whatever the device does, no page is freed twice or
 *         forgotten; without a device nothing happens, at the cost of one look.
 * Method: an allocator and a device that only count; a clock that the test drives: run() calls as
 *         often as it is asked to. Each case is a process of its own, since the state is static.
 * Time:   under 1 s.
 */
#include "kernel/scavenge.h"

#include "kernel/balloon.h"
#include "kernel/page.h"
#include "rt0/time.h"
#include "tests/host/tap.h"

#include <sys/wait.h>
#include <unistd.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)
#define MIB(n) ((size_t)(n) << 8) // pages

/* The device: what it answers, and how often it says that it needs more time before. */
static unsigned device_ranges = 32;
static enum balloon_answer device_answer = BALLOON_GIVEN;
static unsigned device_polls;
static unsigned polls_left;
static int64_t device_ns = 20000; // that a poll takes
static unsigned opened_device;
static unsigned reports;
static size_t reported; // pages in the last report

/* The allocator: runs of run_max pages, backed below. */
static struct pagestats st = {.total = MIB(1024)};
static size_t run_max = MIB(1024);
static size_t taken; // and not given back yet
static size_t took_largest;

static int64_t now = 5 * SECOND;

int64_t nanotime(void)
{
    return now += 1000;
}

size_t page_total(void)
{
    return st.total;
}

void page_stats(struct pagestats *out)
{
    *out = st;
}

size_t page_scavenge_take(size_t max, uint64_t *pa)
{
    size_t n = st.opened - st.scavenged - st.in_use;

    n = n < max ? n : max;
    n = (n < run_max ? n : run_max) / PAGE_GROUP * PAGE_GROUP;
    *pa = 0x100000;
    st.in_use += n;
    taken += n;
    took_largest = taken > took_largest ? taken : took_largest;
    return n;
}

void page_scavenge_done(uint64_t pa, size_t n, bool given)
{
    if (pa != 0x100000 || n > taken || n > st.in_use || given != (device_answer == BALLOON_GIVEN))
        abort();
    st.in_use -= n;
    taken -= n;
    st.scavenged += given ? n : 0;
}

unsigned balloon_open(void)
{
    opened_device++;
    return device_ranges;
}

void balloon_report(const struct memrange *ranges, unsigned n)
{
    if (n == 0 || n > device_ranges)
        abort();
    reported = 0;
    for (unsigned i = 0; i < n; i++)
        reported += ranges[i].bytes >> 12;
    reports++;
    polls_left = device_polls;
}

enum balloon_answer balloon_poll(void)
{
    now += device_ns;
    return polls_left-- != 0 ? BALLOON_WAIT : device_answer;
}

/* The program has n pages, and had them long enough for the host to back them. */
static void use(size_t n)
{
    st.in_use = n;
    if (st.opened - st.scavenged < n) {
        size_t more = n - (st.opened - st.scavenged);
        size_t again = more < st.scavenged ? more : st.scavenged;

        st.scavenged -= again;
        st.opened += more - again;
    }
}

static int64_t first_ns, spent_ns, last_next;
static unsigned calls;

/* An idle core: calls when it is asked to, or after SCAVENGE_LOOK_NS, until `until`. */
static void run(int64_t until)
{
    while (now < until) {
        int64_t began = now;
        unsigned before = reports;

        scavenge_step(now, &last_next);
        calls++;
        if (reports > before && first_ns == 0)
            first_ns = began;
        spent_ns += now - began;
        if (last_next > now + SCAVENGE_LOOK_NS)
            last_next = now + SCAVENGE_LOOK_NS;
        now = last_next > now ? last_next : now;
    }
}

static size_t backed(void)
{
    return st.opened - st.scavenged;
}

/* ---- cases ----------------------------------------------------------------- */

/* As memreclaim() does. */
static size_t scavenge_all(void)
{
    size_t all = 0, pages;

    while ((pages = scavenge_batch()) != 0)
        all += pages;
    return all;
}

static void test_goal(void)
{
    int64_t freed;

    use(MIB(10));
    run(now + 3 * SECOND);
    use(MIB(600));
    run(now + 3 * SECOND);
    ok(reports == 0 && opened_device == 0, "nothing is free: the device is not looked for");
    use(MIB(100));
    freed = now;
    spent_ns = 0;
    run(now + 30 * SECOND);
    ok(first_ns - freed >= SECOND && first_ns - freed <= 3 * SECOND, "the first step after %lld ms",
       (long long)((first_ns - freed) / MS));
    ok(backed() >= MIB(110) - 256 && backed() <= MIB(110) + PAGE_GROUP,
       "10%% more than in use is kept: %zu pages", backed());
    ok(took_largest <= MIB(2) && opened_device == 1, "no step took more than 2 MiB: %zu pages",
       took_largest);
    ok(taken == 0 && st.in_use == MIB(100), "and all came back to the allocator");
    ok(scavenge_all() >= MIB(10) - 2 * PAGE_GROUP && backed() < MIB(100) + PAGE_GROUP,
       "all at once: what is free");
    ok(scavenge_all() == 0, "and then nothing");
}

static void test_small(void)
{
    use(MIB(8));
    run(now + 3 * SECOND);
    use(MIB(4));
    run(now + 10 * SECOND);
    ok(reports == 0, "4 MiB are always kept");
    use(0);
    run(now + 10 * SECOND);
    ok(backed() >= MIB(4) && backed() < MIB(4) + PAGE_GROUP, "and no more");
}

static void test_pacing(void)
{
    int64_t began;

    use(MIB(100000));
    run(now + 3 * SECOND);
    use(0);
    run(now + 3 * SECOND);
    began = now;
    spent_ns = 0;
    reports = 0;
    run(now + SECOND);
    ok(reports > 50, "%u steps in a second", reports);
    ok(spent_ns * 98 <= now - began, "%lld us of %lld: 1%%", (long long)(spent_ns / 1000),
       (long long)((now - began) / 1000));
    /* A host that takes the core away for a second during a step. */
    device_ns = SECOND;
    while (!scavenge_step(now, &last_next))
        now = last_next;
    ok(last_next - now <= 100 * MS, "time that was taken away is not paid for a hundred times");
}

/* Between two looks. */
static void test_unseen(void)
{
    use(MIB(10));
    run(now + 3 * SECOND);
    use(MIB(300));
    use(MIB(10));
    int64_t freed = now;
    run(now + 10 * SECOND);
    ok(first_ns - freed >= SECOND, "a use that no look saw counts as one");

    run(now + 30 * SECOND);
    use(MIB(500));
    run(now + 3 * SECOND);
    use(MIB(10));
    now += 100 * SECOND;
    freed = now;
    first_ns = 0;
    run(now + 10 * SECOND);
    ok(first_ns - freed >= SECOND, "a time in which nobody looked may have had any peak");
}

/* A program whose size goes up and down quicker than an epoch. */
static void test_swing(void)
{
    use(MIB(400));
    run(now + 2 * SECOND);
    for (unsigned i = 0; i < 100; i++) {
        use(i % 2 ? MIB(400) : MIB(20));
        run(now + 300 * MS);
    }
    ok(reports == 0, "what is wanted again soon is kept");
}

static void test_slow_device(void)
{
    use(MIB(300));
    run(now + 3 * SECOND);
    use(MIB(10));
    device_polls = 20;
    run(now + 3 * SECOND);
    ok(reports > 1 && taken <= MIB(2), "a device that answers late: %u reports", reports);
    run(now + 60 * SECOND);
    ok(backed() <= MIB(15) && taken == 0, "all goes back nevertheless");
}

/* The answer comes after the machine had other work. */
static void test_left(void)
{
    use(MIB(300));
    run(now + 3 * SECOND);
    use(MIB(10));
    device_polls = 1000000;
    run(now + 3 * SECOND);
    ok(reports == 1 && taken == MIB(2), "the report waits");
    polls_left = device_polls = 0;
    ok(scavenge_all() > MIB(280) && taken == 0, "a batch takes its answer first");
}

static void test_dead(enum balloon_answer answer)
{
    device_answer = answer;
    use(MIB(300));
    run(now + 3 * SECOND);
    use(MIB(10));
    run(now + 5 * SECOND);
    ok(reports == 1 && opened_device == 1 && st.scavenged == 0, "a dead device gets one report");
    ok(taken == (answer == BALLOON_LOST ? MIB(2) : 0), "%zu pages are lost", taken);
    calls = 0;
    ok(!scavenge_step(now, &last_next) && last_next == INT64_MAX, "no further step is wanted");
    ok(scavenge_all() == 0 && reports == 1, "and nothing goes at once either");
}

static void test_none(void)
{
    device_ranges = 0;
    use(MIB(300));
    run(now + 3 * SECOND);
    use(MIB(10));
    run(now + 5 * SECOND);
    ok(opened_device == 1 && reports == 0 && taken == 0, "without a device: looked for once");
    ok(!scavenge_step(now, &last_next) && last_next == INT64_MAX, "no further step is wanted");
    ok(scavenge_all() == 0 && opened_device == 1, "nothing goes");
}

static void test_fragments(void)
{
    run_max = PAGE_GROUP;
    device_ranges = 8;
    use(MIB(300));
    run(now + 3 * SECOND);
    use(MIB(10));
    run(now + 5 * SECOND);
    ok(reports > 1 && reported == 8 * PAGE_GROUP, "no more ranges than the device takes");
    run_max = 0;
    reports = 0;
    calls = 0;
    run(now + 5 * SECOND);
    ok(reports == 0 && calls < 60, "runs that are too short: %u looks in 5 s", calls);
    ok(scavenge_all() == 0, "nothing at once");
}

/* However often it is called. */
static void test_quiet(void)
{
    int64_t next;
    bool worked = false;

    use(MIB(10));
    for (unsigned i = 0; i < 100000; i++) {
        worked |= scavenge_step(now, &next);
        now += 10000;
    }
    ok(!worked && reports == 0, "nothing to do");
    run(now + SECOND);
    now += 2 * SECOND;
    scavenge_step(now, &next);
    ok(next == INT64_MAX, "and nothing wanted");
}

static void test_off(void)
{
    test_dead(BALLOON_OFF);
}

static void test_lost(void)
{
    test_dead(BALLOON_LOST);
}

/* The child's counts go on from here, and come back; a child that dies counts as a failure. */
static void run_case(void (*test)(void))
{
    unsigned counts[2];
    int fds[2];

    fflush(stdout);
    if (pipe(fds) != 0)
        abort();
    if (fork() == 0) {
        test();
        counts[0] = tap_run;
        counts[1] = tap_failed;
        _exit(write(fds[1], counts, sizeof(counts)) != sizeof(counts));
    }
    close(fds[1]);
    bool told = read(fds[0], counts, sizeof(counts)) == sizeof(counts);
    close(fds[0]);
    wait(NULL);
    if (told) {
        tap_run = counts[0];
        tap_failed = counts[1];
    }
    ok(told, "the case came to its end");
}

int main(void)
{
    static void (*const cases[])(void) = {
        test_goal, test_small, test_pacing, test_unseen,    test_swing, test_slow_device,
        test_left, test_off,   test_lost,   test_fragments, test_none,  test_quiet,
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        run_case(cases[i]);
    return done();
}
