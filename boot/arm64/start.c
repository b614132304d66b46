/*
 * start.c - the first C code on arm64: m0's registers, then the device tree into bootinfo.
 */
#include <errno.h>

#include "arch/arch.h"
#include "kernel/fdt.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "sched/sched.h"

_Noreturn void arm64_start(uint64_t fdt_phys, uint64_t image_at);

/* head.S maps so much from the device tree on; the boot protocol allows it no more. */
#define FDT_BYTES_MAX (UINT64_C(2) << 20)

_Noreturn void arm64_start(uint64_t fdt_phys, uint64_t image_at)
{
    static struct bootinfo bi;
    struct errbuf e;

    sched_init_m0();
    WRITE_SYSREG(tpidr_el1, m0.g0);
    trap_init_cpu(&m0);
    platform_early();
    bi.loader = "arm64 Image";
    bi.kernel_phys = image_at;
    bi.kernel_bytes = (uint64_t)(image_end - image_start);
    bi.fdt_phys = fdt_phys;
    if (fdt_phys == 0 || fdt_phys % 8)
        boot_fail("device tree: the loader gives address %#lx in x0, a multiple of 8 expected",
                  fdt_phys);
    const void *fdt = phys_to_virt(fdt_phys);
    if (fdt_check(fdt, FDT_BYTES_MAX, &bi.fdt_bytes, &e) || fdt_bootinfo(fdt, &bi, &e))
        boot_fail("%s", e.text);
    kernel_main(&bi);
}
