/*
 * platform.c - the machine as its device tree describes it.
 */
#include "arch/arch.h"
#include "clock.h"
#include "irqchip.h"
#include "kernel/bootmem.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/virtio.h"
#include "kernel/vm.h"
#include "platform.h"
#include "psci.h"
#include "sched/sched.h"
#include "semihost.h"
#include "uart.h"

#include <errno.h>

/* Affinity fields of MPIDR_EL1. */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

SEALED struct fdt_platform platform;
static SEALED const void *device_tree;

void platform_early(void)
{
    m0.arch.mpidr = READ_SYSREG(mpidr_el1) & MPIDR_AFFINITY;
}

/* The text ends a line, so it is whole for an emulator that prints it at once. */
void platform_write_fallback(const char *text, size_t bytes)
{
    static char line[2049];

    if (bytes >= sizeof line)
        bytes = sizeof line - 1;
    __builtin_memcpy(line, text, bytes);
    semihost(SEMIHOST_WRITE0, (uintptr_t)line);
}

void platform_reserve(struct bootmem *bm)
{
    (void)bm;
}

void platform_init(const struct bootinfo *bi)
{
    const void *fdt = vm_map_firmware(bi->fdt_phys, bi->fdt_bytes);
    struct errbuf e;

    if (!fdt)
        boot_fail("no memory to map the device tree at %#lx", bi->fdt_phys);
    device_tree = fdt;
    int err = fdt_platform(fdt, &platform, &e);
    /* Also if the rest is no good: what is wrong can then be said. */
    if (platform.uart == FDT_UART_PL011)
        uart_init(platform.uart_regs.base, platform.uart_regs.bytes);
    if (err)
        boot_fail("%s", e.text);
    psci_init(&platform);
    irqchip_init(&platform);
}

unsigned platform_ncpu(void)
{
    return platform.ncpu;
}

int platform_find_virtio(struct virtio *v, unsigned id, struct errbuf *e)
{
    struct memrange regs;
    int err = -ENODEV;

    for (int node = -1; err == -ENODEV && fdt_next_virtio(device_tree, &node, &regs);)
        err = virtio_mmio_open(v, regs, id, e);
    return err;
}

void platform_describe(char *buf, size_t bytes)
{
    uint64_t midr = READ_SYSREG(midr_el1), part = midr >> 4 & 0xfff;
    const char *name = midr >> 24 != 0x41 ? "CPU"
                       : part == 0xd03    ? "Cortex-A53"
                       : part == 0xd08    ? "Cortex-A72"
                                          : "Arm CPU";

    ksnprintf(buf, bytes, "%s (MIDR %#lx), %s, counter %lu kHz", name, midr, irqchip_name(),
              clock_hz() / 1000);
}
