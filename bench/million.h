/*
 * million.h - a million goroutines: starting them, and knowing that each has answered once.
 */
#ifndef BENCH_MILLION_H
#define BENCH_MILLION_H

#include <stdatomic.h>

#include "bench/bench.h"
#include "kernel/layout.h"
#include "rt0/mem.h"

#define GOROUTINES 1000000

static struct chan *all_there;
static atomic_uint answered;
static _Atomic(uint64_t) numbers;

static inline size_t bytes_in_use(void)
{
    struct memstats st;

    memstats_read(&st);
    return st.pages_in_use * PAGE_SIZE;
}

/* The last one says so. */
static inline void count_to_all(atomic_uint *count)
{
    if (atomic_fetch_add(count, 1) + 1 == GOROUTINES)
        chan_send(all_there, NULL);
}

/* Each with its number as the argument. */
static inline void start_all(void (*fn)(void *))
{
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        bench_require(go(fn, (void *)i) == 0);
}

/* Ctx: the goroutine with that number. */
static inline void answer(uintptr_t number)
{
    atomic_fetch_add(&numbers, number);
    count_to_all(&answered);
}

/* After all have answered, and until they have ended. */
static inline void expect_all_numbers(void)
{
    bench_require(atomic_load(&answered) == GOROUTINES);
    bench_require(atomic_load(&numbers) == (uint64_t)GOROUTINES * (GOROUTINES - 1) / 2);
    while (numgoroutine() > 1)
        gosched();
}

#endif
