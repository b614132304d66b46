/*
 * gicv3.c - the GIC architecture version 3 (and 4, used as 3): cores named by affinity, CPU interface in
 * system registers.
 * Source: Arm IHI 0069, GIC architecture specification, version 3.0 and 4.0.
 */
#include "irqchip.h"

#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/vm.h"
#include "sched/sched.h"
#include "sysreg.h"

/* The names of registers that the assembler does not know reach it by their encodings. */
#define READ_ICC(reg)      READ_ICC_(reg)
#define READ_ICC_(reg)     READ_SYSREG(reg)
#define WRITE_ICC(reg, v)  WRITE_ICC_(reg, v)
#define WRITE_ICC_(reg, v) WRITE_SYSREG(reg, v)

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000 // 64 bits each
#define CTLR_RWP        (1u << 31)
#define CTLR_ARE_NS     (1u << 4)
#define CTLR_GRP1_NS    (1u << 1)

#define GICR_CTLR       0x0000
#define GICR_CTLR_RWP   (1u << 3)
#define GICR_TYPER      0x0008
#define TYPER_VLPIS     (1u << 1)
#define TYPER_LAST      (1u << 4)
#define GICR_WAKER      0x0014
#define WAKER_SLEEP     (1u << 1)
#define WAKER_ASLEEP    (1u << 2)
#define GICR_SGI        0x10000 // second frame
#define GICR_IGROUPR0   (GICR_SGI + 0x080)
#define GICR_ISENABLER0 (GICR_SGI + 0x100)
#define GICR_ICENABLER0 (GICR_SGI + 0x180)
#define GICR_ICACTIVER0 (GICR_SGI + 0x380)
#define GICR_IPRIORITYR (GICR_SGI + 0x400)
#define FRAME_BYTES     0x10000

#define PRIORITY 0xa0a0a0a0u
#define PMR_ALL  0xff
#define NPRIVATE 32

static SEALED volatile uint32_t *gicd;
static SEALED uintptr_t gicr[8]; // regions, mapped
static SEALED uint64_t gicr_bytes[8], gicr_stride;
static SEALED unsigned ngicr;

static volatile uint32_t *reg32(uintptr_t base, uintptr_t offset)
{
    return (volatile uint32_t *)(base + offset);
}

static void gicd_control(uint32_t value)
{
    gicd[GICD_CTLR / 4] = value;
    while (gicd[GICD_CTLR / 4] & CTLR_RWP)
        cpu_relax();
}

static void init(const struct fdt_platform *pf)
{
    gicd = vm_map_device(pf->gicd.base, pf->gicd.bytes);
    for (ngicr = 0; ngicr < pf->ngicr; ngicr++) {
        gicr[ngicr] = (uintptr_t)vm_map_device(pf->gicr[ngicr].base, pf->gicr[ngicr].bytes);
        gicr_bytes[ngicr] = pf->gicr[ngicr].bytes;
        if (!gicr[ngicr])
            break;
    }
    if (!gicd || ngicr < pf->ngicr)
        boot_fail("can't map the GICv3 at %#lx: out of memory, or above the device window's 8 TiB",
                  pf->gicd.base);
    gicr_stride = pf->gicr_stride;
    /* Firmware may have left anything enabled. Word 0 is in the redistributors. */
    gicd_control(0);
    for (unsigned i = 1; i <= (gicd[GICD_TYPER / 4] & 0x1f); i++) {
        gicd[GICD_ICENABLER / 4 + i] = UINT32_MAX;
        gicd[GICD_ICACTIVER / 4 + i] = UINT32_MAX;
    }
    gicd_control(CTLR_ARE_NS | CTLR_GRP1_NS);
}

/* Aff3.Aff2.Aff1.Aff0 as GICR_TYPER has them. */
static uint32_t affinity(uint64_t mpidr)
{
    return (uint32_t)(mpidr >> 8 & 0xff000000) | (uint32_t)(mpidr & 0xffffff);
}

/* The redistributor of the core with that MPIDR: each says whose it is. */
static uintptr_t find_gicr(uint64_t mpidr)
{
    for (unsigned r = 0; r < ngicr; r++) {
        uintptr_t at = gicr[r];
        for (;;) {
            uint64_t typer = *(volatile uint64_t *)(at + GICR_TYPER);
            if (typer >> 32 == affinity(mpidr))
                return at;
            at += gicr_stride ? gicr_stride : (typer & TYPER_VLPIS ? 4 : 2) * (uint64_t)FRAME_BYTES;
            if (typer & TYPER_LAST || at - gicr[r] >= gicr_bytes[r])
                break;
        }
    }
    throw("GICv3: no redistributor for the core with MPIDR %#lx", mpidr);
}

static void init_cpu(struct m *mp, unsigned timer_intid)
{
    uintptr_t at = find_gicr(mp->arch.mpidr);

    *reg32(at, GICR_WAKER) &= ~WAKER_SLEEP;
    while (*reg32(at, GICR_WAKER) & WAKER_ASLEEP)
        cpu_relax();
    *reg32(at, GICR_IGROUPR0) = UINT32_MAX;
    for (unsigned i = 0; i < NPRIVATE; i += 4)
        *reg32(at, GICR_IPRIORITYR + i) = PRIORITY;
    *reg32(at, GICR_ICENABLER0) = UINT32_MAX;
    *reg32(at, GICR_ICACTIVER0) = UINT32_MAX;
    while (*reg32(at, GICR_CTLR) & GICR_CTLR_RWP)
        cpu_relax();
    *reg32(at, GICR_ISENABLER0) = 0xffffu | 1u << timer_intid;
    WRITE_ICC(ICC_SRE_EL1, READ_ICC(ICC_SRE_EL1) | 1);
    isb();
    WRITE_ICC(ICC_PMR_EL1, PMR_ALL);
    WRITE_ICC(ICC_BPR1_EL1, 0);
    WRITE_ICC(ICC_CTLR_EL1, 0);
    WRITE_ICC(ICC_IGRPEN1_EL1, 1);
    isb();
}

static void route(struct m *mp, unsigned intid)
{
    uintptr_t at = (uintptr_t)gicd;

    *reg32(at, GICD_IGROUPR + intid / 32 * 4) |= 1u << intid % 32;
    *reg32(at, GICD_ICFGR + intid / 16 * 4) &= ~(3u << intid % 16 * 2);
    *(volatile uint8_t *)(at + GICD_IPRIORITYR + intid) = (uint8_t)PRIORITY;
    *(volatile uint64_t *)(at + GICD_IROUTER + 8 * intid) = mp->arch.mpidr;
    *reg32(at, GICD_ISENABLER + intid / 32 * 4) = 1u << intid % 32;
}

static void send(struct m *mp, unsigned sgi)
{
    uint64_t mpidr = mp->arch.mpidr, aff0 = mpidr & 0xff;

    WRITE_ICC(ICC_SGI1R_EL1, (mpidr >> 32 & 0xff) << 48 | (aff0 >> 4) << 44 |
                                 (mpidr >> 16 & 0xff) << 32 | (uint64_t)sgi << 24 |
                                 (mpidr >> 8 & 0xff) << 16 | UINT64_C(1) << (aff0 & 0xf));
    isb();
}

static uint32_t acknowledge(void)
{
    uint32_t word = (uint32_t)READ_ICC(ICC_IAR1_EL1);
    __asm__ volatile("dsb sy" ::: "memory");
    return word;
}

static uint32_t intid(uint32_t word)
{
    return word & 0xffffff;
}

static void end(uint32_t word)
{
    WRITE_ICC(ICC_EOIR1_EL1, word);
    isb();
}

const struct irqchip_driver gicv3 = {"GICv3", init, init_cpu, route, send, acknowledge, intid, end};
