/*
 * switch.S - mcall, gogo, gobegin, goend, systemstack: between a goroutine's stack and its M's g0 stack;
 * gswitch: between two goroutines' stacks; acquirem's counting.
 *
 * Only what the ABI calls callee-saved is kept, as a struct switchframe at the G's stack pointer: all of
 * these are called like functions. sp is SP_EL0.
 *
 * In .text.nopreempt: half way, the current G, the stack pointer and m->locks do not belong together.
 */
#include "arch/arm64/offsets.h"

/* A struct switchframe with the return address as its pc. Clobbers x9. */
    .macro save_frame
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
    mrs x9, fpcr
    str x9, [sp, #SF_FPCR]
    .endm

/* What save_frame left at sp, but for x29 and the pc, which are still on it. Clobbers x3. */
    .macro load_frame
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
    .endm

    .section .text.nopreempt, "ax", %progbits

/*
 * void mcall(void (*fn)(struct g *gp))
 * In: x0 = fn, on a G's stack. fn runs on the g0 stack; gogo(gp) later returns from here.
 */
    .globl mcall
    .type mcall, %function
mcall:
    save_frame
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
    load_frame
    ldp x29, x16, [sp], #SF_BYTES
    ret x16
    .size gogo, . - gogo

/*
 * void gswitch(struct g *from, struct g *to, uint64_t *first, uint64_t value, uint32_t *last, uint32_t last_value)
 * In: x0, x1, x2, x3, x4, w5. The two stores are releases: all before them is seen by who acquires them.
 */
    .globl gswitch
    .type gswitch, %function
gswitch:
    save_frame
    mov x6, sp
    str x6, [x0, #G_SP]
    msr tpidr_el1, x1
    ldr x6, [x1, #G_SP]
    mov sp, x6
    /* From here on another core may run `from`. */
    stlr x3, [x2]
    stlr w5, [x4]
    load_frame
    ldp x29, x30, [sp], #SF_BYTES
    ret
    .size gswitch, . - gswitch

/*
 * void gobegin(void (*fn)(void *), void *arg, struct g *gp, uintptr_t sp, uintptr_t tls)
 * In: x0 = fn, x1 = arg, x2 = gp, x3 = sp, x4 = tls, on g0. The frame pointer of 0 is where tracebacks end.
 */
    .globl gobegin
    .type gobegin, %function
gobegin:
    msr tpidr_el1, x2
    mov sp, x3
    mov x29, xzr
    str x4, [x2, #G_TLS]
    msr fpcr, xzr
    mov x16, x0
    mov x0, x1
    b gostart
    .size gobegin, . - gobegin

/* void goend(void) - on a G that has ended: goexit0(gp) on g0. Nothing of it is kept. */
    .globl goend
    .type goend, %function
goend:
    mrs x0, tpidr_el1
    ldr x1, [x0, #G_M]
    ldr x2, [x1, #M_G0]
    msr tpidr_el1, x2
    ldr x3, [x2, #G_SP]
    mov sp, x3
    mov x29, xzr
    bl goexit0
    brk #1
    .size goend, . - goend

/*
 * struct m *acquirem_count(void) - what acquirem() (cpu.h) can't do in one instruction.
 * Out: x0 = the M. Clobbers x1 and x30 only, which the caller relies on.
 */
    .globl acquirem_count
    .type acquirem_count, %function
acquirem_count:
    mrs x0, tpidr_el1
    ldr x0, [x0, #G_M]
    ldr w1, [x0, #M_LOCKS]
    add w1, w1, #1
    str w1, [x0, #M_LOCKS]
    ret
    .size acquirem_count, . - acquirem_count

/*
 * void systemstack(void (*fn)(void *arg), void *arg)
 * In: x0 = fn, x1 = arg. x19 keeps the caller's G, x20 its stack pointer. A preemption that was put off
 * meanwhile is made up for, as in releasem().
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
    ldr w12, [x10, #M_PREEMPT]
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
    cbnz w12, 2f
    ret
1:  blr x9
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
    ret
2:  b preempt_deferred
    .size systemstack, . - systemstack

/* What a goroutine is in all: x16(x0), then the same as goexit(). It may be preempted. */
    .text
    .type gostart, %function
gostart:
    blr x16
    bl libc_thread_exit
    b goend
    .size gostart, . - gostart

    .section .note.GNU-stack, "", %progbits
