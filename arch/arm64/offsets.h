/*
 * offsets.h - struct offsets that assembly uses; sched/sched.h and cpu.h prove each one.
 */
#ifndef ARCH_ARM64_OFFSETS_H
#define ARCH_ARM64_OFFSETS_H

/* struct g */
#define G_SP  0
#define G_M   8
#define G_TLS 40

/* struct m */
#define M_G             0
#define M_SELF          8
#define M_G0            16
#define M_LOCKS         24
#define M_PREEMPT       28
#define M_PREEMPT_PC    32
#define M_PREEMPT_STATE 40

/* struct switchframe */
#define SF_FP    0  /* x29, then the pc */
#define SF_X19   16 /* x19 .. x28 */
#define SF_D8    96 /* d8 .. d15 */
#define SF_FPCR  160
#define SF_BYTES 176

/* struct trapframe */
#define TF_X0    0
#define TF_SP    248
#define TF_ELR   256
#define TF_SPSR  264
#define TF_ESR   272
#define TF_FAR   280
#define TF_BYTES 288

/* What asyncpreempt() leaves on a G's stack: a frame record (x29, pc), then the other registers */
#define AP_PC    8
#define AP_X0    16 /* x0 .. x30 */
#define AP_STATE 264
#define AP_FPCR  272 /* then fpsr */
#define AP_Q0    288 /* q0 .. q31 */
#define AP_BYTES 800

#endif
