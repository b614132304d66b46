/*
 * trap.h - what trap.S leaves on an exception stack.
 */
#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

#include <stdint.h>

/* Vectors: the CPU's own below 32, ours above. */
#define VECTOR_NMI          2
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_FIRST        0xf0 // + enum irq_kind
#define VECTOR_SPURIOUS     0xff

#define RFLAGS_IF 0x200

struct trapframe {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error; // the CPU's error code, or 0
    uint64_t rip, cs, rflags, rsp, ss;
};

#define TRAP_STUB_BYTES 16

/* 256 entry points of TRAP_STUB_BYTES each, in trap.S. */
extern const char trap_stubs[];

void trap_handler(struct trapframe *tf);

#endif
