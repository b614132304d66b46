/*
 * limbo.c - pages that are unmapped, but may still be in some core's TLB.
 *
 * Problem:   a core with a stale translation would write into whatever the page is used for next; and if
 *            another page were mapped at the same place, cores would see different ones there.
 * Protocol:  pages are unmapped from stacks that nobody runs on: free ones, and parked goroutines'. An unmapped
 *            page stays in its entry, not present ("kept"). limbo_unmap_locked() stamps the range
 *            (kernel/tlb.h) and queues its stack; when the stamp has passed, limbo_drain() frees the pages.
 *            Who is about to run on the stack earlier takes all of them back: then entries and stale
 *            translations agree again, and no page can go that is in use through a translation that no
 *            fault told of. All of this is under arena.lock.
 *            Page tables that became empty rest the same way, linked through themselves.
 * Invariant: a stack that a goroutine runs on has no kept page. Of a stack in the queue, [limbo_lo, limbo_hi)
 *            is kept, all of it, and ends where the mapped part begins. A page leaves its entry only after
 *            every core has passed the stamp of its unmapping.
 * Debug:     kept pages are filled with a pattern. One that has lost it when it is freed, or when it is next
 *            used for a stack, was written by a core that should have forgotten it.
 */
#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/poison.h"
#include "kernel/tlb.h"
#include "kernel/vm.h"
#include "pte.h"
#include "sched/sched.h"

#define POLL_PAGES  256 // so many kept pages are worth a flush on every core
#define DRAIN_BATCH 64  // stacks for each taking of the lock

static struct {
    struct stacktop *head, *tail; // arena.lock
    uint64_t tables;              // arena.lock; physical address of the first resting table, or 0
    uint64_t tables_stamp;        // arena.lock; of the last one
} limbo;

/* What lies in a resting table: nothing of it looks like a present entry. */
struct resting_table {
    uint64_t next;
};

/* What is freed is full of it, by whomever; memory that was never used has none. */
void limbo_check_fresh(uint64_t pa)
{
    size_t left = poison_left(pa);

    if (left > POISON_WORDS / 2 && left < POISON_WORDS)
        throw("page %#lx was written while it was free: some core has a stale translation", pa);
}

/* ---- entering ----------------------------------------------------------------------------------- */

/* Entries of [lo, hi) one by one, those of absent tables left out. Begin with *entry == NULL, *va == lo. */
static bool next_entry(uint64_t **entry, uintptr_t *va, uintptr_t hi)
{
    if (*entry) {
        *va += PAGE_SIZE;
        *entry = *va % TABLE_BYTES ? *entry + 1 : NULL;
    }
    while (!*entry && *va < hi) {
        *entry = vm_table_find(*va);
        if (!*entry)
            *va = (*va & ~(TABLE_BYTES - 1)) + TABLE_BYTES;
    }
    return *va < hi;
}

static void keep(uintptr_t lo, uintptr_t hi)
{
    uint64_t *entry = NULL;
    size_t n = 0;

    for (uintptr_t va = lo; next_entry(&entry, &va, hi);) {
        uint64_t pte = __atomic_load_n(entry, __ATOMIC_RELAXED);
        if (!pte_present(pte))
            continue;
        __atomic_store_n(entry, pte_pa(pte), __ATOMIC_RELEASE);
        if (RT0_DEBUG)
            poison(pte_pa(pte), 1);
        n++;
    }
    atomic_fetch_sub_explicit(&arena.pages, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&arena.limbo, n, memory_order_relaxed);
}

static void append_locked(struct stacktop *top)
{
    top->limbo_next = NULL;
    if (limbo.tail)
        limbo.tail->limbo_next = top;
    else
        limbo.head = top;
    limbo.tail = top;
}

/* A stack that is in the queue already rests longer. */
static void enqueue_locked(struct stacktop *top, uintptr_t lo, uintptr_t hi, uint64_t stamp)
{
    bool more = top->limbo_lo < top->limbo_hi;

    top->limbo_lo = more ? top->limbo_lo : lo;
    top->limbo_hi = hi;
    top->limbo_stamp = stamp;
    if (top->limbo_queued)
        return;
    top->limbo_queued = true;
    append_locked(top);
}

uint64_t limbo_keep_locked(uintptr_t lo, uintptr_t hi)
{
    keep(lo, hi);
    mmu_publish();
    return tlb_unmapped();
}

void limbo_unmap_locked(struct stacktop *top, uintptr_t lo, uintptr_t hi)
{
    enqueue_locked(top, lo, hi, limbo_keep_locked(lo, hi));
}

/* ---- leaving ------------------------------------------------------------------------------------ */

uintptr_t limbo_lowest_locked(const struct stacktop *top, uintptr_t committed)
{
    return top->limbo_lo < top->limbo_hi ? top->limbo_lo : committed;
}

uintptr_t limbo_take_back_locked(struct stacktop *top, uintptr_t committed)
{
    uint64_t *entry = NULL;
    uintptr_t lo = top->limbo_lo, hi = top->limbo_hi;
    size_t n = (hi - lo) >> PAGE_SHIFT;

    if (n == 0)
        return committed;
    for (uintptr_t va = lo; next_entry(&entry, &va, hi);)
        __atomic_store_n(entry, pte_stack(*entry), __ATOMIC_RELEASE);
    mmu_publish();
    top->limbo_hi = lo; // still in the queue, with nothing to free
    atomic_fetch_add_explicit(&arena.pages, n, memory_order_relaxed);
    atomic_fetch_sub_explicit(&arena.limbo, n, memory_order_relaxed);
    return lo;
}

/* A run of pages on its way to the allocator. Neighbours in a stack often are neighbours in memory, in
 * either direction, and a run is freed for the price of a page. */
struct run {
    uint64_t pa;
    size_t n;
};

static void run_free(struct run *r)
{
    if (r->n == 1)
        page_cache_free(&getm()->p->pagecache, r->pa);
    else if (r->n)
        page_free(r->pa, r->n);
    r->n = 0;
}

static void run_add(struct run *r, uint64_t pa)
{
    if (r->n && pa + PAGE_SIZE == r->pa) {
        r->pa = pa;
    } else if (!r->n || pa != r->pa + r->n * PAGE_SIZE) {
        run_free(r);
        r->pa = pa;
    }
    r->n++;
}

size_t limbo_free_pages_locked(uintptr_t lo, uintptr_t hi)
{
    struct run run = {0, 0};
    uint64_t *entry = NULL;
    size_t n = 0;

    for (uintptr_t va = lo; next_entry(&entry, &va, hi);) {
        uint64_t pte = *entry;
        if (pte_present(pte) || pte == 0)
            throw("limbo: the entry of %#lx is %#lx", va, pte);
        __atomic_store_n(entry, 0, __ATOMIC_RELAXED);
        if (RT0_DEBUG && poison_left(pte) != POISON_WORDS)
            throw(
                "page %#lx was written after its unmapping at %#lx: some core has a stale translation",
                pte, va);
        run_add(&run, pte);
        n++;
    }
    run_free(&run);
    atomic_fetch_sub_explicit(&arena.limbo, n, memory_order_relaxed);
    limbo_drop_tables_locked(lo, hi);
    return n;
}

/* Tables of its own: growth takes arena.lock, so an empty one stays empty meanwhile. A shared one goes with
 * the last slot under it. */
static bool may_drop_locked(uintptr_t va)
{
    return arena_class(va) >= stack_class(TABLE_BYTES) || arena_table_unused_locked(va);
}

void limbo_drop_tables_locked(uintptr_t lo, uintptr_t hi)
{
    uint64_t pa[VM_DROP_MAX];

    for (uintptr_t va = lo & ~(TABLE_BYTES - 1); va < hi; va += TABLE_BYTES) {
        unsigned n = may_drop_locked(va) ? vm_table_drop(va, pa) : 0;
        if (n == 0)
            continue;
        limbo.tables_stamp = tlb_unmapped();
        for (unsigned i = 0; i < n; i++) {
            ((struct resting_table *)phys_to_virt(pa[i]))->next = limbo.tables;
            limbo.tables = pa[i];
        }
    }
}

static size_t free_tables(void)
{
    uint64_t list = 0;
    size_t n = 0;

    lock(&arena.lock);
    if (limbo.tables && tlb_passed(limbo.tables_stamp)) {
        list = limbo.tables;
        limbo.tables = 0;
    }
    unlock(&arena.lock);
    for (; list; n++) {
        uint64_t pa = list;
        list = ((struct resting_table *)phys_to_virt(pa))->next;
        page_free(pa, 1);
    }
    return n;
}

static struct stacktop *dequeue_locked(void)
{
    struct stacktop *top = limbo.head;

    if (top) {
        limbo.head = top->limbo_next;
        if (!limbo.head)
            limbo.tail = NULL;
    }
    return top;
}

/* Looks at up to DRAIN_BATCH stacks from the head of the queue on. One whose stamp was renewed meanwhile goes to
 * the end, so that it does not keep back those behind it. *more: it is worth looking at the next ones. */
static size_t drain_batch(bool *more)
{
    size_t pages = 0;

    *more = false;
    lock(&arena.lock);
    struct stacktop *top, *renewed = NULL;
    for (unsigned i = 0; i < DRAIN_BATCH && limbo.head != renewed && (top = dequeue_locked());
         i++) {
        if (!tlb_passed(top->limbo_stamp)) {
            append_locked(top);
            renewed = renewed ? renewed : top;
            continue;
        }
        uintptr_t lo = top->limbo_lo, hi = top->limbo_hi;
        top->limbo_queued = false;
        pages += limbo_free_pages_locked(lo, hi);
        /* Release: pairs with the acquire in limbo_rests(): the entries are absent. */
        __atomic_store_n(&top->limbo_hi, lo, __ATOMIC_RELEASE);
        *more = true;
    }
    unlock(&arena.lock);
    return pages;
}

static uint64_t tables_stamp_locked(void)
{
    return limbo.tables ? limbo.tables_stamp : 0;
}

/* The last stamp given out so far, 0 if nothing rests. */
static uint64_t last_stamp(void)
{
    lock(&arena.lock);
    uint64_t stamp = tables_stamp_locked();
    for (struct stacktop *top = limbo.head; top; top = top->limbo_next)
        stamp = top->limbo_stamp > stamp ? top->limbo_stamp : stamp;
    unlock(&arena.lock);
    return stamp;
}

/* A place gets a new table only when no core can go by the old one. */
void limbo_settle_tables(void)
{
    /* Growth comes here: without a lock while there is none. What matters is the caller's own place, whose old
     * table was unlinked before the slot became the caller's. */
    if (!__atomic_load_n(&limbo.tables, __ATOMIC_RELAXED))
        return;
    lock(&arena.lock);
    uint64_t stamp = tables_stamp_locked();
    unlock(&arena.lock);
    if (stamp)
        tlb_sync(stamp);
}

size_t limbo_drain(bool wait)
{
    size_t pages = 0;
    bool more;

    if (wait)
        tlb_sync(last_stamp());
    do
        pages += drain_batch(&more);
    while (more);
    return pages + free_tables();
}

void limbo_poll(void)
{
    if (atomic_load_explicit(&arena.limbo, memory_order_relaxed) >= POLL_PAGES)
        limbo_drain(false);
}
