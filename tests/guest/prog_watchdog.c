/*
 * prog_watchdog.c - a goroutine that keeps its core for too long, in the way that the first argument names;
 * tests/check/watchdog looks at what is reported.
 *
 * Arguments: the way; on which core; for how many milliseconds; "busy": each other core has a loop of its own.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/irq.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"
#include "sched/sched.h"

#define NOINLINE __attribute__((noinline, noclone))

int main(int argc, char **argv);

static int64_t spin_ns;
static struct chan *finished;
static bool others_busy;
static atomic_int counting; // others
static atomic_bool others_end;

/* Nearly all the time in this function itself. */
static NOINLINE void stuck_here(void)
{
    for (int64_t end = nanotime() + spin_ns; nanotime() < end;)
        for (volatile int i = 0; i < 10000; i++)
            ;
}

static void held(void)
{
    struct m *mp = acquirem();

    stuck_here();
    releasem(mp);
}

static void masked(void)
{
    struct m *mp = acquirem();

    irq_disable();
    stuck_here();
    irq_enable();
    releasem(mp);
}

static void on_g0(void *unused)
{
    (void)unused;
    stuck_here();
}

static void g0(void)
{
    systemstack(on_g0, NULL);
}

/* Lets go of its core, though nobody else wants it: not stuck. */
static void hog(void)
{
    stuck_here();
}

/* Short of the time, again and again. */
static void often(void)
{
    int64_t all = spin_ns;

    spin_ns = 20000000;
    for (int64_t end = nanotime() + all; nanotime() < end;)
        held();
}

static void count(void *arg)
{
    (void)arg;
    atomic_fetch_add(&counting, 1);
    while (!atomic_load_explicit(&others_end, memory_order_relaxed))
        ;
    atomic_fetch_sub(&counting, 1);
}

static void start_others(void)
{
    atomic_store(&others_end, false);
    for (int i = 1; i < numcpu(); i++)
        go(count, NULL);
    while (atomic_load(&counting) < numcpu() - 1)
        gosched();
}

static void end_others(void)
{
    atomic_store(&others_end, true);
    while (atomic_load(&counting))
        gosched();
}

/* It is this core that looks after the others; interrupts are masked from then on. */
static bool watches_others(void)
{
    enum { SOON_NS = 50000000 }; // it looks more often
    struct m *mp = acquirem();

    irq_disable();
    if (sysmon_due(mp) < nanotime() + SOON_NS)
        return true;
    irq_enable();
    releasem(mp);
    return false;
}

/* When all have come to rest, the first core that wakes is the one. */
static void watcher(void)
{
    for (;;) {
        sleep_ns(30000000);
        if (others_busy)
            start_others();
        if (watches_others())
            break;
        end_others();
    }
    stuck_here();
    irq_enable();
    releasem(getm());
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {{"held", held}, {"masked", masked}, {"watcher", watcher},
            {"g0", g0},     {"hog", hog},       {"often", often}};

static void run_way(void *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(name, ways[i].name) == 0)
            ways[i].fn();
    chan_send(finished, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 98;
    struct go_attr attr = {.affinity = UINT64_C(1) << atoi(argv[2])};

    spin_ns = atol(argv[3]) * INT64_C(1000000);
    finished = chan_make(0, 0);
    others_busy = argc > 4;
    if (others_busy && strcmp(argv[1], "watcher") != 0)
        start_others();
    if (go_with(&attr, run_way, argv[1]))
        return 97;
    chan_recv(finished, NULL);
    printf("ended\n");
    return 0;
}
