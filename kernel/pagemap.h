/*
 * pagemap.h - which pages of one range of RAM are free: bitmaps, and summaries of them in a tree.
 *
 * Pages are named by their index in the range. Nothing here knows addresses, locks or how to fail:
 * what the caller should report is a return value, and the caller's lock guards every call.
 *
 * The range is opened from index 0 upward. The tables of what is not opened are neither read nor
 * written, and need not be initialised; its pages are found by no call until they are opened.
 */
#ifndef KERNEL_PAGEMAP_H
#define KERNEL_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGEMAP_CHUNK  512 // pages; the unit of opening, and what a leaf of the tree sums up
#define PAGEMAP_FAN    8   // children of a node: their summaries fill one cache line
#define PAGEMAP_LEVELS 5   // a node of the highest level sums up 2 Mi pages (8 GiB)
#define PAGEMAP_GROUP  16  // pages; the unit of caches and of scavenging
#define PAGEMAP_LOWS   3   // searches for 1, 4 and 16 pages remember where to begin
#define PAGEMAP_NONE   SIZE_MAX
#define PAGEMAP_WORDS  (PAGEMAP_CHUNK / 64)

struct pagemap_chunk {
    uint64_t free[PAGEMAP_WORDS];      // bit set: the page is free
    uint64_t scavenged[PAGEMAP_WORDS]; // ... and the host has taken it back; never set for others
};

/* Access: all of it is the caller's lock's. */
struct pagemap {
    struct pagemap_chunk *chunks;
    uint64_t *sums[PAGEMAP_LEVELS]; // [level][node], packed; level 0: one for each chunk
    unsigned top;                   // highest level in use; its nodes are searched one by one
    uint64_t frame;                 // page frame number of index 0; alignments are of frames
    size_t first;                   // indices below it are not the map's: never free
    size_t npages;                  // the range's end
    size_t open;                    // frontier: a multiple of PAGEMAP_CHUNK, or npages
    size_t low[PAGEMAP_LOWS];       // [0, low[k]) holds no free run of 4^k pages
    size_t nfree;                   // opened and free; these include
    size_t nscavenged;              // ... the scavenged ones
};

/* Bytes of the tables for npages pages, and of the part of them that is in use. */
size_t pagemap_meta_bytes(size_t npages);
size_t pagemap_meta_open(const struct pagemap *pm);

/*
 * pagemap_init - a map of the pages [first, npages), none of them opened.
 * frame  the frame of index 0, a multiple of PAGEMAP_CHUNK; first < PAGEMAP_CHUNK, first < npages
 * meta   pagemap_meta_bytes(npages) bytes at a cache line's start
 */
void pagemap_init(struct pagemap *pm, uint64_t frame, size_t first, size_t npages, void *meta);

/* Opens n pages more, rounded up to whole chunks, or all that are left. Returns how many pages became
 * free by it. */
size_t pagemap_open(struct pagemap *pm, size_t n);

/* How many pages must be opened at least before pagemap_alloc(), having failed, can succeed; 0 if all
 * would not do. align: a power of two. */
size_t pagemap_missing(const struct pagemap *pm, size_t n, uint64_t align);

/* The lowest run of n > 0 free pages whose frame is a multiple of align (a power of two): it is in use
 * now. PAGEMAP_NONE if there is none in what is opened. */
size_t pagemap_alloc(struct pagemap *pm, size_t n, uint64_t align);

/* Takes all free pages of the lowest group (PAGEMAP_GROUP pages, aligned) that has one: *at is the
 * group's index, the result a bit for each page. 0: nothing is free. */
uint32_t pagemap_alloc_group(struct pagemap *pm, size_t *at);

/*
 * pagemap_free - frees [at, at + n), as scavenged or as memory that the host backs.
 * Returns n; or, having changed nothing, how many pages from `at` on are in use before the first that
 * is not (free already, not opened, or not the map's).
 */
size_t pagemap_free(struct pagemap *pm, size_t at, size_t n, bool scavenged);

/*
 * pagemap_scavenge - takes the highest free groups of which the host backs at least one page: a run of
 * neighbours, at most max pages, which ends where its chunk ends at the latest.
 * Returns how many pages; 0 if there is no such group, or max is less than a group.
 */
size_t pagemap_scavenge(struct pagemap *pm, size_t max, size_t *at);

/* How many bits are set. The compiler's own way to count may be a vector register's. */
static inline unsigned pagemap_ones(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

bool pagemap_is_free(const struct pagemap *pm, size_t at);

/* Whether summaries, counts and bitmaps agree. Visits everything that is opened: for tests. */
bool pagemap_check(const struct pagemap *pm);

#endif
