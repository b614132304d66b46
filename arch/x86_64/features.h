/*
 * features.h - what arch/x86_64 finds out about the machine once and its files share.
 */
#ifndef ARCH_X86_64_FEATURES_H
#define ARCH_X86_64_FEATURES_H

#include <stdbool.h>

#include "kernel/acpi.h"

/* platform.c: the tables' contents; sealed after the boot. */
extern struct acpi_platform acpi;

/* platform.c: physical address of the page below 1 MiB where further cores begin. */
extern uint64_t ap_page_phys;

/* mmu.c */
void mmu_detect(void);

/* uart.c: COM1, and a console on it. */
void uart_init(void);

/* uart.c: from now on what the console receives is input (kernel/console_input.h), if there is a way for its
 * interrupt to this core. Ctx: boot, once the core's APIC is on. */
void uart_start_input(void);

/* uart.c: waits until the last character has left, before the power goes. Ctx: any. */
void uart_drain(void);

/* clock.c: cycles of the TSC in a second, once clock_init() has run; and a wait. */
uint64_t clock_tsc_hz(void);
void clock_spin_ns(uint64_t ns);

/* clock.c: the timer's interrupt came; false: too early, it is armed again. Ctx: isr. */
bool clock_alarm_due(void);

#endif
