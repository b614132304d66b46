/*
 * slices.c - a goroutine that never calls anything is taken off its core when that is due.
 *
 * Goal:   also where the end of its slice depends on others: on the core that looks after the rest itself (sysmon),
 *         when the work comes by the global queue; and when it was asked to give way just before it began to run,
 *         while its core ran timers.
 * Method: what is waited for is counted in the core's own timer interrupts, not in time: a host that takes cores
 *         away stops both.
 * Budget: 5 s.
 * Argument: the number of cores.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/many.h"

#define PATIENCE_NS INT64_C(25000000000) // a hang says so before the machine is stopped for it

static int ncore;
static atomic_bool stop;
static atomic_int hogs;

static void hog(void *arg)
{
    (void)arg;
    atomic_fetch_add(&hogs, 1);
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        ;
    atomic_fetch_sub(&hogs, 1);
    chan_send(finished, NULL);
}

/* ---- on sysmon's own core ---- */

static uint64_t timer_irqs(void)
{
    struct m *mp = acquirem();
    uint64_t n = atomic_load_explicit(&mp->timer_irqs, memory_order_relaxed);

    releasem(mp);
    return n;
}

/* Its alarm is the next one; the deputy's is 200 ms behind that. */
static bool is_holder(void)
{
    struct m *mp = acquirem();
    bool yes = sysmon_due(mp) < nanotime() + INT64_C(100000000);

    releasem(mp);
    return yes;
}

/* What it ran is counted when it stops. */
static bool is_stopped_within(uint64_t irqs)
{
    uint64_t ran = *(volatile uint64_t *)&getg()->ran, end = timer_irqs() + irqs;

    while (*(volatile uint64_t *)&getg()->ran == ran)
        if ((int64_t)(timer_irqs() - end) > 0)
            return false;
    return true;
}

/* Every core but main's gets a goroutine that will never end, then there is one more. */
static void crowd(void *arg)
{
    (void)arg;
    sleep_ns(30000000); // main has a slice without an end by then
    for (int i = 0; i < ncore; i++)
        start(hog, NULL);
    chan_send(finished, NULL);
}

static void test_global_queue(void)
{
    int n = 0;

    start(crowd, NULL);
    bool holder = is_holder();
    while (atomic_load_explicit(&hogs, memory_order_relaxed) < ncore - 1)
        ;
    for (; n < 5 && is_stopped_within(2000); n++)
        ;
    ok(n == 5,
       "%d loops on %d cores, one on sysmon's (%d): it is stopped at the ends of its slices, too",
       ncore + 1, ncore, holder);
    atomic_store(&stop, true);
    join(ncore + 1);
}

/* ---- asked while its core is about to run it ---- */

static struct sema wanted = SEMA_INIT(0);
static atomic_bool in_timer, was_stopped;

/* On g0: makes the loop ready, and returns when the core has been told to stop. */
static void make_ready(void *unused)
{
    (void)unused;
    sema_release(&wanted);
    atomic_store(&in_timer, true);
    while (!atomic_load_explicit(&getm()->preempt, memory_order_relaxed))
        cpu_relax();
}

/* The request was put off when this began, so only the host can keep it from coming. */
static void loop_until_stopped(void *unused)
{
    (void)unused;
    sema_acquire(&wanted);
    uint64_t ran = *(volatile uint64_t *)&getg()->ran;
    int64_t give_up = nanotime() + PATIENCE_NS;
    while (*(volatile uint64_t *)&getg()->ran == ran && nanotime() < give_up)
        ;
    atomic_store(&was_stopped, *(volatile uint64_t *)&getg()->ran != ran);
    chan_send(finished, NULL);
}

static void set_timer(void *timer)
{
    if (timer_start(timer, 1000000, 0, make_ready, NULL))
        ok(false, "out of memory");
    chan_send(finished, NULL);
}

static void start_on(int core, void (*fn)(void *), void *arg)
{
    struct go_attr attr = {.affinity = UINT64_C(1) << core};

    if (go_with(&attr, fn, arg))
        ok(false, "out of memory");
}

/* The caller's core stops the world while the next one is in its timer. */
static void stop_the_next(void *unused)
{
    static struct timer t;
    int next = (gocpu() + 1) % ncore;

    (void)unused;
    atomic_store(&in_timer, false);
    start_on(next, loop_until_stopped, NULL);
    start_on(next, set_timer, &t);
    while (!atomic_load(&in_timer))
        ;
    gomaxprocs(gomaxprocs(0));
    chan_send(finished, NULL);
}

/* From each core: sysmon's stops its own loops sooner or later, whatever was asked. */
static void test_asked_on_g0(void)
{
    bool stopped = true;

    for (int i = 0; i < ncore; i++) {
        start_on(i, stop_the_next, NULL);
        join(3);
        stopped &= atomic_load(&was_stopped);
    }
    ok(stopped, "told to stop while its core ran a timer: the loop that runs next is stopped");
}

/* ---- the count of slices begun ---- */

static atomic_bool counted;

static void yield_always(void *unused)
{
    (void)unused;
    while (!atomic_load_explicit(&counted, memory_order_relaxed))
        gosched();
    chan_send(finished, NULL);
}

/* Two numbers make it, and another core reads them. */
static void test_count(void)
{
    uint32_t last[MAX_CPUS] = {0}, begun = 0;
    bool falls = false;

    for (int i = 0; i < 2 * ncore; i++)
        start(yield_always, NULL);
    while (begun < 500000) {
        for (int i = 0; i < ncore; i++) {
            uint32_t now = p_schedtick(allp[i]);
            falls |= (int32_t)(now - last[i]) < 0;
            begun += now - last[i];
            last[i] = now;
        }
        if (ncore == 1)
            gosched();
    }
    atomic_store(&counted, true);
    join(2 * ncore);
    ok(!falls, "the count of slices that begin does not fall, whoever reads it");
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_global_queue();
    if (ncore > 1)
        test_asked_on_g0();
    test_count();
    return done();
}
