/*
 * smp.c - starting the other cores through PSCI.
 *
 * Protocol:  a core gets its struct m as PSCI's context word; secondary_root is complete before the
 *            first call. It sets mp->online when it can take interrupts, and that is all the boot CPU
 *            waits for.
 */
#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/print.h"
#include "kernel/vm.h"
#include "platform.h"
#include "psci.h"
#include "sched/sched.h"

#define GIVE_UP_NS INT64_C(1000000000)

extern const char secondary_entry[];
_Noreturn void secondary_start(struct m *mp);

extern uint64_t secondary_root; // read by head.S
uint64_t secondary_root;
static void (*secondary_then)(struct m *mp);

/* head.S calls it on the M's g0 stack. */
_Noreturn void secondary_start(struct m *mp)
{
    WRITE_SYSREG(tpidr_el1, mp->g0);
    trap_init_cpu(mp);
    mmu_init_cpu(secondary_root);
    irqchip_init_cpu(mp);
    clock_init_cpu(mp);
    secondary_then(mp);
    __builtin_unreachable();
}

unsigned smp_boot(struct m **ms, unsigned n, void (*entry)(struct m *mp))
{
    unsigned started = 1, failed = 0;

    secondary_root = vm_root_phys();
    secondary_then = entry;
    __asm__ volatile("dsb sy" ::: "memory");
    for (unsigned i = 0; i < platform.ncpu && started < n; i++) {
        uint64_t mpidr = platform.cpu_mpidr[i];
        if (mpidr == m0.arch.mpidr)
            continue;
        ms[started]->arch.mpidr = mpidr;
        int64_t err = psci_cpu_on(mpidr, image_phys(secondary_entry), (uintptr_t)ms[started]);
        if (err) {
            kprintf("rt0: PSCI CPU_ON of the core with MPIDR %#lx: error %ld\n", mpidr, err);
            failed++;
        }
        started++;
    }
    int64_t end = clock_nanotime() + GIVE_UP_NS;
    unsigned count;
    while ((count = sched_count_online()) < n - failed && clock_nanotime() < end)
        cpu_relax();
    return count;
}
