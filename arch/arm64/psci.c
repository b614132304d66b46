/*
 * psci.c - the firmware's power calls, by hvc or smc as the device tree says.
 *
 * Nothing is called before psci_init(): the wrong one of the two instructions hangs or faults.
 */
#include "psci.h"

#include "arch/arch.h"
#include "kernel/layout.h"

#define PSCI_SYSTEM_OFF    0x84000008
#define PSCI_NOT_SUPPORTED (-1)

static SEALED enum psci_method method;
static SEALED uint32_t cpu_on_id;

void psci_init(const struct fdt_platform *pf)
{
    method = pf->psci;
    cpu_on_id = pf->psci_cpu_on;
}

static int64_t call(uint64_t id, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = id;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    /* SMCCC 1.0: x4 to x17 are the callee's. */
#define CLOBBERS                                                                                \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
        "memory"
    switch (method) {
    case PSCI_HVC:
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERS);
        return (int64_t)x0;
    case PSCI_SMC:
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERS);
        return (int64_t)x0;
    case PSCI_NONE:
        break;
    }
    return PSCI_NOT_SUPPORTED;
}

int64_t psci_cpu_on(uint64_t mpidr, uint64_t entry_phys, uint64_t context)
{
    return (int32_t)call(cpu_on_id, mpidr, entry_phys, context);
}

void psci_system_off(void)
{
    call(PSCI_SYSTEM_OFF, 0, 0, 0);
}
