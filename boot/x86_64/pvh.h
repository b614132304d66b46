/*
 * pvh.h - the PVH direct-boot protocol's start info, as Xen and QEMU fill it.
 * Source: xen/include/public/arch-x86/hvm/start_info.h (layout, version 1).
 */
#ifndef BOOT_X86_64_PVH_H
#define BOOT_X86_64_PVH_H

#include "boot/bootinfo.h"
#include "kernel/errbuf.h"

#define PVH_MAGIC 0x336ec578u

struct hvm_start_info {
    uint32_t magic;
    uint32_t version; // 1 and later have the memory map
    uint32_t flags;
    uint32_t nr_modules;
    uint64_t modlist_paddr;
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr;
    uint32_t memmap_entries;
    uint32_t reserved;
};

struct hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
};

struct hvm_memmap_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type; // 1 = RAM, as in an E820 map
    uint32_t reserved;
};

/* Gives `bytes` of physical memory as a pointer, or NULL if they can't be read. */
typedef const void *pvh_map_fn(uint64_t phys, size_t bytes);

/*
 * pvh_bootinfo - start info at physical address `phys` into bi (which it does not clear).
 * Every memory-map entry that is not RAM becomes a reserved range. Only the first module is used.
 * Returns 0; -EINVAL (bad magic, bad version, an address that can't be read), -ENOMEM (no memory map,
 * or no RAM in it), -E2BIG (command line or map too long), with a line in e that names the field, what
 * is there and what should be.
 */
int pvh_bootinfo(uint64_t phys, pvh_map_fn *map, struct bootinfo *bi, struct errbuf *e);

#endif
