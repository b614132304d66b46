/*
 * clock.h - the generic timer, for the other files of arch/arm64.
 */
#ifndef ARCH_ARM64_CLOCK_H
#define ARCH_ARM64_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The interrupt is a level: it must be taken down before it is acknowledged. False: it was down already,
 * and the interrupt is the rest of one that has been handled. Ctx: isr. */
bool clock_timer_off(void);

uint64_t clock_hz(void);

#endif
