/*
 * bootinfo.h - what a boot path hands to kernel_main(), whoever loaded the image.
 *
 * Each loader's own structures (PVH start info, device tree) are read once, by the parser in boot/
 * or kernel/ that knows them, and end here; nothing later looks at them for memory, command line or
 * module. Every address is physical. Ranges are as the loader gave them: they may overlap, be
 * unsorted and not be page-aligned; bootmem.c makes order.
 */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include <stddef.h>
#include <stdint.h>

#define BOOTINFO_RANGES  64
#define BOOTINFO_CMDLINE 2048

struct memrange {
    uint64_t base;
    uint64_t bytes;
};

struct bootinfo {
    const char *loader;                   // name of the protocol, for the boot log
    uint64_t kernel_phys;                 // where the image was loaded
    uint64_t kernel_bytes;                // with BSS
    struct memrange ram[BOOTINFO_RANGES]; // usable RAM; may contain what `reserved` names
    unsigned nram;
    struct memrange reserved[BOOTINFO_RANGES]; // never given out
    unsigned nreserved;
    struct memrange nomap[BOOTINFO_RANGES]; // RAM of the firmware's: reserved, and not to be mapped
    unsigned nnomap;
    struct memrange module;         // the initrd; bytes == 0: none
    uint64_t rsdp_phys;             // ACPI root pointer; 0: none
    uint64_t fdt_phys, fdt_bytes;   // device tree; 0: none
    char cmdline[BOOTINFO_CMDLINE]; // NUL-terminated
};

/* Does not return. Ctx: boot CPU, m0's g0 stack, interrupts masked, image mapped at its linked
 * address, early direct map in place (arch.h). */
_Noreturn void kernel_main(const struct bootinfo *bi);

#endif
