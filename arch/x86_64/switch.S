/*
 * switch.S - mcall, gogo, gobegin, goend, systemstack: between a goroutine's stack and its M's g0 stack;
 * gswitch: between two goroutines' stacks.
 *
 * Only what the ABI calls callee-saved is kept, as a struct switchframe at the G's stack pointer: all of
 * these are called like functions. The M does not change here, so the GS base does not either.
 *
 * In .text.nopreempt: half way, the current G, the stack pointer and m->locks do not belong together.
 */
#include "arch/x86_64/offsets.h"

/* A struct switchframe below the return address. */
    .macro save_frame
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $SF_R15, %rsp
    stmxcsr SF_MXCSR(%rsp)
    fnstcw SF_FCW(%rsp)
    .endm

/* What save_frame left at rsp is taken off, and the function that saved it returns. */
    .macro load_frame
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
    .endm

    .section .text.nopreempt, "ax", @progbits

/*
 * void mcall(void (*fn)(struct g *gp))
 * In: rdi = fn, on a G's stack. fn runs on the g0 stack; gogo(gp) later returns from here.
 */
    .globl mcall
    .type mcall, @function
mcall:
    save_frame
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
    load_frame
    .size gogo, . - gogo

/*
 * void gswitch(struct g *from, struct g *to, uint64_t *first, uint64_t value, uint32_t *last, uint32_t last_value)
 * In: rdi, rsi, rdx, rcx, r8, r9d. Stores are seen in their order.
 */
    .globl gswitch
    .type gswitch, @function
gswitch:
    save_frame
    mov %rsp, G_SP(%rdi)
    mov %rsi, %gs:M_G
    mov G_SP(%rsi), %rsp
    /* From here on another core may run `from`. */
    mov %rcx, (%rdx)
    mov %r9d, (%r8)
    load_frame
    .size gswitch, . - gswitch

/*
 * void gobegin(void (*fn)(void *), void *arg, struct g *gp, uintptr_t sp, uintptr_t tls)
 * In: rdi = fn, rsi = arg, rdx = gp, rcx = sp, r8 = tls, on g0. The ABI's initial state: all floating point
 * exceptions masked. The frame pointer of 0 is where tracebacks end.
 */
    .globl gobegin
    .type gobegin, @function
gobegin:
    mov %rdx, %gs:M_G
    mov %rcx, %rsp
    xor %ebp, %ebp
    mov %r8, G_TLS(%rdx)
    ldmxcsr initial_mxcsr(%rip)
    fldcw initial_fcw(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    jmp gostart
    .size gobegin, . - gobegin

/* void goend(void) - on a G that has ended: goexit0(gp) on g0. Nothing of it is kept. */
    .globl goend
    .type goend, @function
goend:
    mov %gs:M_G, %rdi
    mov %gs:M_G0, %rdx
    mov %rdx, %gs:M_G
    mov G_SP(%rdx), %rsp
    xor %ebp, %ebp
    call goexit0
    ud2
    .size goend, . - goend

    .section .rodata, "a", @progbits
initial_mxcsr:
    .long 0x1f80
initial_fcw:
    .word 0x037f

    .section .text.nopreempt, "ax", @progbits

/*
 * void systemstack(void (*fn)(void *arg), void *arg)
 * In: rdi = fn, rsi = arg. rbx keeps the caller's stack pointer, r12 its G. A preemption that was put off
 * meanwhile is made up for, as in releasem().
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
    pop %r12
    pop %rbx
    pop %rbp
    cmpl $0, %gs:M_PREEMPT
    jne preempt_deferred
    ret
1:  call *%rax
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size systemstack, . - systemstack

/* What a goroutine is in all: rax(rdi), then the same as goexit(). It may be preempted. */
    .text
    .type gostart, @function
gostart:
    call *%rax
    call libc_thread_exit
    jmp goend
    .size gostart, . - gostart

    .section .note.GNU-stack, "", @progbits
