/*
 * irq.h - the kinds of interrupt that the scheduler knows, and who handles them.
 *
 * The architecture turns a vector or INTID into a kind, acknowledges it and calls
 * irq_dispatch(). Handlers are registered once during boot: this is the upward door from arch to sched.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

enum irq_kind {
    IRQ_WAKE,      // another core queued work for this one
    IRQ_STOP,      // another core ends the machine: halt
    IRQ_TIMER,     // what clock_arm() asked for
    IRQ_BACKTRACE, // another core wants to know where this one is
    IRQ_CONSOLE,   // the console has received something
    NIRQ
};

struct trapframe;

/* tf: what was interrupted. Ctx: isr, interrupts masked. */
typedef void irq_handler(struct trapframe *tf);

/* Ctx: boot. */
void irq_register(enum irq_kind kind, irq_handler *fn);

/* Ctx: isr. */
void irq_dispatch(enum irq_kind kind, struct trapframe *tf);

#endif
