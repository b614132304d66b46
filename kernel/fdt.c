/*
 * fdt.c - what rt0 takes from a device tree, on top of libfdt's read-only calls.
 *
 * Protocol:  fdt_check() first; the others trust its answer that the block is sound: every offset
 *            inside it, every node closed. They trust no value in it.
 * Invariant: a property is read only inside the length that libfdt gives for it, byte by byte,
 *            since it is big-endian and only 4-aligned. A string is used only if its NUL is inside
 *            the property. Loops are bound by the tree's size or by LEVELS_MAX; nothing recurses.
 * Why not fdt_path_offset() for aliases: it calls itself with the alias's value, so an alias that
 *            names itself never returns; find_path() takes one step and wants a "/" then.
 * Source:    Devicetree specification 0.4; the bindings of Linux for psci, arm,gic, arm,gic-v3,
 *            arm,arch_timer, cpus, reserved-memory, chosen.
 */
#include "kernel/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <string.h>

#define HEADER_BYTES 40
#define VERSION      17

/* Buses above a device. Real trees have up to five. */
#define LEVELS_MAX 16

/* Serial ports looked at when /chosen does not name one; each look costs a walk over the tree. */
#define UARTS_MAX 16

#define PSCI_CPU_ON_64 UINT32_C(0xc4000003)

/* Private peripheral interrupts (PPI) in an interrupt specifier: type, count, first INTID. */
#define GIC_CELLS     3
#define GIC_TYPE_PPI  1
#define GIC_PPI_COUNT 16
#define GIC_PPI_BASE  16

/* Where the binding puts the virtual timer if no name tells. A timer has at most five interrupts;
 * more are not looked at, as each may cost a walk over the tree for its controller. */
#define TIMER_VIRT_INDEX 2
#define INTERRUPTS_MAX   8

/* Names are cut in error lines, so that what is expected still fits. */
#define NAME "%.40s"

struct cells {
    int addr; // 1 or 2
    int size; // 0, 1 or 2
};

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
static const char *const pl011_compatible[] = {"arm,pl011", NULL};

static uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* n cells (0, 1 or 2) as one number. */
static uint64_t get_number(const uint8_t *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 32 | get_be32(p + 4 * i);
    return v;
}

static const char *node_name(const void *fdt, int node)
{
    const char *name = fdt_get_name(fdt, node, NULL);

    if (name == NULL)
        return "?";
    return name[0] == '\0' ? "/" : name;
}

/* A property's bytes and their number; NULL: there is no such property. */
static const uint8_t *get_bytes(const void *fdt, int node, const char *name, int *len)
{
    return fdt_getprop(fdt, node, name, len);
}

/* A property that is one string; NULL: absent, or it has no NUL at its end. */
static const char *get_string(const void *fdt, int node, const char *name)
{
    int len;
    const char *s = fdt_getprop(fdt, node, name, &len);

    return s != NULL && len > 0 && s[len - 1] == '\0' ? s : NULL;
}

/* A property that is one cell. */
static bool get_cell(const void *fdt, int node, const char *name, uint32_t *v)
{
    int len;
    const uint8_t *p = get_bytes(fdt, node, name, &len);

    if (p == NULL || len != 4)
        return false;
    *v = get_be32(p);
    return true;
}

static bool has_property(const void *fdt, int node, const char *name)
{
    return fdt_getprop(fdt, node, name, NULL) != NULL;
}

static bool node_okay(const void *fdt, int node)
{
    const char *status = get_string(fdt, node, "status");

    if (status == NULL)
        return !has_property(fdt, node, "status");
    return strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

static bool node_has_type(const void *fdt, int node, const char *type)
{
    const char *have = get_string(fdt, node, "device_type");

    return have != NULL && strcmp(have, type) == 0;
}

/* The property is looked up once for all names: most of the time of reading a tree goes here. */
static bool node_compatible(const void *fdt, int node, const char *const *any)
{
    int len;
    const char *have = fdt_getprop(fdt, node, "compatible", &len);

    for (; have != NULL && *any != NULL; any++) {
        if (fdt_stringlist_contains(have, len, *any))
            return true;
    }
    return false;
}

/* The first node behind `node` (-1: of all) that is in use and compatible with one of the names;
 * < 0: none. */
static int next_compatible(const void *fdt, int node, const char *const *any)
{
    do
        node = fdt_next_node(fdt, node, NULL);
    while (node >= 0 && !(node_compatible(fdt, node, any) && node_okay(fdt, node)));
    return node;
}

static bool wraps(uint64_t base, uint64_t bytes)
{
    return bytes > UINT64_MAX - base;
}

/* The address and size cells that `bus` prescribes for its children. */
static int get_cells(const void *fdt, int bus, struct cells *c, struct errbuf *e)
{
    c->addr = fdt_address_cells(fdt, bus);
    c->size = fdt_size_cells(fdt, bus);
    if (c->addr < 1 || c->addr > 2)
        return fail(e, -EINVAL, "device tree: " NAME ": #address-cells %d, 1 or 2 expected",
                    node_name(fdt, bus), c->addr);
    if (c->size < 0 || c->size > 2)
        return fail(e, -EINVAL, "device tree: " NAME ": #size-cells %d, 0 to 2 expected",
                    node_name(fdt, bus), c->size);
    return 0;
}

/* A property made of entries of `cells` cells each: its bytes, and the number of entries. */
static int get_entries(const void *fdt, int node, const char *name, int cells, const uint8_t **p,
                       int *n, struct errbuf *e)
{
    int len;

    *p = get_bytes(fdt, node, name, &len);
    if (*p == NULL)
        return fail(e, -EINVAL, "device tree: " NAME ": no %s, entries of %d bytes expected",
                    node_name(fdt, node), name, 4 * cells);
    if (len % (4 * cells) != 0)
        return fail(e, -EINVAL, "device tree: " NAME ": %s has %d bytes, a multiple of %d expected",
                    node_name(fdt, node), name, len, 4 * cells);
    *n = len / (4 * cells);
    return 0;
}

/* Entry `index` of the node's `reg`, as its parent `bus` sees it. */
static int read_reg(const void *fdt, int bus, int node, int index, struct memrange *r,
                    struct errbuf *e)
{
    struct cells c;
    const uint8_t *p;
    int n;
    int err = get_cells(fdt, bus, &c, e);

    if (err == 0)
        err = get_entries(fdt, node, "reg", c.addr + c.size, &p, &n, e);
    if (err != 0)
        return err;
    if (index >= n)
        return fail(e, -EINVAL, "device tree: " NAME ": reg has %d entries, at least %d expected",
                    node_name(fdt, node), n, index + 1);
    p += 4 * index * (c.addr + c.size);
    r->base = get_number(p, c.addr);
    r->bytes = get_number(p + 4 * c.addr, c.size);
    if (wraps(r->base, r->bytes))
        return fail(
            e, -EINVAL, "device tree: " NAME ": reg: 0x%llx bytes at 0x%llx end past 64 bits",
            node_name(fdt, node), (unsigned long long)r->bytes, (unsigned long long)r->base);
    return 0;
}

static int reg_count(const void *fdt, int bus, int node, int *n, struct errbuf *e)
{
    struct cells c;
    const uint8_t *p;
    int err = get_cells(fdt, bus, &c, e);

    return err != 0 ? err : get_entries(fdt, node, "reg", c.addr + c.size, &p, n, e);
}

/* From the address space of `bus` to that of its parent `up`, through the `ranges` of bus. */
static int translate_step(const void *fdt, int bus, int up, struct memrange *r, struct errbuf *e)
{
    struct cells c;
    struct cells u;
    const uint8_t *p;
    int n;
    int err = get_cells(fdt, bus, &c, e);

    if (err == 0)
        err = get_cells(fdt, up, &u, e);
    if (err == 0)
        err = get_entries(fdt, bus, "ranges", c.addr + u.addr + c.size, &p, &n, e);
    if (err != 0 || n == 0) // an empty `ranges`: both spaces are the same
        return err;
    for (int i = 0; i < n; i++, p += 4 * (c.addr + u.addr + c.size)) {
        uint64_t child = get_number(p, c.addr);
        uint64_t parent = get_number(p + 4 * c.addr, u.addr);
        uint64_t bytes = get_number(p + 4 * (c.addr + u.addr), c.size);

        if (r->base < child || r->base - child >= bytes)
            continue;
        if (wraps(parent, r->base - child) || wraps(parent + (r->base - child), r->bytes))
            break;
        r->base = parent + (r->base - child);
        return 0;
    }
    return fail(e, -EINVAL, "device tree: " NAME ": none of its %d ranges has a place for 0x%llx",
                node_name(fdt, bus), n, (unsigned long long)r->base);
}

/* Entry `index` of the node's `reg` as a physical address. */
static int read_mmio(const void *fdt, int node, int index, struct memrange *r, struct errbuf *e)
{
    int bus = fdt_parent_offset(fdt, node);
    int err = read_reg(fdt, bus, node, index, r, e);

    if (err == 0 && r->bytes == 0)
        err = fail(e, -EINVAL,
                   "device tree: " NAME
                   ": reg entry %d has size 0, the size of its registers expected",
                   node_name(fdt, node), index);
    for (int level = 0; err == 0 && bus > 0; level++) {
        int up = fdt_parent_offset(fdt, bus);

        if (level == LEVELS_MAX)
            return fail(e, -EINVAL, "device tree: " NAME ": more than %d buses above it",
                        node_name(fdt, node), LEVELS_MAX);
        err = translate_step(fdt, bus, up, r, e);
        bus = up;
    }
    return err;
}

/* The node that a path or alias of n characters names; < 0: none. */
static int find_path(const void *fdt, const char *path, int n)
{
    const char *alias;
    int len;

    if (n == 0)
        return -FDT_ERR_BADPATH;
    if (path[0] == '/')
        return fdt_path_offset_namelen(fdt, path, n);
    alias = fdt_getprop_namelen(fdt, fdt_path_offset(fdt, "/aliases"), path, n, &len);
    if (alias == NULL || len < 2 || alias[0] != '/' || alias[len - 1] != '\0')
        return -FDT_ERR_BADPATH;
    return fdt_path_offset_namelen(fdt, alias, (int)strlen(alias));
}

int fdt_check(const void *fdt, uint64_t max_bytes, uint64_t *bytes, struct errbuf *e)
{
    int err;

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
    err = fdt_check_full(fdt, fdt_totalsize(fdt));
    if (err != 0)
        return fail(e, -EINVAL, "device tree: corrupt in its %u bytes (%s), a whole tree expected",
                    (unsigned)fdt_totalsize(fdt), fdt_strerror(err));
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
static int add_reg(const void *fdt, int bus, int node, struct memrange *list, unsigned *nlist,
                   const char *what, struct errbuf *e)
{
    struct memrange r;
    int n;
    int err = reg_count(fdt, bus, node, &n, e);

    for (int i = 0; err == 0 && i < n; i++) {
        err = read_reg(fdt, bus, node, i, &r, e);
        if (err == 0)
            err = add_range(list, nlist, r, what, e);
    }
    return err;
}

/* Memory nodes are children of the root, so their addresses are physical ones. */
static int read_memory(const void *fdt, struct bootinfo *bi, struct errbuf *e)
{
    int node;

    fdt_for_each_subnode(node, fdt, 0)
    {
        int err = 0;

        if (node_has_type(fdt, node, "memory") && node_okay(fdt, node))
            err = add_reg(fdt, 0, node, bi->ram, &bi->nram, "memory", e);
        if (err != 0)
            return err;
    }
    if (bi->nram == 0)
        return fail(e, -ENOMEM,
                    "device tree: no RAM in it, a node with device_type \"memory\" and a reg of "
                    "size > 0 expected");
    return 0;
}

/* What an operating system may use until the owner wants it (`reusable`) is ours for good: no owner
 * runs here. A child without reg asks for memory anywhere, for a driver that is not here either. */
static int read_reserved_memory(const void *fdt, struct bootinfo *bi, struct errbuf *e)
{
    int bus = fdt_path_offset(fdt, "/reserved-memory");
    int node;

    if (bus < 0)
        return 0;
    fdt_for_each_subnode(node, fdt, bus)
    {
        int err = 0;

        if (node_okay(fdt, node) && has_property(fdt, node, "reg") &&
            !has_property(fdt, node, "reusable"))
            err = add_reg(fdt, bus, node, bi->reserved, &bi->nreserved, "reserved", e);
        if (err != 0)
            return err;
    }
    return 0;
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

static int read_bootargs(const void *fdt, int chosen, struct bootinfo *bi, struct errbuf *e)
{
    int len;
    const uint8_t *p = get_bytes(fdt, chosen, "bootargs", &len);
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
static int read_bound(const void *fdt, int chosen, const char *name, uint64_t *v, struct errbuf *e)
{
    int len;
    const uint8_t *p = get_bytes(fdt, chosen, name, &len);

    if (p == NULL)
        return 0;
    if (len != 4 && len != 8)
        return fail(e, -EINVAL, "device tree: chosen: %s has %d bytes, 4 or 8 expected", name, len);
    *v = get_number(p, len / 4);
    return 1;
}

static int read_initrd(const void *fdt, int chosen, struct bootinfo *bi, struct errbuf *e)
{
    uint64_t start = 0;
    uint64_t end = 0;
    int has_start = read_bound(fdt, chosen, "linux,initrd-start", &start, e);
    int has_end = has_start < 0 ? 0 : read_bound(fdt, chosen, "linux,initrd-end", &end, e);

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
    int chosen = fdt_path_offset(fdt, "/chosen");
    int err = read_memory(fdt, bi, e);

    if (err == 0)
        err = read_reserved_memory(fdt, bi, e);
    if (err == 0)
        err = read_reservations(fdt, bi, e);
    if (err == 0 && chosen >= 0)
        err = read_bootargs(fdt, chosen, bi, e);
    if (err == 0 && chosen >= 0)
        err = read_initrd(fdt, chosen, bi, e);
    return err;
}

static int read_cpu(const void *fdt, int cpus, int node, struct fdt_platform *pf, struct errbuf *e)
{
    int cells = fdt_address_cells(fdt, cpus);
    int len;
    const uint8_t *p = get_bytes(fdt, node, "reg", &len);

    if (cells < 1 || cells > 2)
        return fail(e, -EINVAL, "device tree: cpus: #address-cells %d, 1 or 2 expected", cells);
    if (p == NULL || len != 4 * cells)
        return fail(e, -EINVAL, "device tree: " NAME ": reg has %d bytes, %d expected (the MPIDR)",
                    node_name(fdt, node), p == NULL ? 0 : len, 4 * cells);
    pf->ncpu_found++;
    if (pf->ncpu < FDT_MAX_CPUS)
        pf->cpu_mpidr[pf->ncpu++] = get_number(p, cells);
    return 0;
}

static int read_cpus(const void *fdt, struct fdt_platform *pf, struct errbuf *e)
{
    int cpus = fdt_path_offset(fdt, "/cpus");
    int node;

    if (cpus < 0)
        return fail(e, -ENODEV, "device tree: no node /cpus, one with a child per core expected");
    fdt_for_each_subnode(node, fdt, cpus)
    {
        int err = 0;

        if (node_has_type(fdt, node, "cpu") && node_okay(fdt, node))
            err = read_cpu(fdt, cpus, node, pf, e);
        if (err != 0)
            return err;
    }
    if (pf->ncpu == 0)
        return fail(
            e, -ENODEV,
            "device tree: cpus: no child with device_type \"cpu\" in use, at least one expected");
    return 0;
}

static int read_psci(const void *fdt, struct fdt_platform *pf, struct errbuf *e)
{
    int node = next_compatible(fdt, -1, psci_compatible);
    const char *method;

    if (node < 0)
        return 0;
    method = get_string(fdt, node, "method");
    if (method != NULL && strcmp(method, "hvc") == 0)
        pf->psci = PSCI_HVC;
    else if (method != NULL && strcmp(method, "smc") == 0)
        pf->psci = PSCI_SMC;
    else
        return fail(e, -EINVAL,
                    "device tree: " NAME ": method \"" NAME "\", \"hvc\" or \"smc\" expected",
                    node_name(fdt, node), method == NULL ? "" : method);
    pf->psci_cpu_on = PSCI_CPU_ON_64;
    if (fdt_node_check_compatible(fdt, node, "arm,psci-1.0") == 0 ||
        fdt_node_check_compatible(fdt, node, "arm,psci-0.2") == 0)
        return 0;
    if (!get_cell(fdt, node, "cpu_on", &pf->psci_cpu_on))
        return fail(e, -EINVAL,
                    "device tree: " NAME ": no cpu_on, its function id expected (PSCI 0.1)",
                    node_name(fdt, node));
    return 0;
}

/* The node that the nearest interrupt-parent, from `node` upwards, names; < 0: none. */
static int interrupt_parent(const void *fdt, int node)
{
    uint32_t phandle;

    for (int level = 0; node >= 0 && level <= LEVELS_MAX; level++) {
        if (get_cell(fdt, node, "interrupt-parent", &phandle))
            return fdt_node_offset_by_phandle(fdt, phandle);
        node = fdt_parent_offset(fdt, node);
    }
    return -FDT_ERR_NOTFOUND;
}

/* Cells of a specifier of that controller; 0: it is none. No real one has more than 8. */
static int interrupt_cells(const void *fdt, int controller)
{
    uint32_t n;

    if (controller < 0 || !get_cell(fdt, controller, "#interrupt-cells", &n) || n > 8)
        return 0;
    return (int)n;
}

static int no_controller(const void *fdt, int node, struct errbuf *e)
{
    return fail(e, -ENODEV,
                "device tree: " NAME ": its interrupt parent is not there or has no "
                "#interrupt-cells, the phandle of a GIC expected",
                node_name(fdt, node));
}

static int no_interrupt(const void *fdt, int node, int index, struct errbuf *e)
{
    return fail(e, -EINVAL,
                "device tree: " NAME
                ": no interrupt number %d in it, the virtual timer's expected there",
                node_name(fdt, node), index);
}

/* interrupts-extended: each specifier has its controller's phandle before it. */
static int find_extended(const void *fdt, int node, int index, struct interrupt *irq,
                         struct errbuf *e)
{
    int len;
    const uint8_t *p = get_bytes(fdt, node, "interrupts-extended", &len);

    for (int i = 0; len >= 4; i++) {
        irq->controller = fdt_node_offset_by_phandle(fdt, get_be32(p));
        irq->ncells = interrupt_cells(fdt, irq->controller);
        irq->spec = p + 4;
        if (irq->ncells == 0)
            return no_controller(fdt, node, e);
        if (len < 4 + 4 * irq->ncells)
            break;
        if (i == index)
            return 0;
        p += 4 + 4 * irq->ncells;
        len -= 4 + 4 * irq->ncells;
    }
    return no_interrupt(fdt, node, index, e);
}

static int find_interrupt(const void *fdt, int node, int index, struct interrupt *irq,
                          struct errbuf *e)
{
    int len;
    const uint8_t *p = get_bytes(fdt, node, "interrupts", &len);

    if (index >= INTERRUPTS_MAX)
        return no_interrupt(fdt, node, index, e);
    if (has_property(fdt, node, "interrupts-extended"))
        return find_extended(fdt, node, index, irq, e);
    irq->controller = interrupt_parent(fdt, node);
    irq->ncells = interrupt_cells(fdt, irq->controller);
    if (irq->ncells == 0)
        return no_controller(fdt, node, e);
    if (p == NULL || len / (4 * irq->ncells) <= index)
        return no_interrupt(fdt, node, index, e);
    irq->spec = p + 4 * irq->ncells * index;
    return 0;
}

/* Also finds the interrupt controller: it is the one that the timer's interrupts go to. */
static int read_timer(const void *fdt, struct fdt_platform *pf, struct interrupt *irq,
                      struct errbuf *e)
{
    int node = next_compatible(fdt, -1, timer_compatible);
    int index = TIMER_VIRT_INDEX;
    int err;

    if (node < 0)
        return fail(e, -ENODEV, "device tree: no timer, a node compatible with \"%s\" expected",
                    timer_compatible[0]);
    if (has_property(fdt, node, "interrupt-names"))
        index = fdt_stringlist_search(fdt, node, "interrupt-names", "virt");
    if (index < 0)
        return fail(e, -EINVAL,
                    "device tree: " NAME
                    ": interrupt-names without \"virt\", the virtual timer's expected",
                    node_name(fdt, node));
    err = find_interrupt(fdt, node, index, irq, e);
    if (err != 0)
        return err;
    if (node_compatible(fdt, irq->controller, gic3_compatible))
        pf->gic_version = 3;
    else if (node_compatible(fdt, irq->controller, gic2_compatible))
        pf->gic_version = 2;
    else
        return fail(e, -ENODEV,
                    "device tree: " NAME ": its interrupts go to " NAME
                    ", a GIC (\"%s\", \"%s\") expected",
                    node_name(fdt, node), node_name(fdt, irq->controller), gic3_compatible[0],
                    gic2_compatible[0]);
    if (irq->ncells < GIC_CELLS || get_be32(irq->spec) != GIC_TYPE_PPI ||
        get_be32(irq->spec + 4) >= GIC_PPI_COUNT)
        return fail(e, -EINVAL,
                    "device tree: " NAME
                    ": interrupt number %d begins with cell %u, <%d n> with n below %d expected",
                    node_name(fdt, node), index, (unsigned)get_be32(irq->spec), GIC_TYPE_PPI,
                    GIC_PPI_COUNT);
    pf->timer_intid = GIC_PPI_BASE + get_be32(irq->spec + 4);
    return 0;
}

static int read_gic3(const void *fdt, int node, struct fdt_platform *pf, struct errbuf *e)
{
    uint32_t regions = 1;
    int len;
    const uint8_t *stride = get_bytes(fdt, node, "redistributor-stride", &len);
    int err = 0;

    if (stride != NULL && len != 4 && len != 8)
        return fail(e, -EINVAL,
                    "device tree: " NAME ": redistributor-stride has %d bytes, 4 or 8 expected",
                    node_name(fdt, node), len);
    if (stride != NULL)
        pf->gicr_stride = get_number(stride, len / 4);
    get_cell(fdt, node, "#redistributor-regions", &regions);
    if (regions < 1 || regions > sizeof(pf->gicr) / sizeof(pf->gicr[0]))
        return fail(
            e, -EINVAL, "device tree: " NAME ": #redistributor-regions %u, 1 to %zu expected",
            node_name(fdt, node), (unsigned)regions, sizeof(pf->gicr) / sizeof(pf->gicr[0]));
    for (unsigned i = 0; err == 0 && i < regions; i++)
        err = read_mmio(fdt, node, (int)i + 1, &pf->gicr[i], e);
    pf->ngicr = regions;
    return err;
}

static int read_gic(const void *fdt, int node, struct fdt_platform *pf, struct errbuf *e)
{
    int err = read_mmio(fdt, node, 0, &pf->gicd, e);

    if (err != 0)
        return err;
    if (pf->gic_version == 3)
        return read_gic3(fdt, node, pf, e);
    return read_mmio(fdt, node, 1, &pf->gicc, e);
}

static bool read_uart(const void *fdt, int node, struct memrange *regs)
{
    return node >= 0 && node_compatible(fdt, node, pl011_compatible) && node_okay(fdt, node) &&
           read_mmio(fdt, node, 0, regs, NULL) == 0;
}

/* What /chosen names as console, without the options behind ':'; < 0: nothing. */
static int stdout_node(const void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    const char *path = get_string(fdt, chosen, "stdout-path");
    int n = 0;

    if (path == NULL)
        path = get_string(fdt, chosen, "linux,stdout-path");
    if (path == NULL)
        return -FDT_ERR_NOTFOUND;
    while (path[n] != '\0' && path[n] != ':')
        n++;
    return find_path(fdt, path, n);
}

int fdt_console(const void *fdt, enum fdt_uart *kind, struct memrange *regs)
{
    bool found = read_uart(fdt, stdout_node(fdt), regs);
    int node = -1;

    for (int i = 0; !found && i < UARTS_MAX; i++) {
        node = next_compatible(fdt, node, pl011_compatible);
        if (node < 0)
            break;
        found = read_uart(fdt, node, regs);
    }
    *kind = found ? FDT_UART_PL011 : FDT_UART_NONE;
    if (!found)
        *regs = (struct memrange){0, 0};
    return found ? 0 : -ENODEV;
}

int fdt_platform(const void *fdt, struct fdt_platform *pf, struct errbuf *e)
{
    struct interrupt irq = {.controller = -1};
    int err;

    memset(pf, 0, sizeof(*pf));
    fdt_console(fdt, &pf->uart, &pf->uart_regs);
    err = read_cpus(fdt, pf, e);
    if (err == 0)
        err = read_psci(fdt, pf, e);
    if (err == 0)
        err = read_timer(fdt, pf, &irq, e);
    if (err == 0)
        err = read_gic(fdt, irq.controller, pf, e);
    return err;
}
