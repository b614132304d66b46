/*
 * preempt.S - asyncpreempt: a call that the interrupted function does not know of.
 *
 * void asyncpreempt(void) - entered by the return from an interrupt, with every register as the interrupted
 * instruction left it, its address in m->preempt_pc and the flags in m->preempt_state (an SPSR). All of it
 * goes to the G's stack, as AP_* of offsets.h; there is no red zone. What it begins with, x29 and the pc, is a
 * frame record like that of a call.
 *
 * The way back is an eret, since a branch would need a register that holds the address. Nothing can take an
 * exception between the writing of ELR_EL1 and the eret: interrupts are masked, and the frame lies above the
 * stack pointer, where stacks keep their pages.
 *
 * In .text.nopreempt: at the beginning another interrupt would overwrite m->preempt_pc; at the end, since the
 * frame would be made again and again on a stack that never gets shorter. asyncpreempt2() says for itself
 * whether it may be preempted.
 */
#include "arch/arm64/offsets.h"

    .section .text.nopreempt, "ax", %progbits
    .globl asyncpreempt
    .type asyncpreempt, %function
asyncpreempt:
    sub sp, sp, #AP_BYTES
    stp x0, x1, [sp, #AP_X0]
    stp x2, x3, [sp, #AP_X0 + 16]
    stp x4, x5, [sp, #AP_X0 + 32]
    stp x6, x7, [sp, #AP_X0 + 48]
    stp x8, x9, [sp, #AP_X0 + 64]
    stp x10, x11, [sp, #AP_X0 + 80]
    stp x12, x13, [sp, #AP_X0 + 96]
    stp x14, x15, [sp, #AP_X0 + 112]
    stp x16, x17, [sp, #AP_X0 + 128]
    stp x18, x19, [sp, #AP_X0 + 144]
    stp x20, x21, [sp, #AP_X0 + 160]
    stp x22, x23, [sp, #AP_X0 + 176]
    stp x24, x25, [sp, #AP_X0 + 192]
    stp x26, x27, [sp, #AP_X0 + 208]
    stp x28, x29, [sp, #AP_X0 + 224]
    str x30, [sp, #AP_X0 + 240]
    mrs x0, tpidr_el1
    ldr x0, [x0, #G_M]
    ldp x1, x2, [x0, #M_PREEMPT_PC]     /* and M_PREEMPT_STATE */
    stp x29, x1, [sp]
    str x2, [sp, #AP_STATE]
    mov x29, sp
    mrs x0, fpcr
    mrs x1, fpsr
    stp x0, x1, [sp, #AP_FPCR]
    stp q0, q1, [sp, #AP_Q0]
    stp q2, q3, [sp, #AP_Q0 + 32]
    stp q4, q5, [sp, #AP_Q0 + 64]
    stp q6, q7, [sp, #AP_Q0 + 96]
    stp q8, q9, [sp, #AP_Q0 + 128]
    stp q10, q11, [sp, #AP_Q0 + 160]
    stp q12, q13, [sp, #AP_Q0 + 192]
    stp q14, q15, [sp, #AP_Q0 + 224]
    stp q16, q17, [sp, #AP_Q0 + 256]
    stp q18, q19, [sp, #AP_Q0 + 288]
    stp q20, q21, [sp, #AP_Q0 + 320]
    stp q22, q23, [sp, #AP_Q0 + 352]
    stp q24, q25, [sp, #AP_Q0 + 384]
    stp q26, q27, [sp, #AP_Q0 + 416]
    stp q28, q29, [sp, #AP_Q0 + 448]
    stp q30, q31, [sp, #AP_Q0 + 480]
    bl asyncpreempt2
    ldp q0, q1, [sp, #AP_Q0]
    ldp q2, q3, [sp, #AP_Q0 + 32]
    ldp q4, q5, [sp, #AP_Q0 + 64]
    ldp q6, q7, [sp, #AP_Q0 + 96]
    ldp q8, q9, [sp, #AP_Q0 + 128]
    ldp q10, q11, [sp, #AP_Q0 + 160]
    ldp q12, q13, [sp, #AP_Q0 + 192]
    ldp q14, q15, [sp, #AP_Q0 + 224]
    ldp q16, q17, [sp, #AP_Q0 + 256]
    ldp q18, q19, [sp, #AP_Q0 + 288]
    ldp q20, q21, [sp, #AP_Q0 + 320]
    ldp q22, q23, [sp, #AP_Q0 + 352]
    ldp q24, q25, [sp, #AP_Q0 + 384]
    ldp q26, q27, [sp, #AP_Q0 + 416]
    ldp q28, q29, [sp, #AP_Q0 + 448]
    ldp q30, q31, [sp, #AP_Q0 + 480]
    ldp x0, x1, [sp, #AP_FPCR]
    msr fpcr, x0
    msr fpsr, x1
    msr daifset, #2
    ldr x0, [sp, #AP_PC]
    ldr x1, [sp, #AP_STATE]
    msr elr_el1, x0
    msr spsr_el1, x1
    ldp x2, x3, [sp, #AP_X0 + 16]
    ldp x4, x5, [sp, #AP_X0 + 32]
    ldp x6, x7, [sp, #AP_X0 + 48]
    ldp x8, x9, [sp, #AP_X0 + 64]
    ldp x10, x11, [sp, #AP_X0 + 80]
    ldp x12, x13, [sp, #AP_X0 + 96]
    ldp x14, x15, [sp, #AP_X0 + 112]
    ldp x16, x17, [sp, #AP_X0 + 128]
    ldp x18, x19, [sp, #AP_X0 + 144]
    ldp x20, x21, [sp, #AP_X0 + 160]
    ldp x22, x23, [sp, #AP_X0 + 176]
    ldp x24, x25, [sp, #AP_X0 + 192]
    ldp x26, x27, [sp, #AP_X0 + 208]
    ldp x28, x29, [sp, #AP_X0 + 224]
    ldr x30, [sp, #AP_X0 + 240]
    ldp x0, x1, [sp, #AP_X0]
    add sp, sp, #AP_BYTES
    eret
    .size asyncpreempt, . - asyncpreempt

    .section .note.GNU-stack, "", %progbits
