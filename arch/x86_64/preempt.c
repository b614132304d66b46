/*
 * preempt.c - how an interrupt makes the interrupted goroutine call asyncpreempt() (preempt.S).
 */
#include "arch/arch.h"
#include "fpu.h"
#include "sched/sched.h"
#include "trap.h"

/* What asyncpreempt2() and mcall() take below asyncpreempt()'s frame. */
#define CALLEES_BYTES 512

void trapframe_preempt(struct trapframe *tf)
{
    getm()->preempt_pc = tf->rip;
    tf->rip = (uintptr_t)asyncpreempt;
}

size_t asyncpreempt_bytes(void)
{
    return RED_ZONE_BYTES + AP_BYTES + FPU_AREA_ALIGN + fpu_area_bytes + CALLEES_BYTES;
}
