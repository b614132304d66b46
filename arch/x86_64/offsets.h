/*
 * offsets.h - struct offsets that assembly uses; sched/sched.h and cpu.h prove each one.
 */
#ifndef ARCH_X86_64_OFFSETS_H
#define ARCH_X86_64_OFFSETS_H

/* struct g */
#define G_SP  0
#define G_M   8
#define G_TLS 40

/* struct m, at the GS base */
#define M_G             0
#define M_SELF          8
#define M_G0            16
#define M_LOCKS         24
#define M_PREEMPT       28
#define M_PREEMPT_PC    32
#define M_PREEMPT_STATE 40

/* struct switchframe */
#define SF_MXCSR 0
#define SF_FCW   4
#define SF_R15   8

/* What asyncpreempt() pushes below the red zone of the interrupted function: pc, rbp, flags and the other
 * general registers. */
#define RED_ZONE_BYTES 128
#define AP_BYTES       (17 * 8)

/* Segment selectors of every core's GDT */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

#endif
