/*
 * page.h - physical pages.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/bootmem.h"

#define PAGE_NONE BOOTMEM_NONE

/* Takes over all of bm's free memory. Ctx: boot, after vm_init(). */
void page_init(struct bootmem *bm);

/* n physically contiguous pages, lowest address first, not zeroed; PAGE_NONE if there is no such run.
 * Ctx: any but isr. */
uint64_t page_alloc(size_t n);

/* Gives back pages that page_alloc() gave, all or a part of a run. Throws if one of them is free or
 * was never given. Ctx: any but isr. */
void page_free(uint64_t pa, size_t n);

size_t page_total(void);
size_t page_in_use(void);

#endif
