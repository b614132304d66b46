/*
 * random.c - the one source of the scheduler's random numbers.
 *
 * Protocol:  each P has a stream of its own, whose state only the M that holds the P touches: no atomics, and
 *            what one P draws does not depend on what the others do meanwhile. A stream begins at its first
 *            number, from the seed and the P's id.
 * Invariant: a stream's state is never 0 once it has begun (xorshift keeps it so); 0 is one that has not.
 * Why so:    a run under a deterministic clock repeats only if nothing else is random. So whoever needs a random
 *            number in the scheduler takes it here.
 * Source:    xorshift64* and splitmix64, both Vigna's.
 */
#include "sched/random.h"

static uint64_t base; // c after boot

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Two inputs that differ in one bit differ in about half of the output's. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Splitmix64's element of number id; the seed is mixed, so that seeds 1 and 2 don't give shifted sequences. */
static uint64_t stream_begin(uint32_t id)
{
    uint64_t x = mix(mix(base + GOLDEN) + (id + UINT64_C(1)) * GOLDEN);

    return x ? x : GOLDEN;
}

void random_seed(uint64_t seed)
{
    base = seed;
    for (unsigned i = 0; i < sched.nm; i++)
        if (allp[i])
            allp[i]->random = 0;
}

uint64_t p_random(struct p *pp)
{
    if (__builtin_expect(pp->random == 0, 0))
        pp->random = stream_begin(pp->id);
    return random_step(&pp->random);
}
