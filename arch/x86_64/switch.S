/*
 * switch.S - mcall, gogo, systemstack: between a goroutine's stack and its M's g0 stack.
 *
 * Only what the ABI calls callee-saved is kept, as a struct switchframe at the G's stack pointer: all of
 * these are called like functions. The M does not change here, so the GS base does not either.
 */
#include "arch/x86_64/offsets.h"

    .text

/*
 * void mcall(void (*fn)(struct g *gp))
 * In: rdi = fn, on a G's stack. fn runs on the g0 stack; gogo(gp) later returns from here.
 */
    .globl mcall
    .type mcall, @function
mcall:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $SF_R15, %rsp
    stmxcsr SF_MXCSR(%rsp)
    fnstcw SF_FCW(%rsp)
    mov %gs:M_G, %rax
    mov %rsp, G_SP(%rax)
    /* g0 becomes current, on a fresh stack. */
    mov %gs:M_G0, %rdx
    mov %rdx, %gs:M_G
    mov G_SP(%rdx), %rsp
    xor %ebp, %ebp
    mov %rdi, %rcx
    mov %rax, %rdi
    call *%rcx
    ud2
    .size mcall, . - mcall

/* void gogo(struct g *gp) - on g0. Does not return here. */
    .globl gogo
    .type gogo, @function
gogo:
    mov %rdi, %gs:M_G
    mov G_SP(%rdi), %rsp
    ldmxcsr SF_MXCSR(%rsp)
    fldcw SF_FCW(%rsp)
    add $SF_R15, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size gogo, . - gogo

/*
 * void systemstack(void (*fn)(void *arg), void *arg)
 * In: rdi = fn, rsi = arg. rbx keeps the caller's stack pointer, r12 its G.
 */
    .globl systemstack
    .type systemstack, @function
systemstack:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    mov %rsp, %rbx
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %gs:M_G, %r12
    mov %gs:M_G0, %rdx
    cmp %rdx, %r12
    je 1f
    incl %gs:M_LOCKS
    mov %rdx, %gs:M_G
    mov G_SP(%rdx), %rsp
    call *%rax
    mov %rbx, %rsp
    mov %r12, %gs:M_G
    decl %gs:M_LOCKS
    jmp 2f
1:  call *%rax
2:  pop %r12
    pop %rbx
    pop %rbp
    ret
    .size systemstack, . - systemstack

    .section .note.GNU-stack, "", @progbits
