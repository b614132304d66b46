/*
 * all_of.h - the same checks in many goroutines at once, counted.
 */
#ifndef TESTS_GUEST_ALL_OF_H
#define TESTS_GUEST_ALL_OF_H

#include <stdint.h>

#include "tests/guest/many.h"

static atomic_int wrong; // checks that failed, in what all_of() runs

static inline void fail_once(bool good)
{
    if (!good)
        atomic_fetch_add(&wrong, 1);
}

static inline void finish(void)
{
    chan_send(finished, NULL);
}

/* n goroutines run fn(0) to fn(n - 1), each of which ends with finish(). Returns how many checks failed. */
static inline int all_of(void (*fn)(void *), int n)
{
    atomic_store(&wrong, 0);
    for (int i = 0; i < n; i++)
        start(fn, (void *)(intptr_t)i);
    join(n);
    return atomic_load(&wrong);
}

#endif
