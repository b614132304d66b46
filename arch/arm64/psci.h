/*
 * psci.h - the firmware's power calls.
 * Source: Arm DEN 0022, Power State Coordination Interface.
 */
#ifndef ARCH_ARM64_PSCI_H
#define ARCH_ARM64_PSCI_H

#include <stdint.h>

#include "kernel/fdt.h"

/* How to call it, from the device tree. Ctx: boot. */
void psci_init(const struct fdt_platform *pf);

/* 0, or PSCI's negative error. The core begins at entry_phys, MMU off, with context in x0. */
int64_t psci_cpu_on(uint64_t mpidr, uint64_t entry_phys, uint64_t context);

/* Returns only if there is no PSCI. */
void psci_system_off(void);

#endif
