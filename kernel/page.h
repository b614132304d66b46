/*
 * page.h - physical pages.
 *
 * Two ways in. A run of contiguous pages comes from the page allocator under its lock, lowest address
 * first. A single page comes from a P's page cache, which takes aligned groups of PAGE_GROUP pages from
 * the allocator and hands them out without a lock.
 *
 * Memory is opened as it is needed: at boot the allocator notes where free RAM lies and touches no more
 * of it, whatever its size.
 *
 * Ctx of all of these but page_stats(): g0, an exception stack, or boot; never a goroutine's stack. A
 * growth fault takes the same lock, and must not find it held by its own goroutine (design: stacks).
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/bootmem.h"

#define PAGE_NONE BOOTMEM_NONE

/* Takes over all of bm's free memory. Ctx: boot, after vm_init(). */
void page_init(struct bootmem *bm);

/* n physically contiguous pages, lowest address first, not zeroed; PAGE_NONE if there is no such run. */
uint64_t page_alloc(size_t n);

/* The same, at a multiple of align_pages (a power of two). */
uint64_t page_alloc_aligned(size_t n, size_t align_pages);

/* Gives back pages that page_alloc() or a cache gave, all or a part of a run. Throws if one of them is
 * free or was never given. */
void page_free(uint64_t pa, size_t n);

/* ---- per-P caches ------------------------------------------------------------------------------- */

/*
 * The cached group: its physical address, whose low bits are zero (the group is aligned to its size), with
 * a bit for each of its pages that is free in them. One word, so that another core may take what is left
 * when memory is short: every change is a compare-exchange. No bits: empty; the address may stay.
 */
#define PAGE_GROUP 16

struct pagecache {
    _Atomic(uint64_t) group;
};

/* One page, not zeroed; PAGE_NONE when there is none. */
uint64_t page_cache_alloc(struct pagecache *pc);

/* Gives one page back: into the cache if it belongs to the cached group, else to the allocator. */
void page_cache_free(struct pagecache *pc, uint64_t pa);

/* Gives all that is cached back to the allocator: how many pages. Safe from any core, at any time. */
size_t page_cache_drop(struct pagecache *pc);

/* ---- scavenging: giving free pages back to the host (kernel/scavenge.c) -------------------------- */

/*
 * Takes a run of at least PAGE_GROUP and at most max free pages that the host still backs, aligned to
 * PAGE_GROUP, from the highest addresses down (allocation goes up, so these are the last to be wanted).
 * The pages count as in use until page_scavenge_done(). Returns its length, 0 if there is none.
 */
size_t page_scavenge_take(size_t max, uint64_t *pa);

/* Frees a run that page_scavenge_take() gave; `given` says whether the host has taken the pages back. */
void page_scavenge_done(uint64_t pa, size_t n, bool given);

/* ---- figures ------------------------------------------------------------------------------------- */

/* In pages. total = in_use + free; cached pages count as in use here and are the caches' to tell. */
struct pagestats {
    size_t total;  // what page_init() took over, less the allocator's own tables
    size_t in_use; // given out, cached ones included
    size_t opened; // pages that the allocator has looked at; the rest was never touched since boot
    size_t scavenged; // free, and given back to the host
    size_t meta;      // the allocator's own tables, as far as they are opened
};
void page_stats(struct pagestats *st); // Ctx: any but isr

size_t page_total(void);
size_t page_in_use(void);

#endif
