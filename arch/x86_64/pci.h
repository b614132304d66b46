/*
 * pci.h - configuration space of PCI bus 0, by the ports that every PC with PCI has.
 */
#ifndef ARCH_X86_64_PCI_H
#define ARCH_X86_64_PCI_H

#include <stdint.h>

/* A 32-bit register of function `function` (device * 8 + function) at `offset`, a multiple of 4
 * below 256. A function that is not there reads as ones. Ctx: boot or g0, one core at a time. */
uint32_t pci_read(unsigned function, unsigned offset);
void pci_write(unsigned function, unsigned offset, uint32_t value);

#endif
