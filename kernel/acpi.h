/*
 * acpi.h - what rt0 takes from ACPI tables: the cores and where interrupts of devices go (MADT), and a clock of
 * known rate and what is to be known of the CMOS clock (FADT).
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/errbuf.h"

#define ACPI_MAX_CPUS    512
#define ACPI_MAX_IOAPICS 16
#define ACPI_ISA_IRQS    16

/* Its pins are the global system interrupts from gsi_base on. */
struct acpi_ioapic {
    uint32_t phys;
    uint32_t gsi_base;
};

/* How an interrupt of the ISA bus arrives. */
struct acpi_isa_irq {
    uint32_t gsi;
    bool active_low;
    bool level; // else edge
};

struct acpi_platform {
    uint32_t
        apic_id[ACPI_MAX_CPUS]; // enabled processors (types 0 and 9), table order, no duplicates
    unsigned ncpu;              // how many of them are in apic_id
    unsigned ncpu_found;        // how many the table has
    uint64_t lapic_phys;        // the MADT's address, or its type 5 override
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS]; // table order
    unsigned nioapic;                            // how many of them are in ioapic
    struct acpi_isa_irq isa_irq[ACPI_ISA_IRQS];
    uint16_t pm_timer_port; // I/O port of the 3.579545 MHz PM timer; 0: none
    unsigned pm_timer_bits; // 24 or 32
    uint8_t rtc_century;    // register of the CMOS clock that has the century; 0: none
};

/* Gives `bytes` of physical memory as a pointer, or NULL if they can't be read. */
typedef const void *acpi_map_fn(uint64_t phys, size_t bytes);

/*
 * acpi_read - walk RSDP -> XSDT (or RSDT) -> MADT, FADT. Signatures, lengths and checksums of every
 * table used are checked before a field is read.
 * Returns 0; -EINVAL (a table is corrupt, or the MADT has no enabled processor) or -ENOENT (no
 * MADT), with a line in e that names the table, its address, what is there and what should be. A
 * missing or corrupt FADT only leaves pm_timer_port and rtc_century 0.
 */
int acpi_read(uint64_t rsdp_phys, acpi_map_fn *map, struct acpi_platform *out, struct errbuf *e);

#endif
