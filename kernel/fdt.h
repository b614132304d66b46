/*
 * fdt.h - what rt0 takes from a flattened device tree.
 *
 * Nothing here knows a board: addresses, interrupt numbers and methods come from the tree, through
 * every parent's #address-cells, #size-cells, `ranges` and interrupt-parent.
 */
#ifndef KERNEL_FDT_H
#define KERNEL_FDT_H

#include <stdbool.h>

#include "boot/bootinfo.h"
#include "kernel/errbuf.h"

#define FDT_MAX_CPUS 512

enum psci_method { PSCI_NONE, PSCI_HVC, PSCI_SMC };
enum fdt_uart { FDT_UART_NONE, FDT_UART_PL011 };

struct fdt_platform {
    uint64_t cpu_mpidr[FDT_MAX_CPUS]; // `reg` of each cpu node not disabled, in tree order
    unsigned ncpu;                    // how many of them are in cpu_mpidr
    unsigned ncpu_found;              // how many the tree has
    enum psci_method psci;
    uint32_t psci_cpu_on;    // function id (PSCI 0.1 names it; 0.2 and later: 0xc4000003)
    unsigned gic_version;    // 2 or 3
    struct memrange gicd;    // distributor
    struct memrange gicc;    // version 2: CPU interface
    struct memrange gicr[8]; // version 3: redistributor regions
    unsigned ngicr;
    uint64_t gicr_stride; // 0: from GICR_TYPER
    unsigned timer_intid; // GIC INTID of the EL1 virtual timer
    enum fdt_uart uart;
    struct memrange uart_regs;
    struct memrange rtc_regs; // PL031; bytes == 0: none
    unsigned
        uart_intid; // GIC INTID of the UART's interrupt; 0: none, or it is not one of that GIC's
};

/* Checks magic, version and size of the block at fdt (at most max_bytes are readable there): 0 or
 * -EINVAL with a line in e that gives the magic found and the one expected; -E2BIG if it has more
 * than FDT_NODES_MAX nodes. *bytes: its total size. */
int fdt_check(const void *fdt, uint64_t max_bytes, uint64_t *bytes, struct errbuf *e);

/* Memory nodes, /reserved-memory (not the `reusable`; the `no-map` twice), the reservation block,
 * /chosen's bootargs and linux,initrd-start/-end into bi (which it does not clear). 0; -EINVAL,
 * -ENOMEM (no memory node), -E2BIG (too many ranges, or bootargs too long) with a line in e. */
int fdt_bootinfo(const void *fdt, struct bootinfo *bi, struct errbuf *e);

/* CPUs, PSCI, interrupt controller, timer and console. A missing GIC, timer or cpu node is -ENODEV
 * with a line in e, a malformed node is -EINVAL; a missing UART or PSCI is not an error. What was
 * found before an error stays in *pf; the UART is looked for first, so that the error can be shown. A missing
 * clock is no error either. */
int fdt_platform(const void *fdt, struct fdt_platform *pf, struct errbuf *e);

/*
 * fdt_next_virtio - the registers of the next virtio-mmio transport in the tree. QEMU's virt names
 * 32, whether there is a device behind them or not; one that has no address is left out.
 * *node  -1 before the first call, which indexes the tree; then as the call before left it.
 * False: there are no more, or the tree can't be read.
 * Ctx: boot or g0; no other of these functions between the first call and the last.
 */
bool fdt_next_virtio(const void *fdt, int *node, struct memrange *regs);

#endif
