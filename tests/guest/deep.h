/*
 * deep.h - what tests of stacks share: recursions that check every frame, and calls that begin
 * just above the end of what is mapped.
 *
 * A stack is mapped from its top down to its edge; the page below the edge is not there until it
 * is touched:
 *
 *      lo              edge              sp              hi
 *      | not mapped    | mapped, free    | in use        |
 */
#ifndef TESTS_GUEST_DEEP_H
#define TESTS_GUEST_DEEP_H

#include <alloca.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"
#include "kernel/vm.h"
#include "rt0/mem.h"
#include "sched/sched.h"
#include "tests/guest/many.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

#define NOINLINE __attribute__((noinline, noclone))

/* As the prebuilt libc is compiled: a large frame is not touched page by page. */
#define NO_PROBES __attribute__((noinline, noclone, optimize("no-stack-clash-protection")))

static inline bool mapped(uintptr_t at)
{
    uint64_t pa;
    enum vm_prot prot;

    return vm_lookup(at, &pa, &prot);
}

/* The start of the lowest mapped page of the stack that `sp` is in. */
static inline uintptr_t stack_edge(uintptr_t sp)
{
    uintptr_t page = sp & ~(PAGE_SIZE - 1);

    while (mapped(page - PAGE_SIZE))
        page -= PAGE_SIZE;
    return page;
}

/* ---- recursion ---- */

#define DEEP_FRAME_MAX 1024 // more than one frame of deep_frame()

struct deep {
    uint64_t seed;             // another pattern for each goroutine
    uintptr_t floor;           // the recursion ends between this and 2 * DEEP_FRAME_MAX above
    void (*at_bottom)(void *); // called there, if there is one
    void *arg;
    uint64_t frames; // result: how many there were
    uint64_t wrong;  // result: frames whose contents changed
};

static inline uint64_t deep_word(uint64_t seed, uint64_t n, const volatile uint64_t *at)
{
    return (seed + n * 0x9e3779b97f4a7c15) ^ (uintptr_t)at;
}

/* Returns the sum of n and the numbers of all frames below. */
static NOINLINE uint64_t deep_frame(struct deep *d, uint64_t n)
{
    enum { WORDS = 60, STEP = 13 };
    volatile uint64_t words[WORDS];
    uint64_t sum = n;
    bool same = true;

    for (int i = 0; i < WORDS; i += STEP)
        words[i] = deep_word(d->seed, n, &words[i]);
    if ((uintptr_t)words >= d->floor + 2 * DEEP_FRAME_MAX) {
        sum += deep_frame(d, n + 1);
    } else {
        d->frames = n + 1;
        if (d->at_bottom)
            d->at_bottom(d->arg);
    }
    for (int i = 0; i < WORDS; i += STEP)
        same &= words[i] == deep_word(d->seed, n, &words[i]);
    d->wrong += !same;
    return sum;
}

/* Whether every frame held what was written to it, and every sum was right. */
static inline bool deep_to(struct deep *d)
{
    d->wrong = 0;
    uint64_t sum = deep_frame(d, 0);
    return sum == d->frames * (d->frames - 1) / 2 && d->wrong == 0;
}

/* A recursion over `bytes` of stack. */
static inline bool deep(size_t bytes)
{
    struct deep d = {.seed = goid(), .floor = (uintptr_t)__builtin_frame_address(0) - bytes};

    return deep_to(&d);
}

/* ---- at the edge ---- */

#define EDGE_ROOM (80 * KIB) // what a call at the edge may use of a stack of the default size

/*
 * Calls fn(arg) with the stack pointer `gap` bytes above the edge (a little less: alloca() rounds
 * up). Returns whether the call needed the page below it. A stack whose former user went deep may
 * have its edge near its end: memreclaim() takes it back to where we are.
 */
static NO_PROBES bool at_edge(size_t gap, void (*fn)(void *), void *arg)
{
    volatile char *here = alloca(16);
    uintptr_t edge = stack_edge((uintptr_t)here);

    if (edge - getg()->stack->lo < EDGE_ROOM) {
        memreclaim();
        edge = stack_edge((uintptr_t)here);
    }
    /* There must be room for any gap, and for the calls that are made here. */
    while ((uintptr_t)here - edge < PAGE_SIZE + 1024) {
        *(volatile char *)(edge - 1) = 0;
        edge = stack_edge((uintptr_t)here);
    }
    volatile char *there = alloca(((uintptr_t)here - edge - gap) & ~(uintptr_t)15);
    here[0] = there[0] = 0;
    fn(arg);
    return mapped(edge - 1);
}

enum { EDGE_STEP = 64, EDGE_CASES = 4096 / EDGE_STEP };

struct edge_case {
    void (*fn)(void *);
    void *arg;
    size_t gap;
    bool crossed;
};

static void edge_goroutine(void *arg)
{
    struct edge_case *e = arg;

    e->crossed = at_edge(e->gap, e->fn, e->arg);
    chan_send(finished, NULL);
}

/* On a stack of the default size, or on one that has page tables of its own. */
static inline void edge_start(struct edge_case *e, bool large)
{
    struct go_attr attr = {.stack_max_bytes = large ? 4 * MIB : 0};

    if (go_with(&attr, edge_goroutine, e)) {
        ok(false, "out of memory");
        exit(1);
    }
}

/*
 * fn(arg) in a goroutine of its own for each distance from the edge, all over a page: its frames
 * then cross into what is not mapped at every instruction that can do so. Returns how many
 * crossed.
 */
static inline int edge_sweep(void (*fn)(void *), void *arg)
{
    static struct edge_case cases[EDGE_CASES];
    int crossed = 0;

    for (size_t i = 0; i < EDGE_CASES; i++) {
        cases[i] = (struct edge_case){fn, arg, .gap = 32 + i * EDGE_STEP};
        edge_start(&cases[i], i % 2);
    }
    join(EDGE_CASES);
    for (size_t i = 0; i < EDGE_CASES; i++)
        crossed += cases[i].crossed;
    return crossed;
}

#endif
