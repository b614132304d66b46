/*
 * clock.c - the TSC as the clock, the local APIC's timer as the alarm.
 *
 * The TSC's rate comes from CPUID if it says so (leaf 0x15, or a hypervisor's leaf 0x40000010), else it
 * is measured against a timer of known rate: the ACPI PM timer, or the PIT.
 *
 * Measuring: a reading of the reference is worth as much as the TSC can pin down when it was taken. At
 *            both ends the reference is read until it ticks; the tick happened between two TSC reads,
 *            whose distance is the error at that end. The window grows until both errors together are
 *            below 1/2000 of it: a fast machine is done in some microseconds, a slow one takes as long
 *            as it must, and never a fixed sleep.
 * Why not more exact: what it costs is boot time. Timeouts and slices do not need more than 500 ppm.
 */
#include "arch/arch.h"
#include "features.h"
#include "irqchip.h"
#include "kernel/layout.h"
#include "kernel/print.h"
#include "sched/sched.h"

#define NS_PER_S        UINT64_C(1000000000)
#define PM_TIMER_HZ     UINT64_C(3579545)
#define PIT_HZ          UINT64_C(1193182)
#define PIT_CHANNEL_0   0x40
#define PIT_COMMAND     0x43
#define PRECISION       2000
#define FALLBACK_TSC_HZ NS_PER_S

extern uint64_t boot_tsc; // head.S: the TSC at the first instruction

static SEALED uint64_t tsc_hz;
static SEALED uint64_t ns_per_cycle_32; // 32.32 fixed point
static SEALED uint64_t cycles_per_ns_32;
static SEALED uint64_t ticks_per_ns_32; // APIC countdown

static inline uint64_t rdtsc_ordered(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

/* x * f, f being 32.32 fixed point; the product may have 96 bits. */
static uint64_t scale(uint64_t x, uint64_t f)
{
    return (uint64_t)((unsigned __int128)x * f >> 32);
}

static uint64_t ratio_32(uint64_t a, uint64_t b)
{
    return (uint64_t)(((unsigned __int128)a << 32) / b);
}

/* ---- timers of known rate ---------------------------------------------------------------------- */

struct reference {
    uint32_t (*count)(void); // counts up, modulo mask + 1
    uint32_t mask;
    uint64_t hz;
    uint64_t last;              // TSC after the last reading
    uint64_t shortest, longest; // between two readings
};

static uint32_t pm_timer_read(void)
{
    return inl(acpi.pm_timer_port);
}

/* Latched and read in two halves; it counts down. */
static uint32_t pit_read(void)
{
    outb(PIT_COMMAND, 0x00);
    uint32_t lo = inb(PIT_CHANNEL_0);
    return ~(lo | (uint32_t)inb(PIT_CHANNEL_0) << 8);
}

static void pit_start(void)
{
    outb(PIT_COMMAND, 0x34); // channel 0, both bytes, rate generator: wraps at 65536
    outb(PIT_CHANNEL_0, 0);
    outb(PIT_CHANNEL_0, 0);
}

/* One reading: the count, and the TSC after it. */
static uint32_t reference_read(struct reference *r)
{
    uint32_t count = r->count() & r->mask;
    uint64_t now = rdtsc_ordered(), gap = now - r->last;

    if (gap < r->shortest)
        r->shortest = gap;
    if (gap > r->longest)
        r->longest = gap;
    r->last = now;
    return count;
}

/* One end of a measurement: the reference went to `ticks` at `tsc` or at most `error` cycles earlier. */
struct edge {
    uint32_t ticks;
    uint64_t tsc;
    uint64_t error;
};

#define MAX_READS 100000

/* False: it does not count, so it is not there. */
static bool edge_wait(struct reference *r, struct edge *e)
{
    uint32_t was = reference_read(r);

    for (unsigned i = 0; i < MAX_READS; i++) {
        uint64_t before = r->last;
        uint32_t now = reference_read(r);
        if (now != was) {
            *e = (struct edge){now, r->last, r->last - before};
            return true;
        }
    }
    return false;
}

/* TSC cycles in a second, or 0. Half of the counter's range is the longest window. */
static uint64_t measure_once(struct reference *r)
{
    struct edge first, last;
    uint32_t ticks;

    r->last = rdtsc_ordered();
    r->shortest = UINT64_MAX;
    r->longest = 0;
    if (!edge_wait(r, &first))
        return 0;
    do {
        if (!edge_wait(r, &last))
            return 0;
        ticks = (last.ticks - first.ticks) & r->mask;
    } while (ticks == 0 || ((first.error + last.error) * PRECISION > last.tsc - first.tsc &&
                            ticks < r->mask / 2));
    return (uint64_t)((unsigned __int128)(last.tsc - first.tsc) * r->hz / ticks);
}

/* A virtual machine may be taken its core away for so long that the reference wraps unseen. Readings are
 * some microseconds apart at most; where two were a thousand times as far apart as the nearest ones,
 * the result is not trusted. */
#define STALL    1000
#define ATTEMPTS 20

static uint64_t measure(struct reference *r)
{
    uint64_t hz = 0;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        hz = measure_once(r);
        if (hz == 0 || r->longest / STALL < r->shortest)
            break;
    }
    return hz;
}

/* ---- the rate ---------------------------------------------------------------------------------- */

static uint64_t tsc_hz_from_cpuid(void)
{
    if (cpuid(0, 0).eax >= 0x15) {
        struct cpuid_regs r = cpuid(0x15, 0); // crystal Hz * ebx / eax
        if (r.eax && r.ebx && r.ecx)
            return (uint64_t)r.ecx * r.ebx / r.eax;
    }
    if (cpuid(1, 0).ecx >> 31 && cpuid(0x40000000, 0).eax >= 0x40000010)
        return (uint64_t)cpuid(0x40000010, 0).eax * 1000; // kHz
    return 0;
}

static uint64_t tsc_hz_find(void)
{
    uint64_t hz = tsc_hz_from_cpuid();

    if (!hz && acpi.pm_timer_port) {
        struct reference pm = {.count = pm_timer_read,
                               .mask = acpi.pm_timer_bits == 32 ? UINT32_MAX : 0xffffff,
                               .hz = PM_TIMER_HZ};
        hz = measure(&pm);
    }
    if (!hz) {
        struct reference pit = {.count = pit_read, .mask = 0xffff, .hz = PIT_HZ};
        pit_start();
        hz = measure(&pit);
    }
    if (hz)
        return hz;
    kprintf("rt0: no CPUID leaf, PM timer or PIT tells the TSC's rate: taking it for 1 GHz\n");
    return FALLBACK_TSC_HZ;
}

/* The APIC's rate against the TSC's: both are read at once, so a window of 100 us is exact enough. */
#define APIC_WINDOW_NS UINT64_C(100000)

static void calibrate_apic_timer(void)
{
    irqchip_timer_count(UINT32_MAX);
    uint64_t start = rdtsc_ordered();
    uint32_t left = irqchip_timer_left();
    clock_spin_ns(APIC_WINDOW_NS);
    uint32_t ticks = left - irqchip_timer_left();
    uint64_t ns = scale(rdtsc_ordered() - start, ns_per_cycle_32);
    irqchip_timer_count(0);
    ticks_per_ns_32 = ratio_32(ticks, ns);
}

void clock_init(void)
{
    tsc_hz = tsc_hz_find();
    ns_per_cycle_32 = ratio_32(NS_PER_S, tsc_hz);
    cycles_per_ns_32 = ratio_32(tsc_hz, NS_PER_S);
}

void clock_init_cpu(struct m *mp)
{
    mp->arch.alarm_ns = INT64_MAX;
    if (mp == &m0 && !irqchip_has_tsc_deadline())
        calibrate_apic_timer();
}

uint64_t clock_tsc_hz(void)
{
    return tsc_hz;
}

int64_t clock_ticks_to_ns(uint64_t ticks)
{
    return (int64_t)scale(ticks, ns_per_cycle_32);
}

uint64_t clock_ns_to_ticks(int64_t ns)
{
    return scale((uint64_t)ns, cycles_per_ns_32);
}

int64_t clock_nanotime(void)
{
    return clock_ticks_to_ns(rdtsc_ordered());
}

int64_t clock_entry(void)
{
    return clock_ticks_to_ns(boot_tsc);
}

void clock_spin_ns(uint64_t ns)
{
    uint64_t start = rdtsc_ordered(), cycles = scale(ns, cycles_per_ns_32);

    while (rdtsc_ordered() - start < cycles)
        cpu_relax();
}

/* No alarm is set further ahead: when it comes early, clock_alarm_due() sets it again. */
#define ALARM_MAX_NS INT64_C(1000000000)

/* Both kinds are set relative to now, since an error of the rate grows with the time it is multiplied by.
 * A count or deadline of 0 disarms. */
void clock_arm(int64_t when_ns)
{
    bool off = when_ns == INT64_MAX;
    int64_t now = clock_nanotime();
    int64_t in = when_ns <= now ? 0 : when_ns - now;

    getm()->arch.alarm_ns = when_ns;
    if (in > ALARM_MAX_NS)
        in = ALARM_MAX_NS;
    if (irqchip_has_tsc_deadline())
        irqchip_timer_deadline(off ? 0
                                   : rdtsc_ordered() + scale((uint64_t)in, cycles_per_ns_32) + 1);
    else
        irqchip_timer_count(off ? 0 : (uint32_t)scale((uint64_t)in, ticks_per_ns_32) + 1);
}

/* The APIC's timer runs by a clock of its own, whose measured rate is off by a little: it may come before
 * the TSC says so, but what it announces may not. */
bool clock_alarm_due(void)
{
    int64_t when = getm()->arch.alarm_ns;

    if (when == INT64_MAX)
        return false;
    if (clock_nanotime() < when) {
        clock_arm(when);
        return false;
    }
    getm()->arch.alarm_ns = INT64_MAX;
    return true;
}
