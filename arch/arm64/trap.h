/*
 * trap.h - what trap.S leaves on the exception stack.
 */
#ifndef ARCH_ARM64_TRAP_H
#define ARCH_ARM64_TRAP_H

#include <stddef.h>
#include <stdint.h>

#include "offsets.h"

struct trapframe {
    uint64_t x[31];
    uint64_t sp; // SP_EL0, or for a fault in a handler what SP_EL1 was
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
};
_Static_assert(offsetof(struct trapframe, x) == TF_X0, "trap.S");
_Static_assert(offsetof(struct trapframe, sp) == TF_SP, "trap.S");
_Static_assert(offsetof(struct trapframe, elr) == TF_ELR, "trap.S");
_Static_assert(offsetof(struct trapframe, spsr) == TF_SPSR, "trap.S");
_Static_assert(offsetof(struct trapframe, esr) == TF_ESR, "trap.S");
_Static_assert(offsetof(struct trapframe, far) == TF_FAR, "trap.S");
_Static_assert(sizeof(struct trapframe) == TF_BYTES, "trap.S");

enum trap_kind { TRAP_SYNC, TRAP_IRQ, TRAP_FIQ, TRAP_SERROR, TRAP_LOWER };

extern const char trap_vectors[];

void trap_handler(struct trapframe *tf, enum trap_kind kind);

#endif
