/*
 * stack.c - stacks in the arena.
 *
 * A stack is a reservation of addresses whose top is mapped; what lies below is its guard, so running
 * over the end is a fault and not another goroutine's memory:
 *
 *      guard                 lo                                hi
 *      | never mapped        | mapped, RW                       |
 *
 * Protocol:  each P keeps up to STACK_CACHE_MAX free stacks, the last used first (its cache lines and
 *            TLB entries are the warmest); half of them go to stackpool when it is full, and come from
 *            there when it is empty. Reservations are made once and never given back.
 * Invariant: a free stack is in one list; nothing is ever unmapped, so no TLB entry goes stale.
 */
#include "kernel/page.h"
#include "kernel/vm.h"
#include "sched/sched.h"

#include <errno.h>

/* Lies at the top of a free stack. */
struct stack_free {
    struct stack_free *next;
    struct stack stack;
};

static struct {
    struct spinlock lock;
    struct stack_free *free; // lock
    uintptr_t next;          // lock; first address of the arena not reserved yet
} stackpool = {SPINLOCK_INIT(RANK_STACKPOOL), NULL, ARENA_BASE};

static uintptr_t arena_reserve(size_t bytes)
{
    uintptr_t at = 0;

    lock(&stackpool.lock);
    if (ARENA_BYTES - (stackpool.next - ARENA_BASE) >= bytes) {
        at = stackpool.next;
        stackpool.next += bytes;
    }
    unlock(&stackpool.lock);
    return at;
}

int stack_make(struct stack *s, size_t bytes, size_t reserve)
{
    uint64_t pa = page_alloc(bytes >> PAGE_SHIFT);
    if (pa == PAGE_NONE)
        return -ENOMEM;
    uintptr_t at = arena_reserve(reserve);
    uintptr_t hi = at + reserve;
    /* At most one page table (2 MiB) long and at the end of one: vm_map() can fail only before it maps. */
    if (!at || vm_map(hi - bytes, pa, bytes, VM_RW)) {
        page_free(pa, bytes >> PAGE_SHIFT);
        return -ENOMEM;
    }
    *s = (struct stack){.guard = at, .lo = hi - bytes, .hi = hi};
    return 0;
}

static void push(struct stack_free **list, struct stack_free *f)
{
    f->next = *list;
    *list = f;
}

static struct stack_free *pop(struct stack_free **list)
{
    struct stack_free *f = *list;

    if (f)
        *list = f->next;
    return f;
}

static void cache_refill(struct p *pp)
{
    lock(&stackpool.lock);
    while (stackpool.free && pp->nstackcache < STACK_CACHE_MAX / 2) {
        push(&pp->stackcache, pop(&stackpool.free));
        pp->nstackcache++;
    }
    unlock(&stackpool.lock);
}

static void cache_spill(struct p *pp)
{
    lock(&stackpool.lock);
    while (pp->nstackcache > STACK_CACHE_MAX / 2) {
        push(&stackpool.free, pop(&pp->stackcache));
        pp->nstackcache--;
    }
    unlock(&stackpool.lock);
}

int stackalloc(struct p *pp, struct stack *s)
{
    if (!pp->stackcache)
        cache_refill(pp);
    struct stack_free *f = pop(&pp->stackcache);
    if (!f)
        return stack_make(s, STACK_BYTES, STACK_RESERVE);
    pp->nstackcache--;
    *s = f->stack;
    return 0;
}

void stackfree(struct p *pp, struct stack *s)
{
    struct stack_free *f = (struct stack_free *)s->hi - 1;

    /* The main goroutine's is of another size: it is not reused. */
    if (s->hi - s->lo == STACK_BYTES) {
        f->stack = *s;
        push(&pp->stackcache, f);
        if (++pp->nstackcache == STACK_CACHE_MAX)
            cache_spill(pp);
    }
    *s = (struct stack){0};
}
