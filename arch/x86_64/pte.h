/*
 * pte.h - page-table entries of x86-64 (4-level paging). Level 0 is the leaf table, 3 the root.
 * Source: Intel SDM volume 3, chapter 4.5.
 */
#ifndef ARCH_X86_64_PTE_H
#define ARCH_X86_64_PTE_H

#include "kernel/vm.h"

#define PTE_P  (UINT64_C(1) << 0)
#define PTE_W  (UINT64_C(1) << 1)
#define PTE_WT (UINT64_C(1) << 3)
#define PTE_CD (UINT64_C(1) << 4)
#define PTE_A  (UINT64_C(1) << 5)
#define PTE_D  (UINT64_C(1) << 6)
#define PTE_PS (UINT64_C(1) << 7)
#define PTE_G  (UINT64_C(1) << 8)
#define PTE_NX (UINT64_C(1) << 63)

#define PTE_ADDR UINT64_C(0x000ffffffffff000)

/* Set by mmu_detect(): 1 GiB leaves exist. */
extern bool pte_has_1g;

static inline bool pte_level_can_be_leaf(unsigned level)
{
    return level <= 1 || (level == 2 && pte_has_1g);
}

static inline uint64_t pte_table(uint64_t pa)
{
    return pa | PTE_P | PTE_W | PTE_A;
}

static inline uint64_t pte_leaf(uint64_t pa, enum vm_prot prot, unsigned level)
{
    static const uint64_t bits[] = {
        [VM_R] = PTE_NX,
        [VM_RW] = PTE_NX | PTE_W,
        [VM_RX] = 0,
        [VM_DEVICE] = PTE_NX | PTE_W | PTE_CD | PTE_WT,
    };
    return pa | PTE_P | PTE_A | PTE_D | PTE_G | (level ? PTE_PS : 0) | bits[prot];
}

/* A page of a stack: the one kind of mapping that is ever taken back, so not global, and forgotten with
 * every reload of CR3. */
static inline uint64_t pte_stack(uint64_t pa)
{
    return pa | PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX;
}

static inline bool pte_present(uint64_t pte)
{
    return pte & PTE_P;
}

static inline bool pte_is_leaf(uint64_t pte, unsigned level)
{
    return level == 0 || (pte & PTE_PS);
}

static inline uint64_t pte_pa(uint64_t pte)
{
    return pte & PTE_ADDR;
}

static inline enum vm_prot pte_prot(uint64_t pte)
{
    if (pte & PTE_CD)
        return VM_DEVICE;
    if (!(pte & PTE_NX))
        return VM_RX;
    return pte & PTE_W ? VM_RW : VM_R;
}

/* Writable and executable: never made, looked for by the test that walks the tables. */
static inline bool pte_is_wx(uint64_t pte)
{
    return (pte & PTE_W) && !(pte & PTE_NX);
}

#endif
