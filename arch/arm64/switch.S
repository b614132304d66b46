/*
 * switch.S - mcall, gogo, systemstack: between a goroutine's stack and its M's g0 stack.
 *
 * Only what the ABI calls callee-saved is kept, as a struct switchframe at the G's stack pointer: all of
 * these are called like functions. sp is SP_EL0.
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
    stp x29, x30, [sp, #-SF_BYTES]!
    stp x19, x20, [sp, #SF_X19]
    stp x21, x22, [sp, #SF_X19 + 16]
    stp x23, x24, [sp, #SF_X19 + 32]
    stp x25, x26, [sp, #SF_X19 + 48]
    stp x27, x28, [sp, #SF_X19 + 64]
    stp d8, d9, [sp, #SF_D8]
    stp d10, d11, [sp, #SF_D8 + 16]
    stp d12, d13, [sp, #SF_D8 + 32]
    stp d14, d15, [sp, #SF_D8 + 48]
    mrs x3, fpcr
    str x3, [sp, #SF_FPCR]
    mrs x1, tpidr_el1
    mov x2, sp
    str x2, [x1, #G_SP]
    /* g0 becomes current, on a fresh stack. */
    ldr x2, [x1, #G_M]
    ldr x2, [x2, #M_G0]
    msr tpidr_el1, x2
    ldr x3, [x2, #G_SP]
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
    ldr x1, [x0, #G_SP]
    mov sp, x1
    ldp x19, x20, [sp, #SF_X19]
    ldp x21, x22, [sp, #SF_X19 + 16]
    ldp x23, x24, [sp, #SF_X19 + 32]
    ldp x25, x26, [sp, #SF_X19 + 48]
    ldp x27, x28, [sp, #SF_X19 + 64]
    ldp d8, d9, [sp, #SF_D8]
    ldp d10, d11, [sp, #SF_D8 + 16]
    ldp d12, d13, [sp, #SF_D8 + 32]
    ldp d14, d15, [sp, #SF_D8 + 48]
    ldr x3, [sp, #SF_FPCR]
    msr fpcr, x3
    mov x30, xzr                        /* nothing is above a goroutine's first function */
    ldp x29, x16, [sp], #SF_BYTES
    ret x16
    .size gogo, . - gogo

/*
 * void systemstack(void (*fn)(void *arg), void *arg)
 * In: x0 = fn, x1 = arg. x19 keeps the caller's G, x20 its stack pointer.
 */
    .globl systemstack
    .type systemstack, %function
systemstack:
    stp x29, x30, [sp, #-32]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    mov x9, x0
    mov x0, x1
    mrs x19, tpidr_el1
    ldr x10, [x19, #G_M]
    ldr x11, [x10, #M_G0]
    cmp x11, x19
    b.eq 1f
    ldr w12, [x10, #M_LOCKS]
    add w12, w12, #1
    str w12, [x10, #M_LOCKS]
    mov x20, sp
    msr tpidr_el1, x11
    ldr x12, [x11, #G_SP]
    mov sp, x12
    blr x9
    mov sp, x20
    msr tpidr_el1, x19
    ldr x10, [x19, #G_M]
    ldr w12, [x10, #M_LOCKS]
    sub w12, w12, #1
    str w12, [x10, #M_LOCKS]
    b 2f
1:  blr x9
2:  ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
    ret
    .size systemstack, . - systemstack

    .section .note.GNU-stack, "", %progbits
