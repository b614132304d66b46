/*
 * irqchip.h - the interrupt controller, for the other files of arch/arm64.
 *
 * irqchip.c keeps arch.h's part of the contract and passes on to one of two drivers. INTIDs of the
 * kinds: for those that cores send each other the software-generated interrupt of the kind's number, the
 * timer's and the console's as the device tree says.
 */
#ifndef ARCH_ARM64_IRQCHIP_H
#define ARCH_ARM64_IRQCHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"
#include "kernel/fdt.h"

#define INTID_SPURIOUS 1020 // and above: nothing to handle

struct irqchip_driver {
    const char *name;
    void (*init)(const struct fdt_platform *pf); // distributor; boot CPU
    void (*init_cpu)(struct m *mp, unsigned timer_intid);
    void (*route)(struct m *mp, unsigned intid); // a shared one, a level, to mp's core; boot CPU
    void (*send)(struct m *mp, unsigned sgi);
    uint32_t (*acknowledge)(void); // the interrupt's word
    uint32_t (*intid)(uint32_t word);
    void (*end)(uint32_t word);
};

extern const struct irqchip_driver gicv2, gicv3;

/* Ctx: boot. */
void irqchip_init(const struct fdt_platform *pf);
/* Ctx: isr. */
void irqchip_handle(struct trapframe *tf);
const char *irqchip_name(void);

#endif
