/*
 * clock.h - the generic timer, for the other files of arch/arm64.
 */
#ifndef ARCH_ARM64_CLOCK_H
#define ARCH_ARM64_CLOCK_H

#include <stdint.h>

/* The interrupt is a level: it must be taken down before it is acknowledged. Ctx: isr. */
void clock_timer_off(void);

uint64_t clock_hz(void);

#endif
