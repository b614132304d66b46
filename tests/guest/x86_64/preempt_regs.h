/*
 * preempt_regs.h - every register of x86-64 that a function can put a value in, for preempt_regs.c.
 */
#ifndef TESTS_GUEST_X86_64_PREEMPT_REGS_H
#define TESTS_GUEST_X86_64_PREEMPT_REGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"

enum gpr { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R15 = 14, NGPR };

struct regs {
    uint64_t gpr[NGPR]; // rcx counts down to 0, rdx up
    uint64_t flags;
    uint64_t red_zone[16];
    uint32_t mxcsr;
    uint16_t fcw, fsw;
    uint8_t st[8][16]; // ten bytes each
    uint64_t k[8];
    uint8_t v[32][64]; // xmm, ymm or zmm
};
/* The assembly's names of them. */
_Static_assert(offsetof(struct regs, flags) == 120, "");
_Static_assert(offsetof(struct regs, red_zone) == 128, "");
_Static_assert(offsetof(struct regs, mxcsr) == 256, "");
_Static_assert(offsetof(struct regs, st) == 264, "");
_Static_assert(offsetof(struct regs, k) == 392, "");
_Static_assert(offsetof(struct regs, v) == 456, "");

/* Carry, parity, adjust, zero, sign, direction, overflow. */
#define FLAGS_TESTED 0xcd5u
/* After eight pushes, fxam of a finite number, and fxch: C2, the top at 0. */
#define FSW_EXPECTED 0x0400

enum regs_level { LEVEL_SSE, LEVEL_AVX, LEVEL_AVX512 };

static inline enum regs_level regs_level(void)
{
    uint32_t xcr0, high;

    if (!(cpuid(1, 0).ecx >> 27 & 1)) // OSXSAVE
        return LEVEL_SSE;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    return (xcr0 & 0xe0) == 0xe0 ? LEVEL_AVX512 : xcr0 & 4 ? LEVEL_AVX : LEVEL_SSE;
}

static inline const char *regs_describe(void)
{
    static const char *const names[] = {"xmm0-15", "ymm0-15", "zmm0-31, k0-7"};
    static char text[120];

    snprintf(text, sizeof text, "15 general registers, flags, red zone, x87, MXCSR, %s",
             names[regs_level()]);
    return text;
}

/*
 * Loads all of *in, goes round a loop in->gpr[RCX] times that undoes each change it makes, and stores all into
 * *out. Each instruction of the loop is followed by a jump to the next, since an emulator that translates
 * block by block takes interrupts only between two blocks.
 */
void regs_spin(const struct regs *in, struct regs *out, enum regs_level level);

__asm__(
    ".text\n"
    ".macro step insn:vararg\n"
    "    \\insn\n"
    "    jmp .Lstep\\@\n"
    ".Lstep\\@:\n"
    ".endm\n"
    ".macro twice insn:vararg\n"
    "    step \\insn\n"
    "    step \\insn\n"
    ".endm\n"
    ".macro general op\n" // all but rdi
    "    \\op rax, 0\n"
    "    \\op rbx, 8\n"
    "    \\op rcx, 16\n"
    "    \\op rdx, 24\n"
    "    \\op rsi, 32\n"
    "    \\op rbp, 48\n"
    "    \\op r8, 56\n"
    "    \\op r9, 64\n"
    "    \\op r10, 72\n"
    "    \\op r11, 80\n"
    "    \\op r12, 88\n"
    "    \\op r13, 96\n"
    "    \\op r14, 104\n"
    "    \\op r15, 112\n"
    ".endm\n"
    ".macro get reg, at\n"
    "    mov \\at(%rdi), %\\reg\n"
    ".endm\n"
    ".macro put reg, at\n"
    "    mov %\\reg, \\at(%rdi)\n"
    ".endm\n"

    ".type regs_spin, @function\n"
    "regs_spin:\n"
    "    push %rbp\n"
    "    push %rbx\n"
    "    push %r12\n"
    "    push %r13\n"
    "    push %r14\n"
    "    push %r15\n"
    "    sub $32, %rsp\n" // out, level, mxcsr and fcw, a register
    "    mov %rsi, (%rsp)\n"
    "    mov %edx, 8(%rsp)\n"
    "    stmxcsr 16(%rsp)\n"
    "    fnstcw 20(%rsp)\n"

    "    cmp $1, %edx\n"
    "    je 2f\n"
    "    ja 3f\n"
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    movdqu 456 + 64 * \\n(%rdi), %xmm\\n\n"
    "    .endr\n"
    "    jmp 4f\n"
    "2:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    vmovdqu 456 + 64 * \\n(%rdi), %ymm\\n\n"
    "    .endr\n"
    "    jmp 4f\n"
    "3:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    vmovdqu64 456 + 64 * \\n(%rdi), %zmm\\n\n"
    "    .endr\n"
    "    .irp n, 0,1,2,3,4,5,6,7\n"
    "    kmovq 392 + 8 * \\n(%rdi), %k\\n\n"
    "    .endr\n"
    "4:  fnclex\n"
    "    .irp n, 7,6,5,4,3,2,1,0\n"
    "    fldt 264 + 16 * \\n(%rdi)\n"
    "    .endr\n"
    "    fxam\n"
    "    fldcw 260(%rdi)\n"
    "    ldmxcsr 256(%rdi)\n"
    "    push 120(%rdi)\n"
    "    popfq\n"
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    mov 128 + 8 * \\n(%rdi), %rax\n"
    "    mov %rax, -128 + 8 * \\n(%rsp)\n"
    "    .endr\n"
    "    general get\n"
    "    mov 40(%rdi), %rdi\n"

    "5:  step lea -1(%rcx), %rcx\n" // none of these changes a flag but cmc
    "    step lea 1(%rdx), %rdx\n"
    "    twice bswap %rax\n"
    "    twice xchg %rbx, %rsi\n"
    "    twice xchg %r8, -64(%rsp)\n"
    "    twice xchg %rdi, -128(%rsp)\n"
    "    step not %r9\n"
    "    twice xchg %rbp, %r15\n"
    "    step not %r9\n"
    "    twice cmc\n"
    "    twice pshufd $0x4e, %xmm0, %xmm0\n"
    "    twice pxor %xmm15, %xmm7\n"
    "    twice fxch %st(7)\n"
    "    twice xchg %r10, %r14\n"
    "    jrcxz 6f\n"
    "    jmp 5b\n"

    "6:  mov %rdi, 24(%rsp)\n"
    "    mov (%rsp), %rdi\n"
    "    general put\n"
    "    mov 24(%rsp), %rax\n"
    "    mov %rax, 40(%rdi)\n"
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    mov -128 + 8 * \\n(%rsp), %rax\n"
    "    mov %rax, 128 + 8 * \\n(%rdi)\n"
    "    .endr\n"
    "    pushfq\n"
    "    pop 120(%rdi)\n"
    "    cld\n"
    "    stmxcsr 256(%rdi)\n"
    "    fnstcw 260(%rdi)\n"
    "    fnstsw 262(%rdi)\n"
    "    .irp n, 0,1,2,3,4,5,6,7\n"
    "    fstpt 264 + 16 * \\n(%rdi)\n"
    "    .endr\n"
    "    mov 8(%rsp), %edx\n"
    "    cmp $1, %edx\n"
    "    je 7f\n"
    "    ja 8f\n"
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    movdqu %xmm\\n, 456 + 64 * \\n(%rdi)\n"
    "    .endr\n"
    "    jmp 9f\n"
    "7:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    vmovdqu %ymm\\n, 456 + 64 * \\n(%rdi)\n"
    "    .endr\n"
    "    vzeroupper\n"
    "    jmp 9f\n"
    "8:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    vmovdqu64 %zmm\\n, 456 + 64 * \\n(%rdi)\n"
    "    .endr\n"
    "    .irp n, 0,1,2,3,4,5,6,7\n"
    "    kmovq %k\\n, 392 + 8 * \\n(%rdi)\n"
    "    .endr\n"
    "    vzeroupper\n"
    "9:  ldmxcsr 16(%rsp)\n"
    "    fldcw 20(%rsp)\n"
    "    add $32, %rsp\n"
    "    pop %r15\n"
    "    pop %r14\n"
    "    pop %r13\n"
    "    pop %r12\n"
    "    pop %rbx\n"
    "    pop %rbp\n"
    "    ret\n"
    ".size regs_spin, . - regs_spin\n");

/* *in was filled with random bytes: makes of them what the registers take, and *want, what comes out. */
static inline void regs_make(struct regs *in, struct regs *want, uint64_t rounds)
{
    in->gpr[RCX] = rounds;
    in->flags = (in->flags & FLAGS_TESTED) | 0x202; // interrupts stay on
    in->mxcsr = (in->mxcsr & 0xe07f) | 0x1f80;      // rounding, to zero, sticky flags; all masked
    in->fcw = (uint16_t)((in->fcw & 0x0f00) | 0x7f);
    in->fsw = FSW_EXPECTED;
    for (unsigned i = 0; i < 8; i++) {
        in->st[i][7] |= 0x80; // a normal number, above 0
        in->st[i][8] = (uint8_t)(in->st[i][8] | 1);
        in->st[i][9] &= 0x3f;
    }
    *want = *in;
    want->gpr[RCX] = 0;
    want->gpr[RDX] += rounds;
}

/* The first register that is not as it should be, or NULL. */
static inline const char *regs_compare(const struct regs *want, const struct regs *have,
                                       enum regs_level level)
{
    unsigned nvec = level == LEVEL_AVX512 ? 32 : 16;
    size_t bytes = (size_t)16 << level;

    if (memcmp(want->gpr, have->gpr, sizeof want->gpr))
        return "a general register";
    if ((want->flags ^ have->flags) & (FLAGS_TESTED | 0x200))
        return "a flag";
    if (memcmp(want->red_zone, have->red_zone, sizeof want->red_zone))
        return "the red zone";
    if (want->mxcsr != have->mxcsr)
        return "MXCSR";
    if ((want->fcw ^ have->fcw) & 0x0f3f || want->fsw != have->fsw)
        return "the x87's control or status word";
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(want->st[i], have->st[i], 10))
            return "an x87 register";
    if (level == LEVEL_AVX512 && memcmp(want->k, have->k, sizeof want->k))
        return "a mask register";
    for (unsigned i = 0; i < nvec; i++)
        if (memcmp(want->v[i], have->v[i], bytes))
            return "a vector register";
    return NULL;
}

#endif
