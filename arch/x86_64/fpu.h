/*
 * fpu.h - floating point and vector registers (C and assembly).
 */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

/* State components: bits of XCR0 and of XSAVE's mask. */
#define XCR0_X87    0x01
#define XCR0_SSE    0x02
#define XCR0_AVX    0x04
#define XCR0_AVX512 0xe0

/* The area begins as FXSAVE's; XSAVE's header follows. */
#define FXSAVE_BYTES   512
#define FPU_AREA_ALIGN 64

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Sealed after the boot. 0: there is no XSAVE, FXSAVE saves all there is. */
extern uint32_t fpu_mask;
extern uint64_t fpu_area_bytes;

/* On the boot CPU, before any other core: finds the mask. Ctx: boot. */
void fpu_init(void);
/* On each further one. Ctx: AP start. */
void fpu_init_cpu(void);
#endif

#endif
