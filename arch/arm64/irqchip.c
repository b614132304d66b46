/*
 * irqchip.c - which GIC there is, and which kind of interrupt an INTID means.
 */
#include "irqchip.h"

#include "clock.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/panic.h"

static SEALED const struct irqchip_driver *driver;
static SEALED unsigned timer_intid;

void irqchip_init(const struct fdt_platform *pf)
{
    driver = pf->gic_version == 3 ? &gicv3 : &gicv2;
    timer_intid = pf->timer_intid;
    driver->init(pf);
}

void irqchip_init_cpu(struct m *mp)
{
    driver->init_cpu(mp, timer_intid);
}

void irqchip_send(struct m *mp, unsigned kind)
{
    /* What was stored before is seen by the core that takes the interrupt. */
    __asm__ volatile("dsb ishst" ::: "memory");
    driver->send(mp, kind);
}

void irqchip_handle(void)
{
    uint32_t word = driver->acknowledge();
    uint32_t intid = driver->intid(word);
    enum irq_kind kind;

    if (intid >= INTID_SPURIOUS)
        return;
    if (intid == IRQ_WAKE || intid == IRQ_STOP)
        kind = (enum irq_kind)intid;
    else if (intid == timer_intid)
        kind = IRQ_TIMER;
    else
        throw("interrupt %u, which nothing uses", intid);
    bool due = kind != IRQ_TIMER || clock_timer_off();
    driver->end(word);
    if (due)
        irq_dispatch(kind);
}

const char *irqchip_name(void)
{
    return driver->name;
}
