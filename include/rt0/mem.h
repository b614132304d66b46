/*
 * rt0/mem.h - where the memory is, and giving it back.
 */
#ifndef RT0_MEM_H
#define RT0_MEM_H

#include <stddef.h>
#include <stdint.h>

#define MEM_CLASSES 68 // size classes of malloc(); class 0: objects of whole pages

struct memclass {
    size_t object_bytes; // 0 for class 0
    size_t spans;
    size_t objects; // allocated and not freed
};

/* Pages are of 4 KiB. A picture taken while other goroutines run is only nearly consistent. */
struct memstats {
    /* The machine. */
    size_t pages;           // RAM that can be given out
    size_t pages_in_use;    // given out, for whatever below; the caches' free pages included
    size_t pages_cached;    // of these: free pages in per-core caches
    size_t pages_scavenged; // free and given back to the host
    size_t pages_meta;      // the page allocator's own tables

    /* malloc(). */
    size_t heap_pages; // in spans
    size_t heap_meta;  // pages of span structs and the span table
    size_t heap_spans;
    size_t heap_bytes; // allocated and not freed, rounded up to size classes
    struct memclass classes[MEM_CLASSES];

    /* Goroutines and their stacks. */
    size_t goroutines;     // not ended
    size_t g_pages;        // pages of struct g
    size_t g_structs;      // struct g, dead ones included
    size_t stacks;         // stacks with memory, bound or free
    size_t stacks_free;    // of these: waiting for a goroutine
    size_t stack_reserved; // bytes of address space reserved by them
    size_t stack_pages;    // pages mapped in them
    size_t stack_limbo;    // pages unmapped, but not yet reusable (docs/stacks.md)
    size_t stack_tables;   // pages of page tables of the arena
};

/* memstats_read - fill in *st. Ctx: goroutine. */
void memstats_read(struct memstats *st);

/*
 * memreclaim - give back all that can be spared now: shrink the stacks of parked goroutines, free the
 * stacks and pages in caches, hand free pages to the host where it takes them (virtio-balloon with free page
 * reporting). It happens by itself when memory runs out, and slowly while cores idle. What another core
 * that is busy has in its caches it gives at its next switch of goroutines.
 * Ctx: goroutine. Does not park.
 * Source: Go's debug.FreeOSMemory.
 */
void memreclaim(void);

#endif
