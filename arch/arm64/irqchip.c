/*
 * irqchip.c - which GIC there is, and which kind of interrupt an INTID means.
 */
#include "irqchip.h"

#include "clock.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "sched/sched.h"
#include "uart.h"

static SEALED const struct irqchip_driver *driver;
static SEALED unsigned timer_intid, console_intid; // 0: there is none

void irqchip_init(const struct fdt_platform *pf)
{
    driver = pf->gic_version == 3 ? &gicv3 : &gicv2;
    timer_intid = pf->timer_intid;
    console_intid = pf->uart_intid;
    driver->init(pf);
}

void irqchip_init_cpu(struct m *mp)
{
    driver->init_cpu(mp, timer_intid);
    if (mp == &m0 && console_intid) {
        driver->route(mp, console_intid);
        uart_start_input();
    }
}

void irqchip_send(struct m *mp, unsigned kind)
{
    /* What was stored before is seen by the core that takes the interrupt. */
    __asm__ volatile("dsb ishst" ::: "memory");
    driver->send(mp, kind);
}

static enum irq_kind kind_of(uint32_t intid)
{
    if (intid == IRQ_WAKE || intid == IRQ_STOP || intid == IRQ_BACKTRACE)
        return (enum irq_kind)intid;
    if (intid == timer_intid)
        return IRQ_TIMER;
    if (intid == console_intid)
        return IRQ_CONSOLE;
    throw("interrupt %u, which nothing uses", intid);
}

/* A level must be down before the interrupt is ended, or it comes again. False: there is nothing left to be
 * handled. */
static bool take_down(enum irq_kind kind, struct trapframe *tf)
{
    if (kind == IRQ_TIMER)
        return clock_timer_off();
    if (kind != IRQ_CONSOLE)
        return true;
    irq_dispatch(kind, tf);
    return false;
}

void irqchip_handle(struct trapframe *tf)
{
    uint32_t word = driver->acknowledge();
    uint32_t intid = driver->intid(word);

    if (intid >= INTID_SPURIOUS)
        return;
    enum irq_kind kind = kind_of(intid);
    bool left = take_down(kind, tf);
    driver->end(word);
    if (left)
        irq_dispatch(kind, tf);
}

const char *irqchip_name(void)
{
    return driver->name;
}
