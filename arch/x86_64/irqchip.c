/*
 * irqchip.c - the local APIC: as memory (xAPIC) or as registers of the CPU (x2APIC).
 *
 * Both have the same registers at the same offsets; x2APIC reaches them faster and has 32-bit ids.
 * Source: Intel SDM volume 3, chapter 11 (APIC).
 */
#include "irqchip.h"

#include "arch/arch.h"
#include "features.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/vm.h"
#include "sched/sched.h"
#include "trap.h"

enum lapic_reg {
    LAPIC_ID = 0x20,
    LAPIC_TPR = 0x80,
    LAPIC_EOI = 0xb0,
    LAPIC_SVR = 0xf0,
    LAPIC_ESR = 0x280,
    LAPIC_ICR = 0x300, // x2APIC: 64 bits
    LAPIC_ICR_HI = 0x310,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_X2APIC (1u << 10)
#define SVR_ENABLE       (1u << 8)
#define LVT_MASKED       (1u << 16)
#define LVT_TSC_DEADLINE (2u << 17)
#define LVT_NMI          (4u << 8)
#define ICR_NMI          (4u << 8)
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8)
#define ICR_PENDING      (1u << 12)
#define ICR_ASSERT       (1u << 14)
#define DIVIDE_BY_1      0xb

static SEALED volatile uint32_t *lapic; // NULL in x2APIC mode
static SEALED bool has_x2apic, has_tsc_deadline;

static uint32_t lapic_read(enum lapic_reg reg)
{
    return lapic ? lapic[reg / 4] : (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
}

static void lapic_write(enum lapic_reg reg, uint32_t value)
{
    if (lapic)
        lapic[reg / 4] = value;
    else
        wrmsr(MSR_X2APIC + reg / 16, value);
}

/* The two 8259s would deliver on vectors that are exceptions: all their lines are masked for good. */
static void pic_mask(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void irqchip_init(uint64_t lapic_phys)
{
    uint32_t features = cpuid(1, 0).ecx;

    has_x2apic = features >> 21 & 1;
    has_tsc_deadline = features >> 24 & 1;
    if (!has_x2apic) {
        lapic = vm_map_device(lapic_phys, PAGE_SIZE);
        if (!lapic)
            boot_fail("no memory to map the local APIC at %#lx", lapic_phys);
    }
    pic_mask();
}

void irqchip_init_cpu(struct m *mp)
{
    uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    wrmsr(MSR_APIC_BASE, has_x2apic ? base | APIC_BASE_X2APIC : base);
    lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER,
                (VECTOR_FIRST + IRQ_TIMER) | (has_tsc_deadline ? LVT_TSC_DEADLINE : 0));
    mp->arch.apic_id = irqchip_id();
    if (mp == &m0)
        uart_start_input();
}

uint32_t irqchip_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);
    return lapic ? id >> 24 : id;
}

uint32_t irqchip_id_max(void)
{
    return lapic ? 254 : UINT32_MAX - 1;
}

void irqchip_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

/* A core sends one IPI at a time: an interrupt handler that also sends (a panic) must not come between
 * the two halves of the xAPIC's command register. */
static void send(uint32_t apic_id, uint32_t command)
{
    if (!lapic) {
        /* The MSR write is not ordered with earlier stores, but the handler must see them. */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    bool enabled = irq_enabled();
    irq_disable();
    while (lapic_read(LAPIC_ICR) & ICR_PENDING)
        cpu_relax();
    lapic_write(LAPIC_ICR_HI, apic_id << 24);
    lapic_write(LAPIC_ICR, command);
    if (enabled)
        irq_enable();
}

/* An NMI says not what for: the flag does (trap.c). While it is set one is on its way, and tells for all who
 * asked. */
static void send_backtrace(struct m *mp)
{
    if (!atomic_exchange_explicit(&mp->arch.backtrace_asked, true, memory_order_acq_rel))
        send(mp->arch.apic_id, ICR_ASSERT | ICR_NMI);
}

void irqchip_send(struct m *mp, unsigned kind)
{
    if (kind == IRQ_BACKTRACE)
        send_backtrace(mp);
    else
        send(mp->arch.apic_id, ICR_ASSERT | (VECTOR_FIRST + kind));
}

void irqchip_send_init(uint32_t apic_id)
{
    send(apic_id, ICR_ASSERT | ICR_INIT);
}

void irqchip_send_startup(uint32_t apic_id, uint64_t page_phys)
{
    send(apic_id, ICR_ASSERT | ICR_STARTUP | (uint32_t)(page_phys >> PAGE_SHIFT));
}

bool irqchip_has_tsc_deadline(void)
{
    return has_tsc_deadline;
}

void irqchip_timer_deadline(uint64_t tsc)
{
    wrmsr(MSR_TSC_DEADLINE, tsc);
}

void irqchip_timer_count(uint32_t count)
{
    lapic_write(LAPIC_TIMER_INITIAL, count);
}

uint32_t irqchip_timer_left(void)
{
    return lapic_read(LAPIC_TIMER_CURRENT);
}

const char *irqchip_name(void)
{
    return has_x2apic ? "x2APIC" : "xAPIC";
}

const char *irqchip_timer_name(void)
{
    return has_tsc_deadline ? "TSC deadline" : "APIC countdown";
}
