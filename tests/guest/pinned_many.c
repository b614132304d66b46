/*
 * pinned_many.c - a goroutine that may run on several cores does not wait for one while another one idles.
 *
 * Goal:   all that may run anywhere gets on as long as one core does, whichever core it was queued on.
 * Method: every core but one is held with preemption off until all goroutines have run. They were made with all cores
 *         allowed while each core was busy, so they wait in the inboxes of all of them. If one is left there, the
 *         machine stands still.
 * Budget: 5 s.
 * Argument: the number of cores.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "sched/sched.h"
#include "tests/guest/many.h"

enum { MANY = 64 };

static int ncore;
static atomic_int held, ran;
static size_t elsewhere; // Gs in the inboxes of the cores that are held

static void start_on(uint64_t cores, void (*fn)(void *), void *arg)
{
    struct go_attr attr = {.affinity = cores};

    if (go_with(&attr, fn, arg)) {
        ok(false, "go_with(affinity %#lx)", (unsigned long)cores);
        exit(1);
    }
}

static void hold(void *unused)
{
    struct m *mp = acquirem();

    (void)unused;
    atomic_fetch_add(&held, 1);
    while (atomic_load(&ran) < MANY)
        cpu_relax();
    releasem(mp);
    chan_send(finished, NULL);
}

static void run_once(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
}

/* On the core that is not held, once all others are. */
static void make_all(void *unused)
{
    int here = gocpu();

    (void)unused;
    while (atomic_load(&held) < ncore - 1)
        ;
    for (int i = 0; i < MANY; i++)
        start_on((UINT64_C(1) << ncore) - 1, run_once, NULL);
    for (int i = 0; i < ncore; i++)
        elsewhere += i == here ? 0 : __atomic_load_n(&allm[i]->inbox.n, __ATOMIC_RELAXED);
    chan_send(finished, NULL);
}

static void test_all_but(int idle)
{
    atomic_store(&held, 0);
    atomic_store(&ran, 0);
    elsewhere = 0;
    start_on(UINT64_C(1) << idle, make_all, NULL);
    for (int i = 0; i < ncore; i++)
        if (i != idle)
            start_on(UINT64_C(1) << i, hold, NULL);
    join(ncore);
    while (atomic_load(&ran) < MANY)
        gosched();
    ok(ncore == 1 || elsewhere > 0, "core %d makes %d, of which %zu wait for other cores", idle,
       MANY, elsewhere);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    for (int i = 0; i < ncore; i++)
        test_all_but(i);
    return done();
}
