/*
 * bootmem.h - which physical memory is free before the page allocator exists.
 */
#ifndef KERNEL_BOOTMEM_H
#define KERNEL_BOOTMEM_H

#include "boot/bootinfo.h"
#include "kernel/errbuf.h"

#define BOOTMEM_RANGES 160
#define BOOTMEM_NONE   UINT64_MAX

/* Free ranges, sorted by base, disjoint, never adjacent, page-aligned at both ends. */
struct bootmem {
    struct memrange free[BOOTMEM_RANGES];
    unsigned n;
};

/*
 * bootmem_init - free memory = bi->ram less bi->reserved, the image, the module, the device tree's
 * bytes (fdt_bytes, 0 for none) and page 0. RAM is rounded inward to pages, what is taken outward.
 * Returns 0; -ENOMEM with a line in e if no RAM is named or nothing is left of it. Any bootinfo fits
 * into BOOTMEM_RANGES.
 */
int bootmem_init(struct bootmem *bm, const struct bootinfo *bi, uint64_t fdt_bytes,
                 struct errbuf *e);

/* Adds or takes away a range; overlaps are fine. -E2BIG: no room for one more range. */
int bootmem_add(struct bootmem *bm, uint64_t base, uint64_t bytes);
int bootmem_reserve(struct bootmem *bm, uint64_t base, uint64_t bytes);

/* The lowest `bytes` (rounded up to pages) at a multiple of align (a power of two, at least a page)
 * wholly inside [lo, hi); they are no longer free. BOOTMEM_NONE if there is no such place. */
uint64_t bootmem_alloc(struct bootmem *bm, uint64_t bytes, uint64_t align, uint64_t lo,
                       uint64_t hi);

/* Bytes free in all. */
uint64_t bootmem_bytes(const struct bootmem *bm);

#endif
