/*
 * offsets.h - struct offsets that assembly uses; sched/sched.h and cpu.h prove each one.
 */
#ifndef ARCH_ARM64_OFFSETS_H
#define ARCH_ARM64_OFFSETS_H

/* struct gobuf, which is the first member of struct g */
#define GOBUF_SP    0
#define GOBUF_PC    8
#define GOBUF_X19   16 /* x19 .. x28 */
#define GOBUF_FP    96 /* x29 */
#define GOBUF_FPCR  104
#define GOBUF_D8    112 /* d8 .. d15 */
#define GOBUF_BYTES 176

/* struct g */
#define G_M GOBUF_BYTES

/* struct m */
#define M_G    0
#define M_SELF 8
#define M_G0   16

/* struct trapframe */
#define TF_X0    0
#define TF_SP    248
#define TF_ELR   256
#define TF_SPSR  264
#define TF_ESR   272
#define TF_FAR   280
#define TF_BYTES 288

#endif
