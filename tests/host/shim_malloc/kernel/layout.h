/*
 * layout.h - for the heap's host tests: the same windows at addresses that a sanitizer leaves free.
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(0x1000)
#define CACHE_LINE 64
#define MAX_CPUS   8
#define SEALED

/* ThreadSanitizer has its shadow where AddressSanitizer has room. */
#ifdef __SANITIZE_THREAD__
#define DIRECT_BASE UINT64_C(0x1000000000)
#define TABLE_AT    UINT64_C(0x3000000000)
#else
#define DIRECT_BASE UINT64_C(0x200000000000)
#define TABLE_AT    UINT64_C(0x300000000000)
#endif
#define DIRECT_BYTES UINT64_C(0x1000000000)
#define TABLE_BYTES  ((DIRECT_BYTES >> PAGE_SHIFT) * 8)

/* The table's entry for DIRECT_BASE is to be at TABLE_AT; its index is positive here. */
#define HEAP_BYTES UINT64_C(0x10000000)
#define HEAP_BASE  (TABLE_AT - (DIRECT_BASE >> PAGE_SHIFT) * 8 - HEAP_BYTES)

static inline void *phys_to_virt(uint64_t phys)
{
    return (void *)(uintptr_t)(DIRECT_BASE + phys);
}

static inline uint64_t virt_to_phys(const void *direct)
{
    return (uint64_t)(uintptr_t)direct - DIRECT_BASE;
}

#endif
