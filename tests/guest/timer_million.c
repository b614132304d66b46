/*
 * timer_million.c - a million timers: each one fires once, unless it is stopped.
 *
 * Goal:   none is lost, none fires twice or early, whatever their number; their heap grows with them, and is given
 *         back.
 * Method: they are started by as many goroutines as there are cores, every second one is stopped, and what fired
 *         is added up.
 * Budget: 20 s.
 * Argument: the number of cores.
 * Source: Go's BenchmarkAfterFunc and TestOverflowSleep have far fewer.
 */
#include <stdlib.h>

#include "rt0/time.h"
#include "tests/guest/parks.h"

enum { MILLION = 1000000 };

static struct shot {
    struct timer t;
    int64_t due;
    uint8_t fired, stopped;
} * shots;
static atomic_int nfired, nstopped, nearly, share;

/* Of one timer there is one call only, so that it may count in plain memory. */
static void shoot(void *arg)
{
    struct shot *s = arg;

    s->fired++;
    if (nanotime() < s->due)
        atomic_fetch_add(&nearly, 1);
    atomic_fetch_add(&nfired, 1);
}

static void start_share(void *arg)
{
    int n = atomic_load(&share), first = (int)(intptr_t)arg * n;
    uint64_t seed = (uintptr_t)arg;

    for (int i = first; i < first + n && i < MILLION; i++) {
        int64_t ns = (int64_t)draw(&seed, 1000) * MS;
        shots[i].due = nanotime() + ns;
        fail_once(timer_start(&shots[i].t, ns, 0, shoot, &shots[i]) == 0);
    }
    finish();
}

static void stop_share(void *arg)
{
    int n = atomic_load(&share), first = (int)(intptr_t)arg * n;

    for (int i = first; i < first + n && i < MILLION; i += 2) {
        shots[i].stopped = (uint8_t)timer_stop(&shots[i].t);
        atomic_fetch_add(&nstopped, shots[i].stopped);
    }
    finish();
}

int main(int argc, char **argv)
{
    int ncore = argc > 1 ? atoi(argv[1]) : numcpu(), bad = 0;

    finished = make(0, 0);
    shots = must(calloc(MILLION, sizeof *shots));
    atomic_store(&share, (MILLION + ncore - 1) / ncore);
    ok(all_of(start_share, ncore) == 0, "a million timers start");
    all_of(stop_share, ncore);
    while (atomic_load(&nfired) + atomic_load(&nstopped) < MILLION)
        sleep_ns(MS);
    for (int i = 0; i < MILLION; i++)
        bad += shots[i].fired + shots[i].stopped != 1 || timer_stop(&shots[i].t);
    ok(bad == 0 && atomic_load(&nfired) + atomic_load(&nstopped) == MILLION,
       "%d fired, %d were stopped: each once", atomic_load(&nfired), atomic_load(&nstopped));
    ok(atomic_load(&nearly) == 0, "none was early");
    return done();
}
