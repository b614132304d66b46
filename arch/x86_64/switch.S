/*
 * switch.S - mcall, gogo: from a goroutine to its M's g0 and back.
 *
 * Only what the ABI calls callee-saved is kept: both are called like functions. The M does not change
 * here, so the GS base does not either.
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
    mov %gs:M_G, %rax
    /* The state as it is after the return to our caller. */
    mov (%rsp), %rcx
    lea 8(%rsp), %rdx
    mov %rdx, GOBUF_SP(%rax)
    mov %rcx, GOBUF_PC(%rax)
    mov %rbp, GOBUF_RBP(%rax)
    mov %rbx, GOBUF_RBX(%rax)
    mov %r12, GOBUF_R12(%rax)
    mov %r13, GOBUF_R13(%rax)
    mov %r14, GOBUF_R14(%rax)
    mov %r15, GOBUF_R15(%rax)
    stmxcsr GOBUF_MXCSR(%rax)
    fnstcw GOBUF_FCW(%rax)
    /* g0 becomes current, on a fresh stack. */
    mov %gs:M_G0, %rdx
    mov %rdx, %gs:M_G
    mov GOBUF_SP(%rdx), %rsp
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
    mov GOBUF_SP(%rdi), %rsp
    mov %rdi, %gs:M_G
    mov GOBUF_RBP(%rdi), %rbp
    mov GOBUF_RBX(%rdi), %rbx
    mov GOBUF_R12(%rdi), %r12
    mov GOBUF_R13(%rdi), %r13
    mov GOBUF_R14(%rdi), %r14
    mov GOBUF_R15(%rdi), %r15
    ldmxcsr GOBUF_MXCSR(%rdi)
    fldcw GOBUF_FCW(%rdi)
    jmp *GOBUF_PC(%rdi)
    .size gogo, . - gogo

/*
 * void gobuf_init(struct gobuf *buf, uintptr_t hi, void (*fn)(void))
 * fn is entered as by a call, with a return address of 0 where tracebacks end.
 */
    .globl gobuf_init
    .type gobuf_init, @function
gobuf_init:
    movq $0, -8(%rsi)
    sub $8, %rsi
    mov %rsi, GOBUF_SP(%rdi)
    mov %rdx, GOBUF_PC(%rdi)
    movq $0, GOBUF_RBP(%rdi)
    movl $0x1f80, GOBUF_MXCSR(%rdi)   /* the ABI's initial state: all exceptions masked */
    movw $0x037f, GOBUF_FCW(%rdi)
    ret
    .size gobuf_init, . - gobuf_init

    .section .note.GNU-stack, "", @progbits
