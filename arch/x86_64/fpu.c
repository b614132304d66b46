/*
 * fpu.c - floating point and vector registers: which there are, and how asyncpreempt() saves them.
 *
 * Invariant: XCR0 is the same on every core, fpu_mask; so an area that XSAVE filled on one is one that XRSTOR
 *            takes on another, and what it does not save can't be used: the instructions are undefined.
 * Why not more of XCR0: AMX's tiles alone are 8 KiB of a goroutine's stack, and the others hold nothing that
 *            a program without an operating system's help could use.
 * Source:    Intel SDM volume 1, chapter 13 (XSAVE); volume 3, 2.5 (control registers).
 */
#include "fpu.h"

#include "arch/arch.h"
#include "kernel/layout.h"

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)

#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_OSXSAVE    (1u << 18)

#define CPUID_XSAVE  (1u << 26) // leaf 1, ecx
#define CPUID_STATES 0xd

SEALED uint32_t fpu_mask;
SEALED uint64_t fpu_area_bytes = FXSAVE_BYTES;

static uint32_t find_mask(void)
{
    if (!(cpuid(1, 0).ecx & CPUID_XSAVE) || cpuid(0, 0).eax < CPUID_STATES)
        return 0;
    uint32_t can = cpuid(CPUID_STATES, 0).eax, mask = XCR0_X87 | XCR0_SSE;
    if (can & XCR0_AVX)
        mask |= XCR0_AVX;
    /* The manual allows the three only together, and with AVX. */
    if (can & XCR0_AVX && (can & XCR0_AVX512) == XCR0_AVX512)
        mask |= XCR0_AVX512;
    return mask;
}

void fpu_init_cpu(void)
{
    uint64_t cr0;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    cr0 = (cr0 & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE;
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0));
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (fpu_mask ? CR4_OSXSAVE : 0));
    if (fpu_mask)
        __asm__ volatile("xsetbv" ::"c"(0), "a"(fpu_mask), "d"(0));
    __asm__ volatile("fninit");
}

void fpu_init(void)
{
    fpu_mask = find_mask();
    fpu_init_cpu();
    if (fpu_mask)
        fpu_area_bytes = cpuid(CPUID_STATES, 0).ebx; // for what XCR0 has now
}
