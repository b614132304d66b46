/*
 * start.c - the first C code on x86-64: m0's registers, then the loader's structures into bootinfo.
 */
#include "arch/arch.h"
#include "boot/x86_64/pvh.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "sched/sched.h"

_Noreturn void x86_start(uint64_t start_info);

/* The early direct map has the first GiB; PVH loaders put their structures there. */
#define EARLY_BYTES (UINT64_C(1) << 30)

static const void *early_map(uint64_t phys, size_t bytes)
{
    return phys <= EARLY_BYTES && bytes <= EARLY_BYTES - phys ? phys_to_virt(phys) : NULL;
}

_Noreturn void x86_start(uint64_t start_info)
{
    static struct bootinfo bi;
    struct errbuf e;

    wrmsr(MSR_GS_BASE, (uintptr_t)&m0);
    sched_init_m0();
    trap_init_cpu(&m0);
    platform_early();
    bi.loader = "PVH";
    bi.kernel_phys = (uintptr_t)image_start - KERNEL_BASE;
    bi.kernel_bytes = (uint64_t)(image_end - image_start);
    if (pvh_bootinfo(start_info, early_map, &bi, &e))
        boot_fail("%s", e.text);
    kernel_main(&bi);
}
