/*
 * test_fdt.c - what is found in a device tree.
 *
 * Goal:   memory, cores, PSCI, GIC, timer and console come out of trees like those of QEMU's virt
 *         machine, Raspberry Pi 3, 4 and 5 and ZynqMP, and out of what else the bindings allow.
 * Method: the example trees of fdt_trees.h, and edits of them. Refusals are in test_fdt_bad.c.
 *         With arguments: prints what is found in those .dtb files, to compare with their sources.
 * Time:   under 1 s.
 */
#include "tests/host/fdt_trees.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <libfdt.h>

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
    set_bytes("/reserved-memory/tee@41000000", "no-map", NULL, 0);
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
    ok(bi.nnomap == 2 && is_range(bi.nomap[0], 0x41000000, 0x100000) &&
           is_range(bi.nomap[1], 0x42000000, 0x1000),
       "what is not to be mapped is listed once more");
    memset(&bi, 0, sizeof(bi));
    bi.nram = bi.nreserved = 1;
    ok(fdt_bootinfo(block, &bi, &e) == 0 && bi.nram == 4 && bi.nreserved == 5,
       "bootinfo is added to");
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
}

static void test_timer(void)
{
    static const char names[] = "phys\0virt\0hyp-phys";

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
}

static void test_deep(void)
{
    build_deep(16);
    ok(take() && read_platform() == 0 && is_range(pf.gicd, 0x8000000, 0x10000), "16 buses");
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
    char alias[1000] = "";

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
    set_string("/aliases", "", "/pl011@9000000");
    set_string("/chosen", "stdout-path", ":9600");
    remove_property("/pl011@9040000", "status");
    ok(has_uart(0x9040000), "options only, which are no alias without name");
    memset(alias, 'a', sizeof(alias) - 1);
    set_string("/chosen", "stdout-path", alias);
    ok(has_uart(0x9000000), "an alias longer than any name");
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
    ok(take() && read_platform() == 0 && pf.uart == FDT_UART_NONE && pf.uart_regs.bytes == 0,
       "no port at all");
}

static bool has_uart_interrupt(unsigned intid)
{
    bool good = take() && read_platform() == 0 && pf.uart == FDT_UART_PL011 &&
                pf.uart_intid == intid;

    build_virt(2, 2);
    edit();
    return good;
}

static void test_console_interrupt(void)
{
    build_virt(2, 2);
    edit();
    ok(has_uart_interrupt(0), "a port without interrupts");
    SET_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    ok(has_uart_interrupt(33), "SPI 1, by the root's interrupt-parent");
    SET_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    remove_property("/", "interrupt-parent");
    SET_CELLS("/timer", "interrupt-parent", GIC_PHANDLE);
    ok(has_uart_interrupt(0), "no parent");
    SET_CELLS("/pl011@9000000", "interrupts-extended", GIC_PHANDLE, 0, 987, 4, GIC_PHANDLE, 0, 5,
              4);
    ok(has_uart_interrupt(1019), "interrupts-extended, the last SPI");
    SET_CELLS("/pl011@9000000", "interrupts", 0, 988, 4);
    ok(has_uart_interrupt(0), "one more is none");
    SET_CELLS("/pl011@9000000", "interrupts", 1, 1, 4);
    ok(has_uart_interrupt(0), "a PPI is not used");
    SET_CELLS("/pl011@9000000", "interrupts", 0, 1);
    ok(has_uart_interrupt(0), "two cells of three");
    add_node("/", "other");
    SET_CELLS("/other", "phandle", 0x77);
    SET_CELLS("/other", "#interrupt-cells", 3);
    SET_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    SET_CELLS("/pl011@9000000", "interrupt-parent", 0x77);
    ok(has_uart_interrupt(0), "another controller than the timer's");
    SET_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    set_string("/pl011@9000000", "status", "disabled");
    ok(take() && read_platform() == 0 && pf.uart == FDT_UART_NONE && pf.uart_intid == 0,
       "no port, no interrupt");
}

static void test_clock(void)
{
    build_virt(3, 2);
    edit();
    ok(take() && read_platform() == 0 && pf.rtc_regs.bytes == 0, "no real-time clock");
    edit();
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"rtc@3000", "rtc@2000", "rtc@1000"};
        char path[16];
        snprintf(path, sizeof path, "/%s", names[i]);
        add_node("/", names[i]);
        set_string(path, "compatible", i == 2 ? "nxp,pcf8563" : "arm,pl031");
    }
    SET_CELLS("/rtc@1000", "reg", 0, 0x1000, 0, 0x1000);
    SET_CELLS("/rtc@2000", "reg", 0, 0x2000, 0, 0x1000);
    SET_CELLS("/rtc@3000", "reg", 0, 0x3000, 0);
    ok(take() && read_platform() == 0 && is_range(pf.rtc_regs, 0x2000, 0x1000),
       "real-time clock: the first PL031 that has an address");
    edit();
    set_string("/rtc@2000", "status", "disabled");
    ok(take() && read_platform() == 0 && pf.rtc_regs.bytes == 0, "one that is disabled is none");
}

static void put_transport(const char *path, const char *name, const char *compatible)
{
    add_node("/", name);
    set_string(path, "compatible", compatible);
}

/* As many as there are: their addresses, one after another. */
static unsigned read_virtio(uint64_t *base, unsigned max)
{
    struct memrange regs;
    unsigned n = 0;

    for (int at = -1; n < max && fdt_next_virtio(block, &at, &regs); n++)
        base[n] = regs.bytes == 0x200 ? regs.base : 0;
    return n;
}

static void test_virtio(void)
{
    uint64_t base[5];

    build_virt(2, 2);
    ok(take() && read_virtio(base, 5) == 0, "no virtio");
    edit();
    put_transport("/virtio_mmio@a000200", "virtio_mmio@a000200", "virtio,mmio");
    SET_CELLS("/virtio_mmio@a000200", "reg", 0, 0xa000200, 0, 0x200);
    put_transport("/virtio_mmio@a000400", "virtio_mmio@a000400", "virtio,mmio");
    SET_CELLS("/virtio_mmio@a000400", "reg", 0, 0xa000400, 0, 0x200);
    set_string("/virtio_mmio@a000400", "status", "disabled");
    put_transport("/virtio_mmio@a000600", "virtio_mmio@a000600", "virtio,mmio");
    put_transport("/virtio_mmio@a000800", "virtio_mmio@a000800", "virtio,mmio");
    SET_CELLS("/virtio_mmio@a000800", "reg", 0, 0xa000800, 0, 0);
    put_transport("/virtio_pci", "virtio_pci", "virtio,pci");
    SET_CELLS("/virtio_pci", "reg", 0, 0xa000a00, 0, 0x200);
    put_transport("/virtio_mmio@a000c00", "virtio_mmio@a000c00", "virtio,mmio");
    SET_CELLS("/virtio_mmio@a000c00", "reg", 0x10, 0xa000c00, 0, 0x200);
    ok(take() && read_virtio(base, 5) == 2, "two, without those disabled or without an address");
    ok((base[0] == 0xa000200 && base[1] == UINT64_C(0x100a000c00)) ||
           (base[1] == 0xa000200 && base[0] == UINT64_C(0x100a000c00)),
       "both are found");
    ok(read_virtio(base, 1) == 1 && read_virtio(base, 5) == 2, "a search may begin anew");
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
    printf("\n  psci %d 0x%x, gic %u, timer %u, uart %d by %u\n", pf.psci, (unsigned)pf.psci_cpu_on,
           pf.gic_version, pf.timer_intid, pf.uart, pf.uart_intid);
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
    int status = 0;

    if (argc > 1) {
        for (int i = 1; i < argc; i++)
            status |= show_file(argv[i]);
        free(block);
        return status;
    }
    test_virt();
    test_boards();
    test_memory();
    test_chosen();
    test_cpus();
    test_psci();
    test_timer();
    test_deep();
    test_console();
    test_console_interrupt();
    test_clock();
    test_virtio();
    free(block);
    return done();
}
