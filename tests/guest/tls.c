/*
 * tls.c - _Thread_local objects of every kind.
 *
 * Goal:   each goroutine has its own, initialised or zero, aligned as asked, whatever lies beside them.
 * Method: objects in .tdata and .tbss with alignments that force padding between the two; many
 *         goroutines check, write and check again between yields.
 */
#include <stdint.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "tests/guest/tap.h"

static _Thread_local int initialised = 77;
static _Thread_local char odd = 'x';
static _Thread_local int zero;
static _Thread_local _Alignas(64) uint8_t line[64];
static _Thread_local _Alignas(256) uint64_t wide[4];
static _Thread_local uint64_t last = UINT64_C(0x0123456789abcdef);

static struct chan *finished;
static atomic_int wrong_start, wrong_later, misaligned;

static bool fresh(void)
{
    bool zeroes = zero == 0;

    for (int i = 0; i < 64; i++)
        zeroes &= line[i] == 0;
    for (int i = 0; i < 4; i++)
        zeroes &= wide[i] == 0;
    return zeroes && initialised == 77 && odd == 'x' && last == UINT64_C(0x0123456789abcdef);
}

static void fill(int n)
{
    initialised = zero = n;
    odd = (char)n;
    for (int i = 0; i < 64; i++)
        line[i] = (uint8_t)(n + i);
    for (int i = 0; i < 4; i++)
        wide[i] = last = (uint64_t)n * 1000003;
}

static bool filled(int n)
{
    bool same = initialised == n && zero == n && odd == (char)n && last == (uint64_t)n * 1000003;

    for (int i = 0; i < 64; i++)
        same &= line[i] == (uint8_t)(n + i);
    for (int i = 0; i < 4; i++)
        same &= wide[i] == last;
    return same;
}

static void own(void *arg)
{
    int n = (int)(intptr_t)arg;

    if (!fresh())
        atomic_fetch_add(&wrong_start, 1);
    if ((uintptr_t)line % 64 || (uintptr_t)wide % 256 || (uintptr_t)&last % 8)
        atomic_fetch_add(&misaligned, 1);
    fill(n);
    for (int i = 0; i < 20; i++) {
        gosched();
        if (!filled(n))
            atomic_fetch_add(&wrong_later, 1);
    }
    chan_send(finished, NULL);
}

int main(void)
{
    enum { N = 300, ROUNDS = 3 };

    finished = chan_make(0, 0);
    ok(fresh(), "main starts with its own");
    fill(4711);
    /* Again and again: stacks that were used before must not show what was on them. */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++)
            go(own, (void *)(intptr_t)(round * N + i + 1));
        for (int i = 0; i < N; i++)
            chan_recv(finished, NULL);
    }
    ok(atomic_load(&wrong_start) == 0, "so do %d goroutines: %d wrong", N * ROUNDS,
       atomic_load(&wrong_start));
    ok(atomic_load(&misaligned) == 0, "aligned to 64 and 256 bytes: %d not",
       atomic_load(&misaligned));
    ok(atomic_load(&wrong_later) == 0, "and keep them over %d switches: %d wrong", N * ROUNDS * 20,
       atomic_load(&wrong_later));
    ok(filled(4711), "nobody touched main's");
    return done();
}
