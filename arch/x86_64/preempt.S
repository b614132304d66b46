/*
 * preempt.S - asyncpreempt: a call that the interrupted function does not know of.
 *
 * void asyncpreempt(void) - entered by the return from an interrupt, with every register as the interrupted
 * instruction left it, and its address in m->preempt_pc. On the G's stack:
 *
 *      rsp at entry     red zone: leaf functions keep data below the stack pointer
 *      - 128            preempt_pc, rbp: a frame like that of a call       <- rbp
 *                       flags, rax .. r15                                  <- rbx
 *                       floating point area, 64-byte aligned               <- rsp
 *
 * In .text.nopreempt: at the beginning another interrupt would overwrite m->preempt_pc; at the end, since the
 * frame would be made again and again on a stack that never gets shorter. asyncpreempt2() says for itself
 * whether it may be preempted.
 */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/offsets.h"

    .section .text.nopreempt, "ax", @progbits
    .globl asyncpreempt
    .type asyncpreempt, @function
asyncpreempt:
    lea -RED_ZONE_BYTES(%rsp), %rsp     /* unlike sub, it leaves the flags */
    push %gs:M_PREEMPT_PC
    push %rbp
    mov %rsp, %rbp
    pushfq
    cld
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rbx
    sub fpu_area_bytes(%rip), %rsp
    and $-FPU_AREA_ALIGN, %rsp
    mov fpu_mask(%rip), %eax
    test %eax, %eax
    jz 2f

    /* XSAVE writes of its header only what the mask names; XRSTOR wants zeros in the rest. */
    xor %edx, %edx
    mov %rdx, FXSAVE_BYTES(%rsp)
    mov %rdx, FXSAVE_BYTES + 8(%rsp)
    mov %rdx, FXSAVE_BYTES + 16(%rsp)
    mov %rdx, FXSAVE_BYTES + 24(%rsp)
    mov %rdx, FXSAVE_BYTES + 32(%rsp)
    mov %rdx, FXSAVE_BYTES + 40(%rsp)
    mov %rdx, FXSAVE_BYTES + 48(%rsp)
    mov %rdx, FXSAVE_BYTES + 56(%rsp)
    xsave64 (%rsp)
    test $XCR0_AVX, %al
    jz 1f
    vzeroupper                          /* what runs next shall not pay for upper halves */
1:  /* What runs next expects the ABI's state at a call: an empty x87 stack, no exception pending. */
    fninit
    call asyncpreempt2
    mov fpu_mask(%rip), %eax
    xor %edx, %edx
    xrstor64 (%rsp)
    jmp 3f

2:  fxsave64 (%rsp)
    fninit
    call asyncpreempt2
    fxrstor64 (%rsp)

3:  mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    popfq
    pop %rbp
    ret $RED_ZONE_BYTES
    .size asyncpreempt, . - asyncpreempt

    .section .note.GNU-stack, "", @progbits
