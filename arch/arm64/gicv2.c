/*
 * gicv2.c - the GIC architecture version 2: at most 8 cores, registers in memory.
 * Source: Arm IHI 0048, GIC architecture specification, version 2.0.
 */
#include "irqchip.h"

#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/vm.h"
#include "sched/sched.h"

enum gicd_reg {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
};

enum gicc_reg {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
};

#define PRIORITY  0xa0a0a0a0u
#define PMR_ALL   0xff
#define NPRIVATE  32    // SGIs and PPIs, banked for each core
#define IAR_INTID 0x3ff // above it, an SGI's sender

static SEALED volatile uint32_t *gicd, *gicc;

static void init(const struct fdt_platform *pf)
{
    gicd = vm_map_device(pf->gicd.base, pf->gicd.bytes);
    gicc = vm_map_device(pf->gicc.base, pf->gicc.bytes);
    if (!gicd || !gicc)
        boot_fail("can't map the GICv2 at %#lx: out of memory, or above the device window's 8 TiB",
                  pf->gicd.base);
    /* Firmware may have left anything enabled. Word 0 is each core's own. */
    gicd[GICD_CTLR / 4] = 0;
    for (unsigned i = 1; i <= (gicd[GICD_TYPER / 4] & 0x1f); i++) {
        gicd[GICD_ICENABLER / 4 + i] = UINT32_MAX;
        gicd[GICD_ICACTIVER / 4 + i] = UINT32_MAX;
    }
    gicd[GICD_CTLR / 4] = 1;
}

static void init_cpu(struct m *mp, unsigned timer_intid)
{
    for (unsigned i = 0; i < NPRIVATE; i += 4)
        gicd[(GICD_IPRIORITYR + i) / 4] = PRIORITY;
    gicd[GICD_ICENABLER / 4] = UINT32_MAX;
    gicd[GICD_ICACTIVER / 4] = UINT32_MAX;
    gicd[GICD_ISENABLER / 4] = 0xffffu | 1u << timer_intid;
    /* A read of one's own private targets gives one's own interface's bit; on a single core it may be 0,
     * and nothing is sent there. */
    mp->arch.gicv2_cpu_mask = (uint8_t)gicd[GICD_ITARGETSR / 4];
    gicc[GICC_PMR / 4] = PMR_ALL;
    gicc[GICC_BPR / 4] = 0;
    gicc[GICC_CTLR / 4] = 1;
}

static volatile uint8_t *gicd_byte(enum gicd_reg reg, unsigned intid)
{
    return (volatile uint8_t *)gicd + reg + intid;
}

static void route(struct m *mp, unsigned intid)
{
    gicd[GICD_ICFGR / 4 + intid / 16] &= ~(3u << intid % 16 * 2);
    *gicd_byte(GICD_IPRIORITYR, intid) = (uint8_t)PRIORITY;
    *gicd_byte(GICD_ITARGETSR, intid) = mp->arch.gicv2_cpu_mask;
    gicd[GICD_ISENABLER / 4 + intid / 32] = 1u << intid % 32;
}

static void send(struct m *mp, unsigned sgi)
{
    gicd[GICD_SGIR / 4] = (uint32_t)mp->arch.gicv2_cpu_mask << 16 | sgi;
}

static uint32_t acknowledge(void)
{
    return gicc[GICC_IAR / 4];
}

static void end(uint32_t word)
{
    gicc[GICC_EOIR / 4] = word;
}

static uint32_t intid(uint32_t word)
{
    return word & IAR_INTID;
}

const struct irqchip_driver gicv2 = {"GICv2", init, init_cpu, route, send, acknowledge, intid, end};
