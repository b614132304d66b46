/*
 * layout.h - the address space, the same on both architectures (C and assembly).
 *
 *   0x0000000000000000  low half: never mapped once the kernel runs, so a NULL pointer faults
 *   0xffff800000000000  direct map: all RAM at DIRECT_BASE + physical, RW, not executable
 *   0xffffc00000000000  stack arena: reservations for stacks, mapped page by page (sched/stack.c)
 *   0xffffe00000000000  heap: malloc()'s span table, mapped page by page (kernel/span.h); the heap's
 *                       objects lie in the direct map
 *   0xfffff00000000000  device window: registers and firmware tables at DEVICE_BASE + physical
 *   0xffffffff80000000  kernel image, wherever it was loaded
 *
 * Why the image sits in the top 2 GiB on both: x86-64's kernel code model needs it there, and one
 * layout is easier to read than two.
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#ifdef __ASSEMBLER__
#define LAYOUT_U64(x) x
#else
#include <stdint.h>
#define LAYOUT_U64(x) UINT64_C(x)
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE  LAYOUT_U64(0x1000)

#define DIRECT_BASE  LAYOUT_U64(0xffff800000000000)
#define DIRECT_BYTES LAYOUT_U64(0x0000400000000000)
#define ARENA_BASE   LAYOUT_U64(0xffffc00000000000)
#define ARENA_BYTES  LAYOUT_U64(0x0000200000000000)
#define HEAP_BASE    LAYOUT_U64(0xffffe00000000000)
#define HEAP_BYTES   LAYOUT_U64(0x0000100000000000)
#define DEVICE_BASE  LAYOUT_U64(0xfffff00000000000)
#define DEVICE_BYTES LAYOUT_U64(0x0000080000000000)
#define KERNEL_BASE  LAYOUT_U64(0xffffffff80000000)

/* The image is linked at KERNEL_BASE + IMAGE_OFFSET. On x86-64 it is also loaded at that physical
 * address; an arm64 loader puts it at any multiple of 2 MiB. */
#define IMAGE_OFFSET LAYOUT_U64(0x200000)

/* One core each; bounds the tables that are indexed by core. */
#define MAX_CPUS 512

#define CACHE_LINE 64

#ifndef __ASSEMBLER__
_Static_assert(DIRECT_BASE + DIRECT_BYTES == ARENA_BASE, "layout");
_Static_assert(ARENA_BASE + ARENA_BYTES == HEAP_BASE, "layout");
_Static_assert(HEAP_BASE + HEAP_BYTES == DEVICE_BASE, "layout");
_Static_assert(DEVICE_BASE + DEVICE_BYTES < KERNEL_BASE, "layout");

/* Written during boot only: vm_seal() makes it read-only before the other cores start. */
#define SEALED __attribute__((section(".sealed")))

/* RAM only. Defined from vm_init() on; before it, for what arch.h says is mapped early. */
static inline void *phys_to_virt(uint64_t phys)
{
    return (void *)(uintptr_t)(DIRECT_BASE + phys);
}

static inline uint64_t virt_to_phys(const void *direct)
{
    return (uint64_t)(uintptr_t)direct - DIRECT_BASE;
}

/* Linker scripts. The image is [image_start, image_end): text, rodata, sealed, data, bss, stack. */
extern char image_start[], text_end[], rodata_end[], sealed_end[], image_end[];
extern char m0_stack_guard[], m0_stack_lo[], m0_stack_hi[];
extern const char nopreempt_start[], nopreempt_end[];
#endif

#endif
