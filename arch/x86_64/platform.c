/*
 * platform.c - the PC: ACPI tables for cores and clocks, COM1 for the console.
 */
#include "arch/arch.h"
#include "features.h"
#include "fpu.h"
#include "irqchip.h"
#include "kernel/bootmem.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/virtio.h"
#include "kernel/vm.h"
#include "pci.h"

SEALED struct acpi_platform acpi;
SEALED uint64_t ap_page_phys;

/* Real-mode segments reach it, and the firmware's data at both ends is in no map. */
#define AP_PAGE_LO UINT64_C(0x1000)
#define AP_PAGE_HI UINT64_C(0x9f000)

void platform_early(void)
{
    fpu_init();
    mmu_detect();
    uart_init();
}

void platform_write_fallback(const char *text, size_t bytes)
{
    (void)text;
    (void)bytes;
}

void platform_reserve(struct bootmem *bm)
{
    ap_page_phys = bootmem_alloc(bm, PAGE_SIZE, PAGE_SIZE, AP_PAGE_LO, AP_PAGE_HI);
}

/* Tables lie in RAM or in memory of the firmware's own; the device window takes both. */
static const void *map_table(uint64_t phys, size_t bytes)
{
    return vm_map_firmware(phys, bytes);
}

/* Without ACPI there is one core, its local APIC where the architecture puts it. */
void platform_init(const struct bootinfo *bi)
{
    struct errbuf e;

    if (bi->rsdp_phys) {
        if (acpi_read(bi->rsdp_phys, map_table, &acpi, &e))
            boot_fail("%s", e.text);
    } else {
        kprintf("rt0: no ACPI tables (the loader gives no RSDP): using one core\n");
        acpi.lapic_phys = rdmsr(MSR_APIC_BASE) & ~(PAGE_SIZE - 1);
    }
    irqchip_init(acpi.lapic_phys);
}

unsigned platform_ncpu(void)
{
    return acpi.ncpu ? acpi.ncpu : 1;
}

/* microvm has no PCI, and nothing at its ports: a bus without functions. */
int platform_find_virtio(struct virtio *v, unsigned id, struct errbuf *e)
{
    static const struct pci_access pci = {pci_read, pci_write};

    return virtio_pci_find(v, &pci, id, e);
}

void platform_describe(char *buf, size_t bytes)
{
    char brand[49];
    struct cpuid_regs r;

    for (unsigned i = 0; i < 3; i++) {
        r = cpuid(0x80000002 + i, 0);
        __builtin_memcpy(brand + 16 * i, &r, 16);
    }
    brand[48] = 0;
    const char *name = brand;
    while (*name == ' ')
        name++;
    ksnprintf(buf, bytes, "%s, %s, TSC %lu kHz, timer by %s", name, irqchip_name(),
              clock_tsc_hz() / 1000, irqchip_timer_name());
}
