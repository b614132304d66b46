/*
 * pte.h - page-table descriptors of arm64 (4 KiB granule, 48-bit). Level 0 is the leaf table, 3 the
 * root (the manual numbers them the other way round).
 * Source: Arm ARM, D8.3 (VMSAv8-64 descriptors).
 */
#ifndef ARCH_ARM64_PTE_H
#define ARCH_ARM64_PTE_H

#include "kernel/vm.h"

#define PTE_VALID    (UINT64_C(1) << 0)
#define PTE_TABLE    (UINT64_C(1) << 1) // a table, or at level 0 a page; clear: a block
#define PTE_ATTR(i)  ((uint64_t)(i) << 2)
#define PTE_RO       (UINT64_C(1) << 7)
#define PTE_INNER_SH (UINT64_C(3) << 8)
#define PTE_AF       (UINT64_C(1) << 10)
#define PTE_PXN      (UINT64_C(1) << 53)
#define PTE_UXN      (UINT64_C(1) << 54)

#define PTE_ADDR UINT64_C(0x0000fffffffff000)

/* Indices into MAIR_EL1, whose value is MAIR_VALUE. */
#define MAIR_NORMAL 0
#define MAIR_DEVICE 1
#define MAIR_VALUE  0x04ff // 1: Device-nGnRE, 0: Normal, write-back, allocate

static inline bool pte_level_can_be_leaf(unsigned level)
{
    return level <= 2;
}

static inline uint64_t pte_table(uint64_t pa)
{
    return pa | PTE_VALID | PTE_TABLE;
}

static inline uint64_t pte_leaf(uint64_t pa, enum vm_prot prot, unsigned level)
{
    static const uint64_t bits[] = {
        [VM_R] = PTE_ATTR(MAIR_NORMAL) | PTE_INNER_SH | PTE_RO | PTE_PXN,
        [VM_RW] = PTE_ATTR(MAIR_NORMAL) | PTE_INNER_SH | PTE_PXN,
        [VM_RX] = PTE_ATTR(MAIR_NORMAL) | PTE_INNER_SH | PTE_RO,
        [VM_DEVICE] = PTE_ATTR(MAIR_DEVICE) | PTE_PXN,
    };
    return pa | PTE_VALID | PTE_AF | PTE_UXN | (level ? 0 : PTE_TABLE) | bits[prot];
}

/* A page of a stack: the one kind of mapping that is ever taken back. */
static inline uint64_t pte_stack(uint64_t pa)
{
    return pte_leaf(pa, VM_RW, 0);
}

static inline bool pte_present(uint64_t pte)
{
    return pte & PTE_VALID;
}

static inline bool pte_is_leaf(uint64_t pte, unsigned level)
{
    return level == 0 || !(pte & PTE_TABLE);
}

static inline uint64_t pte_pa(uint64_t pte)
{
    return pte & PTE_ADDR;
}

static inline enum vm_prot pte_prot(uint64_t pte)
{
    if ((pte & PTE_ATTR(7)) == PTE_ATTR(MAIR_DEVICE))
        return VM_DEVICE;
    if (!(pte & PTE_PXN))
        return VM_RX;
    return pte & PTE_RO ? VM_R : VM_RW;
}

/* Writable and executable: never made, looked for by the test that walks the tables. */
static inline bool pte_is_wx(uint64_t pte)
{
    return !(pte & PTE_RO) && !(pte & PTE_PXN);
}

#endif
