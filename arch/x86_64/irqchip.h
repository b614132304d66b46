/*
 * irqchip.h - the local APIC, for the other files of arch/x86_64.
 */
#ifndef ARCH_X86_64_IRQCHIP_H
#define ARCH_X86_64_IRQCHIP_H

#include <stdbool.h>
#include <stdint.h>

/* Finds the APIC (x2APIC if the CPU has it) and masks the old interrupt controllers. Ctx: boot. */
void irqchip_init(uint64_t lapic_phys);

void irqchip_eoi(void);
uint32_t irqchip_id(void);

/* The largest id that an IPI can name: 254 in xAPIC mode, where 255 means all. */
uint32_t irqchip_id_max(void);

/* INIT and start-up IPIs to a core that is not running. */
void irqchip_send_init(uint32_t apic_id);
void irqchip_send_startup(uint32_t apic_id, uint64_t page_phys);

/* The APIC timer, one shot: by deadline, if the CPU can, or by counting down from `count` of ticks. */
bool irqchip_has_tsc_deadline(void);
void irqchip_timer_deadline(uint64_t tsc);
void irqchip_timer_count(uint32_t count);
uint32_t irqchip_timer_left(void);

const char *irqchip_name(void);
const char *irqchip_timer_name(void);

#endif
