/*
 * fdt_trees.c - trees like those of QEMU's virt machine, Raspberry Pi 3, 4 and 5 and ZynqMP, cut
 * down to the nodes that matter, and their edits. Written with libfdt, whose first error stops the
 * program.
 */
#include "tests/host/fdt_trees.h"

#include "tests/host/tap.h"

#include <errno.h>
#include <libfdt.h>

#define LOCAL_PHANDLE 0x18

char tree[TREE_BYTES];
void *block;
uint64_t block_bytes;
struct bootinfo bi;
struct fdt_platform pf;
struct errbuf e;

void must(int err)
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
void build_virt(unsigned gic, unsigned ncpu)
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
void build_rpi3(void)
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
void build_rpi4(void)
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
void build_rpi5(void)
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
void build_zynqmp(void)
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

static int at(const char *path)
{
    int offset = fdt_path_offset(tree, path);

    must(offset);
    return offset;
}

void edit(void)
{
    must(fdt_open_into(tree, tree, TREE_BYTES));
}

void set_cells(const char *path, const char *name, const uint32_t *cells, size_t n)
{
    void *to;

    must(fdt_setprop_placeholder(tree, at(path), name, (int)(4 * n), &to));
    for (size_t i = 0; i < n; i++)
        fdt32_st((char *)to + 4 * i, cells[i]);
}

void set_string(const char *path, const char *name, const char *text)
{
    must(fdt_setprop_string(tree, at(path), name, text));
}

void set_bytes(const char *path, const char *name, const char *bytes, int n)
{
    must(fdt_setprop(tree, at(path), name, bytes, n));
}

void remove_property(const char *path, const char *name)
{
    must(fdt_delprop(tree, at(path), name));
}

void add_node(const char *path, const char *name)
{
    must(fdt_add_subnode(tree, at(path), name));
}

void remove_node(const char *path)
{
    must(fdt_del_node(tree, at(path)));
}

/* build_virt(2, 2) with its GIC below so many buses. */
void build_deep(int buses)
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

int check(const void *from, uint64_t bytes)
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

bool take(void)
{
    must(fdt_pack(tree));
    return check(tree, fdt_totalsize(tree)) == 0;
}

int read_bootinfo(void)
{
    memset(&bi, 0, sizeof(bi));
    e.text[0] = '\0';
    return fdt_bootinfo(block, &bi, &e);
}

int read_platform(void)
{
    memset(&pf, 0xaa, sizeof(pf));
    e.text[0] = '\0';
    return fdt_platform(block, &pf, &e);
}

bool is_range(struct memrange r, uint64_t base, uint64_t bytes)
{
    return r.base == base && r.bytes == bytes;
}

bool is_uart(uint64_t base, uint64_t bytes)
{
    return pf.uart == FDT_UART_PL011 && is_range(pf.uart_regs, base, bytes);
}
