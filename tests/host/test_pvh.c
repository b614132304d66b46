/*
 * test_pvh.c - PVH start info.
 *
 * Goal:   a start info as QEMU makes it is understood; each refusal has its text; nothing is read
 *         that map() did not give.
 * Method: a small physical memory whose map() copies the bytes asked for to an odd address where an
 *         allocation ends, so that the sanitizers see a read past them or an aligned access.
 *         Directed cases, every length of that memory, and random corruption.
 * Time:   under 10 s.
 */
#include "boot/x86_64/pvh.h"
#include "tests/host/tap.h"

#include <errno.h>

#define PHYS_BASE      UINT64_C(0x1000)
#define PHYS_BYTES     0x2000
#define RANDOM_CHANGES 100000

/* Where the parts of a case lie; odd addresses on purpose. */
#define INFO    0x1003
#define MODULES 0x1105
#define MEMMAP  0x1207
#define CMDLINE 0x2001

static unsigned char phys[PHYS_BYTES];
static size_t phys_readable = PHYS_BYTES;

/* Every allocation that map() made in the case at hand. */
static void *given[4096];
static unsigned ngiven;

static struct hvm_start_info info;
static struct hvm_modlist_entry modules[1];
static struct hvm_memmap_entry memmap[2 * BOOTINFO_RANGES + 2];
static const char *cmdline;

static struct bootinfo bi;
static struct errbuf e;

/* map() was asked for something that no caller should ask for. */
static bool misused;

static const void *map(uint64_t at, size_t bytes)
{
    unsigned char *copy;

    if (bytes == 0 || bytes - 1 > UINT64_MAX - at)
        misused = true;
    if (at < PHYS_BASE || at - PHYS_BASE > phys_readable ||
        bytes > phys_readable - (at - PHYS_BASE))
        return NULL;
    copy = malloc(bytes + 1);
    given[ngiven++] = copy;
    memcpy(copy + 1, phys + (at - PHYS_BASE), bytes);
    return copy + 1;
}

static void put(uint64_t at, const void *from, size_t bytes)
{
    memcpy(phys + (at - PHYS_BASE), from, bytes);
}

/* What QEMU's q35 gives, in short. Behind the map's last entry lies one that does not count. */
static void default_case(void)
{
    static const struct hvm_memmap_entry pc[] = {
        {0, 0x9fc00, 1, 0},          {0x9fc00, 0x400, 2, 0},     {0xf0000, 0x10000, 2, 0},
        {0x100000, 0x7ee0000, 1, 0}, {0x7fe0000, 0x20000, 3, 0}, {0xfffc0000, 0x40000, 2, 0},
        {0x100000000, 0, 1, 0},
    };

    info = (struct hvm_start_info){
        .magic = PVH_MAGIC,
        .version = 1,
        .nr_modules = 1,
        .modlist_paddr = MODULES,
        .cmdline_paddr = CMDLINE,
        .rsdp_paddr = 0xf5ab0,
        .memmap_paddr = MEMMAP,
        .memmap_entries = sizeof(pc) / sizeof(pc[0]),
    };
    modules[0] = (struct hvm_modlist_entry){.paddr = 0x7f00000, .size = 0x1234};
    memset(memmap, 0, sizeof(memmap));
    memcpy(memmap, pc, sizeof(pc));
    memmap[sizeof(pc) / sizeof(pc[0])] = (struct hvm_memmap_entry){0x200000000, 0x1000, 1, 0};
    cmdline = "cores=2 -- hello";
}

static void lay_out(void)
{
    memset(phys, 0, sizeof(phys));
    put(INFO, &info, sizeof(info));
    put(MODULES, modules, sizeof(modules));
    put(MEMMAP, memmap, sizeof(memmap));
    put(CMDLINE, cmdline, strlen(cmdline) + 1);
}

static int read_info(void)
{
    int err;

    memset(&bi, 0, sizeof(bi));
    memset(bi.cmdline, 'x', sizeof(bi.cmdline));
    e.text[0] = '\0';
    misused = false;
    err = pvh_bootinfo(INFO, map, &bi, &e);
    while (ngiven > 0)
        free(given[--ngiven]);
    return err;
}

static void refuse(int err, const char *want)
{
    lay_out();
    ok(read_info() == err && !misused, "refused");
    same(e.text, want);
    default_case();
}

static void test_good(void)
{
    default_case();
    lay_out();
    ok(read_info() == 0, "a start info as QEMU makes it");
    ok(strcmp(bi.loader, "PVH") == 0 && bi.rsdp_phys == 0xf5ab0 && bi.fdt_phys == 0,
       "loader, RSDP");
    ok(bi.module.base == 0x7f00000 && bi.module.bytes == 0x1234, "module");
    ok(bi.nram == 2 && bi.ram[0].base == 0 && bi.ram[0].bytes == 0x9fc00 &&
           bi.ram[1].base == 0x100000 && bi.ram[1].bytes == 0x7ee0000,
       "RAM, an empty entry left out");
    ok(bi.nreserved == 4 && bi.reserved[2].base == 0x7fe0000 && bi.reserved[3].bytes == 0x40000,
       "all else is reserved");
    same(bi.cmdline, "cores=2 -- hello");
}

static void test_optional(void)
{
    default_case();
    info.nr_modules = 0;
    info.modlist_paddr = 1;
    info.cmdline_paddr = 0;
    info.rsdp_paddr = 0;
    lay_out();
    ok(read_info() == 0 && bi.module.bytes == 0 && bi.cmdline[0] == '\0' && bi.rsdp_phys == 0,
       "no module, no command line, no RSDP");
    default_case();
    info.nr_modules = 3;
    lay_out();
    ok(read_info() == 0 && bi.module.base == 0x7f00000, "of three modules the first");
}

static void test_largest(void)
{
    default_case();
    for (unsigned i = 0; i < 2 * BOOTINFO_RANGES; i++)
        memmap[i] = (struct hvm_memmap_entry){0x10000 * (i + UINT64_C(1)), 0x1000, 1 + i % 2, 0};
    info.memmap_entries = 2 * BOOTINFO_RANGES;
    lay_out();
    ok(read_info() == 0 && bi.nram == BOOTINFO_RANGES && bi.nreserved == BOOTINFO_RANGES,
       "as many entries as a bootinfo holds");
}

static void test_start_info(void)
{
    default_case();
    info.magic = 0x2badb002;
    refuse(-EINVAL, "pvh: start info at 0x1003: magic 0x2badb002, 0x336ec578 expected");
    info.version = 0;
    refuse(-EINVAL, "pvh: version 0: it has no memory map, 1 or later expected");
    info.memmap_entries = 0;
    refuse(-ENOMEM, "pvh: memmap_entries is 0: no memory map, at least one entry expected");
    info.memmap_entries = 2 * BOOTINFO_RANGES + 1;
    refuse(-E2BIG, "pvh: memmap_entries is 129, at most 128 expected");
    ok(pvh_bootinfo(0, map, &bi, &e) == -EINVAL, "start info at an address that can't be read");
    same(e.text, "pvh: start info: 0x0: 56 bytes there can't be read, an address in RAM expected");
    ok(pvh_bootinfo(UINT64_MAX - 8, map, &bi, &e) == -EINVAL, "start info that ends past 64 bits");
    same(e.text, "pvh: start info: 0xfffffffffffffff7: 56 bytes there can't be read, an address in "
                 "RAM expected");
}

static void test_memmap(void)
{
    default_case();
    info.memmap_paddr = 0x3000 - 24;
    refuse(-EINVAL,
           "pvh: memmap_paddr: 0x3000: 24 bytes there can't be read, an address in RAM expected");
    info.memmap_paddr = UINT64_MAX;
    refuse(-EINVAL, "pvh: memmap_paddr: 0xffffffffffffffff: 24 bytes there can't be read, an "
                    "address in RAM expected");
    memmap[3].size = UINT64_MAX;
    refuse(-EINVAL,
           "pvh: memory map entry 3: 0xffffffffffffffff bytes at 0x100000 end past 64 bits");
    memmap[0].type = 2;
    memmap[3].type = 5;
    refuse(-ENOMEM, "pvh: no RAM among the 7 entries of the memory map, type 1 expected");
    for (unsigned i = 0; i <= BOOTINFO_RANGES; i++)
        memmap[i] = (struct hvm_memmap_entry){0x10000 * (i + UINT64_C(1)), 0x1000, 1, 0};
    info.memmap_entries = BOOTINFO_RANGES + 1;
    refuse(-E2BIG, "pvh: memory map: more than 64 RAM ranges, the next is at 0x410000");
    for (unsigned i = 0; i <= BOOTINFO_RANGES; i++)
        memmap[i] = (struct hvm_memmap_entry){0x10000 * (i + UINT64_C(1)), 0x1000, 2, 0};
    info.memmap_entries = BOOTINFO_RANGES + 1;
    refuse(-E2BIG, "pvh: memory map: more than 64 reserved ranges, the next is at 0x410000");
}

static void test_module(void)
{
    default_case();
    info.modlist_paddr = 0;
    refuse(-EINVAL,
           "pvh: modlist_paddr: 0x0: 32 bytes there can't be read, an address in RAM expected");
    modules[0].size = UINT64_C(0) - 0x7f00000;
    refuse(-EINVAL, "pvh: module 0: 0xfffffffff8100000 bytes at 0x7f00000 end past 64 bits");
}

static void test_cmdline(void)
{
    char text[BOOTINFO_CMDLINE + 1];

    default_case();
    memset(text, 'a', sizeof(text));
    text[BOOTINFO_CMDLINE - 1] = '\0';
    cmdline = text;
    lay_out();
    ok(read_info() == 0 && strlen(bi.cmdline) == BOOTINFO_CMDLINE - 1, "the longest command line");
    text[BOOTINFO_CMDLINE - 1] = 'a';
    text[BOOTINFO_CMDLINE] = '\0';
    refuse(-E2BIG, "pvh: cmdline_paddr: 0x2001: no NUL in 2048 bytes, at most 2047 characters fit");
    info.cmdline_paddr = 0x3000;
    refuse(-EINVAL,
           "pvh: cmdline_paddr: 0x3000: 1 bytes there can't be read, an address in RAM expected");
    info.cmdline_paddr = 0x2fff;
    lay_out();
    ok(read_info() == 0 && bi.cmdline[0] == '\0', "a NUL in the last byte of memory");
    phys[PHYS_BYTES - 1] = 'y';
    ok(read_info() == -EINVAL && bi.cmdline[0] == '\0', "a command line that runs out of memory");
    same(e.text,
         "pvh: cmdline_paddr: 0x3000: 1 bytes there can't be read, an address in RAM expected");
}

/* Whatever it says, its answer is one of these, with a line exactly if it is no. */
static bool sane_answer(int err)
{
    bool known = err == 0 || err == -EINVAL || err == -ENOMEM || err == -E2BIG;

    return known && !misused && (err == 0) == (e.text[0] == '\0') && (err != 0 || bi.nram != 0) &&
           bi.nram <= BOOTINFO_RANGES && bi.nreserved <= BOOTINFO_RANGES &&
           (err != 0 || memchr(bi.cmdline, '\0', sizeof(bi.cmdline)) != NULL);
}

static void test_lengths(void)
{
    bool good = true;
    size_t needed;

    default_case();
    lay_out();
    needed = CMDLINE + strlen(cmdline) + 1 - PHYS_BASE;
    for (phys_readable = 0; phys_readable < PHYS_BYTES && good; phys_readable++) {
        int err = read_info();

        good = sane_answer(err) && (err == 0) == (phys_readable >= needed);
    }
    phys_readable = PHYS_BYTES;
    ok(good, "memory of every length");
}

static void test_random(void)
{
    bool good = true;

    for (int i = 0; i < RANDOM_CHANGES && good; i++) {
        default_case();
        lay_out();
        for (size_t n = 1 + rnd_below(3); n > 0; n--) {
            size_t part = rnd_below(4);
            size_t at = part == 0   ? rnd_below(sizeof(info)) + INFO
                        : part == 1 ? rnd_below(sizeof(modules)) + MODULES
                        : part == 2 ? rnd_below(7 * sizeof(memmap[0])) + MEMMAP
                                    : rnd_below(strlen(cmdline) + 1) + CMDLINE;

            phys[at - PHYS_BASE] = (unsigned char)rnd();
        }
        good = sane_answer(read_info());
    }
    ok(good, "%d random corruptions", RANDOM_CHANGES);
}

int main(void)
{
    test_good();
    test_optional();
    test_largest();
    test_start_info();
    test_memmap();
    test_module();
    test_cmdline();
    test_lengths();
    test_random();
    return done();
}
