/*
 * test_fdt_bad.c - device trees that are refused, broken or made to be slow.
 *
 * Goal:   each refusal has its text; no tree, however broken, makes a read outside of it, a loop
 *         without end, or time that grows faster than its size.
 * Method: a refusal is one edit of a good tree. Every tree lies in an allocation of exactly its
 *         size. Then every length of a good tree, random corruption, and trees of 2 MiB of which
 *         each part is what another part would have to be read again for.
 * Time:   under 60 s, after which SIGALRM ends it.
 */
#include "tests/host/fdt_raw.h"
#include "tests/host/fdt_trees.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <libfdt.h>
#include <unistd.h>

#define RANDOM_CHANGES 30000

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

static void test_memory(void)
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
    static char line[BOOTINFO_CMDLINE];

    memset(line, 'a', sizeof(line));
    build_virt(2, 2);
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
    static const char nine[] = "0\0001\0002\0003\0004\0005\0006\0007\0virt";

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

static void test_gic(void)
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
    SET_CELLS("/", "phandle", GIC_PHANDLE + 1);
    SET_CELLS("/", "interrupt-parent", GIC_PHANDLE + 1);
    SET_CELLS("/", "#interrupt-cells", 3);
    SET_CELLS("/", "reg", 0, 0x8000000, 0, 0x10000);
    set_string("/", "compatible", "arm,gic-400");
    refuse_platform(-EINVAL, "device tree: the root as a device, a node on a bus expected");
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

static void test_ranges(void)
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

    build_deep(17);
    refuse_platform(-EINVAL, "device tree: gic: more than 16 buses above it");
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
           (pf.uart == FDT_UART_NONE) == (pf.uart_regs.bytes == 0) &&
           (pf.uart_intid == 0 ||
            (pf.uart != FDT_UART_NONE && pf.uart_intid >= 32 && pf.uart_intid < 1020));
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

static int check_raw(void)
{
    const char *from;
    size_t bytes = raw_end(&from);

    return check(from, bytes);
}

/* Trees that libfdt's own check takes for ever for, or more time than is good. */
static void test_check_ends(void)
{
    for (uint32_t back = 1; back <= 40; back++) {
        raw_begin();
        raw_node("");
        raw_cell("a", 1);
        RAW(FDT_PROP, 0 - back, 0, FDT_END_NODE, FDT_END);
        ok(check_raw() == -EINVAL, "a length of -%u", (unsigned)back);
        same(e.text,
             "device tree: a broken token at 0x18 of its structure, one whole tree expected");
    }
    raw_begin();
    raw_node("");
    raw_cell("a", 1);
    raw_filler(255);
    RAW(FDT_END_NODE, FDT_END);
    ok(check_raw() == 0, "a name of 255 characters");
    raw_begin();
    raw_node("");
    raw_cell("a", 1);
    raw_filler(256);
    RAW(FDT_END_NODE, FDT_END);
    ok(check_raw() == -EINVAL, "a name of 256 characters");
    same(e.text, "device tree: a property's name of more than 255 characters");
}

/* What only libfdt looks at. */
static void test_check_full(void)
{
    raw_begin();
    raw_node("");
    RAW(FDT_PROP, 0, 1000, FDT_END_NODE, FDT_END);
    ok(check_raw() == -EINVAL, "a property whose name is not in the strings");
    same(e.text, "device tree: corrupt in its 84 bytes (FDT_ERR_BADOFFSET), a whole tree expected");
    raw_begin();
    raw_node("root");
    RAW(FDT_END_NODE, FDT_END);
    ok(check_raw() == -EINVAL, "a root that has a name");
    same(e.text,
         "device tree: corrupt in its 76 bytes (FDT_ERR_BADSTRUCTURE), a whole tree expected");
}

/* Nodes that are of interest, as many as there may be, below a bus with many properties. */
static void put_many(const char *parent, const char *type, int nodes, int properties)
{
    raw_node(parent);
    for (int i = 0; i < properties; i++)
        raw_property("x", NULL, 0);
    raw_cell("#address-cells", 2);
    raw_cell("#size-cells", 2);
    for (int i = 0; i < nodes; i++) {
        raw_node("n");
        raw_property("device_type", type, strlen(type) + 1);
        raw_property("compatible", "arm,pl011", 10);
        raw_property("reg", NULL, 16);
        RAW(FDT_END_NODE);
    }
}

/* Each answer takes a number of walks that does not depend on the tree: about a second, while a
 * look at the bus for each node or each entry takes minutes. */
static void test_slow(void)
{
    raw_begin();
    put_many("", "memory", 4000, 100000);
    RAW(FDT_END_NODE, FDT_END);
    ok(check_raw() == 0 && read_bootinfo() == -ENOMEM && read_platform() == -ENODEV,
       "4,000 empty memory nodes below 100,000 properties");
    raw_begin();
    put_many("", "memory", 1, 50000);
    raw_node("big");
    raw_property("device_type", "memory", 7);
    raw_property("reg", NULL, 16 * 75000);
    RAW(FDT_END_NODE, FDT_END_NODE, FDT_END);
    ok(check_raw() == 0 && read_bootinfo() == -ENOMEM, "75,000 empty entries in one of them");
    raw_begin();
    raw_node("");
    put_many("reserved-memory", "", 4000, 100000);
    RAW(FDT_END_NODE, FDT_END_NODE, FDT_END);
    ok(check_raw() == 0 && read_bootinfo() == -ENOMEM, "the same, reserved");
    raw_begin();
    raw_node("");
    put_many("cpus", "cpu", 4000, 100000);
    RAW(FDT_END_NODE, FDT_END_NODE, FDT_END);
    ok(check_raw() == 0 && read_platform() == -EINVAL, "the same, cores");
    raw_begin();
    raw_node("");
    for (int i = 0; i < 4000; i++)
        raw_node("n");
    for (int i = 0; i < 4000; i++)
        RAW(FDT_END_NODE);
    RAW(FDT_END_NODE, FDT_END);
    ok(check_raw() == 0 && read_bootinfo() == -ENOMEM && read_platform() == -ENODEV,
       "4,000 levels");
}

int main(void)
{
    alarm(60);
    test_memory();
    test_chosen();
    test_cpus();
    test_psci();
    test_timer();
    test_gic();
    test_ranges();
    test_check();
    test_check_ends();
    test_check_full();
    test_slow();
    test_lengths();
    test_random(build_virt3, "virt");
    test_random(build_rpi4, "Raspberry Pi 4");
    free(block);
    return done();
}
