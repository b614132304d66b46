/*
 * clock.c - the clock and the per-core alarm.
 *
 * Goal:   nanotime() never goes back, also not between cores; an alarm comes, once, and never early.
 * Method: a token that carries the last time goes round goroutines on all cores; each core in turn arms
 *         its alarm and spins until its count of timer interrupts has grown.
 */
#include <stdlib.h>

#include "arch/arch.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/tap.h"

#define ROUNDS 200

static int ncore;
static struct chan *finished;
static atomic_int backwards, early, missing, extra;

static void test_monotonic_here(void)
{
    int64_t last = nanotime();
    int back = 0;

    for (int i = 0; i < 100000; i++) {
        int64_t now = nanotime();
        back += now < last;
        last = now;
    }
    ok(back == 0, "100000 readings on one core never go back: %d", back);
    ok(last > 0, "the clock runs");
}

static void pass_on(void *arg)
{
    struct chan *token = arg;
    int64_t last;

    for (int i = 0; i < ROUNDS; i++) {
        chan_recv(token, &last);
        int64_t now = nanotime();
        if (now < last)
            atomic_fetch_add(&backwards, 1);
        chan_send(token, &now);
    }
    chan_send(finished, NULL);
}

static void test_monotonic_across(void)
{
    struct chan *token = chan_make(sizeof(int64_t), 1);
    int64_t now = nanotime();

    chan_send(token, &now);
    for (int i = 0; i < 2 * ncore; i++)
        go(pass_on, token);
    for (int i = 0; i < 2 * ncore; i++)
        chan_recv(finished, NULL);
    ok(atomic_load(&backwards) == 0, "a time handed from core to core never goes back: %d",
       atomic_load(&backwards));
}

/* The alarm is the test's from here on: for a core that counts as asleep the scheduler's handler only counts, and
 * nothing preempts. */
static struct m *take_clock(void)
{
    struct m *mp = acquirem();

    atomic_store(&mp->idle, true);
    clock_arm(INT64_MAX);
    return mp;
}

static void give_clock(struct m *mp)
{
    mp->p->alarm_ns = INT64_MAX;
    atomic_store(&mp->idle, false);
    slice_arm(mp->p);
    releasem(mp);
}

static void alarm_in(struct m *mp, int64_t ns)
{
    uint64_t before = atomic_load(&mp->timer_irqs);
    int64_t when = nanotime() + ns, give_up = when + INT64_C(5000000000);

    clock_arm(when);
    while (atomic_load(&mp->timer_irqs) == before && nanotime() < give_up)
        cpu_relax();
    int64_t now = nanotime();
    if (atomic_load(&mp->timer_irqs) == before)
        atomic_fetch_add(&missing, 1);
    else if (now < when)
        atomic_fetch_add(&early, 1);
    /* One shot: for as long again, nothing more. */
    while (nanotime() < now + (ns > 0 ? ns : 1000))
        cpu_relax();
    if (atomic_load(&mp->timer_irqs) > before + 1)
        atomic_fetch_add(&extra, 1);
}

static atomic_int arrived, turn;

static void alarms(void *arg)
{
    static const int64_t ns[] = {1000, 50000, 2000000, 0, -1000000};
    int me = (int)(intptr_t)arg;
    struct m *mp = take_clock();

    /* All keep their cores until each has had its turn, so every core has one. */
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < ncore || atomic_load(&turn) < me)
        cpu_relax();
    for (unsigned i = 0; i < sizeof ns / sizeof ns[0]; i++)
        alarm_in(mp, ns[i]);
    atomic_fetch_add(&turn, 1);
    while (atomic_load(&turn) < ncore)
        cpu_relax();
    give_clock(mp);
    chan_send(finished, NULL);
}

static void test_alarm(void)
{
    for (int i = 0; i < ncore; i++)
        go(alarms, (void *)(intptr_t)i);
    for (int i = 0; i < ncore; i++)
        chan_recv(finished, NULL);
    ok(atomic_load(&missing) == 0, "every alarm came: %d missing", atomic_load(&missing));
    ok(atomic_load(&early) == 0, "none came early: %d", atomic_load(&early));
    ok(atomic_load(&extra) == 0, "none came twice: %d", atomic_load(&extra));
}

/* If the machine was kept from running for so long that the alarm was due before it could be taken back,
 * nothing is shown, and it is tried again. */
static void test_disarm(void)
{
    enum { IN = 20000000, ATTEMPTS = 50 };
    struct m *mp = take_clock();
    bool shown = false, came = false;

    for (int i = 0; i < ATTEMPTS && !shown; i++) {
        uint64_t before = atomic_load(&mp->timer_irqs);
        int64_t when = nanotime() + IN;
        clock_arm(when);
        clock_arm(INT64_MAX);
        shown = nanotime() < when;
        while (nanotime() < when + IN)
            cpu_relax();
        came = shown && atomic_load(&mp->timer_irqs) != before;
    }
    give_clock(mp);
    ok(shown && !came, "an alarm that is taken back does not come");
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_monotonic_here();
    test_monotonic_across();
    test_alarm();
    test_disarm();
    return done();
}
