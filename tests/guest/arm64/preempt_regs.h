/*
 * preempt_regs.h - every register of arm64 that a function can put a value in, for preempt_regs.c.
 */
#ifndef TESTS_GUEST_ARM64_PREEMPT_REGS_H
#define TESTS_GUEST_ARM64_PREEMPT_REGS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { COUNT_DOWN = 28, COUNT_UP = 27, NGPR = 31 };

struct regs {
    uint64_t x[NGPR]; // x28 counts down to 0, x27 up
    uint64_t nzcv, fpcr, fpsr;
    uint64_t q[32][2];
};
/* The assembly's names of them. */
_Static_assert(offsetof(struct regs, nzcv) == 248, "");
_Static_assert(offsetof(struct regs, q) == 272, "");

#define NZCV_BITS 0xf0000000u
#define FPCR_BITS 0x03c00000u // default NaN, flush to zero, rounding
#define FPSR_BITS 0x0800009fu // QC, and the sticky exception flags

/* There is one set only: SVE and SME are refused. */
enum regs_level { LEVEL_NEON };

static inline enum regs_level regs_level(void)
{
    return LEVEL_NEON;
}

static inline const char *regs_describe(void)
{
    return "x0-30, NZCV, FPCR, FPSR, q0-31";
}

/*
 * Loads all of *in, goes round a loop in->x[COUNT_DOWN] times that undoes each change it makes, and stores all
 * into *out. Each instruction of the loop is followed by a jump to the next, since an emulator that translates
 * block by block takes interrupts only between two blocks.
 */
void regs_spin(const struct regs *in, struct regs *out, enum regs_level level);

__asm__(
    ".text\n"
    ".macro step insn:vararg\n"
    "    \\insn\n"
    "    b .Lstep\\@\n"
    ".Lstep\\@:\n"
    ".endm\n"
    ".macro twice insn:vararg\n"
    "    step \\insn\n"
    "    step \\insn\n"
    ".endm\n"
    ".macro general op\n" // all but x0 and x1
    "    \\op x2, x3, [x0, #16]\n"
    "    \\op x4, x5, [x0, #32]\n"
    "    \\op x6, x7, [x0, #48]\n"
    "    \\op x8, x9, [x0, #64]\n"
    "    \\op x10, x11, [x0, #80]\n"
    "    \\op x12, x13, [x0, #96]\n"
    "    \\op x14, x15, [x0, #112]\n"
    "    \\op x16, x17, [x0, #128]\n"
    "    \\op x18, x19, [x0, #144]\n"
    "    \\op x20, x21, [x0, #160]\n"
    "    \\op x22, x23, [x0, #176]\n"
    "    \\op x24, x25, [x0, #192]\n"
    "    \\op x26, x27, [x0, #208]\n"
    "    \\op x28, x29, [x0, #224]\n"
    ".endm\n"
    ".macro vector_get n\n"
    "    ldr q\\n, [x0, #272 + 16 * \\n]\n"
    ".endm\n"
    ".macro vector_put n\n"
    "    str q\\n, [x0, #272 + 16 * \\n]\n"
    ".endm\n"
    ".macro all_vectors op\n"
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    \\op \\n\n"
    "    .endr\n"
    ".endm\n"

    ".type regs_spin, %function\n"
    "regs_spin:\n"
    "    stp x29, x30, [sp, #-192]!\n"
    "    stp x19, x20, [sp, #16]\n"
    "    stp x21, x22, [sp, #32]\n"
    "    stp x23, x24, [sp, #48]\n"
    "    stp x25, x26, [sp, #64]\n"
    "    stp x27, x28, [sp, #80]\n"
    "    stp d8, d9, [sp, #96]\n"
    "    stp d10, d11, [sp, #112]\n"
    "    stp d12, d13, [sp, #128]\n"
    "    stp d14, d15, [sp, #144]\n"
    "    mrs x2, fpcr\n"
    "    stp x1, x2, [sp, #160]\n"
    "    all_vectors vector_get\n"
    "    ldr x2, [x0, #256]\n"
    "    msr fpcr, x2\n"
    "    ldr x2, [x0, #264]\n"
    "    msr fpsr, x2\n"
    "    ldr x2, [x0, #248]\n"
    "    msr nzcv, x2\n"
    "    general ldp\n"
    "    ldr x30, [x0, #240]\n"
    "    ldp x0, x1, [x0]\n"

    "1:  step sub x28, x28, #1\n" // none of these changes a flag
    "    step add x27, x27, #1\n"
    "    twice rbit x0, x0\n"
    "    twice rev x1, x1\n"
    "    twice mvn x30, x30\n"
    "    twice eor x2, x2, x29\n"
    "    twice rev64 v0.16b, v0.16b\n"
    "    twice mvn v31.16b, v31.16b\n"
    "    twice eor v8.16b, v8.16b, v16.16b\n"
    "    step str x18, [sp, #176]\n"
    "    step mov x18, xzr\n"
    "    step ldr x18, [sp, #176]\n"
    "    cbz x28, 2f\n"
    "    b 1b\n"

    "2:  stp x0, x1, [sp, #176]\n"
    "    ldr x0, [sp, #160]\n"
    "    general stp\n"
    "    str x30, [x0, #240]\n"
    "    ldp x1, x2, [sp, #176]\n"
    "    stp x1, x2, [x0]\n"
    "    mrs x2, nzcv\n"
    "    str x2, [x0, #248]\n"
    "    mrs x2, fpcr\n"
    "    str x2, [x0, #256]\n"
    "    mrs x2, fpsr\n"
    "    str x2, [x0, #264]\n"
    "    all_vectors vector_put\n"
    "    ldr x2, [sp, #168]\n"
    "    msr fpcr, x2\n"
    "    ldp d14, d15, [sp, #144]\n"
    "    ldp d12, d13, [sp, #128]\n"
    "    ldp d10, d11, [sp, #112]\n"
    "    ldp d8, d9, [sp, #96]\n"
    "    ldp x27, x28, [sp, #80]\n"
    "    ldp x25, x26, [sp, #64]\n"
    "    ldp x23, x24, [sp, #48]\n"
    "    ldp x21, x22, [sp, #32]\n"
    "    ldp x19, x20, [sp, #16]\n"
    "    ldp x29, x30, [sp], #192\n"
    "    ret\n"
    ".size regs_spin, . - regs_spin\n");

/* *in was filled with random bytes: makes of them what the registers take, and *want, what comes out. */
static inline void regs_make(struct regs *in, struct regs *want, uint64_t rounds)
{
    in->x[COUNT_DOWN] = rounds;
    in->nzcv &= NZCV_BITS;
    in->fpcr &= FPCR_BITS;
    in->fpsr &= FPSR_BITS;
    *want = *in;
    want->x[COUNT_DOWN] = 0;
    want->x[COUNT_UP] += rounds;
}

/* The first register that is not as it should be, or NULL. */
static inline const char *regs_compare(const struct regs *want, const struct regs *have,
                                       enum regs_level level)
{
    (void)level;
    if (memcmp(want->x, have->x, sizeof want->x))
        return "a general register";
    if (want->nzcv != have->nzcv)
        return "a flag";
    if (want->fpcr != have->fpcr)
        return "FPCR";
    if (want->fpsr != have->fpsr)
        return "FPSR";
    return memcmp(want->q, have->q, sizeof want->q) ? "a vector register" : NULL;
}

#endif
