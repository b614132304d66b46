/*
 * test_steal_order.c - in which order an M looks at other Ps' queues.
 *
 * Goal:   whatever the number of Ps and the random number, every P is looked at once in a round; and orders
 *         differ, in their beginning and in their step, so that thieves do not follow one another.
 * Method: every n from 1 to 64 and larger ones, with every beginning and step that there can be, and random numbers.
 * Budget: 5 s.
 */
#include <string.h>

#include "tests/host/shim_sched/machine.h"

#include "tests/host/tap.h"

#define N_MAX 300

static bool visits_each_once(uint32_t n, uint64_t random)
{
    struct steal_order o = steal_order_random(n, random);
    bool seen[N_MAX] = {false};

    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = steal_order_next(&o);
        if (at >= n || seen[at])
            return false;
        seen[at] = true;
    }
    return true;
}

/* Both halves of the random number choose something. */
static bool all_of(uint32_t n)
{
    bool good = true;

    for (uint64_t hi = 0; hi < n; hi++)
        for (uint64_t lo = 0; lo < n; lo++)
            good &= visits_each_once(n, hi << 32 | lo);
    for (int i = 0; i < 200; i++)
        good &= visits_each_once(n, rnd());
    return good;
}

static uint32_t gcd(uint32_t x, uint32_t y)
{
    return y ? gcd(y, x % y) : x;
}

/* How many different orders there are, as pairs of the first and the second that is looked at. */
static uint32_t orders(uint32_t n)
{
    static bool seen[64][64];
    uint32_t count = 0;

    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 200000; i++) {
        struct steal_order o = steal_order_random(n, rnd());
        uint32_t first = steal_order_next(&o), second = steal_order_next(&o);
        count += !seen[first][second];
        seen[first][second] = true;
    }
    return count;
}

/* As many as there are beginnings times steps without a common divisor. */
static uint32_t possible(uint32_t n)
{
    uint32_t steps = 0;

    for (uint32_t i = 1; i <= n; i++)
        steps += gcd(i, n) == 1;
    return n * steps;
}

int main(void)
{
    static const uint32_t large[] = {65, 97, 128, 210, 255, 256, N_MAX};
    bool good = true, many = true;

    for (uint32_t n = 1; n <= 64; n++)
        good &= all_of(n);
    ok(good, "1 to 64 Ps: each order has each P once");
    good = true;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        for (int k = 0; k < 2000; k++)
            good &= visits_each_once(large[i], rnd());
    ok(good, "and so for more");
    for (uint32_t n = 2; n <= 64; n += n < 16 ? 1 : 16)
        many &= orders(n) == possible(n);
    ok(many, "every beginning occurs with every possible step");
    return done();
}
