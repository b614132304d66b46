/*
 * prog_idle.c - sleeps, and says what its cores did meanwhile; tests/check/idle looks at that and at the host's clock.
 *
 * Arguments: how many milliseconds; how many milliseconds all cores are kept busy before.
 *
 * It prints "asleep" and "awake" around the sleep, with the alarms of all cores between the two and the interrupts
 * by which cores woke each other, and then rests for two seconds, so that who reads this has the time to look.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sched.h"
#include "rt0/time.h"
#include "sched/sched.h"

static struct chan *finished;
static int64_t busy_ns;

static void spin(void *arg)
{
    (void)arg;
    for (int64_t end = nanotime() + busy_ns; nanotime() < end;)
        gosched();
    chan_send(finished, NULL);
}

static void parked(void *arg)
{
    chan_recv(arg, NULL);
}

static void be_busy(void)
{
    int n = 2 * numcpu();

    for (int i = 0; i < 100; i++)
        go(parked, chan_make(0, 0));
    for (int i = 0; i < n; i++)
        go(spin, NULL);
    for (int i = 0; i < n; i++)
        chan_recv(finished, NULL);
}

static uint64_t timer_irqs(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        n += atomic_load(&allm[i]->timer_irqs);
    return n;
}

int main(int argc, char **argv)
{
    struct schedstats before, after;
    int64_t ns = (argc > 1 ? atol(argv[1]) : 1000) * INT64_C(1000000);

    busy_ns = (argc > 2 ? atol(argv[2]) : 0) * INT64_C(1000000);
    finished = chan_make(0, 0);
    if (busy_ns)
        be_busy();
    sleep_ns(500000000); // what is left to be done after the start
    printf("asleep\n");
    fflush(stdout);
    schedstats_read(&before);
    uint64_t irqs = timer_irqs();
    sleep_ns(ns);
    irqs = timer_irqs() - irqs;
    schedstats_read(&after);
    printf("awake: %lu alarms, %lu wake-ups\n", (unsigned long)irqs,
           (unsigned long)(after.all.ipis - before.all.ipis));
    fflush(stdout);
    sleep_ns(2000000000);
    return 0;
}
