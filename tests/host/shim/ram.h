/*
 * ram.h - memory of the host that the kernel's code takes for RAM.
 *
 * The direct map is at DIRECT_BASE + physical, computed modulo 2^64. So the "physical" address of any
 * byte of the test is what virt_to_phys() makes of its address: no seam in the kernel's headers is
 * needed, and phys_to_virt() leads back. Alignments up to 2^47 are kept.
 */
#ifndef TESTS_HOST_SHIM_RAM_H
#define TESTS_HOST_SHIM_RAM_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/layout.h"

/* Room for `bytes` at a multiple of `align` (a power of two), which costs what is touched of it. */
static inline uint64_t ram_reserve(size_t bytes, size_t align)
{
    char *at = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        abort();
    return (virt_to_phys(at) + align - 1) & ~(uint64_t)(align - 1);
}

/* How many of n pages from pa on have ever been touched. */
static inline size_t ram_touched(uint64_t pa, size_t n)
{
    enum { AT_ONCE = 65536 };
    unsigned char there[AT_ONCE];
    size_t touched = 0;

    for (size_t i = 0; i < n; i += AT_ONCE) {
        size_t some = n - i < AT_ONCE ? n - i : AT_ONCE;
        if (mincore(phys_to_virt(pa + i * PAGE_SIZE), some * PAGE_SIZE, there))
            abort();
        for (size_t k = 0; k < some; k++)
            touched += there[k] & 1;
    }
    return touched;
}

#endif
