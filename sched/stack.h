/*
 * stack.h - goroutines' stacks: the arena of addresses, growing, shrinking, caching.
 *
 *   slot                    lo                limbo        committed                   hi
 *   | guard, never mapped    | absent          | kept        | mapped, RW      | stacktop |
 *
 * A slot is a power of two of addresses. [committed, hi) is mapped; below, down to lo, a fault maps more.
 * Pages unmapped from a stack that nobody runs on stay "kept" in their entries, not present, until no core
 * can hold a stale translation of them (limbo.c).
 */
#ifndef SCHED_STACK_H
#define SCHED_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"
#include "kernel/lock.h"

struct g;
struct m;
struct p;

/* Slots of 2^STACK_SHIFT_MIN .. 2^STACK_SHIFT_MAX bytes; each size has a zone of the arena. */
#define STACK_SHIFT_MIN 16
#define STACK_SHIFT_MAX 30
#define NSTACKCLASS     (STACK_SHIFT_MAX - STACK_SHIFT_MIN + 1)
#define ZONE_SHIFT      41
_Static_assert(((uint64_t)NSTACKCLASS << ZONE_SHIFT) <= ARENA_BYTES,
               "the zones fit into the arena");

#define TABLE_BYTES (512 * PAGE_SIZE) // of addresses, under one leaf table

#define STACK_DEFAULT_BYTES (256 * 1024)
#define STACK_MAIN_BYTES    (8 * 1024 * 1024)
#define G0_STACK_BYTES      (32 * 1024)

/* A g0's has all of [lo, hi) mapped from the start. */
struct stack {
    uintptr_t lo;                 // c  while a G has it
    uintptr_t hi;                 // c
    _Atomic(uintptr_t) committed; // a  relaxed: only goes down while the G runs
};

/* Why a stack can't be handed from one goroutine to the next as it is. */
enum stack_how {
    STACK_RESTS = 1, // pages of it may rest
    STACK_GREW = 2,  // beyond what a free stack keeps
    STACK_OTHER = 4, // the G that has it, or had it, was not made by go() alone: lo may differ
    STACK_TLS = 8,   // for good: its thread block takes more than tls_fill_small()
};

/*
 * At the top of every stack that goroutines use; above what the goroutine sees. A G is bound to it by two
 * pointers: top->g and, back, g->stack. It is the G's as long as both agree, so one is cleared when it ends.
 */
struct stacktop {
    /* The line that every goroutine's first run and end touch. */
    struct stack stack;    // first: g->stack points at it
    struct g *g;           // w  whose it is, or was
    struct stacktop *next; // o or arena.lock: in a list of free stacks
    uintptr_t tls;         // c  thread pointer
    uintptr_t sp;          // c  where the goroutine's first frame begins
    _Atomic(uint32_t) how; // a  relaxed; enum stack_how. Growth sets a bit, the rest is the owner's

    _Alignas(CACHE_LINE) int64_t
        wait_since;              // background.c: when it was first seen waiting where it waits
    uintptr_t seen_sp;           // background.c: where the last pass found its stack pointer
    uint64_t seen_goid;          // background.c: and whose
    struct stacktop *limbo_next; // arena.lock: in the queue
    uintptr_t limbo_lo;          // arena.lock: kept pages lie in [limbo_lo, limbo_hi)
    uintptr_t limbo_hi;          // arena.lock
    uint64_t limbo_stamp : 63;   // arena.lock: of the last unmapping in it
    uint64_t limbo_queued : 1;   // arena.lock
};
_Static_assert(sizeof(struct stacktop) == 2 * CACHE_LINE, "two lines");
_Static_assert(offsetof(struct stacktop, stack) == 0, "stack_top_of()");

static inline struct stacktop *stack_top(uintptr_t hi)
{
    return (struct stacktop *)hi - 1;
}

/* Of a goroutine's stack, not a g0's. */
static inline struct stacktop *stack_top_of(struct stack *s)
{
    return (struct stacktop *)s;
}

/* ---- arena.c: which addresses are in use ---- */

struct arena {
    struct spinlock lock;     // also: limbo, and entries of stacks whose slot has tables of its own
    _Atomic(size_t) slots;    // relaxed; in use
    _Atomic(size_t) reserved; // relaxed; their bytes
    _Atomic(size_t) pages;    // relaxed; mapped
    _Atomic(size_t) limbo;    // relaxed; kept, not mapped
    size_t map_pages;         // lock; of slot maps
};
extern struct arena arena;

size_t arena_map_pages(void); // Ctx: g0

/* The class of the slot for a stack that may use max_bytes, and the lowest address it may use then. */
unsigned stack_class(size_t max_bytes);
uintptr_t stack_lo(uintptr_t hi, size_t max_bytes);

/* The slot around an address of the arena. */
unsigned arena_class(uintptr_t va);
uintptr_t arena_slot_hi(uintptr_t va);
uintptr_t arena_slot_lo(uintptr_t hi);

/* The lowest free slot of a class: its upper end, 0 if the zone is full or there is no memory for its
 * map. Ctx: g0 or isr. */
uintptr_t arena_slot_alloc(unsigned class);
void arena_slot_free_locked(uintptr_t hi);
bool arena_slot_used_locked(uintptr_t va);

/* No slot under va's leaf table is in use. */
bool arena_table_unused_locked(uintptr_t va);

/* ---- stack.c ---- */

/* The long ways; stackcache.h has the short ones.
 * Gives gp its stack, of gp->stack_max bytes at most; 0 or -ENOMEM. Ctx: g0 or boot. */
int stack_bind(struct p *pp, struct g *gp);
/* gp is about to run on a stack that was shrunk: what still rests of it is mapped again. Ctx: g0. */
void stack_take_back(struct g *gp);
/* gp has ended: its stack goes to pp's cache, or the pool. Ctx: g0. */
void stack_unbind(struct p *pp, struct g *gp);
/* A full cache gives half to the pool. Ctx: g0. */
void stackcache_spill(struct p *pp);

/* A stack of G0_STACK_BYTES, all of it mapped; NULL: no memory. Ctx: boot. */
struct stacktop *stack_make_g0(void);

/* A page fault at addr: true once that page of a stack is mapped. Ctx: isr. */
bool stack_fault(uintptr_t addr);
/* Of the page fault that stack_fault() refused: says why, if it was on a stack. Ctx: isr, panicking. */
bool stack_explain(uintptr_t addr, uintptr_t sp);

/* Unmaps of a parked goroutine's stack what lies below its stack pointer: half of the stack when less than a
 * quarter is in use (Go's rule), or all. Pages unmapped. Ctx: g0 or isr; gp is held in GSCAN. */
size_t shrinkstack(struct g *gp, bool all);

/* Hands pp's free stacks to the pool. Ctx: g0, by the M that holds pp. */
void stackcache_flush(struct p *pp);
/* Gives back the memory of all stacks in the pool, addresses and tables too; pages. Ctx: g0 or isr. */
size_t stackpool_release(void);
size_t stackpool_count(void);

/* ---- limbo.c ---- */

/* [lo, hi) becomes kept; returns the stamp to wait for. */
uint64_t limbo_keep_locked(uintptr_t lo, uintptr_t hi);
/* The same, and when the stamp has passed the pages are freed. */
void limbo_unmap_locked(struct stacktop *top, uintptr_t lo, uintptr_t hi);
/* Unlinks the tables that nothing uses any more around [lo, hi). */
void limbo_drop_tables_locked(uintptr_t lo, uintptr_t hi);
/* Whether pages of top's stack rest. Only who has the stack can make it so: "no" needs no lock.
 * Acquire: pairs with the release in drain_batch(). */
static inline bool limbo_rests(const struct stacktop *top)
{
    return __atomic_load_n(&top->limbo_hi, __ATOMIC_ACQUIRE) != top->limbo_lo;
}
/* The lowest address of top's stack that has a page, kept or not. */
uintptr_t limbo_lowest_locked(const struct stacktop *top, uintptr_t committed);
/* All kept pages of top's stack are mapped again; returns its new lowest address. */
uintptr_t limbo_take_back_locked(struct stacktop *top, uintptr_t committed);
/* Frees the kept pages of [lo, hi), whose stamp has passed. */
size_t limbo_free_pages_locked(uintptr_t lo, uintptr_t hi);
/* Debug: throws if a page that rested was written since. */
void limbo_check_fresh(uint64_t pa);
/* Frees what has rested long enough: pages. With `wait`, all of it. Ctx: g0 or isr, no locks. */
size_t limbo_drain(bool wait);
/* Waits until nobody can go by a table that was unlinked so far. Ctx: as limbo_drain(). */
void limbo_settle_tables(void);
/* limbo_drain(), when so much has come together that it is worth it. */
void limbo_poll(void);

/* ---- background.c ---- */

/* When the next step is due; INT64_MAX: when background_resume() has been called. Ctx: any. */
int64_t background_next_ns(void);
/* The same for an idle M; INT64_MAX too if another one does it. background_leave() when it goes on. Ctx: g0. */
int64_t background_next(struct m *mp);
void background_leave(struct m *mp);
void background_step(void); // Ctx: g0, no locks
/* Goroutines run again: there may be something to do. Ctx: any. */
void background_resume(int64_t now);

/* ---- reclaim.c ---- */

/*
 * Wins memory: drops caches, shrinks parked goroutines' stacks, releases free ones. Pages won; 0: there is no
 * use in trying again. RECLAIM_TRIES bounds how often what was won may go to others.
 * Ctx: g0 or isr, holding no lock of RANK_STACKPOOL or above.
 */
#define RECLAIM_TRIES 100
size_t sched_reclaim(void);
/* The same, and this M's own free stacks. Ctx: g0, no locks. */
size_t sched_reclaim_g0(void);
/* This M's free stacks go to the pool, if somebody asked for them: whether anybody did. Ctx: g0. */
bool reclaim_asked(const struct m *mp);
bool reclaim_honour(struct m *mp);

#endif
