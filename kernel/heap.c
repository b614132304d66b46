/*
 * heap.c - one contiguous range of addresses that grows: sbrk for the libc's malloc.
 *
 * Protocol:  heap_lock guards both ends. Pages come one run at a time from the page allocator and are
 *            mapped behind `mapped`; [HEAP_BASE, end) is the caller's, [end, mapped) is spare.
 * Why ask first: pages that were mapped for a request which then fails stay the heap's, so a request
 *            for more than there is must not begin to map.
 */
#include "kernel/heap.h"

#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/page.h"
#include "kernel/vm.h"

static struct spinlock heap_lock = SPINLOCK_INIT(RANK_HEAP);
static uintptr_t end = HEAP_BASE + 8; // see block_bytes() in libc_picolibc.c
static uintptr_t mapped = HEAP_BASE;

/* In small runs, so that a fragmented memory can be used to its end. */
#define GROW_PAGES  16
#define TABLE_PAGES 512

/* A run never crosses from one page table to the next, so vm_map() can fail only before it maps. */
static bool grow_locked(void)
{
    size_t left_in_table = TABLE_PAGES - (mapped >> PAGE_SHIFT) % TABLE_PAGES;
    size_t n = left_in_table < GROW_PAGES ? left_in_table : GROW_PAGES;
    uint64_t pa;

    while ((pa = page_alloc(n)) == PAGE_NONE)
        if ((n /= 2) == 0)
            return false;
    if (vm_map(mapped, pa, n << PAGE_SHIFT, VM_RW)) {
        page_free(pa, n);
        return false;
    }
    mapped += n << PAGE_SHIFT;
    return true;
}

/* Whether enough pages are free now, those for the page tables (one in 512) left aside. */
static bool may_grow_locked(size_t delta)
{
    size_t spare = mapped - end, free = page_total() - page_in_use();

    return delta <= spare || (delta - spare) >> PAGE_SHIFT < free - free / 512;
}

void *heap_sbrk(ptrdiff_t delta)
{
    void *was = NULL;

    if (delta < 0)
        return NULL;
    lock(&heap_lock);
    if ((size_t)delta <= HEAP_BYTES - (end - HEAP_BASE) && may_grow_locked((size_t)delta)) {
        while (mapped < end + (size_t)delta && grow_locked())
            ;
        if (mapped >= end + (size_t)delta) {
            was = (void *)end;
            end += (size_t)delta;
        }
    }
    unlock(&heap_lock);
    return was;
}
