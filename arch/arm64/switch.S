/*
 * switch.S - mcall, gogo: from a goroutine to its M's g0 and back.
 *
 * Only what the ABI calls callee-saved is kept: both are called like functions. sp is SP_EL0.
 */
#include "arch/arm64/offsets.h"

    .text

/*
 * void mcall(void (*fn)(struct g *gp))
 * In: x0 = fn, on a G's stack. fn runs on the g0 stack; gogo(gp) later returns from here.
 */
    .globl mcall
    .type mcall, %function
mcall:
    mrs x1, tpidr_el1
    mov x2, sp
    stp x2, x30, [x1, #GOBUF_SP]
    stp x19, x20, [x1, #GOBUF_X19]
    stp x21, x22, [x1, #GOBUF_X19 + 16]
    stp x23, x24, [x1, #GOBUF_X19 + 32]
    stp x25, x26, [x1, #GOBUF_X19 + 48]
    stp x27, x28, [x1, #GOBUF_X19 + 64]
    mrs x3, fpcr
    stp x29, x3, [x1, #GOBUF_FP]
    stp d8, d9, [x1, #GOBUF_D8]
    stp d10, d11, [x1, #GOBUF_D8 + 16]
    stp d12, d13, [x1, #GOBUF_D8 + 32]
    stp d14, d15, [x1, #GOBUF_D8 + 48]
    /* g0 becomes current, on a fresh stack. */
    ldr x2, [x1, #G_M]
    ldr x2, [x2, #M_G0]
    msr tpidr_el1, x2
    ldr x3, [x2, #GOBUF_SP]
    mov sp, x3
    mov x29, xzr
    mov x30, xzr
    mov x4, x0
    mov x0, x1
    blr x4
    brk #1
    .size mcall, . - mcall

/* void gogo(struct g *gp) - on g0. Does not return here. */
    .globl gogo
    .type gogo, %function
gogo:
    msr tpidr_el1, x0
    ldp x1, x16, [x0, #GOBUF_SP]
    mov sp, x1
    mov x30, xzr                        /* nothing is above a goroutine's first function */
    ldp x19, x20, [x0, #GOBUF_X19]
    ldp x21, x22, [x0, #GOBUF_X19 + 16]
    ldp x23, x24, [x0, #GOBUF_X19 + 32]
    ldp x25, x26, [x0, #GOBUF_X19 + 48]
    ldp x27, x28, [x0, #GOBUF_X19 + 64]
    ldp x29, x3, [x0, #GOBUF_FP]
    msr fpcr, x3
    ldp d8, d9, [x0, #GOBUF_D8]
    ldp d10, d11, [x0, #GOBUF_D8 + 16]
    ldp d12, d13, [x0, #GOBUF_D8 + 32]
    ldp d14, d15, [x0, #GOBUF_D8 + 48]
    br x16
    .size gogo, . - gogo

/*
 * void gobuf_init(struct gobuf *buf, uintptr_t hi, void (*fn)(void))
 * fn is entered with a frame pointer of 0, where tracebacks end.
 */
    .globl gobuf_init
    .type gobuf_init, %function
gobuf_init:
    stp x1, x2, [x0, #GOBUF_SP]
    stp xzr, xzr, [x0, #GOBUF_FP]       /* frame pointer; fpcr's initial state */
    ret
    .size gobuf_init, . - gobuf_init

    .section .note.GNU-stack, "", %progbits
