/*
 * test_fdt.c - the device tree.
 *
 * Goal:   memory, cores, PSCI, GIC, timer and console come out of trees like those of QEMU's virt
 *         machine, Raspberry Pi 3, 4 and 5 and ZynqMP; each refusal has its text; no tree, however
 *         broken, makes a read outside of it or a loop without end.
 * Method: trees written here with libfdt, cut down to the nodes that matter; a refusal is one edit
 *         of a good tree. Every tree lies in an allocation of exactly its size. Then every length
 *         of a good tree, and random corruption.
 *         With an argument: prints what is found in that .dtb, to compare with its source.
 * Time:   under 60 s.
 */
#include "kernel/fdt.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <libfdt.h>

#define TREE_BYTES     (1 << 16)
#define RANDOM_CHANGES 30000

#define GIC_PHANDLE   0x8002
#define LOCAL_PHANDLE 0x18

static char tree[TREE_BYTES];

/* The tree at hand, exactly its size. */
static void *block;
static uint64_t block_bytes;

static struct bootinfo bi;
static struct fdt_platform pf;
static struct errbuf e;

/* Building: libfdt's sequential writer. Its first error stops the program. */

static void must(int err)
{
    if (err < 0) {
        printf("# libfdt: %s\n", fdt_strerror(err));
        abort();
    }
}

static void tree_begin(void)
{
    must(fdt_create(tree, TREE_BYTES));
    must(fdt_finish_reservemap(tree));
    must(fdt_begin_node(tree, ""));
}

static void tree_end(void)
{
    must(fdt_end_node(tree));
    must(fdt_finish(tree));
}

static void node(const char *name)
{
    must(fdt_begin_node(tree, name));
}

static void end(void)
{
    must(fdt_end_node(tree));
}

static void put_cells(const char *name, const uint32_t *cells, size_t n)
{
    void *to;

    must(fdt_property_placeholder(tree, name, (int)(4 * n), &to));
    for (size_t i = 0; i < n; i++)
        fdt32_st((char *)to + 4 * i, cells[i]);
}

#define CELLS(name, ...)                               \
    put_cells((name), (const uint32_t[]){__VA_ARGS__}, \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* A literal, which may hold several strings. */
#define STRINGS(name, text) must(fdt_property(tree, (name), (text), sizeof(text)))

static void flag(const char *name)
{
    must(fdt_property(tree, name, NULL, 0));
}

static void put_bus_cells(uint32_t addr, uint32_t size)
{
    CELLS("#address-cells", addr);
    CELLS("#size-cells", size);
}

static void put_chosen(const char *console, const char *serial0)
{
    node("aliases");
    if (serial0 != NULL)
        must(fdt_property_string(tree, "serial0", serial0));
    STRINGS("loop", "loop");
    end();
    node("chosen");
    must(fdt_property_string(tree, "stdout-path", console));
    STRINGS("bootargs", "cores=2 -- hello");
    end();
}

static void put_psci(const char *method)
{
    node("psci");
    must(fdt_property_string(tree, "method", method));
    STRINGS("compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    CELLS("cpu_on", 0x8400aa03);
    end();
}

static void put_timer(const char *compatible, uint32_t parent)
{
    node("timer");
    must(fdt_property_string(tree, "compatible", compatible));
    if (parent != 0)
        CELLS("interrupt-parent", parent);
    CELLS("interrupts", 1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1, 10, 0x104);
    end();
}

static void put_cpus(unsigned n, uint32_t step)
{
    node("cpus");
    put_bus_cells(1, 0);
    node("cpu-map");
    end();
    for (uint32_t i = 0; i < n; i++) {
        char name[32];

        snprintf(name, sizeof(name), "cpu@%x", i * step);
        node(name);
        STRINGS("device_type", "cpu");
        CELLS("reg", i * step);
        end();
    }
    end();
}

static void put_gic_v2(void)
{
    node("intc@8000000");
    CELLS("phandle", GIC_PHANDLE);
    CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000);
    STRINGS("compatible", "arm,cortex-a15-gic");
    flag("interrupt-controller");
    CELLS("#interrupt-cells", 3);
    end();
}

static void put_gic_v3(void)
{
    node("intc@8000000");
    CELLS("phandle", GIC_PHANDLE);
    CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000, 0x40, 0, 0, 0x4000000);
    CELLS("#redistributor-regions", 2);
    STRINGS("compatible", "arm,gic-v3");
    flag("interrupt-controller");
    CELLS("#interrupt-cells", 3);
    end();
}

/* QEMU's virt machine. */
static void build_virt(unsigned gic, unsigned ncpu)
{
    tree_begin();
    put_bus_cells(2, 2);
    CELLS("interrupt-parent", GIC_PHANDLE);
    put_psci("hvc");
    node("memory@40000000");
    CELLS("reg", 0, 0x40000000, 0, 0x8000000);
    STRINGS("device_type", "memory");
    end();
    node("secram@e000000");
    CELLS("reg", 0, 0xe000000, 0, 0x1000000);
    STRINGS("device_type", "memory");
    STRINGS("status", "disabled");
    end();
    node("pl011@9040000");
    CELLS("reg", 0, 0x9040000, 0, 0x1000);
    STRINGS("compatible", "arm,pl011\0arm,primecell");
    STRINGS("status", "disabled");
    end();
    node("pl011@9000000");
    CELLS("reg", 0, 0x9000000, 0, 0x1000);
    STRINGS("compatible", "arm,pl011\0arm,primecell");
    end();
    if (gic == 3)
        put_gic_v3();
    else
        put_gic_v2();
    put_cpus(ncpu, 1);
    put_timer("arm,armv8-timer", 0);
    put_chosen("/pl011@9000000", NULL);
    tree_end();
}

/* Raspberry Pi 3: no PSCI, no GIC, 32-bit addresses. */
static void build_rpi3(void)
{
    tree_begin();
    put_bus_cells(1, 1);
    CELLS("interrupt-parent", 1);
    node("memory@0");
    CELLS("reg", 0, 0x3b400000);
    STRINGS("device_type", "memory");
    end();
    node("soc");
    put_bus_cells(1, 1);
    CELLS("ranges", 0x7e000000, 0x3f000000, 0x1000000, 0x40000000, 0x40000000, 0x1000);
    node("local_intc@40000000");
    STRINGS("compatible", "brcm,bcm2836-l1-intc");
    CELLS("reg", 0x40000000, 0x100);
    CELLS("#interrupt-cells", 2);
    CELLS("phandle", LOCAL_PHANDLE);
    end();
    node("serial@7e201000");
    STRINGS("compatible", "arm,pl011\0arm,primecell");
    CELLS("reg", 0x7e201000, 0x200);
    STRINGS("status", "okay");
    end();
    end();
    put_cpus(4, 1);
    put_timer("arm,armv7-timer", LOCAL_PHANDLE);
    put_chosen("serial0:115200n8", "/soc/serial@7e201000");
    tree_end();
}

/* Raspberry Pi 4 with stock firmware: GIC behind `ranges`, console on another kind of port. */
static void build_rpi4(void)
{
    tree_begin();
    put_bus_cells(2, 1);
    CELLS("interrupt-parent", 1);
    node("memory@0");
    CELLS("reg", 0, 0, 0x3b400000, 0, 0x40000000, 0xbc000000, 1, 0, 0x80000000, 0, 0, 0);
    STRINGS("device_type", "memory");
    end();
    node("soc");
    put_bus_cells(1, 1);
    CELLS("ranges", 0x7e000000, 0, 0xfe000000, 0x01800000, 0x7c000000, 0, 0xfc000000, 0x02000000,
          0x40000000, 0, 0xff800000, 0x00800000);
    node("serial@7e215040");
    STRINGS("compatible", "brcm,bcm2835-aux-uart");
    CELLS("reg", 0x7e215040, 0x40);
    end();
    node("serial@7e201000");
    STRINGS("compatible", "arm,pl011\0arm,primecell");
    CELLS("reg", 0x7e201000, 0x200);
    end();
    node("interrupt-controller@40041000");
    STRINGS("compatible", "arm,gic-400");
    CELLS("reg", 0x40041000, 0x1000, 0x40042000, 0x2000, 0x40044000, 0x2000, 0x40046000, 0x2000);
    CELLS("#interrupt-cells", 3);
    CELLS("phandle", 1);
    end();
    end();
    put_cpus(4, 1);
    put_timer("arm,armv8-timer", 0);
    put_chosen("serial0:115200n8", "/soc/serial@7e215040");
    tree_end();
}

/* Raspberry Pi 5: PSCI by smc, cores in Aff1, 64-bit addresses behind a 32-bit bus. */
static void build_rpi5(void)
{
    tree_begin();
    put_bus_cells(2, 2);
    put_psci("smc");
    node("memory@0");
    CELLS("reg", 0, 0x80000, 0, 0x3fb80000);
    STRINGS("device_type", "memory");
    end();
    node("soc@107c000000");
    put_bus_cells(1, 1);
    CELLS("ranges", 0, 0x10, 0, 0x80000000);
    node("serial@7d001000");
    STRINGS("compatible", "arm,pl011\0arm,primecell");
    CELLS("reg", 0x7d001000, 0x200);
    end();
    node("interrupt-controller@7fff9000");
    STRINGS("compatible", "arm,gic-400");
    CELLS("reg", 0x7fff9000, 0x1000, 0x7fffa000, 0x2000);
    CELLS("#interrupt-cells", 3);
    CELLS("phandle", 9);
    end();
    end();
    put_cpus(4, 0x100);
    put_timer("arm,armv8-timer", 9);
    put_chosen("serial0:115200n8", "/soc@107c000000/serial@7d001000");
    tree_end();
}

/* ZynqMP: a bus of two address cells and one size cell, two levels, one of them the same space. */
static void build_zynqmp(void)
{
    tree_begin();
    put_bus_cells(2, 2);
    put_psci("smc");
    node("memory@0");
    CELLS("reg", 0, 0, 0, 0x7ff00000, 8, 0, 0, 0x80000000);
    STRINGS("device_type", "memory");
    end();
    node("outer");
    put_bus_cells(2, 2);
    flag("ranges");
    node("axi");
    put_bus_cells(2, 1);
    CELLS("ranges", 0, 0, 0, 0, 0xffffffff);
    node("interrupt-controller@f9010000");
    STRINGS("compatible", "arm,gic-400");
    CELLS("reg", 0, 0xf9010000, 0x10000, 0, 0xf9020000, 0x20000, 0, 0xf9040000, 0x20000);
    CELLS("#interrupt-cells", 3);
    CELLS("phandle", 4);
    end();
    end();
    end();
    put_cpus(4, 1);
    put_timer("arm,armv8-timer", 4);
    put_chosen("serial0:115200n8", "/axi/serial@ff000000");
    tree_end();
}

/* Editing: libfdt's read-write calls on the tree just built, which has room to grow. */

static int at(const char *path)
{
    int offset = fdt_path_offset(tree, path);

    must(offset);
    return offset;
}

static void edit(void)
{
    must(fdt_open_into(tree, tree, TREE_BYTES));
}

static void set_cells(const char *path, const char *name, const uint32_t *cells, size_t n)
{
    void *to;

    must(fdt_setprop_placeholder(tree, at(path), name, (int)(4 * n), &to));
    for (size_t i = 0; i < n; i++)
        fdt32_st((char *)to + 4 * i, cells[i]);
}

#define SET_CELLS(path, name, ...)                             \
    set_cells((path), (name), (const uint32_t[]){__VA_ARGS__}, \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void set_string(const char *path, const char *name, const char *text)
{
    must(fdt_setprop_string(tree, at(path), name, text));
}

static void set_bytes(const char *path, const char *name, const char *bytes, int n)
{
    must(fdt_setprop(tree, at(path), name, bytes, n));
}

static void remove_property(const char *path, const char *name)
{
    must(fdt_delprop(tree, at(path), name));
}

static void add_node(const char *path, const char *name)
{
    must(fdt_add_subnode(tree, at(path), name));
}

static void remove_node(const char *path)
{
    must(fdt_del_node(tree, at(path)));
}

/* Taking the tree. */

static int check(const void *from, uint64_t bytes)
{
    uint64_t found = 0;
    int err;

    free(block);
    block = exact_copy(from, bytes);
    block_bytes = bytes;
    e.text[0] = '\0';
    err = fdt_check(block, bytes, &found, &e);
    return err != 0 ? err : found <= bytes ? 0 : -EIO;
}

static bool take(void)
{
    must(fdt_pack(tree));
    return check(tree, fdt_totalsize(tree)) == 0;
}

static int read_bootinfo(void)
{
    memset(&bi, 0, sizeof(bi));
    e.text[0] = '\0';
    return fdt_bootinfo(block, &bi, &e);
}

static int read_platform(void)
{
    memset(&pf, 0xaa, sizeof(pf));
    e.text[0] = '\0';
    return fdt_platform(block, &pf, &e);
}

static bool is_range(struct memrange r, uint64_t base, uint64_t bytes)
{
    return r.base == base && r.bytes == bytes;
}

static bool is_uart(uint64_t base, uint64_t bytes)
{
    enum fdt_uart kind;
    struct memrange regs;

    return pf.uart == FDT_UART_PL011 && is_range(pf.uart_regs, base, bytes) &&
           fdt_console(block, &kind, &regs) == 0 && kind == FDT_UART_PL011 &&
           is_range(regs, base, bytes);
}

/* After an edit of build_virt(2, 2): what fdt_bootinfo() or fdt_platform() says. */
static void refuse_bootinfo(int err, const char *want)
{
    ok(take() && read_bootinfo() == err, "bootinfo refused");
    same(e.text, want);
    build_virt(2, 2);
    edit();
}

static void refuse_platform(int err, const char *want)
{
    ok(take() && read_platform() == err, "platform refused");
    same(e.text, want);
    build_virt(2, 2);
    edit();
}

static void test_virt(void)
{
    build_virt(2, 4);
    ok(take() && read_bootinfo() == 0, "virt, GICv2: bootinfo");
    ok(bi.nram == 1 && is_range(bi.ram[0], 0x40000000, 0x8000000) && bi.nreserved == 0 &&
           bi.module.bytes == 0,
       "memory, without what is disabled");
    same(bi.cmdline, "cores=2 -- hello");
    ok(read_platform() == 0, "platform");
    ok(pf.ncpu == 4 && pf.ncpu_found == 4 && pf.cpu_mpidr[0] == 0 && pf.cpu_mpidr[3] == 3, "cores");
    ok(pf.psci == PSCI_HVC && pf.psci_cpu_on == 0xc4000003, "PSCI by hvc, with 1.0's function id");
    ok(pf.gic_version == 2 && is_range(pf.gicd, 0x8000000, 0x10000) &&
           is_range(pf.gicc, 0x8010000, 0x10000) && pf.ngicr == 0,
       "GICv2");
    ok(pf.timer_intid == 27, "virtual timer");
    ok(is_uart(0x9000000, 0x1000), "console");

    build_virt(3, 1);
    edit();
    SET_CELLS("/intc@8000000", "redistributor-stride", 0, 0x40000);
    ok(take() && read_platform() == 0, "virt, GICv3: platform");
    ok(pf.gic_version == 3 && is_range(pf.gicd, 0x8000000, 0x10000) && pf.ngicr == 2 &&
           is_range(pf.gicr[0], 0x80a0000, 0xf60000) &&
           is_range(pf.gicr[1], UINT64_C(0x4000000000), 0x4000000) && pf.gicr_stride == 0x40000 &&
           pf.gicc.bytes == 0,
       "two redistributor regions and a stride");
    build_virt(3, 1);
    edit();
    remove_property("/intc@8000000", "#redistributor-regions");
    SET_CELLS("/intc@8000000", "redistributor-stride", 0x20000);
    SET_CELLS("/intc@8000000", "#interrupt-cells", 4);
    SET_CELLS("/timer", "interrupts", 1, 13, 4, 0, 1, 14, 4, 0, 1, 12, 4, 0, 1, 10, 4, 0);
    ok(take() && read_platform() == 0 && pf.ngicr == 1 && pf.gicr_stride == 0x20000 &&
           pf.timer_intid == 28,
       "one region, a stride of one cell, interrupts of four cells");
}

static void test_boards(void)
{
    build_rpi3();
    ok(take() && read_bootinfo() == 0 && bi.nram == 1 && is_range(bi.ram[0], 0, 0x3b400000),
       "Raspberry Pi 3: bootinfo");
    ok(read_platform() == -ENODEV, "it has no GIC");
    same(e.text, "device tree: timer: its interrupts go to local_intc@40000000, a GIC "
                 "(\"arm,gic-v3\", \"arm,gic-400\") expected");
    ok(pf.ncpu == 4 && pf.psci == PSCI_NONE, "4 cores, no PSCI");
    ok(is_uart(0x3f201000, 0x200), "console by alias, with options, through ranges");

    build_rpi4();
    ok(take() && read_bootinfo() == 0 && bi.nram == 3 && is_range(bi.ram[0], 0, 0x3b400000) &&
           is_range(bi.ram[1], 0x40000000, 0xbc000000) &&
           is_range(bi.ram[2], UINT64_C(1) << 32, 0x80000000),
       "Raspberry Pi 4: three memory ranges, an empty one left out");
    ok(read_platform() == 0 && pf.gic_version == 2 && is_range(pf.gicd, 0xff841000, 0x1000) &&
           is_range(pf.gicc, 0xff842000, 0x2000) && pf.timer_intid == 27,
       "GIC through ranges");
    ok(pf.psci == PSCI_NONE && pf.ncpu == 4, "no PSCI");
    ok(is_uart(0xfe201000, 0x200), "first PL011 if the console named is none");

    build_rpi5();
    ok(take() && read_bootinfo() == 0 && read_platform() == 0, "Raspberry Pi 5");
    ok(pf.psci == PSCI_SMC && pf.ncpu == 4 && pf.cpu_mpidr[3] == 0x300,
       "PSCI by smc, cores in Aff1");
    ok(is_range(pf.gicd, UINT64_C(0x107fff9000), 0x1000) && is_uart(UINT64_C(0x107d001000), 0x200),
       "64-bit addresses");

    build_zynqmp();
    ok(take() && read_bootinfo() == 0 && read_platform() == 0, "ZynqMP");
    ok(bi.nram == 2 && is_range(bi.ram[1], UINT64_C(8) << 32, 0x80000000), "two memory ranges");
    ok(is_range(pf.gicd, 0xf9010000, 0x10000) && is_range(pf.gicc, 0xf9020000, 0x20000),
       "through a bus and through an empty ranges");
    ok(pf.uart == FDT_UART_NONE && pf.uart_regs.bytes == 0, "no PL011");
}

static void test_memory(void)
{
    build_virt(2, 2);
    edit();
    add_node("/", "memory@100000000");
    set_string("/memory@100000000", "device_type", "memory");
    set_string("/memory@100000000", "status", "ok");
    SET_CELLS("/memory@100000000", "reg", 1, 0, 1, 0, 2, 0, 0, 0x1000);
    add_node("/", "reserved-memory");
    SET_CELLS("/reserved-memory", "#address-cells", 2);
    SET_CELLS("/reserved-memory", "#size-cells", 1);
    add_node("/reserved-memory", "tee@41000000");
    SET_CELLS("/reserved-memory/tee@41000000", "reg", 0, 0x41000000, 0x100000, 0, 0x42000000,
              0x1000);
    add_node("/reserved-memory", "cma");
    SET_CELLS("/reserved-memory/cma", "reg", 0, 0x43000000, 0x100000);
    set_bytes("/reserved-memory/cma", "reusable", NULL, 0);
    add_node("/reserved-memory", "anywhere");
    SET_CELLS("/reserved-memory/anywhere", "size", 0x100000);
    add_node("/reserved-memory", "off");
    SET_CELLS("/reserved-memory/off", "reg", 0, 0x44000000, 0x100000);
    set_string("/reserved-memory/off", "status", "disabled");
    must(fdt_add_mem_rsv(tree, 0x40000000, 0x1000));
    must(fdt_add_mem_rsv(tree, 0x50000000, 0x10));
    ok(take() && read_bootinfo() == 0, "several memory nodes, reserved memory, reservations");
    ok(bi.nram == 3, "3 RAM ranges");
    ok(bi.nreserved == 4,
       "4 reserved ranges: not the reusable, the one without place, the disabled");
    ok(is_range(bi.reserved[1], 0x42000000, 0x1000) &&
           is_range(bi.reserved[2], 0x40000000, 0x1000) &&
           is_range(bi.reserved[3], 0x50000000, 0x10),
       "nodes first, then the reservation block");
    memset(&bi, 0, sizeof(bi));
    bi.nram = bi.nreserved = 1;
    ok(fdt_bootinfo(block, &bi, &e) == 0 && bi.nram == 4 && bi.nreserved == 5,
       "bootinfo is added to");
}

static void test_memory_refusals(void)
{
    build_virt(2, 2);
    edit();
    remove_node("/memory@40000000");
    refuse_bootinfo(-ENOMEM, "device tree: no RAM in it, a node with device_type \"memory\" and a "
                             "reg of size > 0 expected");
    remove_property("/memory@40000000", "reg");
    refuse_bootinfo(-EINVAL, "device tree: memory@40000000: no reg, entries of 16 bytes expected");
    SET_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0x8000000);
    refuse_bootinfo(-EINVAL,
                    "device tree: memory@40000000: reg has 12 bytes, a multiple of 16 expected");
    SET_CELLS("/memory@40000000", "reg", 0, 0x1000, 0xffffffff, 0xfffff000);
    refuse_bootinfo(
        -EINVAL,
        "device tree: memory@40000000: reg: 0xfffffffffffff000 bytes at 0x1000 end past 64 bits");
    SET_CELLS("/", "#address-cells", 3);
    refuse_bootinfo(-EINVAL, "device tree: /: #address-cells 3, 1 or 2 expected");
    SET_CELLS("/", "#size-cells", 4);
    refuse_bootinfo(-EINVAL, "device tree: /: #size-cells 4, 0 to 2 expected");
    for (unsigned i = 0; i < BOOTINFO_RANGES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "memory@%x", (i + 1) << 16);
        must(fdt_add_mem_rsv(tree, (i + 1) << 16, 0x1000));
        add_node("/", name);
        must(fdt_setprop_string(tree, fdt_subnode_offset(tree, 0, name), "device_type", "memory"));
        must(fdt_setprop_u64(tree, fdt_subnode_offset(tree, 0, name), "reg", (i + 1) << 16));
        must(fdt_appendprop_u64(tree, fdt_subnode_offset(tree, 0, name), "reg", 0x1000));
    }
    refuse_bootinfo(-E2BIG, "device tree: more than 64 memory ranges, the next is at 0x40000000");
    for (unsigned i = 0; i <= BOOTINFO_RANGES; i++)
        must(fdt_add_mem_rsv(tree, (i + 1) << 16, 0x1000));
    refuse_bootinfo(-E2BIG, "device tree: more than 64 reserved ranges, the next is at 0x410000");
    add_node("/", "reserved-memory");
    add_node("/reserved-memory", "tee");
    SET_CELLS("/reserved-memory/tee", "reg", 0, 0x41000000);
    refuse_bootinfo(-EINVAL, "device tree: tee: reg has 8 bytes, a multiple of 12 expected");
}

static void test_chosen(void)
{
    static char line[BOOTINFO_CMDLINE + 1];

    build_virt(2, 2);
    edit();
    SET_CELLS("/chosen", "linux,initrd-start", 0x48000000);
    SET_CELLS("/chosen", "linux,initrd-end", 0, 0x48001234);
    ok(take() && read_bootinfo() == 0 && is_range(bi.module, 0x48000000, 0x1234),
       "initrd, 4 and 8 bytes");
    build_virt(2, 2);
    edit();
    SET_CELLS("/chosen", "linux,initrd-start", 1, 0);
    SET_CELLS("/chosen", "linux,initrd-end", 1, 0);
    remove_property("/chosen", "bootargs");
    ok(take() && read_bootinfo() == 0 && bi.module.bytes == 0 && bi.cmdline[0] == '\0',
       "an empty initrd is none; no bootargs");
    remove_node("/chosen");
    ok(take() && read_bootinfo() == 0, "no /chosen");
    build_virt(2, 2);
    edit();
    set_bytes("/chosen", "bootargs", "cut", 3);
    ok(take() && read_bootinfo() == 0 && strcmp(bi.cmdline, "cut") == 0, "bootargs without NUL");
    edit();
    set_bytes("/chosen", "bootargs", "", 0);
    ok(take() && read_bootinfo() == 0 && bi.cmdline[0] == '\0', "bootargs of 0 bytes");
    edit();
    memset(line, 'a', sizeof(line));
    set_bytes("/chosen", "bootargs", line, BOOTINFO_CMDLINE - 1);
    ok(take() && read_bootinfo() == 0 && strlen(bi.cmdline) == BOOTINFO_CMDLINE - 1,
       "the longest bootargs");
    edit();
    set_bytes("/chosen", "bootargs", line, BOOTINFO_CMDLINE);
    refuse_bootinfo(-E2BIG,
                    "device tree: chosen: bootargs has 2048 characters, at most 2047 expected");
    SET_CELLS("/chosen", "linux,initrd-start", 1, 2, 3);
    refuse_bootinfo(-EINVAL,
                    "device tree: chosen: linux,initrd-start has 12 bytes, 4 or 8 expected");
    SET_CELLS("/chosen", "linux,initrd-start", 1);
    set_bytes("/chosen", "linux,initrd-end", "", 0);
    refuse_bootinfo(-EINVAL, "device tree: chosen: linux,initrd-end has 0 bytes, 4 or 8 expected");
    SET_CELLS("/chosen", "linux,initrd-start", 1);
    refuse_bootinfo(-EINVAL,
                    "device tree: chosen: linux,initrd-start is alone, -start and -end expected");
    SET_CELLS("/chosen", "linux,initrd-end", 1);
    refuse_bootinfo(-EINVAL,
                    "device tree: chosen: linux,initrd-end is alone, -start and -end expected");
    SET_CELLS("/chosen", "linux,initrd-start", 0x2000);
    SET_CELLS("/chosen", "linux,initrd-end", 0x1fff);
    refuse_bootinfo(
        -EINVAL, "device tree: chosen: linux,initrd-end 0x1fff, at least -start 0x2000 expected");
}

static void test_cpus(void)
{
    build_virt(2, 3);
    edit();
    SET_CELLS("/cpus", "#address-cells", 2);
    SET_CELLS("/cpus/cpu@0", "reg", 0x12, 0x00030201);
    set_string("/cpus/cpu@1", "status", "disabled");
    SET_CELLS("/cpus/cpu@2", "reg", 0, 0x100);
    ok(take() && read_platform() == 0 && pf.ncpu == 2 && pf.ncpu_found == 2 &&
           pf.cpu_mpidr[0] == UINT64_C(0x1200030201) && pf.cpu_mpidr[1] == 0x100,
       "MPIDRs of two cells, a disabled core left out");
    build_virt(2, FDT_MAX_CPUS + 2);
    ok(take() && read_platform() == 0 && pf.ncpu == FDT_MAX_CPUS &&
           pf.ncpu_found == FDT_MAX_CPUS + 2 && pf.cpu_mpidr[FDT_MAX_CPUS - 1] == FDT_MAX_CPUS - 1,
       "more cores than fit");

    build_virt(2, 2);
    edit();
    remove_node("/cpus");
    refuse_platform(-ENODEV, "device tree: no node /cpus, one with a child per core expected");
    remove_node("/cpus/cpu@0");
    set_string("/cpus/cpu@1", "status", "fail");
    refuse_platform(
        -ENODEV,
        "device tree: cpus: no child with device_type \"cpu\" in use, at least one expected");
    SET_CELLS("/cpus", "#address-cells", 3);
    refuse_platform(-EINVAL, "device tree: cpus: #address-cells 3, 1 or 2 expected");
    SET_CELLS("/cpus", "#address-cells", 2);
    refuse_platform(-EINVAL, "device tree: cpu@0: reg has 4 bytes, 8 expected (the MPIDR)");
    remove_property("/cpus/cpu@1", "reg");
    refuse_platform(-EINVAL, "device tree: cpu@1: reg has 0 bytes, 4 expected (the MPIDR)");
}

static void test_psci(void)
{
    build_virt(2, 2);
    edit();
    set_string("/psci", "compatible", "arm,psci");
    set_string("/psci", "method", "smc");
    ok(take() && read_platform() == 0 && pf.psci == PSCI_SMC && pf.psci_cpu_on == 0x8400aa03,
       "PSCI 0.1 names its function id");
    edit();
    set_string("/psci", "compatible", "arm,psci-0.2");
    ok(take() && read_platform() == 0 && pf.psci_cpu_on == 0xc4000003, "PSCI 0.2 does not");
    edit();
    set_string("/psci", "status", "disabled");
    ok(take() && read_platform() == 0 && pf.psci == PSCI_NONE && pf.psci_cpu_on == 0,
       "PSCI disabled");
    build_virt(2, 2);
    edit();
    set_string("/psci", "method", "svc");
    refuse_platform(-EINVAL, "device tree: psci: method \"svc\", \"hvc\" or \"smc\" expected");
    remove_property("/psci", "method");
    refuse_platform(-EINVAL, "device tree: psci: method \"\", \"hvc\" or \"smc\" expected");
    set_bytes("/psci", "method", "smc", 3);
    refuse_platform(-EINVAL, "device tree: psci: method \"\", \"hvc\" or \"smc\" expected");
    set_string("/psci", "compatible", "arm,psci");
    remove_property("/psci", "cpu_on");
    refuse_platform(-EINVAL, "device tree: psci: no cpu_on, its function id expected (PSCI 0.1)");
}

static void test_timer(void)
{
    static const char names[] = "phys\0virt\0hyp-phys";
    static const char nine[] = "0\0001\0002\0003\0004\0005\0006\0007\0virt";

    build_virt(2, 2);
    edit();
    set_bytes("/timer", "interrupt-names", names, sizeof(names));
    ok(take() && read_platform() == 0 && pf.timer_intid == 30, "the interrupt that is named virt");
    edit();
    set_string("/timer", "interrupt-names", "virt");
    SET_CELLS("/timer", "interrupts", 1, 9, 4);
    ok(take() && read_platform() == 0 && pf.timer_intid == 25, "the only one, named virt");
    build_virt(2, 2);
    edit();
    remove_property("/timer", "interrupts");
    SET_CELLS("/timer", "interrupts-extended", GIC_PHANDLE, 1, 13, 4, GIC_PHANDLE, 1, 14, 4,
              GIC_PHANDLE, 1, 9, 4);
    remove_property("/", "interrupt-parent");
    ok(take() && read_platform() == 0 && pf.timer_intid == 25 && pf.gic_version == 2,
       "interrupts-extended");

    build_virt(2, 2);
    edit();
    remove_node("/timer");
    refuse_platform(-ENODEV,
                    "device tree: no timer, a node compatible with \"arm,armv8-timer\" expected");
    set_string("/timer", "interrupt-names", "sec-phys");
    refuse_platform(
        -EINVAL,
        "device tree: timer: interrupt-names without \"virt\", the virtual timer's expected");
    set_bytes("/timer", "interrupt-names", nine, sizeof(nine));
    SET_CELLS("/timer", "interrupts", 1, 0, 4, 1, 1, 4, 1, 2, 4, 1, 3, 4, 1, 4, 4, 1, 5, 4, 1, 6, 4,
              1, 7, 4, 1, 8, 4);
    refuse_platform(
        -EINVAL,
        "device tree: timer: no interrupt number 8 in it, the virtual timer's expected there");
    remove_property("/timer", "interrupts");
    refuse_platform(
        -EINVAL,
        "device tree: timer: no interrupt number 2 in it, the virtual timer's expected there");
    SET_CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11);
    refuse_platform(
        -EINVAL,
        "device tree: timer: no interrupt number 2 in it, the virtual timer's expected there");
    SET_CELLS("/timer", "interrupts-extended", GIC_PHANDLE, 1, 13, 4, GIC_PHANDLE, 1, 14, 4,
              GIC_PHANDLE, 1);
    refuse_platform(
        -EINVAL,
        "device tree: timer: no interrupt number 2 in it, the virtual timer's expected there");
    SET_CELLS("/timer", "interrupts-extended", GIC_PHANDLE, 1, 13, 4, 77, 1, 14, 4);
    refuse_platform(-ENODEV, "device tree: timer: its interrupt parent is not there or has no "
                             "#interrupt-cells, the phandle of a GIC expected");
    SET_CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 0, 11, 4);
    refuse_platform(-EINVAL, "device tree: timer: interrupt number 2 begins with cell 0, <1 n> "
                             "with n below 16 expected");
    SET_CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 16, 4);
    refuse_platform(-EINVAL, "device tree: timer: interrupt number 2 begins with cell 1, <1 n> "
                             "with n below 16 expected");
}

static void test_gic_refusals(void)
{
    static const char text[] = "device tree: timer: its interrupt parent is not there or has no "
                               "#interrupt-cells, the phandle of a GIC expected";

    build_virt(2, 2);
    edit();
    remove_property("/", "interrupt-parent");
    refuse_platform(-ENODEV, text);
    SET_CELLS("/", "interrupt-parent", 0);
    refuse_platform(-ENODEV, text);
    remove_property("/intc@8000000", "#interrupt-cells");
    refuse_platform(-ENODEV, text);
    set_bytes("/intc@8000000", "#interrupt-cells", "", 0);
    refuse_platform(-ENODEV, text);
    SET_CELLS("/intc@8000000", "#interrupt-cells", 0x40000000);
    refuse_platform(-ENODEV, text);
    SET_CELLS("/intc@8000000", "#interrupt-cells", 2);
    refuse_platform(-EINVAL, "device tree: timer: interrupt number 2 begins with cell 14, <1 n> "
                             "with n below 16 expected");
    set_string("/intc@8000000", "compatible", "arm,nvic");
    refuse_platform(-ENODEV, "device tree: timer: its interrupts go to intc@8000000, a GIC "
                             "(\"arm,gic-v3\", \"arm,gic-400\") expected");
    SET_CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000);
    refuse_platform(-EINVAL, "device tree: intc@8000000: reg has 1 entries, at least 2 expected");
    SET_CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0, 0, 0x8010000, 0, 0x10000);
    refuse_platform(
        -EINVAL,
        "device tree: intc@8000000: reg entry 0 has size 0, the size of its registers expected");
    build_virt(3, 2);
    edit();
    SET_CELLS("/intc@8000000", "#redistributor-regions", 8);
    refuse_platform(-EINVAL, "device tree: intc@8000000: reg has 3 entries, at least 4 expected");
    build_virt(3, 2);
    edit();
    SET_CELLS("/intc@8000000", "#redistributor-regions", 0);
    refuse_platform(-EINVAL,
                    "device tree: intc@8000000: #redistributor-regions 0, 1 to 8 expected");
    build_virt(3, 2);
    edit();
    SET_CELLS("/intc@8000000", "#redistributor-regions", 9);
    refuse_platform(-EINVAL,
                    "device tree: intc@8000000: #redistributor-regions 9, 1 to 8 expected");
    build_virt(3, 2);
    edit();
    SET_CELLS("/intc@8000000", "#redistributor-regions", 3);
    refuse_platform(-EINVAL, "device tree: intc@8000000: reg has 3 entries, at least 4 expected");
    build_virt(3, 2);
    edit();
    SET_CELLS("/intc@8000000", "redistributor-stride", 1, 2, 3);
    refuse_platform(
        -EINVAL, "device tree: intc@8000000: redistributor-stride has 12 bytes, 4 or 8 expected");
}

/* Edits of the Raspberry Pi 4's bus. */
static void refuse_ranges(const char *want)
{
    ok(take() && read_platform() == -EINVAL, "ranges refused");
    same(e.text, want);
    build_rpi4();
    edit();
}

/* build_virt(2, 2) with its GIC below so many buses. */
static void build_deep(int buses)
{
    char path[64] = "";

    build_virt(2, 2);
    edit();
    for (int i = 0; i < buses; i++) {
        must(fdt_add_subnode(tree, i == 0 ? 0 : at(path), "b"));
        strcat(path, "/b");
        must(fdt_setprop(tree, at(path), "ranges", NULL, 0));
        SET_CELLS(path, "#address-cells", 2);
        SET_CELLS(path, "#size-cells", 2);
    }
    must(fdt_add_subnode(tree, at(path), "gic"));
    strcat(path, "/gic");
    SET_CELLS(path, "phandle", 5);
    SET_CELLS(path, "#interrupt-cells", 3);
    set_string(path, "compatible", "arm,gic-400");
    SET_CELLS(path, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000);
    SET_CELLS("/timer", "interrupt-parent", 5);
}

static void test_ranges_refusals(void)
{
    build_rpi4();
    edit();
    remove_property("/soc", "ranges");
    refuse_ranges("device tree: soc: no ranges, entries of 16 bytes expected");
    SET_CELLS("/soc", "ranges", 0x7e000000, 0, 0xfe000000);
    refuse_ranges("device tree: soc: ranges has 12 bytes, a multiple of 16 expected");
    SET_CELLS("/soc", "ranges", 0x7e000000, 0, 0xfe000000, 0x01800000, 0x40042000, 0, 0, 0xffffffff,
              0, 0, 0, 0x40041000);
    refuse_ranges("device tree: soc: none of its 3 ranges has a place for 0x40041000");
    SET_CELLS("/soc", "ranges", 0x40041000, 0xffffffff, 0xfffff001, 0x1000);
    refuse_ranges("device tree: soc: none of its 1 ranges has a place for 0x40041000");
    SET_CELLS("/soc", "ranges", 0x40040000, 0xffffffff, 0xffffe800, 0x8000);
    refuse_ranges("device tree: soc: none of its 1 ranges has a place for 0x40041000");
    SET_CELLS("/soc", "#address-cells", 3);
    refuse_ranges("device tree: soc: #address-cells 3, 1 or 2 expected");
    SET_CELLS("/soc", "#size-cells", 3);
    refuse_ranges("device tree: soc: #size-cells 3, 0 to 2 expected");
    SET_CELLS("/soc", "#size-cells", 0);
    refuse_ranges("device tree: interrupt-controller@40041000: reg entry 0 has size 0, the size of "
                  "its registers expected");
    SET_CELLS("/", "#address-cells", 4);
    ok(take() && read_platform() == -EINVAL, "cells of the parent bus refused");
    same(e.text, "device tree: /: #address-cells 4, 1 or 2 expected");

    build_deep(16);
    ok(take() && read_platform() == 0 && is_range(pf.gicd, 0x8000000, 0x10000), "16 buses");
    build_deep(17);
    refuse_platform(-EINVAL, "device tree: gic: more than 16 buses above it");
}

static bool has_uart(uint64_t base)
{
    bool good = take() && read_platform() == 0 &&
                (base == 0 ? pf.uart == FDT_UART_NONE : is_uart(base, 0x1000));

    build_virt(2, 2);
    edit();
    return good;
}

static void test_console(void)
{
    enum fdt_uart kind;
    struct memrange regs;

    build_virt(2, 2);
    edit();
    remove_property("/pl011@9040000", "status");
    ok(has_uart(0x9000000), "stdout-path comes before tree order");
    remove_property("/pl011@9040000", "status");
    remove_property("/chosen", "stdout-path");
    ok(has_uart(0x9040000), "else the first in the tree");
    remove_property("/pl011@9040000", "status");
    set_string("/chosen", "linux,stdout-path", "/pl011@9000000");
    remove_property("/chosen", "stdout-path");
    ok(has_uart(0x9000000), "linux,stdout-path");
    remove_property("/pl011@9040000", "status");
    set_string("/aliases", "serial0", "/pl011@9000000");
    set_string("/chosen", "stdout-path", "serial0:115200n8");
    ok(has_uart(0x9000000), "an alias with options");
    remove_property("/pl011@9040000", "status");
    set_string("/aliases", "serial0", "pl011@9000000");
    set_string("/chosen", "stdout-path", "serial0");
    ok(has_uart(0x9040000), "an alias that is no path is not used");
    remove_property("/pl011@9040000", "status");
    set_bytes("/aliases", "serial0", "/pl011@9000000", 14);
    set_string("/chosen", "stdout-path", "serial0");
    ok(has_uart(0x9040000), "nor an alias without NUL");
    remove_property("/pl011@9040000", "status");
    set_string("/chosen", "stdout-path", "/pl011@9000000:115200n8");
    ok(has_uart(0x9000000), "a path with options");
    set_string("/chosen", "stdout-path", "/pl011@9040000");
    ok(has_uart(0x9000000), "a disabled one is not used");
    set_string("/chosen", "stdout-path", "loop");
    ok(has_uart(0x9000000), "an alias that names itself");
    set_string("/chosen", "stdout-path", "none:9600");
    ok(has_uart(0x9000000), "an alias that is not there");
    set_string("/chosen", "stdout-path", ":9600");
    ok(has_uart(0x9000000), "options only");
    set_string("/chosen", "stdout-path", "/no/such/node");
    ok(has_uart(0x9000000), "a path that is not there");
    set_bytes("/chosen", "stdout-path", "/pl011@9040000", 6);
    ok(has_uart(0x9000000), "a path without NUL");
    set_string("/chosen", "stdout-path", "/");
    ok(has_uart(0x9000000), "the root");
    remove_node("/aliases");
    set_string("/chosen", "stdout-path", "serial0");
    ok(has_uart(0x9000000), "no /aliases");
    remove_node("/chosen");
    ok(has_uart(0x9000000), "no /chosen");
    set_bytes("/pl011@9000000", "status", "okay", 4);
    ok(has_uart(0), "a status without NUL is not okay");
    SET_CELLS("/pl011@9000000", "reg", 0, 0x9000000);
    ok(has_uart(0), "registers of half an entry");
    remove_node("/pl011@9000000");
    ok(take() && fdt_console(block, &kind, &regs) == -ENODEV && kind == FDT_UART_NONE &&
           regs.bytes == 0,
       "no port at all");
}

/* One big-endian word of the header, the rest being right. */
static void refuse_header(size_t word, uint32_t value, const char *want)
{
    build_virt(2, 2);
    must(fdt_pack(tree));
    fdt32_st(tree + 4 * word, value);
    ok(check(tree, block_bytes) == -EINVAL, "header refused");
    same(e.text, want);
}

static void test_check(void)
{
    char want[200];
    char *odd;
    uint64_t bytes = 0;

    build_virt(2, 2);
    ok(take() && fdt_check(block, block_bytes + 100, &bytes, &e) == 0 && bytes == block_bytes,
       "a tree in more bytes than it has");
    fdt_set_last_comp_version(block, 17);
    ok(fdt_check(block, block_bytes, &bytes, &e) == 0, "a tree for version 17 only");
    odd = malloc(block_bytes + 4);
    memcpy(odd + 4, block, block_bytes);
    ok(fdt_check(odd + 4, block_bytes, &bytes, &e) == -EINVAL, "a tree at an odd place");
    snprintf(want, sizeof(want), "device tree: at %p, a multiple of 8 expected", (void *)(odd + 4));
    same(e.text, want);
    free(odd);
    ok(check(tree, 39) == -EINVAL, "less than a header");
    same(e.text, "device tree: 39 bytes readable, a header of 40 expected");
    ok(take() && check(tree, 400) == -EINVAL, "less than the tree");
    snprintf(want, sizeof(want), "device tree: size %u, 40 to 400 expected",
             (unsigned)fdt_totalsize(tree));
    same(e.text, want);
    ok(take(), "the whole again");
    refuse_header(0, 0x54410001, "device tree: magic 0x54410001 at its start, 0xd00dfeed expected");
    refuse_header(5, 16, "device tree: version 16 (compatible with 16), 17 expected");
    refuse_header(6, 18, "device tree: version 17 (compatible with 18), 17 expected");
    refuse_header(
        2, 0x3a,
        "device tree: structure at 0x3a, reservations at 0x28, multiples of 4 and 8 expected");
    refuse_header(
        4, 0x2c,
        "device tree: structure at 0x38, reservations at 0x2c, multiples of 4 and 8 expected");
    snprintf(want, sizeof(want), "device tree: size 39, 40 to %llu expected",
             (unsigned long long)block_bytes);
    refuse_header(1, 39, want);
    snprintf(want, sizeof(want),
             "device tree: corrupt in its %llu bytes (FDT_ERR_TRUNCATED), a whole tree expected",
             (unsigned long long)block_bytes);
    refuse_header(3, 0xfffff000, want);
}

static bool sane_list(const struct memrange *list, unsigned n)
{
    bool good = n <= BOOTINFO_RANGES;

    for (unsigned i = 0; i < n && good; i++)
        good = list[i].bytes != 0;
    return good;
}

/* Whatever the tree at hand says, the answers are of the kind that fdt.h promises. */
static bool sane_answers(void)
{
    int err = read_bootinfo();
    bool good = (err == 0) == (e.text[0] == '\0') && (err != 0 || bi.nram != 0) &&
                sane_list(bi.ram, bi.nram) && sane_list(bi.reserved, bi.nreserved) &&
                memchr(bi.cmdline, '\0', sizeof(bi.cmdline)) != NULL;

    if (!good || (err != 0 && err != -EINVAL && err != -ENOMEM && err != -E2BIG))
        return false;
    err = read_platform();
    good = (err == 0) == (e.text[0] == '\0') && pf.ncpu <= FDT_MAX_CPUS &&
           pf.ncpu <= pf.ncpu_found && pf.ngicr <= 8 &&
           (pf.uart == FDT_UART_NONE) == (pf.uart_regs.bytes == 0);
    if (good && err == 0)
        good = pf.ncpu != 0 && pf.timer_intid >= 16 && pf.timer_intid < 32 && pf.gicd.bytes != 0 &&
               (pf.gic_version == 2 ? pf.gicc.bytes != 0 : pf.gic_version == 3 && pf.ngicr != 0);
    return good && (err == 0 || err == -EINVAL || err == -ENODEV);
}

/* Cut trees: with the size they had, always refused; with a size made right, perhaps not. */
static void test_lengths(void)
{
    bool refused = true;
    bool sane = true;
    uint64_t whole;

    build_virt(3, 2);
    ok(take(), "the tree that is cut");
    whole = block_bytes;
    for (uint64_t n = 0; n < whole && refused; n++)
        refused = check(tree, n) == -EINVAL && e.text[0] != '\0';
    ok(refused, "every length of it");
    for (uint64_t n = 40; n < whole && sane; n++) {
        fdt_set_totalsize(tree, (uint32_t)n);
        sane = check(tree, n) == -EINVAL || sane_answers();
    }
    ok(sane, "every length of it, with that size in its header");
}

/* A byte anywhere, or a whole cell of the structure, where values and tags are. */
static void corrupt_once(size_t bytes)
{
    static const uint32_t cells[] = {0, 1,          2,          3,          4,
                                     9, 0x7fffffff, 0x80000000, 0xffffffff, GIC_PHANDLE};

    if (rnd_below(2) == 0) {
        tree[rnd_below(bytes)] = (char)rnd();
    } else {
        size_t words = fdt_size_dt_struct(block) / 4;

        fdt32_st(tree + fdt_off_dt_struct(block) + 4 * rnd_below(words),
                 cells[rnd_below(sizeof(cells) / sizeof(cells[0]))]);
    }
}

static void test_random(void (*build)(void), const char *what)
{
    bool good = true;
    int accepted = 0;

    for (int i = 0; i < RANDOM_CHANGES && good; i++) {
        build();
        must(fdt_pack(tree));
        check(tree, fdt_totalsize(tree));
        for (size_t n = 1 + rnd_below(3); n > 0; n--)
            corrupt_once(block_bytes);
        if (check(tree, block_bytes) == 0) {
            accepted++;
            good = sane_answers();
        } else {
            good = e.text[0] != '\0';
        }
    }
    ok(good, "%s: %d random corruptions, %d of them accepted", what, RANDOM_CHANGES, accepted);
}

static void build_virt3(void)
{
    build_virt(3, 2);
    edit();
    SET_CELLS("/chosen", "linux,initrd-start", 0x48000000);
    SET_CELLS("/chosen", "linux,initrd-end", 0, 0x48001234);
    set_string("/timer", "interrupt-names", "virt");
}

static void show_range(const char *what, struct memrange r)
{
    printf("  %s 0x%llx + 0x%llx\n", what, (unsigned long long)r.base, (unsigned long long)r.bytes);
}

static void show_bootinfo(void)
{
    int err = read_bootinfo();

    printf("  bootinfo %d %s\n", err, e.text);
    for (unsigned i = 0; i < bi.nram; i++)
        show_range("ram", bi.ram[i]);
    for (unsigned i = 0; i < bi.nreserved; i++)
        show_range("reserved", bi.reserved[i]);
    show_range("module", bi.module);
    printf("  cmdline \"%s\"\n", bi.cmdline);
}

static void show_platform(void)
{
    int err = read_platform();

    printf("  platform %d %s\n", err, e.text);
    printf("  cpus %u:", pf.ncpu);
    for (unsigned i = 0; i < pf.ncpu; i++)
        printf(" %llx", (unsigned long long)pf.cpu_mpidr[i]);
    printf("\n  psci %d 0x%x, gic %u, timer %u, uart %d\n", pf.psci, (unsigned)pf.psci_cpu_on,
           pf.gic_version, pf.timer_intid, pf.uart);
    show_range("gicd", pf.gicd);
    show_range("gicc", pf.gicc);
    for (unsigned i = 0; i < pf.ngicr; i++)
        show_range("gicr", pf.gicr[i]);
    show_range("uart", pf.uart_regs);
}

static int show_file(const char *path)
{
    static char bytes[1 << 22];
    FILE *from = fopen(path, "rb");
    size_t n;

    if (from == NULL)
        return 1;
    n = fread(bytes, 1, sizeof(bytes), from);
    fclose(from);
    if (check(bytes, n) != 0) {
        printf("%s\n", e.text);
        return 1;
    }
    show_bootinfo();
    show_platform();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int status = show_file(argv[1]);

        free(block);
        return status;
    }
    test_virt();
    test_boards();
    test_memory();
    test_memory_refusals();
    test_chosen();
    test_cpus();
    test_psci();
    test_timer();
    test_gic_refusals();
    test_ranges_refusals();
    test_console();
    test_check();
    test_lengths();
    test_random(build_virt3, "virt");
    test_random(build_rpi4, "Raspberry Pi 4");
    free(block);
    return done();
}
