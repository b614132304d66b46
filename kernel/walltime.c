/*
 * walltime.c - the time of day: the real-time clock once, at boot, and nanotime() from there on.
 *
 * A real-time clock counts seconds, and none is waited for, so the time of day is up to a second late.
 * Asking that clock again each time would cost as much as a thousand readings of the counter, and give a
 * time that jumps.
 */
#include "kernel/walltime.h"

#include <stdatomic.h>

#include "arch/arch.h"
#include "kernel/errbuf.h"
#include "kernel/options.h"
#include "kernel/print.h"
#include "rt0/time.h"

#define NS_PER_S INT64_C(1000000000)

/* What nanotime() is to be added to. Relaxed: it says nothing about other memory. */
static _Atomic(int64_t) base_ns;

int64_t walltime(void)
{
    return atomic_load_explicit(&base_ns, memory_order_relaxed) + nanotime();
}

void walltime_set(int64_t ns)
{
    atomic_store_explicit(&base_ns, ns - nanotime(), memory_order_relaxed);
}

void walltime_init(void)
{
    struct errbuf e;
    int64_t seconds = 0;

    if (rtc_read(&seconds, &e)) {
        seconds = 0;
        if (options.bootlog)
            kprintf("rt0: %s: the time of day begins at 0, 1970-01-01 00:00:00\n", e.text);
    }
    walltime_set(seconds * NS_PER_S);
}
