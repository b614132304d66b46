/*
 * trap.S - the exception vectors, and entry and exit of every interrupt and exception.
 *
 * Gs and g0 run at EL1t, so an exception switches to SP_EL1, the M's exception stack, by itself; one
 * inside a handler (EL1h) stays on it. Only general registers are saved: what runs from here is
 * compiled without floating point and calls nothing that uses it.
 */
#include "arch/arm64/offsets.h"

/* An entry is 0x80 bytes; kind is enum trap_kind, from_sp0 says whose stack pointer was interrupted. */
    .macro vector, kind, from_sp0
    .balign 0x80
    sub sp, sp, #TF_BYTES
    stp x0, x1, [sp, #TF_X0]
    .if \from_sp0
    mrs x0, sp_el0
    .else
    add x0, sp, #TF_BYTES
    .endif
    stp x30, x0, [sp, #TF_SP - 8]
    mov x1, #\kind
    b trap_common
    .endm

    .text
    .balign 0x800
    .globl trap_vectors
trap_vectors:
    vector 0, 1
    vector 1, 1
    vector 2, 1
    vector 3, 1
    vector 0, 0
    vector 1, 0
    vector 2, 0
    vector 3, 0
    .rept 8                             /* lower exception levels: nothing runs there */
    vector 4, 0
    .endr

    .type trap_common, %function
trap_common:
    stp x2, x3, [sp, #TF_X0 + 16]
    stp x4, x5, [sp, #TF_X0 + 32]
    stp x6, x7, [sp, #TF_X0 + 48]
    stp x8, x9, [sp, #TF_X0 + 64]
    stp x10, x11, [sp, #TF_X0 + 80]
    stp x12, x13, [sp, #TF_X0 + 96]
    stp x14, x15, [sp, #TF_X0 + 112]
    stp x16, x17, [sp, #TF_X0 + 128]
    stp x18, x19, [sp, #TF_X0 + 144]
    stp x20, x21, [sp, #TF_X0 + 160]
    stp x22, x23, [sp, #TF_X0 + 176]
    stp x24, x25, [sp, #TF_X0 + 192]
    stp x26, x27, [sp, #TF_X0 + 208]
    stp x28, x29, [sp, #TF_X0 + 224]
    mrs x2, elr_el1
    mrs x3, spsr_el1
    stp x2, x3, [sp, #TF_ELR]
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [sp, #TF_ESR]
    mov x29, xzr
    mov x0, sp
    bl trap_handler
    ldp x2, x3, [sp, #TF_ELR]
    msr elr_el1, x2
    msr spsr_el1, x3
    ldp x2, x3, [sp, #TF_X0 + 16]
    ldp x4, x5, [sp, #TF_X0 + 32]
    ldp x6, x7, [sp, #TF_X0 + 48]
    ldp x8, x9, [sp, #TF_X0 + 64]
    ldp x10, x11, [sp, #TF_X0 + 80]
    ldp x12, x13, [sp, #TF_X0 + 96]
    ldp x14, x15, [sp, #TF_X0 + 112]
    ldp x16, x17, [sp, #TF_X0 + 128]
    ldp x18, x19, [sp, #TF_X0 + 144]
    ldp x20, x21, [sp, #TF_X0 + 160]
    ldp x22, x23, [sp, #TF_X0 + 176]
    ldp x24, x25, [sp, #TF_X0 + 192]
    ldp x26, x27, [sp, #TF_X0 + 208]
    ldp x28, x29, [sp, #TF_X0 + 224]
    ldp x0, x1, [sp, #TF_X0]
    ldr x30, [sp, #TF_SP - 8]
    add sp, sp, #TF_BYTES
    eret
    .size trap_common, . - trap_common

    .section .note.GNU-stack, "", %progbits
