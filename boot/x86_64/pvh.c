/*
 * pvh.c - PVH start info into struct bootinfo.
 *
 * Protocol:  called once by the boot path, with the physical address that the loader left in ebx.
 * Invariant: nothing is read but through map(); what it gives is copied before a field is used, as
 *            no alignment is promised.
 * Source:    xen/include/public/arch-x86/hvm/start_info.h.
 */
#include "boot/x86_64/pvh.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MEMMAP_RAM 1

/* More entries than this can't fit in bi, whatever they are. */
#define MEMMAP_MAX (2 * BOOTINFO_RANGES)

_Static_assert(sizeof(struct hvm_start_info) == 56, "start info");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "module list entry");
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "memory map entry");

static bool read_phys(pvh_map_fn *map, uint64_t phys, void *to, size_t bytes)
{
    const void *from = bytes - 1 > UINT64_MAX - phys ? NULL : map(phys, bytes);

    if (from == NULL)
        return false;
    memcpy(to, from, bytes);
    return true;
}

static int unreadable(struct errbuf *e, const char *field, uint64_t phys, size_t bytes)
{
    return fail(e, -EINVAL,
                "pvh: %s: 0x%llx: %zu bytes there can't be read, an address in RAM expected", field,
                (unsigned long long)phys, bytes);
}

static bool wraps(uint64_t base, uint64_t bytes)
{
    return bytes > UINT64_MAX - base;
}

static int read_start_info(uint64_t phys, pvh_map_fn *map, struct hvm_start_info *si,
                           struct errbuf *e)
{
    if (!read_phys(map, phys, si, sizeof(*si)))
        return unreadable(e, "start info", phys, sizeof(*si));
    if (si->magic != PVH_MAGIC)
        return fail(e, -EINVAL, "pvh: start info at 0x%llx: magic 0x%08x, 0x%08x expected",
                    (unsigned long long)phys, (unsigned)si->magic, PVH_MAGIC);
    if (si->version == 0)
        return fail(e, -EINVAL, "pvh: version 0: it has no memory map, 1 or later expected");
    if (si->memmap_entries == 0)
        return fail(e, -ENOMEM,
                    "pvh: memmap_entries is 0: no memory map, at least one entry expected");
    if (si->memmap_entries > MEMMAP_MAX)
        return fail(e, -E2BIG, "pvh: memmap_entries is %u, at most %d expected",
                    (unsigned)si->memmap_entries, MEMMAP_MAX);
    return 0;
}

static int add_range(struct memrange *list, unsigned *n, const struct hvm_memmap_entry *m,
                     const char *what, struct errbuf *e)
{
    if (*n == BOOTINFO_RANGES)
        return fail(e, -E2BIG, "pvh: memory map: more than %d %s ranges, the next is at 0x%llx",
                    BOOTINFO_RANGES, what, (unsigned long long)m->addr);
    list[(*n)++] = (struct memrange){m->addr, m->size};
    return 0;
}

static int read_memmap(const struct hvm_start_info *si, pvh_map_fn *map, struct bootinfo *bi,
                       struct errbuf *e)
{
    for (uint32_t i = 0; i < si->memmap_entries; i++) {
        struct hvm_memmap_entry m;
        uint64_t at = si->memmap_paddr + i * sizeof(m);
        int err;

        if (wraps(si->memmap_paddr, (i + 1) * sizeof(m)) || !read_phys(map, at, &m, sizeof(m)))
            return unreadable(e, "memmap_paddr", at, sizeof(m));
        if (m.size == 0)
            continue;
        if (wraps(m.addr, m.size))
            return fail(e, -EINVAL,
                        "pvh: memory map entry %u: 0x%llx bytes at 0x%llx end past 64 bits",
                        (unsigned)i, (unsigned long long)m.size, (unsigned long long)m.addr);
        err = m.type == MEMMAP_RAM ? add_range(bi->ram, &bi->nram, &m, "RAM", e)
                                   : add_range(bi->reserved, &bi->nreserved, &m, "reserved", e);
        if (err != 0)
            return err;
    }
    if (bi->nram == 0)
        return fail(e, -ENOMEM,
                    "pvh: no RAM among the %u entries of the memory map, type %d expected",
                    (unsigned)si->memmap_entries, MEMMAP_RAM);
    return 0;
}

static int read_module(const struct hvm_start_info *si, pvh_map_fn *map, struct bootinfo *bi,
                       struct errbuf *e)
{
    struct hvm_modlist_entry m;

    if (si->nr_modules == 0)
        return 0;
    if (!read_phys(map, si->modlist_paddr, &m, sizeof(m)))
        return unreadable(e, "modlist_paddr", si->modlist_paddr, sizeof(m));
    if (wraps(m.paddr, m.size))
        return fail(e, -EINVAL, "pvh: module 0: 0x%llx bytes at 0x%llx end past 64 bits",
                    (unsigned long long)m.size, (unsigned long long)m.paddr);
    bi->module = (struct memrange){m.paddr, m.size};
    return 0;
}

/* Byte by byte: where the text ends is unknown until its NUL is met, and map() may refuse what lies
 * behind it. */
static int read_cmdline(uint64_t phys, pvh_map_fn *map, char *text, size_t max, struct errbuf *e)
{
    size_t i = 0;

    text[0] = '\0';
    if (phys == 0)
        return 0;
    for (; i < max; i++) {
        if (wraps(phys, i) || !read_phys(map, phys + i, &text[i], 1))
            break;
        if (text[i] == '\0')
            return 0;
    }
    text[0] = '\0';
    if (i < max)
        return unreadable(e, "cmdline_paddr", phys + i, 1);
    return fail(e, -E2BIG,
                "pvh: cmdline_paddr: 0x%llx: no NUL in %zu bytes, at most %zu characters fit",
                (unsigned long long)phys, max, max - 1);
}

int pvh_bootinfo(uint64_t phys, pvh_map_fn *map, struct bootinfo *bi, struct errbuf *e)
{
    struct hvm_start_info si;
    int err = read_start_info(phys, map, &si, e);

    bi->loader = "PVH";
    if (err == 0)
        err = read_memmap(&si, map, bi, e);
    if (err == 0)
        err = read_module(&si, map, bi, e);
    if (err == 0)
        err = read_cmdline(si.cmdline_paddr, map, bi->cmdline, sizeof(bi->cmdline), e);
    if (err == 0)
        bi->rsdp_phys = si.rsdp_paddr;
    return err;
}
