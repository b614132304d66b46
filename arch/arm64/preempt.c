/*
 * preempt.c - how an interrupt makes the interrupted goroutine call asyncpreempt() (preempt.S).
 */
#include "arch/arch.h"
#include "sched/sched.h"
#include "trap.h"

_Static_assert(M_PREEMPT_STATE == M_PREEMPT_PC + 8, "preempt.S loads both at once");
_Static_assert(AP_X0 + 31 * 8 == AP_STATE && AP_Q0 + 32 * 16 == AP_BYTES && AP_BYTES % 16 == 0,
               "preempt.S");

/* What asyncpreempt2() and mcall() take below asyncpreempt()'s frame. */
#define CALLEES_BYTES 512

void trapframe_preempt(struct trapframe *tf)
{
    struct m *mp = getm();

    mp->preempt_pc = tf->elr;
    mp->preempt_state = tf->spsr;
    tf->elr = (uintptr_t)asyncpreempt;
}

size_t asyncpreempt_bytes(void)
{
    return AP_BYTES + CALLEES_BYTES;
}
