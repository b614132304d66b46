/*
 * vm.h - the kernel's page tables.
 *
 * One address space for ever. Both architectures use four levels of 512 entries with a 4 KiB granule,
 * so the tree is walked here and only the bits of an entry are the architecture's (arch/ARCH/pte.h).
 */
#ifndef KERNEL_VM_H
#define KERNEL_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/bootmem.h"

/* What may be done with a page. There is no writable and executable one. */
enum vm_prot { VM_R, VM_RW, VM_RX, VM_DEVICE /* RW, uncached, ordered */ };

/* Builds the final tables (image with its permissions, direct map of all RAM) from bootmem pages and
 * makes them this core's. Stops the machine if memory does not suffice. Ctx: boot. */
void vm_init(struct bootmem *bm, const struct bootinfo *bi);

/* From now on page tables come from the page allocator. Ctx: boot, after page_init(). */
void vm_use_page_allocator(void);

/* Makes what was writable only during boot read-only (section .sealed). Ctx: boot, before smp_boot(). */
void vm_seal(void);

/*
 * vm_map - map [va, va + bytes) to [pa, ...), with the largest pages that fit. All multiples of
 * PAGE_SIZE; nothing may be mapped there. Returns 0, or -ENOMEM (what was mapped before it ran out
 * stays mapped). Ctx: boot or g0; takes vm_lock.
 */
int vm_map(uintptr_t va, uint64_t pa, size_t bytes, enum vm_prot prot);

/*
 * The stack arena's page tables (2 MiB of addresses each).
 * vm_table_find  the entry of va in the leaf table; NULL if there is no table. Takes no lock: the caller
 *                knows that the table can't go, since something in its 2 MiB is the caller's.
 * vm_table_make  the same, making what is missing; NULL: no memory.
 * vm_table_drop  unlinks va's lowest table and those above that become empty, if they are; returns how many,
 *                their pages in pa. They may be used again when no core can hold a translation that went
 *                through them.
 * Ctx: g0, isr or boot.
 */
#define VM_DROP_MAX 2
uint64_t *vm_table_find(uintptr_t va);
uint64_t *vm_table_make(uintptr_t va);
unsigned vm_table_drop(uintptr_t va, uint64_t pa[VM_DROP_MAX]);
size_t vm_arena_tables(void);

/* Physical memory that is not RAM (device registers, firmware tables) in the device window; a second
 * call for the same pages gives the same address. NULL: no memory or out of the window. Ctx: boot, or g0 of one
 * core at a time. */
void *vm_map_device(uint64_t pa, size_t bytes);
const void *vm_map_firmware(uint64_t pa, size_t bytes);

/* The mapping of one address: false if there is none. Takes no lock. Ctx: any. */
bool vm_lookup(uintptr_t va, uint64_t *pa, enum vm_prot *prot);

/* Calls visit for every leaf, in address order. Ctx: any but isr; for tests and dumps. */
struct vm_leaf {
    uintptr_t va;
    size_t bytes;
    enum vm_prot prot;
    bool writable_and_executable; // the hardware would allow both, whatever prot says
};
void vm_walk(void (*visit)(const struct vm_leaf *leaf, void *arg), void *arg);

/* Physical address of the root table, and of an address inside the image. */
uint64_t vm_root_phys(void);
uint64_t image_phys(const void *in_image);

#endif
