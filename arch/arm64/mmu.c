/*
 * mmu.c - switching to the kernel's tables, and what keeps cores and tables in step.
 */
#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/vm.h"
#include "pte.h"
#include "sysreg.h"

_Static_assert(MAIR_VALUE == MAIR_EL1_VALUE, "head.S sets what pte.h means");

#define GIB (UINT64_C(1) << 30)

void mmu_replace_root(uint64_t root_phys); // head.S

/* The boot CPU is still on the early tables; a further core has been switched by head.S. */
static void use_root(uint64_t root_phys)
{
    uintptr_t identity = image_phys((const char *)(uintptr_t)mmu_replace_root);

    ((void (*)(uint64_t))identity)(root_phys);
}

void mmu_init_cpu(uint64_t root_phys)
{
    if (READ_SYSREG(ttbr1_el1) != root_phys)
        use_root(root_phys);
    WRITE_SYSREG(tcr_el1, READ_SYSREG(tcr_el1) | TCR_EPD0);
    WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) | SCTLR_EL1_WXN);
    isb();
    __asm__ volatile("tlbi vmalle1; dsb nsh; isb" ::: "memory");
}

/* The store must be out before the walker can be asked, and this core must not use an old walk. */
void mmu_publish(void)
{
    __asm__ volatile("dsb ishst; isb" ::: "memory");
}

void mmu_flush_boot(uintptr_t va, size_t bytes)
{
    __asm__ volatile("dsb ishst" ::: "memory");
    for (uintptr_t p = va; p < va + bytes; p += PAGE_SIZE)
        __asm__ volatile("tlbi vaae1is, %0" ::"r"(p >> PAGE_SHIFT & 0xfffffffffff) : "memory");
    dsb_ish();
    isb();
}

/* Of this core alone, though TLBI can reach all: one for each page of a stack, each waited for by every core,
 * costs far more than a flush on each core when it comes by (and a virtual machine stops its cores for it). */
void mmu_flush_local(void)
{
    __asm__ volatile("dsb ish; tlbi vmalle1; dsb nsh; isb" ::: "memory");
}

/* As make_tables in head.S: from the image's start to EARLY_SPARE beyond its end, in one GiB. */
void mmu_early_range(const struct bootinfo *bi, uint64_t *lo, uint64_t *hi)
{
    uint64_t blocks = (bi->kernel_bytes + EARLY_SPARE) >> 21;
    uint64_t gib_end = (bi->kernel_phys / GIB + 1) * GIB;

    *lo = bi->kernel_phys;
    *hi = bi->kernel_phys + (blocks << 21);
    if (*hi > gib_end)
        *hi = gib_end;
}
