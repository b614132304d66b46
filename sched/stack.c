/*
 * stack.c - stacks of goroutines: binding, growing by page fault, shrinking, caching.
 *
 * Protocol:  a stack is made of a slot of the arena and one page, bound to a G when it first runs, and goes
 *            to the cache of the P on which that G ends (last used first: the warmest lines); half of a
 *            full cache goes to the pool of its class, an empty one is filled from there.
 *            A stack that is as the next goroutine wants it (top->how) goes from one to the next with a few stores
 *            (stackcache.h); what is here is for all others.
 *            Growth runs on the exception stack, on behalf of whoever touched the page: of its own stack a
 *            G, of another's one that was given a pointer into it. Under a table that slots share, entries
 *            change by compare-exchange and no lock is taken; a slot with tables of its own takes arena.lock,
 *            since those tables may go while the stack lives.
 * Invariant: [committed, hi) is mapped. What growth takes (page cache, page, vm and arena locks) is touched
 *            on g0 and exception stacks only, so it never meets a lock that its own G holds.
 * Why no zeroing: C promises nothing of fresh stack memory, and all of it is one program's.
 */
#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/tlb.h"
#include "kernel/tls.h"
#include "kernel/vm.h"
#include "pte.h"
#include "rt0/go.h"
#include "sched/sched.h"
#include "sched/stackcache.h"

#include <errno.h>

#define GROW_MAX   ((uintptr_t)1 << 20) // doubling stops here: a fault's time is bounded
#define KEEP_BYTES GO_STACK_MIN         // a free stack keeps so much: within any limit
#define UNMAP_MAX  (512 * PAGE_SIZE)    // for each taking of the lock

static struct {
    struct stacktop *free; // arena.lock
    size_t n;              // arena.lock
} stackpool[NSTACKCLASS];

static void push(struct stacktop **list, struct stacktop *top)
{
    top->next = *list;
    *list = top;
}

static struct stacktop *pop(struct stacktop **list)
{
    struct stacktop *top = *list;

    if (top)
        *list = top->next;
    return top;
}

static uintptr_t page_of(uintptr_t va)
{
    return va & ~(PAGE_SIZE - 1);
}

static uintptr_t committed_of(struct stack *s)
{
    return atomic_load_explicit(&s->committed, memory_order_relaxed);
}

/* Seen by whoever ends the goroutine, on whatever core: its page was found mapped there, or it mapped it. */
static void note_growth(struct stack *s)
{
    if (committed_of(s) < s->hi - KEEP_BYTES)
        atomic_fetch_or_explicit(&stack_top_of(s)->how, STACK_GREW, memory_order_relaxed);
}

/* ---- growing ------------------------------------------------------------------------------------ */

/* The page at one entry becomes present; the number of pages that this took, or -1. */
static int entry_commit(uint64_t *entry, struct pagecache *pc)
{
    uint64_t pte = __atomic_load_n(entry, __ATOMIC_RELAXED);

    if (pte_present(pte))
        return 0;
    if (pte)
        throw("stack: a page rests in a stack that is in use: %#lx", pte);
    uint64_t pa = page_cache_alloc(pc);
    if (pa == PAGE_NONE)
        return -1;
    if (RT0_DEBUG)
        limbo_check_fresh(pa);
    /* Release: the walker's. Another core may grow the same stack; then its page is as good. */
    if (__atomic_compare_exchange_n(entry, &pte, pte_stack(pa), false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED))
        return 1;
    page_cache_free(pc, pa);
    return 0;
}

/* From `from` down to `to`: the lowest address committed. */
static uintptr_t commit_range(uintptr_t from, uintptr_t to)
{
    struct pagecache *pc = &getm()->p->pagecache;
    uint64_t *entry = NULL;
    size_t pages = 0;

    while (from > to) {
        uintptr_t va = from - PAGE_SIZE;
        entry = entry && from % TABLE_BYTES ? entry - 1 : vm_table_find(va);
        if (!entry)
            entry = vm_table_make(va);
        int n = entry ? entry_commit(entry, pc) : -1;
        if (n < 0)
            break;
        pages += (size_t)n;
        from = va;
    }
    mmu_publish();
    atomic_fetch_add_explicit(&arena.pages, pages, memory_order_relaxed);
    return from;
}

static uintptr_t commit(uintptr_t from, uintptr_t to)
{
    if (arena_class(to) < stack_class(TABLE_BYTES))
        return commit_range(from, to);
    limbo_settle_tables();
    lock(&arena.lock);
    uintptr_t reached = commit_range(from, to);
    unlock(&arena.lock);
    return reached;
}

/* How far a fault at addr takes the stack: twice the size, by GROW_MAX at most, or down to addr. */
static uintptr_t grow_target(uintptr_t lo, uintptr_t hi, uintptr_t committed, uintptr_t addr)
{
    uintptr_t step = hi - committed;

    if (step > GROW_MAX)
        step = GROW_MAX;
    uintptr_t target = step < committed - lo ? committed - step : lo;
    return page_of(addr) < target ? page_of(addr) : target;
}

static bool grow(struct stack *s, uintptr_t addr)
{
    uintptr_t lo = s->lo, hi = s->hi;

    for (int tries = 0; tries < RECLAIM_TRIES; tries++) {
        uintptr_t committed = committed_of(s);
        if (addr >= committed)
            return true;
        uintptr_t reached = commit(committed, grow_target(lo, hi, committed, addr));
        while (reached < committed &&
               !atomic_compare_exchange_weak_explicit(&s->committed, &committed, reached,
                                                      memory_order_relaxed, memory_order_relaxed))
            ;
        note_growth(s);
        if (reached <= addr)
            return true;
        if (!sched_reclaim())
            break;
    }
    return false;
}

/* Takes no lock: tables are freed only when every core has passed (kernel/tlb.h), and this one does not
 * meanwhile. */
static bool is_mapped(uintptr_t addr)
{
    uint64_t pa;
    enum vm_prot prot;

    return vm_lookup(addr, &pa, &prot);
}

/* Whose stack addr is in; NULL if nobody's. */
static struct g *owner_of_locked(uintptr_t addr)
{
    if (!arena_slot_used_locked(addr))
        return NULL;
    struct stacktop *top = stack_top(arena_slot_hi(addr));
    struct g *gp = is_mapped((uintptr_t)top) ? top->g : NULL;
    return gp && gp->stack == &top->stack ? gp : NULL;
}

/* Whoever touched it, and on whatever stack: the address counts. */
bool stack_fault(uintptr_t addr)
{
    struct g *gp = getg();

    if (addr - ARENA_BASE >= ARENA_BYTES)
        return false;
    /* This core went by a table that has been replaced since (limbo.c). Before any lock: it may hold them. */
    if (is_mapped(addr)) {
        mmu_flush_local();
        return true;
    }
    if (addr < gp->stack->lo || addr >= gp->stack->hi) {
        lock(&arena.lock);
        gp = owner_of_locked(addr);
        unlock(&arena.lock);
    }
    return gp && addr >= gp->stack->lo && grow(gp->stack, addr);
}

/* ---- why it can't grow -------------------------------------------------------------------------- */

static void explain_overflow(const struct g *gp, uintptr_t sp)
{
    const struct stack *s = gp->stack;

    if (gp == gp->m->g0)
        kprintf("runtime: the g0 stack of M%u exceeds its %zu bytes\n", gp->m->id,
                (size_t)(s->hi - s->lo));
    else
        kprintf("runtime: goroutine stack exceeds %zu-byte limit\n", (size_t)(s->hi - s->lo));
    kprintf("runtime: sp=%#lx stack=[%#lx, %#lx]\nfatal error: stack overflow\n", sp, s->lo, s->hi);
}

static void explain_memory(const struct g *gp)
{
    struct stack *s = gp->stack;
    uintptr_t committed = committed_of(s);

    kprintf(
        "runtime: the stack of goroutine %lu can't grow beyond %zu bytes (its limit is %zu): %zu "
        "of %zu pages are in use\nfatal error: out of memory\n",
        gp->goid, (size_t)(s->hi - committed), (size_t)(s->hi - s->lo), page_in_use(),
        page_total());
}

/* Without a lock: the other cores are stopped, and one of them may have held it. */
bool stack_explain(uintptr_t addr, uintptr_t sp)
{
    const struct g *gp = getg();
    bool in_arena = addr - ARENA_BASE < ARENA_BYTES;
    bool m0_guard = addr >= (uintptr_t)m0_stack_guard && addr < (uintptr_t)m0_stack_lo;

    if (m0_guard || (in_arena && arena_slot_hi(addr) == gp->stack->hi && addr < gp->stack->lo)) {
        explain_overflow(gp, sp);
        return true;
    }
    if (in_arena && (gp = owner_of_locked(addr)) != NULL && addr >= gp->stack->lo) {
        explain_memory(gp);
        return true;
    }
    return false;
}

/* ---- making ------------------------------------------------------------------------------------- */

static void unmake(uintptr_t hi, uint64_t pa)
{
    if (pa != PAGE_NONE)
        page_cache_free(&getm()->p->pagecache, pa);
    lock(&arena.lock);
    arena_slot_free_locked(hi);
    limbo_drop_tables_locked(hi - PAGE_SIZE, hi);
    unlock(&arena.lock);
}

/* What does not change as long as there is the stack. */
static struct stacktop *top_make(uintptr_t hi)
{
    struct stacktop *top = stack_top(hi);

    *top = (struct stacktop){.stack = {.hi = hi, .committed = hi - PAGE_SIZE}, .how = STACK_OTHER};
    top->sp = tls_place((uintptr_t)top, &top->tls);
    if (!tls_is_small())
        top->how |= STACK_TLS;
    return top;
}

static struct stacktop *stack_make(struct p *pp, unsigned class)
{
    uintptr_t hi = arena_slot_alloc(class);
    if (!hi)
        return NULL;
    uint64_t pa = page_cache_alloc(&pp->pagecache);
    uint64_t *entry = vm_table_find(hi - PAGE_SIZE);
    if (!entry && pa != PAGE_NONE) {
        limbo_settle_tables();
        entry = vm_table_make(hi - PAGE_SIZE);
    }
    if (!entry || pa == PAGE_NONE) {
        unmake(hi, pa);
        return NULL;
    }
    if (*entry)
        throw("stack_make: a free slot has a page at %#lx", hi - PAGE_SIZE);
    __atomic_store_n(entry, pte_stack(pa), __ATOMIC_RELEASE);
    mmu_publish();
    atomic_fetch_add_explicit(&arena.pages, 1, memory_order_relaxed);
    return top_make(hi);
}

struct stacktop *stack_make_g0(void)
{
    struct stacktop *top = stack_make(getm()->p, 0);
    if (!top)
        return NULL;
    struct stack *s = &top->stack;
    s->lo = s->hi - G0_STACK_BYTES;
    atomic_store_explicit(&s->committed, commit(committed_of(s), s->lo), memory_order_relaxed);
    return committed_of(s) == s->lo ? top : NULL;
}

/* ---- caching ------------------------------------------------------------------------------------ */

static unsigned default_class(void)
{
    return stack_class(sched.stack_max);
}

static void cache_refill(struct p *pp)
{
    unsigned class = default_class();

    limbo_poll();
    lock(&arena.lock);
    while (stackpool[class].free && pp->nstackcache < STACK_CACHE_MAX / 2) {
        push(&pp->stackcache, pop(&stackpool[class].free));
        stackpool[class].n--;
        pp->nstackcache++;
    }
    unlock(&arena.lock);
}

static void cache_spill(struct p *pp, uint32_t keep)
{
    unsigned class = default_class();

    lock(&arena.lock);
    for (; pp->nstackcache > keep; pp->nstackcache--) {
        push(&stackpool[class].free, pop(&pp->stackcache));
        stackpool[class].n++;
    }
    unlock(&arena.lock);
    limbo_poll();
}

void stackcache_spill(struct p *pp)
{
    cache_spill(pp, STACK_CACHE_MAX / 2);
}

void stackcache_flush(struct p *pp)
{
    cache_spill(pp, 0);
}

static struct stacktop *pool_get(unsigned class)
{
    lock(&arena.lock);
    struct stacktop *top = pop(&stackpool[class].free);
    stackpool[class].n -= top != NULL;
    unlock(&arena.lock);
    return top;
}

static void pool_put(unsigned class, struct stacktop *top)
{
    lock(&arena.lock);
    push(&stackpool[class].free, top);
    stackpool[class].n++;
    unlock(&arena.lock);
    limbo_poll();
}

static struct stacktop *stack_get(struct p *pp, unsigned class)
{
    if (class != default_class())
        return pool_get(class);
    if (!pp->stackcache)
        cache_refill(pp);
    struct stacktop *top = pop(&pp->stackcache);
    pp->nstackcache -= top != NULL;
    return top;
}

/* Unmaps [committed, lo). */
static void unmap_below(struct stack *s, uintptr_t lo)
{
    uintptr_t committed = committed_of(s);

    if (committed >= lo)
        return;
    atomic_fetch_or_explicit(&stack_top_of(s)->how, STACK_RESTS, memory_order_relaxed);
    while (committed < lo) {
        uintptr_t end = lo - committed > UNMAP_MAX ? committed + UNMAP_MAX : lo;
        lock(&arena.lock);
        limbo_unmap_locked(stack_top_of(s), committed, end);
        unlock(&arena.lock);
        committed = end;
    }
    atomic_store_explicit(&s->committed, lo, memory_order_relaxed);
}

static bool bind(struct g *gp, struct stacktop *top)
{
    struct stack *s = &top->stack;
    uintptr_t lo = stack_lo(s->hi, gp->stack_max), committed = committed_of(s);
    uint32_t tls = atomic_load_explicit(&top->how, memory_order_relaxed) & STACK_TLS;

    if (limbo_rests(top)) {
        lock(&arena.lock);
        bool fits = limbo_lowest_locked(top, committed) >= lo;
        if (fits)
            committed = limbo_take_back_locked(top, committed);
        unlock(&arena.lock);
        /* The goroutine before was allowed more, and below the limit of this one lie pages that a core may
         * still reach without a fault: they have to go first. */
        if (!fits)
            return false;
    }
    s->lo = lo;
    atomic_store_explicit(&s->committed, committed, memory_order_relaxed);
    atomic_store_explicit(&top->how, gp->prep & PREP_OTHER ? tls | STACK_OTHER : tls,
                          memory_order_relaxed);
    note_growth(s);
    stack_give(top, gp);
    return true;
}

int stack_bind(struct p *pp, struct g *gp)
{
    unsigned class = stack_class(gp->stack_max);
    struct stacktop *top = stack_get(pp, class);

    if (!top)
        top = stack_make(pp, class);
    for (int tries = 0; !top && tries < RECLAIM_TRIES && sched_reclaim_g0(); tries++)
        top = stack_make(pp, class);
    if (!top)
        return -ENOMEM;
    while (!bind(gp, top))
        limbo_drain(true);
    return 0;
}

void stack_take_back(struct g *gp)
{
    struct stack *s = gp->stack;

    lock(&arena.lock);
    uintptr_t committed = limbo_take_back_locked(stack_top_of(s), committed_of(s));
    unlock(&arena.lock);
    atomic_store_explicit(&s->committed, committed, memory_order_relaxed);
    atomic_fetch_and_explicit(&stack_top_of(s)->how, ~(uint32_t)STACK_RESTS, memory_order_relaxed);
}

void stack_unbind(struct p *pp, struct g *gp)
{
    struct stack *s = gp->stack;
    struct stacktop *top = stack_top_of(s);
    unsigned class = arena_class(s->hi - 1);

    gp->stack = NULL;
    unmap_below(s, s->hi - KEEP_BYTES);
    atomic_fetch_and_explicit(&top->how, ~(uint32_t)STACK_GREW, memory_order_relaxed);
    if (class == default_class())
        stackcache_put(pp, top);
    else
        pool_put(class, top);
}

/* ---- shrinking ---------------------------------------------------------------------------------- */

size_t shrinkstack(struct g *gp, bool all)
{
    struct stack *s = gp->stack;
    uintptr_t committed = committed_of(s), used = s->hi - gp->sp, size = s->hi - committed;

    if (!all && used >= size / 4)
        return 0;
    uintptr_t lo = all ? page_of(gp->sp) : page_of(s->hi - size / 2);
    if (lo <= committed)
        return 0;
    unmap_below(s, lo);
    gp->prep |= PREP_SHRUNK;
    return (lo - committed) >> PAGE_SHIFT;
}

/* ---- releasing ---------------------------------------------------------------------------------- */

#define RELEASE_BATCH 32

/* What is left of a stack whose stacktop is unmapped. */
struct released {
    uintptr_t hi;
    uintptr_t committed;
};

/* Takes stacks that do not rest out of the pools and unmaps them. */
static unsigned release_unmap(struct released *r, uint64_t *stamp)
{
    unsigned n = 0;

    lock(&arena.lock);
    for (unsigned class = 0; class < NSTACKCLASS; class ++) {
        struct stacktop **link = &stackpool[class].free;
        while (*link && n < RELEASE_BATCH) {
            struct stacktop *top = *link;
            if (top->limbo_queued) {
                link = &top->next;
                continue;
            }
            *link = top->next;
            stackpool[class].n--;
            r[n] = (struct released){top->stack.hi, committed_of(&top->stack)};
            *stamp = limbo_keep_locked(r[n].committed, r[n].hi);
            n++;
        }
    }
    unlock(&arena.lock);
    return n;
}

static size_t release_free(const struct released *r, unsigned n)
{
    size_t pages = 0;

    lock(&arena.lock);
    for (unsigned i = 0; i < n; i++) {
        arena_slot_free_locked(r[i].hi);
        pages += limbo_free_pages_locked(r[i].committed, r[i].hi);
        limbo_drop_tables_locked(arena_slot_lo(r[i].hi), r[i].hi);
    }
    unlock(&arena.lock);
    return pages;
}

size_t stackpool_release(void)
{
    struct released r[RELEASE_BATCH];
    uint64_t stamp = 0;
    size_t pages = limbo_drain(true);
    unsigned n;

    while ((n = release_unmap(r, &stamp)) != 0) {
        tlb_sync(stamp);
        pages += release_free(r, n);
    }
    return pages + limbo_drain(true);
}

size_t stackpool_count(void)
{
    size_t n = 0;

    lock(&arena.lock);
    for (unsigned class = 0; class < NSTACKCLASS; class ++)
        n += stackpool[class].n;
    unlock(&arena.lock);
    return n;
}
