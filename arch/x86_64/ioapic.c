/*
 * ioapic.c - the I/O APIC, as far as it is needed: one interrupt of the ISA bus to one core.
 *
 * Its registers are reached by an index and a window. All other pins stay as firmware left them: masked.
 * Source: Intel 82093AA, I/O Advanced Programmable Interrupt Controller, 3.0.
 */
#include "ioapic.h"

#include "arch/arch.h"
#include "features.h"
#include "kernel/vm.h"

#define IOAPIC_BYTES 0x20
#define INDEX        0x00
#define WINDOW       0x10
#define REG_VERSION  0x01
#define REG_PIN(n)   (0x10 + 2 * (n)) // low half; the high one follows
#define VERSION_PINS 16               // the last pin's number, 8 bits
#define PIN_LOW      (1u << 13)
#define PIN_LEVEL    (1u << 15)
#define PIN_MASKED   (1u << 16)
#define PIN_TARGET   24 // in the high half: 8 bits of APIC id
#define TARGET_MAX   0xfe

static uint32_t reg_read(volatile uint32_t *io, uint32_t reg)
{
    io[INDEX / 4] = reg;
    return io[WINDOW / 4];
}

static void reg_write(volatile uint32_t *io, uint32_t reg, uint32_t value)
{
    io[INDEX / 4] = reg;
    io[WINDOW / 4] = value;
}

/* The one whose pins begin nearest below; NULL: none. */
static const struct acpi_ioapic *find(uint32_t gsi)
{
    const struct acpi_ioapic *best = NULL;

    for (unsigned i = 0; i < acpi.nioapic; i++) {
        const struct acpi_ioapic *a = &acpi.ioapic[i];
        if (a->gsi_base <= gsi && (!best || a->gsi_base > best->gsi_base))
            best = a;
    }
    return best;
}

bool ioapic_route_isa(unsigned irq, unsigned vector, uint32_t apic_id)
{
    const struct acpi_isa_irq *isa = &acpi.isa_irq[irq];
    const struct acpi_ioapic *a = find(isa->gsi);
    volatile uint32_t *io = a ? vm_map_device(a->phys, IOAPIC_BYTES) : NULL;

    if (!io || apic_id > TARGET_MAX)
        return false;
    uint32_t pin = isa->gsi - a->gsi_base;
    if (pin > (reg_read(io, REG_VERSION) >> VERSION_PINS & 0xff))
        return false;
    /* Masked, until both halves belong together. */
    reg_write(io, REG_PIN(pin), PIN_MASKED);
    reg_write(io, REG_PIN(pin) + 1, apic_id << PIN_TARGET);
    reg_write(io, REG_PIN(pin),
              vector | (isa->active_low ? PIN_LOW : 0) | (isa->level ? PIN_LEVEL : 0));
    return true;
}
