/*
 * random.h - one step of a P's stream of random numbers (random.c), for where nothing may be called.
 */
#ifndef SCHED_RANDOM_H
#define SCHED_RANDOM_H

#include "sched/sched.h"

/* xorshift64*: the next state in *state, which is not 0. */
ALWAYS_INLINE uint64_t random_step(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
