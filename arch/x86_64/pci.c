/*
 * pci.c - configuration mechanism #1: an address port and a data port.
 *
 * Why not the memory-mapped space of PCI Express: pc has none, and the first 256 bytes of bus 0 are
 *            all that is wanted.
 * Why no lock: two ports make one access, but only the scavenger, which is one core at a time, gets
 *            here.
 * Source:    PCI Local Bus Specification 3.0, 3.2.2.3.2.
 */
#include "pci.h"

#include "arch/arch.h"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT    0xcfc
#define ENABLE       UINT32_C(0x80000000)

uint32_t pci_read(unsigned function, unsigned offset)
{
    outl(ADDRESS_PORT, ENABLE | function << 8 | offset);
    return inl(DATA_PORT);
}

void pci_write(unsigned function, unsigned offset, uint32_t value)
{
    outl(ADDRESS_PORT, ENABLE | function << 8 | offset);
    outl(DATA_PORT, value);
}
