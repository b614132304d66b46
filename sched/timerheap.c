/*
 * timerheap.c - a 4-ary heap of timers.
 *
 *              0
 *      1    2    3    4
 *     5-8  9-12 13-16 17-20 ...         children of i: 4i + 1 .. 4i + 4, parent: (i - 1) / 4
 *
 * Invariant: no slot is earlier than its parent; heap[t->index].t == t.
 * Why four:  half as many levels as with two, and the children of a slot share a line or two.
 * Source:    the shape is that of Go's timer heaps (time.go).
 */
#include "sched/timerheap.h"

#include "rt0/time.h"

#define ARITY 4 // as in earliest_of_four()

static inline void put(struct timer_slot *heap, uint32_t index, struct timer_slot s)
{
    heap[index] = s;
    s.t->index = index;
}

/* s goes to index, or as far up from there as it must. */
static void sift_up(struct timer_slot *heap, uint32_t index, struct timer_slot s)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / ARITY;
        if (heap[parent].when <= s.when)
            break;
        put(heap, index, heap[parent]);
        index = parent;
    }
    put(heap, index, s);
}

/* Of four slots; without jumps that nobody could foretell. */
static inline uint32_t earliest_of_four(const struct timer_slot *s)
{
    uint32_t a = s[1].when < s[0].when, b = 2 + (s[3].when < s[2].when);

    return s[b].when < s[a].when ? b : a;
}

static inline uint32_t earliest(const struct timer_slot *s, uint32_t n)
{
    uint32_t best = 0;

    if (n >= ARITY)
        return earliest_of_four(s);
    for (uint32_t i = 1; i < n; i++)
        if (s[i].when < s[best].when)
            best = i;
    return best;
}

/* ... or as far down. */
static void sift_down(struct timer_slot *heap, uint32_t n, uint32_t index, struct timer_slot s)
{
    for (;;) {
        uint64_t first = (uint64_t)index * ARITY + 1;
        if (first >= n)
            break;
        uint32_t child = (uint32_t)first + earliest(heap + first, n - (uint32_t)first);
        if (heap[child].when >= s.when)
            break;
        put(heap, index, heap[child]);
        index = child;
    }
    put(heap, index, s);
}

static void place(struct timer_slot *heap, uint32_t n, uint32_t index, struct timer_slot s)
{
    if (index > 0 && s.when < heap[(index - 1) / ARITY].when)
        sift_up(heap, index, s);
    else
        sift_down(heap, n, index, s);
}

void timerheap_push(struct timer_slot *heap, uint32_t n, int64_t when, struct timer *t)
{
    sift_up(heap, n, (struct timer_slot){when, t});
}

void timerheap_remove(struct timer_slot *heap, uint32_t n, uint32_t index)
{
    if (index < n - 1)
        place(heap, n - 1, index, heap[n - 1]);
}

void timerheap_update(struct timer_slot *heap, uint32_t n, uint32_t index, int64_t when)
{
    place(heap, n, index, (struct timer_slot){when, heap[index].t});
}

bool timerheap_check(const struct timer_slot *heap, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (heap[i].t->index != i || (i > 0 && heap[i].when < heap[(i - 1) / ARITY].when))
            return false;
    return true;
}
