/*
 * irq.c - the table of interrupt handlers; sealed once boot is over.
 */
#include "kernel/irq.h"

#include <stddef.h>

#include "kernel/layout.h"
#include "kernel/panic.h"

static SEALED irq_handler *handlers[NIRQ];

void irq_register(enum irq_kind kind, irq_handler *fn)
{
    if (handlers[kind])
        throw("irq_register: kind %d has a handler already", kind);
    handlers[kind] = fn;
}

void irq_dispatch(enum irq_kind kind, struct trapframe *tf)
{
    if (!handlers[kind])
        throw("interrupt of kind %d has no handler", kind);
    handlers[kind](tf);
}
