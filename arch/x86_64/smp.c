/*
 * smp.c - starting the other cores by INIT and start-up IPIs.
 *
 * Protocol:  ap_ids, ap_ms and ap_root_phys are complete before the first IPI; a core finds its M by its
 *            own APIC id (ap.S), so the order in which they come does not matter. It sets mp->online
 *            when it can take interrupts, and that is all the boot CPU waits for.
 * Why no 10 ms after INIT: processors since the Pentium 4 do not need them (the MP specification is
 *            older); the second start-up IPI is for those that missed the first.
 */
#include <string.h>

#include "arch/arch.h"
#include "features.h"
#include "fpu.h"
#include "irqchip.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/vm.h"
#include "sched/sched.h"

#define INIT_SETTLE_NS 10000
#define ALARM_NS       10000
#define RETRY_NS       INT64_C(2000000)
#define GIVE_UP_NS     INT64_C(1000000000)

extern const char ap_trampoline[], ap_trampoline_end[];
void ap_start(struct m *mp);

/* Read by ap.S. */
extern uint64_t ap_root_phys;
extern uint32_t ap_count, ap_ids[MAX_CPUS];
extern struct m *ap_ms[MAX_CPUS];
uint64_t ap_root_phys;
uint32_t ap_count, ap_ids[MAX_CPUS];
struct m *ap_ms[MAX_CPUS];

static void (*ap_entry)(struct m *mp);

/* ap.S calls it on the M's g0 stack. */
void ap_start(struct m *mp)
{
    wrmsr(MSR_GS_BASE, (uintptr_t)mp);
    trap_init_cpu(mp);
    fpu_init_cpu();
    mmu_init_cpu(ap_root_phys);
    irqchip_init_cpu(mp);
    clock_init_cpu(mp);
    ap_entry(mp);
}

/* Cores in table order, without the one that runs this. */
static void fill_tables(struct m **ms, unsigned n)
{
    uint32_t self = irqchip_id();

    ap_root_phys = vm_root_phys();
    for (unsigned i = 0; i < acpi.ncpu && ap_count + 1 < n; i++) {
        if (acpi.apic_id[i] > irqchip_id_max())
            kprintf("rt0: the core with APIC id %u needs an x2APIC\n", acpi.apic_id[i]);
        else if (acpi.apic_id[i] != self) {
            ap_ids[ap_count] = acpi.apic_id[i];
            ap_ms[ap_count] = ms[ap_count + 1];
            ms[ap_count + 1]->arch.apic_id = acpi.apic_id[i];
            ap_count++;
        }
    }
}

/*
 * An alarm a little ahead, for QEMU's sake, while start-up IPIs are on their way: with -icount a core
 * that takes an INIT (which it does only when the start-up IPI is there too) is charged for all
 * instructions up to the next timer, and without this one that may be 0.1 s away.
 */
static void alarm_soon(void)
{
    clock_arm(clock_nanotime() + ALARM_NS);
}

static unsigned wait_online(unsigned n, int64_t ns)
{
    int64_t end = clock_nanotime() + ns;
    unsigned count;

    while ((count = sched_count_online()) < n && clock_nanotime() < end) {
        alarm_soon();
        cpu_relax();
    }
    clock_arm(INT64_MAX);
    return count;
}

static void start_missing(struct m **ms, unsigned n)
{
    for (unsigned i = 1; i < n; i++)
        if (!atomic_load_explicit(&ms[i]->online, memory_order_acquire)) {
            alarm_soon();
            irqchip_send_startup(ms[i]->arch.apic_id, ap_page_phys);
        }
}

unsigned smp_boot(struct m **ms, unsigned n, void (*entry)(struct m *mp))
{
    if (n == 1)
        return 1;
    if (ap_page_phys == BOOTMEM_NONE)
        boot_fail("memory map: no free page in [0x1000, 0x9f000), where further cores must begin; "
                  "use cores=1");
    memcpy(phys_to_virt(ap_page_phys), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    ap_entry = entry;
    fill_tables(ms, n);
    for (uint32_t i = 0; i < ap_count; i++)
        irqchip_send_init(ap_ids[i]);
    clock_spin_ns(INIT_SETTLE_NS);
    /* Those that an IPI can name: a core left out by fill_tables() is not waited for. */
    unsigned named = ap_count + 1;
    start_missing(ms, named);
    if (wait_online(named, RETRY_NS) < named) {
        start_missing(ms, named);
        return wait_online(named, GIVE_UP_NS);
    }
    return named;
}
