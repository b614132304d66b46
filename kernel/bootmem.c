/*
 * bootmem.c - free physical memory as a short sorted list, until the page allocator takes over.
 *
 *   free[0]          free[1]                 free[n-1]
 *   [base, end)  <   [base, end)  <  ...  <  [base, end)      every end < the next base
 *
 * Protocol:  one core, before the others start; no lock.
 * Invariant: see struct bootmem. A change that would not fit leaves the list as it was.
 * Why a list: a loader names a few dozen ranges; a linear search over them takes less time than
 *            reading the code of anything better.
 */
#include "kernel/bootmem.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PAGE UINT64_C(4096)

/* Ends are exclusive, so the last page of the 64-bit space can't be named: it is never free. */
#define TOP (UINT64_MAX & ~(PAGE - 1))

/* A half-open range of page addresses; empty if lo >= hi. */
struct span {
    uint64_t lo;
    uint64_t hi;
};

static uint64_t page_floor(uint64_t addr)
{
    return addr & ~(PAGE - 1);
}

static uint64_t page_ceil(uint64_t addr)
{
    return addr > TOP ? TOP : page_floor(addr + PAGE - 1);
}

/* One past the last byte, or TOP if that does not fit. */
static uint64_t range_end(uint64_t base, uint64_t bytes)
{
    return bytes > UINT64_MAX - base ? UINT64_MAX : base + bytes;
}

/* The pages wholly inside a range: what may be given out. */
static struct span span_inside(uint64_t base, uint64_t bytes)
{
    return (struct span){page_ceil(base), page_floor(range_end(base, bytes))};
}

/* The pages touched by a range: what must not be given out. */
static struct span span_around(uint64_t base, uint64_t bytes)
{
    if (bytes == 0)
        return (struct span){0, 0};
    return (struct span){page_floor(base), page_ceil(range_end(base, bytes))};
}

static uint64_t free_end(const struct bootmem *bm, unsigned i)
{
    return bm->free[i].base + bm->free[i].bytes;
}

/* Puts the non-empty ones of the n spans, which are in order, in the place of free[first, last). */
static int replace(struct bootmem *bm, unsigned first, unsigned last, const struct span *with,
                   unsigned n)
{
    struct memrange fresh[2];
    unsigned nfresh = 0;

    for (unsigned i = 0; i < n; i++) {
        if (with[i].lo < with[i].hi)
            fresh[nfresh++] = (struct memrange){with[i].lo, with[i].hi - with[i].lo};
    }
    if (bm->n - (last - first) + nfresh > BOOTMEM_RANGES)
        return -E2BIG;
    memmove(&bm->free[first + nfresh], &bm->free[last], (bm->n - last) * sizeof(bm->free[0]));
    memcpy(&bm->free[first], fresh, nfresh * sizeof(fresh[0]));
    bm->n += nfresh - (last - first);
    return 0;
}

int bootmem_add(struct bootmem *bm, uint64_t base, uint64_t bytes)
{
    struct span s = span_inside(base, bytes);
    unsigned first = 0;
    unsigned last;

    if (s.lo >= s.hi)
        return 0;
    while (first < bm->n && free_end(bm, first) < s.lo)
        first++;
    /* What overlaps or touches the new range becomes one with it. */
    for (last = first; last < bm->n && bm->free[last].base <= s.hi; last++) {
        if (bm->free[last].base < s.lo)
            s.lo = bm->free[last].base;
        if (free_end(bm, last) > s.hi)
            s.hi = free_end(bm, last);
    }
    return replace(bm, first, last, &s, 1);
}

int bootmem_reserve(struct bootmem *bm, uint64_t base, uint64_t bytes)
{
    struct span s = span_around(base, bytes);
    struct span rest[2];
    unsigned first = 0;
    unsigned last;

    if (s.lo >= s.hi)
        return 0;
    while (first < bm->n && free_end(bm, first) <= s.lo)
        first++;
    for (last = first; last < bm->n && bm->free[last].base < s.hi; last++)
        ;
    if (first == last)
        return 0;
    rest[0] = (struct span){bm->free[first].base, s.lo};
    rest[1] = (struct span){s.hi, free_end(bm, last - 1)};
    return replace(bm, first, last, rest, 2);
}

/* The lowest place in [lo, hi) for `bytes` at a multiple of align, or BOOTMEM_NONE. */
static uint64_t place(uint64_t bytes, uint64_t align, uint64_t lo, uint64_t hi)
{
    if (lo > UINT64_MAX - (align - 1))
        return BOOTMEM_NONE;
    lo = (lo + align - 1) & ~(align - 1);
    return lo < hi && hi - lo >= bytes ? lo : BOOTMEM_NONE;
}

uint64_t bootmem_alloc(struct bootmem *bm, uint64_t bytes, uint64_t align, uint64_t lo, uint64_t hi)
{
    if (bytes == 0 || bytes > TOP || align < PAGE || (align & (align - 1)) != 0)
        return BOOTMEM_NONE;
    bytes = page_ceil(bytes);
    for (unsigned i = 0; i < bm->n; i++) {
        uint64_t base = bm->free[i].base;
        uint64_t end = free_end(bm, i);
        uint64_t at = place(bytes, align, base > lo ? base : lo, end < hi ? end : hi);

        /* A place in the middle of a range splits it; with a full list a later one must do. */
        if (at != BOOTMEM_NONE && bootmem_reserve(bm, at, bytes) == 0)
            return at;
    }
    return BOOTMEM_NONE;
}

uint64_t bootmem_bytes(const struct bootmem *bm)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < bm->n; i++)
        sum += bm->free[i].bytes;
    return sum;
}

/* Each range added makes the list at most one longer, and so does each one taken away: the calls in
 * bootmem_init() always have room, and their results need no check. */
_Static_assert(2 * BOOTINFO_RANGES + 4 <= BOOTMEM_RANGES, "bootmem_init() can run out of ranges");

int bootmem_init(struct bootmem *bm, const struct bootinfo *bi, uint64_t fdt_bytes,
                 struct errbuf *e)
{
    uint64_t ram;

    bm->n = 0;
    if (bi->nram == 0)
        return fail(e, -ENOMEM, "memory: %s names no RAM, at least one range expected", bi->loader);
    for (unsigned i = 0; i < bi->nram; i++)
        bootmem_add(bm, bi->ram[i].base, bi->ram[i].bytes);
    ram = bootmem_bytes(bm);
    for (unsigned i = 0; i < bi->nreserved; i++)
        bootmem_reserve(bm, bi->reserved[i].base, bi->reserved[i].bytes);
    bootmem_reserve(bm, 0, PAGE);
    bootmem_reserve(bm, bi->kernel_phys, bi->kernel_bytes);
    bootmem_reserve(bm, bi->module.base, bi->module.bytes);
    bootmem_reserve(bm, bi->fdt_phys, fdt_bytes);
    if (bm->n == 0)
        return fail(e, -ENOMEM,
                    "memory: nothing left of the %llu KiB of RAM that %s names: all of it is "
                    "reserved or taken by the image, the module and the device tree",
                    (unsigned long long)(ram >> 10), bi->loader);
    return 0;
}
