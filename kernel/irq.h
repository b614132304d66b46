/*
 * irq.h - the kinds of interrupt that the scheduler knows, and who handles them.
 *
 * The architecture turns a vector or INTID into a kind, acknowledges it and calls
 * irq_dispatch(). Handlers are registered once during boot: this is the upward door from arch to sched.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

enum irq_kind {
    IRQ_WAKE,  // another core queued work for this one
    IRQ_STOP,  // another core ends the machine: halt
    IRQ_TIMER, // what clock_arm() asked for
    NIRQ
};

typedef void irq_handler(void); // Ctx: isr, interrupts masked

/* Ctx: boot. */
void irq_register(enum irq_kind kind, irq_handler *fn);

/* Ctx: isr. */
void irq_dispatch(enum irq_kind kind);

#endif
