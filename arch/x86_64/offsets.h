/*
 * offsets.h - struct offsets that assembly uses; sched/sched.h and cpu.h prove each one.
 */
#ifndef ARCH_X86_64_OFFSETS_H
#define ARCH_X86_64_OFFSETS_H

/* struct gobuf, which is the first member of struct g */
#define GOBUF_SP    0
#define GOBUF_PC    8
#define GOBUF_RBP   16
#define GOBUF_RBX   24
#define GOBUF_R12   32
#define GOBUF_R13   40
#define GOBUF_R14   48
#define GOBUF_R15   56
#define GOBUF_MXCSR 64
#define GOBUF_FCW   68
#define GOBUF_BYTES 72

/* struct g */
#define G_M GOBUF_BYTES

/* struct m, at the GS base */
#define M_G    0
#define M_SELF 8
#define M_G0   16

/* Segment selectors of every core's GDT */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

#endif
