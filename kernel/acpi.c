/*
 * acpi.c - the few ACPI tables that rt0 reads, walked once at boot.
 *
 *   RSDP -> XSDT (revision 2) or RSDT (revision 0) -> MADT "APIC": the cores, the I/O APICs
 *                                                  -> FADT "FACP": the PM timer, the century
 *
 * Protocol:  boot CPU only. What map() gives stays readable until acpi_read() returns.
 * Invariant: a table is read only inside the length its header states, and only after that length
 *            was mapped and its checksum found right. Tables lie at any address: every field is
 *            copied out byte by byte.
 * Why no AML: cores, local APIC and PM timer are in static tables; interpreters are large.
 * Source:    ACPI specification 6.5, sections 5.2.5 to 5.2.12.
 */
#include "kernel/acpi.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define RSDP_BYTES_V0  20
#define RSDP_BYTES_V2  36
#define RSDP_BYTES_MAX 4096
#define HEADER_BYTES   36

/* The largest table read here is a MADT, of some tens of KiB on machines of thousands of cores. */
#define TABLE_BYTES_MAX (UINT64_C(1) << 20)

enum rsdp_field { RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_LENGTH = 20, RSDP_XSDT = 24 };
enum header_field { HEADER_LENGTH = 4 };
enum madt_field { MADT_LAPIC = 36, MADT_ENTRIES = 44 };
enum fadt_field {
    FADT_PM_TMR_BLK = 76,
    FADT_PM_TMR_LEN = 91,
    FADT_CENTURY = 108,
    FADT_FLAGS = 112,
    FADT_BYTES_MIN = 116,
    FADT_X_PM_TMR_BLK = 208,
    FADT_BYTES_X = 220,
};

/* Below are the clock's other registers. */
#define CMOS_RAM   0x0e
#define CMOS_BYTES 0x80

#define FADT_TMR_VAL_EXT (UINT32_C(1) << 8)
#define FADT_HW_REDUCED  (UINT32_C(1) << 20)
#define GAS_SPACE_IO     1
#define PM_TMR_LEN       4
#define MADT_ENABLED     UINT32_C(1)

/* APIC ids that mean "all processors" or "none", never one. */
#define APIC_ID_NONE   UINT32_C(0xff)
#define X2APIC_ID_NONE UINT32_C(0xffffffff)

enum madt_type {
    MADT_LOCAL_APIC = 0,
    MADT_IO_APIC = 1,
    MADT_SOURCE_OVERRIDE = 2,
    MADT_LAPIC_OVERRIDE = 5,
    MADT_LOCAL_X2APIC = 9,
};

/* Of an override: the bus, and its flags (0: as the bus has it, which for ISA is active high and edge). */
#define BUS_ISA         0
#define FLAG_ACTIVE_LOW 0x3 // in 0x3
#define FLAG_LEVEL      0xc // in 0xc

struct table {
    const char *name; // as error lines call it
    uint64_t phys;
    const uint8_t *data;
    size_t bytes;
};

/* x86-64 and arm64 are little-endian, as ACPI is. */
static uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint16_t get_u16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint8_t byte_sum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum;
}

/* t->data: `bytes` at t->phys. */
static int map_table(struct table *t, size_t bytes, acpi_map_fn *map, struct errbuf *e)
{
    t->data = bytes - 1 > UINT64_MAX - t->phys ? NULL : map(t->phys, bytes);
    if (t->data == NULL)
        return fail(e, -EINVAL,
                    "acpi: %s at 0x%llx: %zu bytes there can't be read, an address in RAM expected",
                    t->name, (unsigned long long)t->phys, bytes);
    t->bytes = bytes;
    return 0;
}

static int check_signature(const struct table *t, const char *want, struct errbuf *e)
{
    size_t n = strlen(want);
    char have[9] = "";

    if (memcmp(t->data, want, n) == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        have[i] = t->data[i] >= ' ' && t->data[i] <= '~' ? (char)t->data[i] : '?';
    return fail(e, -EINVAL, "acpi: %s at 0x%llx: signature \"%s\", \"%s\" expected", t->name,
                (unsigned long long)t->phys, have, want);
}

static int check_sum(const struct table *t, struct errbuf *e)
{
    uint8_t sum = byte_sum(t->data, t->bytes);

    if (sum == 0)
        return 0;
    return fail(e, -EINVAL,
                "acpi: %s at 0x%llx: its %zu bytes sum to 0x%02x, 0x00 expected (checksum)",
                t->name, (unsigned long long)t->phys, t->bytes, (unsigned)sum);
}

static int check_length(const struct table *t, uint32_t length, uint64_t min, uint64_t max,
                        struct errbuf *e)
{
    if (length >= min && length <= max)
        return 0;
    return fail(e, -EINVAL, "acpi: %s at 0x%llx: length %u, %llu to %llu expected", t->name,
                (unsigned long long)t->phys, (unsigned)length, (unsigned long long)min,
                (unsigned long long)max);
}

/* Maps and checks the table at t->phys; t->name is set. */
static int load_table(struct table *t, const char *signature, size_t min, acpi_map_fn *map,
                      struct errbuf *e)
{
    int err = map_table(t, HEADER_BYTES, map, e);
    uint32_t length;

    if (err == 0)
        err = check_signature(t, signature, e);
    if (err != 0)
        return err;
    length = get_u32(t->data + HEADER_LENGTH);
    err = check_length(t, length, min, TABLE_BYTES_MAX, e);
    if (err == 0)
        err = map_table(t, length, map, e);
    if (err == 0)
        err = check_sum(t, e);
    return err;
}

/* The first 20 bytes have their own checksum; from revision 2 on, the whole has one too. */
static int load_rsdp(struct table *t, acpi_map_fn *map, struct errbuf *e)
{
    int err = map_table(t, RSDP_BYTES_V0, map, e);
    uint32_t length;

    if (err == 0)
        err = check_signature(t, "RSD PTR ", e);
    if (err == 0)
        err = check_sum(t, e);
    if (err != 0 || t->data[RSDP_REVISION] < 2)
        return err;
    err = map_table(t, RSDP_BYTES_V2, map, e);
    if (err != 0)
        return err;
    length = get_u32(t->data + RSDP_LENGTH);
    err = check_length(t, length, RSDP_BYTES_V2, RSDP_BYTES_MAX, e);
    if (err == 0)
        err = map_table(t, length, map, e);
    if (err == 0)
        err = check_sum(t, e);
    return err;
}

/* The table of tables; *wide: its entries are of 8 bytes, not 4. */
static int load_root(struct table *root, bool *wide, uint64_t rsdp_phys, acpi_map_fn *map,
                     struct errbuf *e)
{
    struct table rsdp = {.name = "RSDP", .phys = rsdp_phys};
    int err = load_rsdp(&rsdp, map, e);

    if (err != 0)
        return err;
    *wide = rsdp.data[RSDP_REVISION] >= 2 && get_u64(rsdp.data + RSDP_XSDT) != 0;
    root->name = *wide ? "XSDT" : "RSDT";
    root->phys = *wide ? get_u64(rsdp.data + RSDP_XSDT) : get_u32(rsdp.data + RSDP_RSDT);
    return load_table(root, root->name, HEADER_BYTES, map, e);
}

/* Address of the first table with that signature, or 0. An entry that can't be read is passed over:
 * it may be a table that nobody here needs. */
static uint64_t find_table(const struct table *root, bool wide, const char *signature,
                           acpi_map_fn *map)
{
    size_t step = wide ? 8 : 4;

    for (size_t at = HEADER_BYTES; root->bytes - at >= step; at += step) {
        const uint8_t *entry = root->data + at;
        uint64_t phys = wide ? get_u64(entry) : get_u32(entry);
        const void *have = phys == 0 || phys > UINT64_MAX - 4 ? NULL : map(phys, 4);

        if (have != NULL && memcmp(have, signature, 4) == 0)
            return phys;
    }
    return 0;
}

static bool known_id(const struct acpi_platform *out, uint32_t id)
{
    for (unsigned i = 0; i < out->ncpu; i++) {
        if (out->apic_id[i] == id)
            return true;
    }
    return false;
}

/* Firmware may describe one processor twice, as type 0 and as type 9. */
static void add_cpu(struct acpi_platform *out, uint32_t id, uint32_t flags)
{
    if ((flags & MADT_ENABLED) == 0 || known_id(out, id))
        return;
    out->ncpu_found++;
    if (out->ncpu < ACPI_MAX_CPUS)
        out->apic_id[out->ncpu++] = id;
}

static void add_ioapic(struct acpi_platform *out, uint32_t phys, uint32_t gsi_base)
{
    if (out->nioapic < ACPI_MAX_IOAPICS)
        out->ioapic[out->nioapic++] = (struct acpi_ioapic){phys, gsi_base};
}

/* Without an override an ISA interrupt is the global one of its number. */
static void set_isa_defaults(struct acpi_platform *out)
{
    for (uint32_t i = 0; i < ACPI_ISA_IRQS; i++)
        out->isa_irq[i] = (struct acpi_isa_irq){.gsi = i};
}

static void override_isa(struct acpi_platform *out, unsigned irq, uint32_t gsi, unsigned flags)
{
    if (irq < ACPI_ISA_IRQS)
        out->isa_irq[irq] = (struct acpi_isa_irq){
            .gsi = gsi,
            .active_low = (flags & FLAG_ACTIVE_LOW) == FLAG_ACTIVE_LOW,
            .level = (flags & FLAG_LEVEL) == FLAG_LEVEL,
        };
}

/* The length an entry of that type has at least. */
static size_t madt_entry_min(unsigned type)
{
    switch (type) {
    case MADT_LOCAL_APIC:
        return 8;
    case MADT_IO_APIC:
    case MADT_LAPIC_OVERRIDE:
        return 12;
    case MADT_SOURCE_OVERRIDE:
        return 10;
    case MADT_LOCAL_X2APIC:
        return 16;
    default:
        return 2;
    }
}

static void read_madt_entry(struct acpi_platform *out, const uint8_t *entry)
{
    switch (entry[0]) {
    case MADT_LOCAL_APIC:
        if (entry[3] != APIC_ID_NONE)
            add_cpu(out, entry[3], get_u32(entry + 4));
        break;
    case MADT_IO_APIC:
        add_ioapic(out, get_u32(entry + 4), get_u32(entry + 8));
        break;
    case MADT_SOURCE_OVERRIDE:
        if (entry[2] == BUS_ISA)
            override_isa(out, entry[3], get_u32(entry + 4), get_u16(entry + 8));
        break;
    case MADT_LAPIC_OVERRIDE:
        out->lapic_phys = get_u64(entry + 4);
        break;
    case MADT_LOCAL_X2APIC:
        if (get_u32(entry + 4) != X2APIC_ID_NONE)
            add_cpu(out, get_u32(entry + 4), get_u32(entry + 8));
        break;
    default:
        break;
    }
}

static int read_madt(const struct table *madt, struct acpi_platform *out, struct errbuf *e)
{
    size_t at = MADT_ENTRIES;

    out->lapic_phys = get_u32(madt->data + MADT_LAPIC);
    set_isa_defaults(out);
    while (at < madt->bytes) {
        const uint8_t *entry = madt->data + at;
        size_t left = madt->bytes - at;
        size_t length = left < 2 ? 0 : entry[1];

        if (left < 2 || length < madt_entry_min(entry[0]) || length > left)
            return fail(e, -EINVAL,
                        "acpi: MADT at 0x%llx: entry of type %u at offset %zu: length %zu, at "
                        "least %zu and at most the %zu bytes left expected",
                        (unsigned long long)madt->phys, (unsigned)entry[0], at, length,
                        madt_entry_min(entry[0]), left);
        read_madt_entry(out, entry);
        at += length;
    }
    if (out->ncpu_found == 0)
        return fail(e, -EINVAL,
                    "acpi: MADT at 0x%llx: no enabled processor in its %zu bytes, at least one "
                    "entry of type 0 or 9 with flag bit 0 expected",
                    (unsigned long long)madt->phys, madt->bytes);
    return 0;
}

/* The extended block wins if it is there, and may say that the timer is not an I/O port. */
static uint64_t pm_timer_address(const struct table *fadt)
{
    const uint8_t *x = fadt->data + FADT_X_PM_TMR_BLK;

    if (fadt->bytes >= FADT_BYTES_X && get_u64(x + 4) != 0)
        return x[0] == GAS_SPACE_IO ? get_u64(x + 4) : 0;
    return get_u32(fadt->data + FADT_PM_TMR_BLK);
}

static void read_fadt(const struct table *fadt, struct acpi_platform *out)
{
    uint32_t flags = get_u32(fadt->data + FADT_FLAGS);
    uint64_t port = pm_timer_address(fadt);
    uint8_t century = fadt->data[FADT_CENTURY];

    if (century >= CMOS_RAM && century < CMOS_BYTES)
        out->rtc_century = century;
    if ((flags & FADT_HW_REDUCED) != 0 || fadt->data[FADT_PM_TMR_LEN] != PM_TMR_LEN)
        return;
    /* The register is 4 bytes long and must end inside the I/O space. */
    if (port > UINT16_MAX - 3)
        return;
    out->pm_timer_port = (uint16_t)port;
    out->pm_timer_bits = (flags & FADT_TMR_VAL_EXT) != 0 ? 32 : 24;
}

int acpi_read(uint64_t rsdp_phys, acpi_map_fn *map, struct acpi_platform *out, struct errbuf *e)
{
    struct table madt = {.name = "MADT"};
    struct table fadt = {.name = "FADT"};
    struct table root;
    bool wide;
    int err;

    memset(out, 0, sizeof(*out));
    out->pm_timer_bits = 24;
    err = load_root(&root, &wide, rsdp_phys, map, e);
    if (err != 0)
        return err;
    madt.phys = find_table(&root, wide, "APIC", map);
    if (madt.phys == 0)
        return fail(e, -ENOENT,
                    "acpi: %s at 0x%llx: no table \"APIC\" (MADT) among its %zu entries", root.name,
                    (unsigned long long)root.phys, (root.bytes - HEADER_BYTES) / (wide ? 8 : 4));
    err = load_table(&madt, "APIC", MADT_ENTRIES, map, e);
    if (err == 0)
        err = read_madt(&madt, out, e);
    if (err != 0)
        return err;
    fadt.phys = find_table(&root, wide, "FACP", map);
    if (fadt.phys != 0 && load_table(&fadt, "FACP", FADT_BYTES_MIN, map, NULL) == 0)
        read_fadt(&fadt, out);
    return 0;
}
