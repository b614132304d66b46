/*
 * mmu.c - CPU features that memory rests on; switching to the kernel's tables.
 */
#include "arch/arch.h"
#include "features.h"
#include "kernel/layout.h"
#include "kernel/vm.h"
#include "pte.h"

#define CR4_PGE      (1u << 7)
#define CR4_FSGSBASE (1u << 16)

SEALED bool cpu_has_fsgsbase;
SEALED bool pte_has_1g;

/* Before the first table is built. */
void mmu_detect(void)
{
    if (cpuid(0, 0).eax >= 7)
        cpu_has_fsgsbase = cpuid(7, 0).ebx & 1;
    if (cpuid(0x80000000, 0).eax >= 0x80000001)
        pte_has_1g = cpuid(0x80000001, 0).edx >> 26 & 1;
}

void mmu_init_cpu(uint64_t root_phys)
{
    write_cr4(read_cr4() | CR4_PGE | (cpu_has_fsgsbase ? CR4_FSGSBASE : 0));
    __asm__ volatile("mov %0, %%cr3" ::"r"(root_phys) : "memory");
}

/* Absent entries are never cached, and the walker is coherent with stores. */
void mmu_publish(void)
{
}

void mmu_flush_boot(uintptr_t va, size_t bytes)
{
    for (uintptr_t p = va; p < va + bytes; p += PAGE_SIZE)
        __asm__ volatile("invlpg (%0)" ::"r"(p) : "memory");
}

/* Everything but global pages: the stacks, and the cached upper levels of their tables. */
void mmu_flush_local(void)
{
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
}

/* head.S maps the first GiB; below the image lie the loader's structures and the APs' first page. */
void mmu_early_range(const struct bootinfo *bi, uint64_t *lo, uint64_t *hi)
{
    *lo = bi->kernel_phys;
    *hi = UINT64_C(1) << 30;
}
