/*
 * test_acpi.c - RSDP, XSDT or RSDT, MADT and FADT.
 *
 * Goal:   cores, APICs, ISA interrupts and PM timer come out as the tables say; each refusal has its text;
 *         nothing is read that map() did not give.
 * Method: tables laid out in a small physical memory, at odd addresses. Its map() copies the bytes
 *         asked for to an odd address where an allocation ends, so that the sanitizers see a read
 *         past them or an aligned access. Directed cases, every length of a table, and random
 *         corruption, with and without mended checksums.
 * Time:   under 20 s.
 */
#include "kernel/acpi.h"
#include "tests/host/tap.h"

#include <errno.h>

#define PHYS_BASE      UINT64_C(0xe0000)
#define PHYS_BYTES     0x8000
#define RANDOM_CHANGES 100000

#define RSDP 0xe0001
#define RSDT 0xe0103
#define XSDT 0xe0205
#define FADT 0xe0307
#define MADT 0xe1009
#define NONE 0xf00000 // nothing can be read there

#define HEADER     36
#define FADT_BYTES 244
#define RSDP_BYTES 36

static unsigned char phys[PHYS_BYTES];
static size_t phys_readable = PHYS_BYTES;

static void *given[8192];
static unsigned ngiven;

static size_t madt_bytes;
static struct acpi_platform pf;
static struct errbuf e;

/* map() was asked for something that no caller should ask for. */
static bool misused;

static const void *map(uint64_t at, size_t bytes)
{
    unsigned char *copy;

    if (at == 0 || bytes == 0 || bytes - 1 > UINT64_MAX - at)
        misused = true;
    if (at < PHYS_BASE || at - PHYS_BASE > phys_readable ||
        bytes > phys_readable - (at - PHYS_BASE))
        return NULL;
    copy = malloc(bytes + 1);
    given[ngiven++] = copy;
    memcpy(copy + 1, phys + (at - PHYS_BASE), bytes);
    return copy + 1;
}

static unsigned char *at_phys(uint64_t at)
{
    return phys + (at - PHYS_BASE);
}

/* Little-endian. */
static void put(uint64_t at, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at_phys(at)[i] = (unsigned char)(v >> 8 * i);
}

/* Makes the bytes sum to zero by the one at `check`. */
static void mend(uint64_t at, size_t bytes, uint64_t check)
{
    unsigned char sum = 0;

    *at_phys(check) = 0;
    for (size_t i = 0; i < bytes; i++)
        sum = (unsigned char)(sum + at_phys(at)[i]);
    *at_phys(check) = (unsigned char)-sum;
}

static void mend_table(uint64_t at, size_t bytes)
{
    mend(at, bytes, at + 9);
}

static void mend_rsdp(void)
{
    mend(RSDP, 20, RSDP + 8);
    mend(RSDP, RSDP_BYTES, RSDP + 32);
}

static void put_table(uint64_t at, const char *signature, size_t bytes)
{
    memcpy(at_phys(at), signature, 4);
    put(at + 4, bytes, 4);
    mend_table(at, bytes);
}

static void put_rsdp(unsigned revision)
{
    memcpy(at_phys(RSDP), "RSD PTR ", 8);
    put(RSDP + 15, revision, 1);
    put(RSDP + 16, RSDT, 4);
    put(RSDP + 20, RSDP_BYTES, 4);
    put(RSDP + 24, XSDT, 8);
    mend_rsdp();
}

/* Both root tables name a table that can't be read, the FADT, one of no interest, and the MADT. */
static void put_roots(void)
{
    static const uint32_t tables[] = {NONE, FADT, RSDT, MADT};

    for (unsigned i = 0; i < 4; i++) {
        put(RSDT + HEADER + 4 * i, tables[i], 4);
        put(XSDT + HEADER + 8 * i, tables[i], 8);
    }
    put_table(RSDT, "RSDT", HEADER + 4 * 4);
    put_table(XSDT, "XSDT", HEADER + 8 * 4);
}

static void put_fadt(void)
{
    put(FADT + 76, 0x608, 4); // PM_TMR_BLK
    put(FADT + 91, 4, 1);     // PM_TMR_LEN
    put_table(FADT, "FACP", FADT_BYTES);
}

static void madt_close(void)
{
    put_table(MADT, "APIC", madt_bytes);
}

static void madt_open(void)
{
    put(MADT + HEADER, 0xfee00000, 4);
    madt_bytes = HEADER + 8;
    madt_close();
}

static void add_entry(unsigned type, unsigned length)
{
    put(MADT + madt_bytes, type, 1);
    put(MADT + madt_bytes + 1, length, 1);
    madt_bytes += length;
    madt_close();
}

static void add_apic(unsigned id, uint32_t flags)
{
    put(MADT + madt_bytes + 3, id, 1);
    put(MADT + madt_bytes + 4, flags, 4);
    add_entry(0, 8);
}

static void add_x2apic(uint32_t id, uint32_t flags)
{
    put(MADT + madt_bytes + 4, id, 4);
    put(MADT + madt_bytes + 8, flags, 4);
    add_entry(9, 16);
}

static void add_ioapic(uint32_t at, uint32_t gsi_base)
{
    put(MADT + madt_bytes + 4, at, 4);
    put(MADT + madt_bytes + 8, gsi_base, 4);
    add_entry(1, 12);
}

static void add_override(unsigned bus, unsigned irq, uint32_t gsi, unsigned flags)
{
    put(MADT + madt_bytes + 2, bus, 1);
    put(MADT + madt_bytes + 3, irq, 1);
    put(MADT + madt_bytes + 4, gsi, 4);
    put(MADT + madt_bytes + 8, flags, 2);
    add_entry(2, 10);
}

/* Two sockets of two cores as QEMU numbers them, an I/O APIC, an override and an NMI entry. */
static void default_case(void)
{
    memset(phys, 0, sizeof(phys));
    put_rsdp(2);
    put_roots();
    put_fadt();
    madt_open();
    for (unsigned i = 0; i < 4; i++)
        add_apic(i, 1);
    add_ioapic(0xfec00000, 0);
    add_override(0, 0, 2, 0);
    add_entry(4, 6);
}

static int read_tables(void)
{
    int err;

    e.text[0] = '\0';
    misused = false;
    err = acpi_read(RSDP, map, &pf, &e);
    while (ngiven > 0)
        free(given[--ngiven]);
    return err;
}

static void refuse(int err, const char *want)
{
    ok(read_tables() == err && !misused, "refused");
    same(e.text, want);
    default_case();
}

static bool is_isa(unsigned irq, uint32_t gsi, bool active_low, bool level)
{
    const struct acpi_isa_irq *i = &pf.isa_irq[irq];

    return i->gsi == gsi && i->active_low == active_low && i->level == level;
}

static void test_good(void)
{
    default_case();
    ok(read_tables() == 0, "tables as QEMU makes them");
    ok(pf.ncpu == 4 && pf.ncpu_found == 4 && pf.apic_id[0] == 0 && pf.apic_id[3] == 3, "4 cores");
    ok(pf.lapic_phys == 0xfee00000, "local APIC");
    ok(pf.pm_timer_port == 0x608 && pf.pm_timer_bits == 24, "PM timer of 24 bits");
    ok(pf.nioapic == 1 && pf.ioapic[0].phys == 0xfec00000 && pf.ioapic[0].gsi_base == 0,
       "I/O APIC");
    ok(is_isa(0, 2, false, false) && is_isa(4, 4, false, false), "ISA interrupts 0 and 4");
    put_rsdp(0);
    memset(at_phys(RSDP + 20), 0xaa, 16);
    memset(at_phys(XSDT), 0, 4);
    ok(read_tables() == 0 && pf.ncpu == 4 && pf.pm_timer_port == 0x608, "revision 0: by the RSDT");
    default_case();
    put(RSDP + 24, 0, 8);
    mend_rsdp();
    memset(at_phys(XSDT), 0, 4);
    ok(read_tables() == 0 && pf.ncpu == 4, "revision 2 without XSDT: by the RSDT");
}

static void test_madt(void)
{
    default_case();
    madt_open();
    add_apic(7, 1);
    add_apic(6, 0);
    add_apic(5, 2);
    add_apic(0xff, 1);
    add_x2apic(0x100, 1);
    add_x2apic(0x101, 2);
    add_x2apic(7, 1);
    add_x2apic(0xffffffff, 1);
    add_apic(7, 1);
    add_apic(3, 3);
    put(MADT + madt_bytes + 4, 0x1fee00000, 8);
    add_entry(5, 12);
    add_entry(0x7f, 2);
    ok(read_tables() == 0, "a MADT with everything");
    ok(pf.ncpu == 3 && pf.ncpu_found == 3 && pf.apic_id[0] == 7 && pf.apic_id[1] == 0x100 &&
           pf.apic_id[2] == 3,
       "only the enabled, each once, no broadcast id");
    ok(pf.lapic_phys == 0x1fee00000, "the local APIC's 64-bit address");

    madt_open();
    for (uint32_t i = 0; i < ACPI_MAX_CPUS + 3; i++)
        add_x2apic(i, 1);
    ok(read_tables() == 0 && pf.ncpu == ACPI_MAX_CPUS && pf.ncpu_found == ACPI_MAX_CPUS + 3 &&
           pf.apic_id[ACPI_MAX_CPUS - 1] == ACPI_MAX_CPUS - 1,
       "more cores than fit");
}

static void test_interrupts(void)
{
    default_case();
    madt_open();
    add_apic(0, 1);
    ok(read_tables() == 0 && pf.nioapic == 0 && is_isa(15, 15, false, false), "no I/O APIC");
    add_ioapic(0xfec01000, 24);
    add_ioapic(0xfec00000, 0);
    add_override(0, 4, 20, 0xf);
    add_override(0, 5, 5, 0xd);
    add_override(0, 6, 6, 0x7);
    add_override(0, 7, 30, 0x5);
    add_override(1, 8, 40, 0xf);
    add_override(0, 16, 41, 0xf);
    add_override(0, 255, 42, 0xf);
    ok(read_tables() == 0 && pf.nioapic == 2 && pf.ioapic[0].gsi_base == 24 &&
           pf.ioapic[1].phys == 0xfec00000,
       "two I/O APICs");
    ok(is_isa(4, 20, true, true) && is_isa(5, 5, false, true) && is_isa(6, 6, true, false) &&
           is_isa(7, 30, false, false),
       "overrides: active low or high, level or edge");
    ok(is_isa(8, 8, false, false), "one of another bus is not ISA's");
    madt_open();
    add_apic(0, 1);
    for (uint32_t i = 0; i < ACPI_MAX_IOAPICS + 3; i++)
        add_ioapic(0xfec00000 + i * 0x1000, 24 * i);
    ok(read_tables() == 0 && pf.nioapic == ACPI_MAX_IOAPICS, "more I/O APICs than fit");
}

static void timer_case(unsigned port, unsigned bits, const char *what)
{
    mend_table(FADT, FADT_BYTES);
    ok(read_tables() == 0 && pf.pm_timer_port == port && pf.pm_timer_bits == bits && pf.ncpu == 4,
       "PM timer: %s", what);
    default_case();
}

static void century_case(uint8_t reg, uint8_t want, const char *what)
{
    default_case();
    put(FADT + 108, reg, 1);
    mend_table(FADT, FADT_BYTES);
    ok(read_tables() == 0 && pf.rtc_century == want, "century: %s", what);
}

static void test_century(void)
{
    century_case(0x32, 0x32, "a register");
    century_case(0x0e, 0x0e, "the first there may be");
    century_case(0x7f, 0x7f, "the last");
    century_case(0, 0, "none");
    century_case(0x0d, 0, "one of the clock's own is none");
    century_case(0x80, 0, "nor is one behind the end");
    default_case();
    put(FADT + 108, 0x32, 1);
    put(FADT + 112, 1 << 20, 4);
    mend_table(FADT, FADT_BYTES);
    ok(read_tables() == 0 && pf.rtc_century == 0x32, "century: hardware-reduced ACPI has it, too");
    *at_phys(FADT + 50) ^= 1;
    ok(read_tables() == 0 && pf.rtc_century == 0, "century: corrupt FADT");
    default_case();
}

static void test_fadt(void)
{
    default_case();
    put(FADT + 112, 1 << 8, 4);
    timer_case(0x608, 32, "32 bits");
    put(FADT + 112, 1 << 20, 4);
    timer_case(0, 24, "none on hardware-reduced ACPI");
    put(FADT + 91, 0, 1);
    timer_case(0, 24, "none if its length is 0");
    put(FADT + 76, 0, 4);
    timer_case(0, 24, "none if its port is 0");
    put(FADT + 76, 0xfffd, 4);
    timer_case(0, 24, "none if it ends past the I/O space");
    put(FADT + 76, 0x10608, 4);
    timer_case(0, 24, "none if its port has more than 16 bits");
    put(FADT + 208, 1, 1);
    put(FADT + 212, 0x1808, 8);
    timer_case(0x1808, 24, "the extended block wins");
    put(FADT + 208, 0, 1);
    put(FADT + 212, 0xfed00000, 8);
    timer_case(0, 24, "none if it is in memory");
    put(FADT + 208, 1, 1);
    put(FADT + 212, 0x1808, 8);
    put_table(FADT, "FACP", 220);
    ok(read_tables() == 0 && pf.pm_timer_port == 0x1808, "PM timer: the shortest extended block");
    put_table(FADT, "FACP", 116);
    ok(read_tables() == 0 && pf.pm_timer_port == 0x608,
       "PM timer: a short FADT has no extended block");
    put_table(FADT, "FACP", 115);
    ok(read_tables() == 0 && pf.pm_timer_port == 0 && e.text[0] == '\0',
       "PM timer: FADT too short");
    put_fadt();
    *at_phys(FADT + 50) ^= 1;
    ok(read_tables() == 0 && pf.pm_timer_port == 0 && e.text[0] == '\0', "PM timer: corrupt FADT");
    default_case();
    put(XSDT + HEADER + 8, NONE, 8);
    mend_table(XSDT, HEADER + 32);
    ok(read_tables() == 0 && pf.pm_timer_port == 0, "PM timer: no FADT");
}

static void test_rsdp_refusals(void)
{
    default_case();
    ok(acpi_read(NONE, map, &pf, &e) == -EINVAL, "RSDP can't be read");
    same(e.text,
         "acpi: RSDP at 0xf00000: 20 bytes there can't be read, an address in RAM expected");
    misused = false;
    ok(acpi_read(UINT64_MAX - 18, map, &pf, &e) == -EINVAL && !misused,
       "RSDP that ends past 64 bits");
    ok(acpi_read(UINT64_MAX - 19, map, &pf, &e) == -EINVAL && !misused, "RSDP that just does not");
    *at_phys(RSDP) = 'x';
    *at_phys(RSDP + 1) = '\n';
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: signature \"x?D PTR \", \"RSD PTR \" expected");
    *at_phys(RSDP + 9) += 3;
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: its 20 bytes sum to 0x03, 0x00 expected (checksum)");
    *at_phys(RSDP + 33) += 0x10;
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: its 36 bytes sum to 0x10, 0x00 expected (checksum)");
    *at_phys(RSDP + 39) = 0x42;
    put(RSDP + 20, 40, 4);
    mend_rsdp();
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: its 40 bytes sum to 0x42, 0x00 expected (checksum)");
    put(RSDP + 20, 35, 4);
    mend_rsdp();
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: length 35, 36 to 4096 expected");
    put(RSDP + 20, 4097, 4);
    refuse(-EINVAL, "acpi: RSDP at 0xe0001: length 4097, 36 to 4096 expected");
}

static void test_root_refusals(void)
{
    default_case();
    put(XSDT + HEADER, PHYS_BASE + PHYS_BYTES - 4, 8);
    put(XSDT + HEADER + 16, PHYS_BASE + PHYS_BYTES - 3, 8);
    mend_table(XSDT, HEADER + 32);
    memcpy(at_phys(PHYS_BASE + PHYS_BYTES - 4), "APIC", 4);
    refuse(-EINVAL,
           "acpi: MADT at 0xe7ffc: 36 bytes there can't be read, an address in RAM expected");
    put(RSDP + 24, NONE, 8);
    mend_rsdp();
    refuse(-EINVAL,
           "acpi: XSDT at 0xf00000: 36 bytes there can't be read, an address in RAM expected");
    put(RSDP + 24, UINT64_MAX, 8);
    mend_rsdp();
    refuse(-EINVAL, "acpi: XSDT at 0xffffffffffffffff: 36 bytes there can't be read, an address in "
                    "RAM expected");
    put(XSDT, 'Y', 1);
    refuse(-EINVAL, "acpi: XSDT at 0xe0205: signature \"YSDT\", \"XSDT\" expected");
    put(RSDT, 'Y', 1);
    put_rsdp(0);
    refuse(-EINVAL, "acpi: RSDT at 0xe0103: signature \"YSDT\", \"RSDT\" expected");
    put(XSDT + 4, 35, 4);
    refuse(-EINVAL, "acpi: XSDT at 0xe0205: length 35, 36 to 1048576 expected");
    put(XSDT + 4, 0x100001, 4);
    refuse(-EINVAL, "acpi: XSDT at 0xe0205: length 1048577, 36 to 1048576 expected");
    put(XSDT + 4, 0x100000, 4);
    refuse(-EINVAL,
           "acpi: XSDT at 0xe0205: 1048576 bytes there can't be read, an address in RAM expected");
    *at_phys(XSDT + HEADER) ^= 1;
    refuse(-EINVAL, "acpi: XSDT at 0xe0205: its 68 bytes sum to 0x01, 0x00 expected (checksum)");
    put_table(XSDT, "XSDT", HEADER + 3 * 8 + 7);
    refuse(-ENOENT, "acpi: XSDT at 0xe0205: no table \"APIC\" (MADT) among its 3 entries");
    put_table(RSDT, "RSDT", HEADER);
    put_rsdp(0);
    refuse(-ENOENT, "acpi: RSDT at 0xe0103: no table \"APIC\" (MADT) among its 0 entries");
    put(XSDT + HEADER + 16, 0, 8);
    put(XSDT + HEADER + 24, UINT64_MAX, 8);
    mend_table(XSDT, HEADER + 32);
    refuse(-ENOENT, "acpi: XSDT at 0xe0205: no table \"APIC\" (MADT) among its 4 entries");
}

static void test_madt_refusals(void)
{
    default_case();
    put(MADT + 4, 43, 4);
    refuse(-EINVAL, "acpi: MADT at 0xe1009: length 43, 44 to 1048576 expected");
    *at_phys(MADT + 40) ^= 0x80;
    refuse(-EINVAL, "acpi: MADT at 0xe1009: its 104 bytes sum to 0x80, 0x00 expected (checksum)");
    madt_open();
    refuse(-EINVAL, "acpi: MADT at 0xe1009: no enabled processor in its 44 bytes, at least one "
                    "entry of type 0 or 9 with flag bit 0 expected");
    add_entry(0x30, 1);
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 48 at offset 104: length 0, at least 2 "
                    "and at most the 1 bytes left expected");
    add_entry(0x30, 2);
    put(MADT + madt_bytes - 1, 0, 1);
    madt_close();
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 48 at offset 104: length 0, at least 2 "
                    "and at most the 2 bytes left expected");
    add_entry(0, 7);
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 0 at offset 104: length 7, at least 8 "
                    "and at most the 7 bytes left expected");
    add_entry(9, 15);
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 9 at offset 104: length 15, at least 16 "
                    "and at most the 15 bytes left expected");
    add_entry(5, 11);
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 5 at offset 104: length 11, at least 12 "
                    "and at most the 11 bytes left expected");
    add_entry(1, 12);
    put(MADT + madt_bytes - 11, 13, 1);
    madt_close();
    refuse(-EINVAL, "acpi: MADT at 0xe1009: entry of type 1 at offset 104: length 13, at least 12 "
                    "and at most the 12 bytes left expected");
}

static bool sane_answer(int err)
{
    bool known = err == 0 || err == -EINVAL || err == -ENOENT;

    return known && !misused && (err == 0) == (e.text[0] == '\0') && pf.ncpu <= pf.ncpu_found &&
           pf.ncpu <= ACPI_MAX_CPUS && (err != 0 || pf.ncpu != 0) &&
           (pf.pm_timer_bits == 24 || pf.pm_timer_bits == 32);
}

/* The tables lie in the order RSDP, RSDT, XSDT, FADT, MADT: memory that ends anywhere cuts each. */
static void test_memory_lengths(void)
{
    size_t needed = MADT - PHYS_BASE;
    bool good = true;

    default_case();
    needed += madt_bytes;
    for (phys_readable = 0; phys_readable < needed + 16 && good; phys_readable++) {
        int err = read_tables();

        good = sane_answer(err) && (err == 0) == (phys_readable >= needed);
    }
    phys_readable = PHYS_BYTES;
    ok(good, "memory of every length");
}

/* Every length of each table, with a checksum that is right for it. */
static void test_table_lengths(void)
{
    static const struct {
        uint64_t at;
        const char *signature;
    } tables[] = {{XSDT, "XSDT"}, {FADT, "FACP"}, {MADT, "APIC"}};
    bool good = true;

    for (unsigned i = 0; i < 3; i++) {
        for (size_t bytes = 0; bytes < 300 && good; bytes++) {
            default_case();
            put_table(tables[i].at, tables[i].signature, bytes);
            good = sane_answer(read_tables());
        }
    }
    ok(good, "tables of every length");
}

static void test_random(bool mended)
{
    bool good = true;
    int accepted = 0;

    for (int i = 0; i < RANDOM_CHANGES && good; i++) {
        int err;

        default_case();
        for (size_t n = 1 + rnd_below(2); n > 0; n--) {
            static const uint64_t tables[] = {RSDP, XSDT, FADT, MADT};
            size_t which = rnd_below(4);

            *at_phys(tables[which] + rnd_below(which == 2   ? FADT_BYTES
                                               : which == 3 ? madt_bytes
                                                            : 68)) = (unsigned char)rnd();
        }
        if (mended) {
            mend_rsdp();
            mend_table(XSDT, HEADER + 32);
            mend_table(FADT, FADT_BYTES);
            mend_table(MADT, madt_bytes);
        }
        err = read_tables();
        accepted += err == 0;
        good = sane_answer(err);
    }
    ok(good, "%d random corruptions%s, %d of them accepted", RANDOM_CHANGES,
       mended ? " with right checksums" : "", accepted);
}

int main(void)
{
    test_good();
    test_madt();
    test_interrupts();
    test_fadt();
    test_century();
    test_rsdp_refusals();
    test_root_refusals();
    test_madt_refusals();
    test_memory_lengths();
    test_table_lengths();
    test_random(false);
    test_random(true);
    return done();
}
