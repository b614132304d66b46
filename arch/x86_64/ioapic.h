/*
 * ioapic.h - interrupts of devices.
 */
#ifndef ARCH_X86_64_IOAPIC_H
#define ARCH_X86_64_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

/* From now on interrupt `irq` of the ISA bus is `vector` on the core with that APIC id. False: the machine
 * does not say how it arrives, or can't name that core. Ctx: boot, after acpi_read(). */
bool ioapic_route_isa(unsigned irq, unsigned vector, uint32_t apic_id);

#endif
