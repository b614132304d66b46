/*
 * chan_sieve.c - a prime sieve that feeds on itself.
 *
 * Goal:   a ring of goroutines whose buffers grow by select neither deadlocks nor loses a number.
 * Method: odd numbers that are no composites are primes; composites are the merged multiples of the primes found so
 *         far, which come back through a goroutine that stores as many as nobody takes. The primes are those of a table
 *         of bits. Closing the channels ends all of it.
 * Budget: 5 s.
 * Source: the idea is that of Go's test/chan/sieve2.go.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/guest/many.h"

enum { LIMIT = 20000, MOST = 200 }; // primes up to the root of LIMIT: less than that

static struct chan *primes_in, *primes_out, *composites;

/* ---- a channel without end: what comes from primes_in goes to primes_out ---- */

static void store(void *arg)
{
    static int queue[LIMIT];
    int first = 0, last = 0, in;

    (void)arg;
    for (;;) {
        struct select_case cases[2] = {
            {.dir = SELECT_RECV, .c = primes_in, .elem = &in},
            {.dir = SELECT_SEND, .c = first < last ? primes_out : NULL, .elem = &queue[first]}};
        int i = chan_select(cases, 2, DEADLINE_NONE);
        if (cases[i].result)
            break;
        if (i == 0)
            queue[last++] = in;
        else
            first++;
    }
    chan_send(finished, NULL);
}

/* ---- multiples ---- */

struct source {
    struct chan *c;
    int prime, head;
};

static void multiply(void *arg)
{
    struct source s = *(struct source *)arg;
    int n = s.prime * s.prime;

    while (chan_send(s.c, &n) == 0)
        n += 2 * s.prime;
    chan_send(finished, NULL);
}

static struct source sources[MOST]; // a heap, the least head first
static struct source begun[MOST];   // for their goroutines
static int nsource;

static void swap(int a, int b)
{
    struct source s = sources[a];

    sources[a] = sources[b];
    sources[b] = s;
}

static void sink(int at)
{
    for (int child; (child = 2 * at + 1) < nsource; at = child) {
        if (child + 1 < nsource && sources[child + 1].head < sources[child].head)
            child++;
        if (sources[at].head <= sources[child].head)
            return;
        swap(at, child);
    }
}

/* Its first multiple is larger than all heads: it comes last. */
static void add_source(int prime)
{
    struct source s = {make(sizeof(int), 3), prime, 0};

    begun[nsource] = s;
    start(multiply, &begun[nsource]);
    chan_recv(s.c, &s.head);
    sources[nsource] = s;
    for (int at = nsource++; at > 0 && sources[at].head < sources[(at - 1) / 2].head;
         at = (at - 1) / 2)
        swap(at, (at - 1) / 2);
}

/* The multiples of a prime begin with its square: until then it is not waited for. */
static void merge(void *arg)
{
    int next, last = 0, ended = 0;

    (void)arg;
    chan_recv(primes_out, &next);
    while (!ended) {
        if (!nsource || sources[0].head >= next * next) {
            add_source(next);
            ended = chan_recv(primes_out, &next);
            continue;
        }
        if (sources[0].head != last)
            ended = chan_send(composites, &sources[0].head);
        last = sources[0].head;
        chan_recv(sources[0].c, &sources[0].head);
        sink(0);
    }
    chan_send(finished, NULL);
}

/* ---- the ring ---- */

static bool is_prime(int n)
{
    for (int d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return false;
    return true;
}

static void test_sieve(size_t cap)
{
    int composite, n, found = 0, bad = 0;

    nsource = 0;
    primes_in = make(sizeof(int), cap);
    primes_out = make(sizeof(int), cap);
    composites = make(sizeof(int), cap);
    start(store, NULL);
    start(merge, NULL);
    for (n = 3; n <= 5; n += 2) // or each would wait for the other
        chan_send(primes_in, &n);
    chan_recv(composites, &composite);
    for (n = 7; n < LIMIT; n += 2) {
        bool prime = n < composite;
        bad += prime != is_prime(n);
        if (!prime)
            chan_recv(composites, &composite);
        else
            chan_send(primes_in, &n);
        found += prime;
    }
    chan_close(primes_in);
    chan_close(primes_out);
    chan_close(composites);
    join(2);
    for (int i = 0; i < nsource; i++)
        chan_close(sources[i].c);
    join(nsource);
    for (int i = 0; i < nsource; i++)
        chan_free(sources[i].c);
    chan_free(primes_in);
    chan_free(primes_out);
    chan_free(composites);
    ok(bad == 0, "sieve2, capacity %zu: %d primes from 7 to %d", cap, found, LIMIT);
}

int main(void)
{
    finished = make(0, 0);
    test_sieve(0);
    test_sieve(1);
    test_sieve(10);
    return done();
}
