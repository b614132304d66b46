/*
 * fdt.c - what rt0 takes from a device tree.
 *
 * Protocol:  fdt_check() first, which also has libfdt look at the whole block: every offset inside
 *            it, every node closed. The others trust no value in it. Each of them indexes the tree
 *            anew (fdt_index.h), since it may have been mapped elsewhere meanwhile.
 * Bounds:    nothing recurses. What a node's children or a property's entries have in common is
 *            read once for all of them, so the tree is walked over a fixed number of times,
 *            whatever is in it.
 * Source:    Devicetree specification 0.4; the bindings of Linux for psci, arm,gic, arm,gic-v3,
 *            arm,arch_timer, cpus, reserved-memory, chosen, virtio,mmio.
 */
#include "kernel/fdt.h"

#include "kernel/fdt_node.h"

#include <errno.h>
#include <libfdt.h>
#include <string.h>

#define HEADER_BYTES 40
#define VERSION      17

/* Serial ports looked at when /chosen does not name one; each may cost a walk over the tree. */
#define UARTS_MAX 16

#define PSCI_CPU_ON_64 UINT32_C(0xc4000003)

/* Shared and private peripheral interrupts (SPI, PPI) in an interrupt specifier: type, count, first INTID. */
#define GIC_CELLS     3
#define GIC_TYPE_SPI  0
#define GIC_TYPE_PPI  1
#define GIC_SPI_COUNT 988
#define GIC_SPI_BASE  32
#define GIC_PPI_COUNT 16
#define GIC_PPI_BASE  16

/* Where the binding puts the virtual timer if no name tells. A timer has at most five interrupts;
 * more are not looked at, as each may cost a walk over the tree for its controller. */
#define TIMER_VIRT_INDEX 2
#define INTERRUPTS_MAX   8

struct interrupt {
    int controller;      // node
    const uint8_t *spec; // its specifier
    int ncells;
};

static const char *const timer_compatible[] = {"arm,armv8-timer", "arm,armv7-timer", NULL};
static const char *const gic2_compatible[] = {"arm,gic-400", "arm,cortex-a15-gic",
                                              "arm,cortex-a7-gic", "qcom,msm-qgic2", NULL};
static const char *const gic3_compatible[] = {"arm,gic-v3", NULL};
static const char *const psci_compatible[] = {"arm,psci-1.0", "arm,psci-0.2", "arm,psci", NULL};
static const char *const psci_fixed_ids[] = {"arm,psci-1.0", "arm,psci-0.2", NULL};
static const char *const pl011_compatible[] = {"arm,pl011", NULL};
static const char *const pl031_compatible[] = {"arm,pl031", NULL};
static const char *const virtio_compatible[] = {"virtio,mmio", NULL};

/* The tree at hand; too large for a boot stack. Ctx: boot CPU; later who calls fdt_next_virtio(). */
static struct fdt_tree indexed;

/* Magic, version, size and alignment. */
static int check_header(const void *fdt, uint64_t max_bytes, struct errbuf *e)
{
    if (((uintptr_t)fdt & 7) != 0)
        return fail(e, -EINVAL, "device tree: at %p, a multiple of 8 expected", fdt);
    if (max_bytes < HEADER_BYTES)
        return fail(e, -EINVAL, "device tree: %llu bytes readable, a header of %d expected",
                    (unsigned long long)max_bytes, HEADER_BYTES);
    if (fdt_magic(fdt) != FDT_MAGIC)
        return fail(e, -EINVAL, "device tree: magic 0x%08x at its start, 0x%08x expected",
                    (unsigned)fdt_magic(fdt), FDT_MAGIC);
    if (fdt_version(fdt) < VERSION || fdt_last_comp_version(fdt) > VERSION)
        return fail(e, -EINVAL, "device tree: version %u (compatible with %u), %d expected",
                    (unsigned)fdt_version(fdt), (unsigned)fdt_last_comp_version(fdt), VERSION);
    if (fdt_totalsize(fdt) < HEADER_BYTES || fdt_totalsize(fdt) > max_bytes)
        return fail(e, -EINVAL, "device tree: size %u, %d to %llu expected",
                    (unsigned)fdt_totalsize(fdt), HEADER_BYTES, (unsigned long long)max_bytes);
    if (fdt_off_dt_struct(fdt) % 4 != 0 || fdt_off_mem_rsvmap(fdt) % 8 != 0)
        return fail(
            e, -EINVAL,
            "device tree: structure at 0x%x, reservations at 0x%x, multiples of 4 and 8 expected",
            (unsigned)fdt_off_dt_struct(fdt), (unsigned)fdt_off_mem_rsvmap(fdt));
    return 0;
}

/* libfdt looks for the NUL of every property's name, and many properties may have one name: what
 * that costs is bound by the longest string in the block. The header has been checked. */
static bool names_are_short(const void *fdt)
{
    const char *p = (const char *)fdt + fdt_off_dt_strings(fdt);
    const char *end = p + fdt_size_dt_strings(fdt);

    while (p != NULL && end - p > FDT_NAME_CHARS) {
        p = memchr(p, '\0', FDT_NAME_CHARS + 1);
        p = p == NULL ? NULL : p + 1;
    }
    return p != NULL;
}

static int corrupt(const void *fdt, int libfdt_err, struct errbuf *e)
{
    return fail(e, -EINVAL, "device tree: corrupt in its %u bytes (%s), a whole tree expected",
                (unsigned)fdt_totalsize(fdt), fdt_strerror(libfdt_err));
}

/* The index comes before libfdt's check of the whole, which up to version 1.6.1 never ends if a
 * property's length leads back to the property. */
int fdt_check(const void *fdt, uint64_t max_bytes, uint64_t *bytes, struct errbuf *e)
{
    int err = check_header(fdt, max_bytes, e);

    if (err != 0)
        return err;
    err = fdt_check_header(fdt);
    if (err != 0)
        return corrupt(fdt, err, e);
    if (!names_are_short(fdt))
        return fail(e, -EINVAL, "device tree: a property's name of more than %d characters",
                    FDT_NAME_CHARS);
    err = tree_index(&indexed, fdt, e);
    if (err != 0)
        return err;
    err = fdt_check_full(fdt, fdt_totalsize(fdt));
    if (err != 0)
        return corrupt(fdt, err, e);
    *bytes = fdt_totalsize(fdt);
    return 0;
}

static int add_range(struct memrange *list, unsigned *n, struct memrange r, const char *what,
                     struct errbuf *e)
{
    if (r.bytes == 0)
        return 0;
    if (*n == BOOTINFO_RANGES)
        return fail(e, -E2BIG, "device tree: more than %d %s ranges, the next is at 0x%llx",
                    BOOTINFO_RANGES, what, (unsigned long long)r.base);
    list[(*n)++] = r;
    return 0;
}

/* Every entry of the node's `reg`, untranslated. */
static int add_reg(const struct fdt_tree *t, const struct fdt_bus *bus, int node,
                   struct memrange *list, unsigned *nlist, const char *what, struct errbuf *e)
{
    const uint8_t *p;
    int n;
    int err = node_reg(t, bus, node, &p, &n, e);

    for (int i = 0; err == 0 && i < n; i++) {
        struct memrange r;

        err = node_reg_entry(t, bus, node, p, i, &r, e);
        if (err == 0)
            err = add_range(list, nlist, r, what, e);
    }
    return err;
}

/* Memory nodes are children of the root, so their addresses are physical ones. */
static int read_memory(const struct fdt_tree *t, struct bootinfo *bi, struct errbuf *e)
{
    struct fdt_bus root = node_bus(t, 0);
    int err = 0;

    for (int node = tree_child(t, 0); err == 0 && node >= 0; node = tree_sibling(t, node)) {
        if (node_has_type(t, node, "memory") && node_okay(t, node))
            err = add_reg(t, &root, node, bi->ram, &bi->nram, "memory", e);
    }
    if (err != 0)
        return err;
    if (bi->nram == 0)
        return fail(e, -ENOMEM,
                    "device tree: no RAM in it, a node with device_type \"memory\" and a reg of "
                    "size > 0 expected");
    return 0;
}

/* What an operating system may use until the owner wants it (`reusable`) is ours for good: no owner
 * runs here. A child without reg asks for memory anywhere, for a driver that is not here either. */
static int read_reserved_memory(const struct fdt_tree *t, struct bootinfo *bi, struct errbuf *e)
{
    struct fdt_bus bus = node_bus(t, tree_find(t, "/reserved-memory"));
    int err = 0;

    for (int node = tree_child(t, bus.node); err == 0 && node >= 0; node = tree_sibling(t, node)) {
        if (node_okay(t, node) && node_has(t, node, "reg") && !node_has(t, node, "reusable"))
            err = add_reg(t, &bus, node, bi->reserved, &bi->nreserved, "reserved", e);
        if (err == 0 && node_okay(t, node) && node_has(t, node, "no-map"))
            err = add_reg(t, &bus, node, bi->nomap, &bi->nnomap, "no-map", e);
    }
    return err;
}

static int read_reservations(const void *fdt, struct bootinfo *bi, struct errbuf *e)
{
    int n = fdt_num_mem_rsv(fdt);

    for (int i = 0; i < n; i++) {
        struct memrange r;
        int err = 0;

        if (fdt_get_mem_rsv(fdt, i, &r.base, &r.bytes) == 0)
            err = add_range(bi->reserved, &bi->nreserved, r, "reserved", e);
        if (err != 0)
            return err;
    }
    return 0;
}

static int read_bootargs(const struct fdt_tree *t, int chosen, struct bootinfo *bi,
                         struct errbuf *e)
{
    int len;
    const uint8_t *p = tree_property(t, chosen, "bootargs", &len);
    size_t n = 0;

    if (p == NULL)
        return 0;
    while (n < (size_t)len && p[n] != '\0')
        n++;
    if (n >= sizeof(bi->cmdline))
        return fail(e, -E2BIG,
                    "device tree: chosen: bootargs has %zu characters, at most %zu expected", n,
                    sizeof(bi->cmdline) - 1);
    memcpy(bi->cmdline, p, n);
    bi->cmdline[n] = '\0';
    return 0;
}

/* One bound of the initrd: loaders write 4 or 8 bytes. 1: read; 0: absent; -EINVAL. */
static int read_bound(const struct fdt_tree *t, int chosen, const char *name, uint64_t *v,
                      struct errbuf *e)
{
    int len;
    const uint8_t *p = tree_property(t, chosen, name, &len);

    if (p == NULL)
        return 0;
    if (len != 4 && len != 8)
        return fail(e, -EINVAL, "device tree: chosen: %s has %d bytes, 4 or 8 expected", name, len);
    *v = get_cells(p, len / 4);
    return 1;
}

static int read_initrd(const struct fdt_tree *t, int chosen, struct bootinfo *bi, struct errbuf *e)
{
    uint64_t start = 0;
    uint64_t end = 0;
    int has_start = read_bound(t, chosen, "linux,initrd-start", &start, e);
    int has_end = has_start < 0 ? 0 : read_bound(t, chosen, "linux,initrd-end", &end, e);

    if (has_start < 0 || has_end < 0)
        return -EINVAL;
    if (has_start != has_end)
        return fail(e, -EINVAL,
                    "device tree: chosen: linux,initrd-%s is alone, -start and -end expected",
                    has_start ? "start" : "end");
    if (end < start)
        return fail(e, -EINVAL,
                    "device tree: chosen: linux,initrd-end 0x%llx, at least -start 0x%llx expected",
                    (unsigned long long)end, (unsigned long long)start);
    if (end > start)
        bi->module = (struct memrange){start, end - start};
    return 0;
}

int fdt_bootinfo(const void *fdt, struct bootinfo *bi, struct errbuf *e)
{
    const struct fdt_tree *t = &indexed;
    int chosen;
    int err = tree_index(&indexed, fdt, e);

    if (err != 0)
        return err;
    chosen = tree_find(t, "/chosen");
    err = read_memory(t, bi, e);
    if (err == 0)
        err = read_reserved_memory(t, bi, e);
    if (err == 0)
        err = read_reservations(fdt, bi, e);
    if (err == 0)
        err = read_bootargs(t, chosen, bi, e);
    if (err == 0)
        err = read_initrd(t, chosen, bi, e);
    return err;
}

static int read_cpu(const struct fdt_tree *t, const struct fdt_bus *cpus, int node,
                    struct fdt_platform *pf, struct errbuf *e)
{
    int len;
    const uint8_t *p = tree_property(t, node, "reg", &len);

    if (cpus->addr < 1 || cpus->addr > 2)
        return fail(e, -EINVAL, "device tree: cpus: #address-cells %u, 1 or 2 expected",
                    (unsigned)cpus->addr);
    if (p == NULL || len != 4 * cpus->addr)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": reg has %d bytes, %d expected (the MPIDR)",
                    tree_name(t, node), len, 4 * cpus->addr);
    pf->ncpu_found++;
    if (pf->ncpu < FDT_MAX_CPUS)
        pf->cpu_mpidr[pf->ncpu++] = get_cells(p, cpus->addr);
    return 0;
}

static int read_cpus(const struct fdt_tree *t, struct fdt_platform *pf, struct errbuf *e)
{
    struct fdt_bus cpus = node_bus(t, tree_find(t, "/cpus"));
    int err = 0;

    if (cpus.node < 0)
        return fail(e, -ENODEV, "device tree: no node /cpus, one with a child per core expected");
    for (int node = tree_child(t, cpus.node); err == 0 && node >= 0; node = tree_sibling(t, node)) {
        if (node_has_type(t, node, "cpu") && node_okay(t, node))
            err = read_cpu(t, &cpus, node, pf, e);
    }
    if (err == 0 && pf->ncpu == 0)
        err = fail(
            e, -ENODEV,
            "device tree: cpus: no child with device_type \"cpu\" in use, at least one expected");
    return err;
}

static int read_psci(const struct fdt_tree *t, struct fdt_platform *pf, struct errbuf *e)
{
    int node = tree_next_compatible(t, -1, psci_compatible);
    const char *method;

    if (node < 0)
        return 0;
    method = node_string(t, node, "method");
    if (method != NULL && strcmp(method, "hvc") == 0)
        pf->psci = PSCI_HVC;
    else if (method != NULL && strcmp(method, "smc") == 0)
        pf->psci = PSCI_SMC;
    else
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": method \"" NODE_NAME
                    "\", \"hvc\" or \"smc\" expected",
                    tree_name(t, node), method == NULL ? "" : method);
    pf->psci_cpu_on = PSCI_CPU_ON_64;
    if (node_compatible(t, node, psci_fixed_ids))
        return 0;
    if (!node_cell(t, node, "cpu_on", &pf->psci_cpu_on))
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": no cpu_on, its function id expected (PSCI 0.1)",
                    tree_name(t, node));
    return 0;
}

/* The node that the nearest interrupt-parent, from `node` upwards, names; < 0: none. */
static int interrupt_parent(const struct fdt_tree *t, int node)
{
    uint32_t phandle;

    for (int level = 0; node >= 0 && level <= LEVELS_MAX; level++) {
        if (node_cell(t, node, "interrupt-parent", &phandle))
            return tree_phandle(t, phandle);
        node = tree_parent(t, node);
    }
    return -1;
}

/* Cells of a specifier of that controller; 0: it is none. No real one has more than 8. */
static int interrupt_cells(const struct fdt_tree *t, int controller)
{
    uint32_t n;

    if (controller < 0 || !node_cell(t, controller, "#interrupt-cells", &n) || n > 8)
        return 0;
    return (int)n;
}

static int no_controller(const struct fdt_tree *t, int node, struct errbuf *e)
{
    return fail(e, -ENODEV,
                "device tree: " NODE_NAME ": its interrupt parent is not there or has no "
                "#interrupt-cells, the phandle of a GIC expected",
                tree_name(t, node));
}

static int no_interrupt(const struct fdt_tree *t, int node, int index, struct errbuf *e)
{
    return fail(e, -EINVAL,
                "device tree: " NODE_NAME
                ": no interrupt number %d in it, the virtual timer's expected there",
                tree_name(t, node), index);
}

/* interrupts-extended: each specifier has its controller's phandle before it. */
static int find_extended(const struct fdt_tree *t, int node, int index, struct interrupt *irq,
                         struct errbuf *e)
{
    int len;
    const uint8_t *p = tree_property(t, node, "interrupts-extended", &len);

    for (int i = 0; len >= 4; i++) {
        irq->controller = tree_phandle(t, get_be32(p));
        irq->ncells = interrupt_cells(t, irq->controller);
        irq->spec = p + 4;
        if (irq->ncells == 0)
            return no_controller(t, node, e);
        if (len < 4 + 4 * irq->ncells)
            break;
        if (i == index)
            return 0;
        p += 4 + 4 * irq->ncells;
        len -= 4 + 4 * irq->ncells;
    }
    return no_interrupt(t, node, index, e);
}

static int find_interrupt(const struct fdt_tree *t, int node, int index, struct interrupt *irq,
                          struct errbuf *e)
{
    int len;
    const uint8_t *p = tree_property(t, node, "interrupts", &len);

    if (index >= INTERRUPTS_MAX)
        return no_interrupt(t, node, index, e);
    if (node_has(t, node, "interrupts-extended"))
        return find_extended(t, node, index, irq, e);
    irq->controller = interrupt_parent(t, node);
    irq->ncells = interrupt_cells(t, irq->controller);
    if (irq->ncells == 0)
        return no_controller(t, node, e);
    if (p == NULL || len / (4 * irq->ncells) <= index)
        return no_interrupt(t, node, index, e);
    irq->spec = p + 4 * irq->ncells * index;
    return 0;
}

/* Also finds the interrupt controller: it is the one that the timer's interrupts go to. */
static int read_timer(const struct fdt_tree *t, struct fdt_platform *pf, struct interrupt *irq,
                      struct errbuf *e)
{
    int node = tree_next_compatible(t, -1, timer_compatible);
    int index = TIMER_VIRT_INDEX;
    const uint8_t *names;
    int len;
    int err;

    if (node < 0)
        return fail(e, -ENODEV, "device tree: no timer, a node compatible with \"%s\" expected",
                    timer_compatible[0]);
    names = tree_property(t, node, "interrupt-names", &len);
    if (names != NULL)
        index = strings_find(names, len, "virt");
    if (index < 0)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME
                    ": interrupt-names without \"virt\", the virtual timer's expected",
                    tree_name(t, node));
    err = find_interrupt(t, node, index, irq, e);
    if (err != 0)
        return err;
    if (node_compatible(t, irq->controller, gic3_compatible))
        pf->gic_version = 3;
    else if (node_compatible(t, irq->controller, gic2_compatible))
        pf->gic_version = 2;
    else
        return fail(e, -ENODEV,
                    "device tree: " NODE_NAME ": its interrupts go to " NODE_NAME
                    ", a GIC (\"%s\", \"%s\") expected",
                    tree_name(t, node), tree_name(t, irq->controller), gic3_compatible[0],
                    gic2_compatible[0]);
    if (irq->ncells < GIC_CELLS || get_be32(irq->spec) != GIC_TYPE_PPI ||
        get_be32(irq->spec + 4) >= GIC_PPI_COUNT)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME
                    ": interrupt number %d begins with cell %u, <%d n> with n below %d expected",
                    tree_name(t, node), index, (unsigned)get_be32(irq->spec), GIC_TYPE_PPI,
                    GIC_PPI_COUNT);
    pf->timer_intid = GIC_PPI_BASE + get_be32(irq->spec + 4);
    return 0;
}

static int read_gic3(const struct fdt_tree *t, int node, struct fdt_platform *pf, struct errbuf *e)
{
    uint32_t regions = 1;
    int len;
    const uint8_t *stride = tree_property(t, node, "redistributor-stride", &len);
    int err = 0;

    if (stride != NULL && len != 4 && len != 8)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME
                    ": redistributor-stride has %d bytes, 4 or 8 expected",
                    tree_name(t, node), len);
    if (stride != NULL)
        pf->gicr_stride = get_cells(stride, len / 4);
    node_cell(t, node, "#redistributor-regions", &regions);
    if (regions < 1 || regions > sizeof(pf->gicr) / sizeof(pf->gicr[0]))
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": #redistributor-regions %u, 1 to %zu expected",
                    tree_name(t, node), (unsigned)regions, sizeof(pf->gicr) / sizeof(pf->gicr[0]));
    for (unsigned i = 0; err == 0 && i < regions; i++)
        err = node_mmio(t, node, (int)i + 1, &pf->gicr[i], e);
    pf->ngicr = regions;
    return err;
}

static int read_gic(const struct fdt_tree *t, int node, struct fdt_platform *pf, struct errbuf *e)
{
    int err = node_mmio(t, node, 0, &pf->gicd, e);

    if (err != 0)
        return err;
    if (pf->gic_version == 3)
        return read_gic3(t, node, pf, e);
    return node_mmio(t, node, 1, &pf->gicc, e);
}

static bool read_uart(const struct fdt_tree *t, int node, struct memrange *regs)
{
    return node >= 0 && node_compatible(t, node, pl011_compatible) && node_okay(t, node) &&
           node_mmio(t, node, 0, regs, NULL) == 0;
}

/* What /chosen names as console, without the options behind ':'; < 0: nothing. */
static int stdout_node(const struct fdt_tree *t)
{
    int chosen = tree_find(t, "/chosen");
    const char *path = node_string(t, chosen, "stdout-path");

    if (path == NULL)
        path = node_string(t, chosen, "linux,stdout-path");
    return path == NULL ? -1 : tree_find_alias(t, path, strcspn(path, ":"));
}

/* Its node; of no meaning if pf->uart says that there is none. */
static int find_console(const struct fdt_tree *t, struct fdt_platform *pf)
{
    int node = stdout_node(t);
    bool found = read_uart(t, node, &pf->uart_regs);

    if (!found)
        node = -1;
    for (int i = 0; !found && i < UARTS_MAX; i++) {
        node = tree_next_compatible(t, node, pl011_compatible);
        if (node < 0)
            break;
        found = read_uart(t, node, &pf->uart_regs);
    }
    pf->uart = found ? FDT_UART_PL011 : FDT_UART_NONE;
    if (!found)
        pf->uart_regs = (struct memrange){0, 0};
    return node;
}

/* A console without an interrupt only prints: nothing about it is an error. */
static void read_uart_interrupt(const struct fdt_tree *t, int node, int gic,
                                struct fdt_platform *pf)
{
    struct interrupt irq;

    if (pf->uart == FDT_UART_NONE || find_interrupt(t, node, 0, &irq, NULL) != 0)
        return;
    if (irq.controller != gic || irq.ncells < GIC_CELLS || get_be32(irq.spec) != GIC_TYPE_SPI ||
        get_be32(irq.spec + 4) >= GIC_SPI_COUNT)
        return;
    pf->uart_intid = GIC_SPI_BASE + get_be32(irq.spec + 4);
}

/* The first real-time clock whose address can be had. */
static void read_rtc(const struct fdt_tree *t, struct fdt_platform *pf)
{
    int node = -1;

    while ((node = tree_next_compatible(t, node, pl031_compatible)) >= 0)
        if (node_mmio(t, node, 0, &pf->rtc_regs, NULL) == 0)
            return;
    pf->rtc_regs = (struct memrange){0, 0};
}

int fdt_platform(const void *fdt, struct fdt_platform *pf, struct errbuf *e)
{
    const struct fdt_tree *t = &indexed;
    struct interrupt irq = {.controller = -1};
    int uart, err;

    memset(pf, 0, sizeof(*pf));
    err = tree_index(&indexed, fdt, e);
    if (err != 0)
        return err;
    uart = find_console(t, pf);
    read_rtc(t, pf);
    err = read_cpus(t, pf, e);
    if (err == 0)
        err = read_psci(t, pf, e);
    if (err == 0)
        err = read_timer(t, pf, &irq, e);
    if (err == 0)
        err = read_gic(t, irq.controller, pf, e);
    if (err == 0)
        read_uart_interrupt(t, uart, irq.controller, pf);
    return err;
}

bool fdt_next_virtio(const void *fdt, int *node, struct memrange *regs)
{
    if (*node < 0 && tree_index(&indexed, fdt, NULL) != 0)
        return false;
    while ((*node = tree_next_compatible(&indexed, *node, virtio_compatible)) >= 0) {
        if (node_mmio(&indexed, *node, 0, regs, NULL) == 0)
            return true;
    }
    return false;
}
