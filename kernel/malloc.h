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

/* A P's part of the heap. Zero is empty. Access: the M that holds the P. */
struct mcache {
    struct span *alloc[MEM_CLASSES]; // the span that objects of a class come from; NULL: none yet
};

/* Before the first malloc(). Ctx: boot, after page_init() and vm_use_page_allocator(). */
void malloc_init(void);

/* Hands every span of mc back to its mcentral, and empty ones to the page allocator. Ctx: G or g0, by the M
 * that holds the P, preemption off, holding no lock. */
void mcache_flush(struct mcache *mc);

/*
 * An access to `addr` faulted: true if it was free() or realloc() looking up a pointer in a part of the span
 * table that was never mapped, so the pointer is not the heap's; prints the same two lines as for any other
 * such pointer. Ctx: isr, panicking.
 */
bool malloc_fault(uintptr_t addr);

/* Fills in the heap's part. Ctx: G or g0. */
void malloc_stats(struct memstats *st);

#endif
