/*
 * malloc.h - the heap behind malloc(), in Go's terms: mheap, mcentral, mcache.
 *
 *   mcache    per P, one current span for each size class: allocates and frees without a lock
 *   mcentral  per size class, under its lock: spans that no P holds
 *   mheap     spans of whole pages from the page allocator; large objects are spans of their own
 */
#ifndef KERNEL_MALLOC_H
#define KERNEL_MALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt0/mem.h"

struct span;

#define MCACHE_LAST 8

/* A P's part of the heap. Access: the M that holds the P. */
struct mcache {
    struct span *alloc[MEM_CLASSES]; // the span that objects of a class come from; never NULL

    /* By class % MCACHE_LAST, where free() had to take a lock last. Only compared. */
    const struct span *last[MCACHE_LAST];
};

/* Makes an empty one, before the P's first malloc(). Ctx: boot. Source: Go's allocmcache. */
void mcache_init(struct mcache *mc);

/* Before the first malloc(). Ctx: boot, after page_init() and vm_use_page_allocator(). */
void malloc_init(void);

/* Upward door: gives back memory of others' when malloc() has none left, and says how many pages.
 * It is called on g0, with no lock held. Ctx: boot. */
void malloc_set_reclaim(size_t (*reclaim)(void));

/* Hands every span of mc back to its mcentral, and empty ones to the page allocator. Ctx: G or
 * g0, by the M that holds the P, preemption off, holding no lock. */
void mcache_flush(struct mcache *mc);

/*
 * An access to `addr` faulted: true if it was free() looking up a pointer in a part of the span
 * table that was never mapped, so the pointer is not the heap's; prints what any other such
 * pointer gives, but for the pointer's last three digits, which are not known here. free() has no
 * frame then: its caller is trapframe_caller(). Ctx: isr, panicking.
 */
bool malloc_fault(uintptr_t addr);

/* Fills in the heap's part. (malloc_stats() is the name of another function in libc's <malloc.h>.)
 * Ctx: G or g0. */
void malloc_memstats(struct memstats *st);

#endif
