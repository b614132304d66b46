/*
 * test_bootmem.c - the list of free physical memory.
 *
 * Goal:   after any sequence of calls the list names exactly the pages that are free, keeps its
 *         order, and a call that can't be done changes nothing.
 * Method: directed cases for bootmem_init(); then random calls, each repeated on a model with one
 *         flag per page and 128-bit sums, at the bottom, in the middle and at the top of the space.
 * Time:   under 10 s.
 */
#include "kernel/bootmem.h"
#include "tests/host/tap.h"

#include <errno.h>

#define PAGE        UINT64_C(4096)
#define PAGES       1024
#define RANDOM_OPS  50000
#define OPS_A_ROUND 5000

typedef unsigned __int128 wide;

static bool sound(const struct bootmem *bm)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < bm->n; i++) {
        const struct memrange *r = &bm->free[i];

        if (r->bytes == 0 || r->base % PAGE != 0 || r->bytes % PAGE != 0)
            return false;
        if (r->base + r->bytes < r->base || (i != 0 && r->base <= end))
            return false;
        end = r->base + r->bytes;
    }
    return bm->n <= BOOTMEM_RANGES;
}

static bool is_list(const struct bootmem *bm, const struct memrange *want, unsigned n)
{
    bool good = bm->n == n;

    for (unsigned i = 0; i < n && good; i++)
        good = bm->free[i].base == want[i].base && bm->free[i].bytes == want[i].bytes;
    for (unsigned i = 0; i < bm->n && !good; i++)
        printf("# have: 0x%llx + 0x%llx\n", (unsigned long long)bm->free[i].base,
               (unsigned long long)bm->free[i].bytes);
    return good;
}

#define IS(bm, ...)                                       \
    is_list((bm), (const struct memrange[]){__VA_ARGS__}, \
            sizeof((const struct memrange[]){__VA_ARGS__}) / sizeof(struct memrange))

static void test_init(void)
{
    static struct bootmem bm;
    static struct bootinfo bi;
    struct errbuf e;

    bi = (struct bootinfo){
        .loader = "PVH",
        .kernel_phys = 0x200000,
        .kernel_bytes = 0x12345,
        .ram = {{0x100000, 0x7f00000}, {0, 0x9fc00}},
        .nram = 2,
        .reserved = {{0x9fc00, 0x60400}, {0x50001, 1}, {0x7000000, 0}},
        .nreserved = 3,
        .module = {0x7f00800, 0x700},
        .fdt_phys = 0x1000000,
    };
    ok(bootmem_init(&bm, &bi, 0x1001, &e) == 0, "init of a PC's map");
    ok(IS(&bm, {0x1000, 0x4f000}, {0x51000, 0x4e000}, {0x100000, 0x100000}, {0x213000, 0xded000},
          {0x1002000, 0x6efe000}, {0x7f01000, 0xff000}),
       "page 0, image, module, device tree and reserved pages are taken, outward");
    ok(bootmem_bytes(&bm) == 0x4f000 + 0x4e000 + 0x100000 + 0xded000 + 0x6efe000 + 0xff000,
       "its sum");
    ok(bootmem_init(&bm, &bi, 0, &e) == 0 && bm.n == 5, "no device tree");
}

static void test_init_refusals(void)
{
    static struct bootmem bm;
    static struct bootinfo bi;
    struct errbuf e;

    bi = (struct bootinfo){.loader = "PVH"};
    ok(bootmem_init(&bm, &bi, 0, &e) == -ENOMEM, "no RAM");
    same(e.text, "memory: PVH names no RAM, at least one range expected");
    bi = (struct bootinfo){.loader = "PVH", .ram = {{0x800, 0x1000}}, .nram = 1};
    ok(bootmem_init(&bm, &bi, 0, &e) == -ENOMEM, "RAM without one whole page");
    bi = (struct bootinfo){.loader = "PVH",
                           .ram = {{0, 0x8000}},
                           .nram = 1,
                           .reserved = {{0, UINT64_MAX}},
                           .nreserved = 1};
    ok(bootmem_init(&bm, &bi, 0, &e) == -ENOMEM, "all RAM reserved");
    same(e.text, "memory: nothing left of the 32 KiB of RAM that PVH names: all of it is reserved "
                 "or taken by the image, the module and the device tree");
}

/* The worst bootinfo: every range alone, every reservation in the middle of one. */
static void test_init_fits(void)
{
    static struct bootmem bm;
    static struct bootinfo bi;
    struct errbuf e;

    bi = (struct bootinfo){.loader = "PVH", .nram = BOOTINFO_RANGES, .nreserved = BOOTINFO_RANGES};
    for (unsigned i = 0; i < BOOTINFO_RANGES; i++) {
        bi.ram[i] = (struct memrange){0x100000 * (i + UINT64_C(1)), 0x80000};
        bi.reserved[i] = (struct memrange){0x100000 * (i + UINT64_C(1)) + 0x8000, 1};
    }
    bi.kernel_phys = 0x110000;
    bi.kernel_bytes = 1;
    bi.module = (struct memrange){0x120000, 1};
    bi.fdt_phys = 0x130000;
    ok(bootmem_init(&bm, &bi, 1, &e) == 0 && bm.n == 2 * BOOTINFO_RANGES + 3 && sound(&bm),
       "a map as fragmented as a bootinfo can be");
}

static void test_alloc(void)
{
    struct bootmem bm = {.n = 0};

    ok(bootmem_alloc(&bm, PAGE, PAGE, 0, UINT64_MAX) == BOOTMEM_NONE, "nothing is free");
    bootmem_add(&bm, 0x1000, 0x3000);
    bootmem_add(&bm, 0x100000, 0x100000);
    ok(bootmem_add(&bm, 0, PAGE) == 0 && bootmem_reserve(&bm, 0, 0) == 0 &&
           bootmem_alloc(&bm, 1, PAGE, 0, UINT64_MAX) == 0,
       "page 0, of which no byte is taken");
    ok(bootmem_alloc(&bm, 1, PAGE, 0, UINT64_MAX) == 0x1000, "lowest page");
    ok(bootmem_alloc(&bm, PAGE, 0x10000, 0, UINT64_MAX) == 0x100000, "aligned");
    ok(bootmem_alloc(&bm, 0x2001, PAGE, 0, UINT64_MAX) == 0x101000, "rounded up to 3 pages");
    ok(bootmem_alloc(&bm, PAGE, PAGE, 0x180001, UINT64_MAX) == 0x181000, "not below lo");
    ok(bootmem_alloc(&bm, 0x2000, PAGE, 0, 0x3fff) == BOOTMEM_NONE, "not above hi");
    ok(bootmem_alloc(&bm, 0x2000, PAGE, 0, 0x4000) == 0x2000, "up to hi");
    ok(IS(&bm, {0x104000, 0x7d000}, {0x182000, 0x7e000}), "what is left");
    ok(bootmem_alloc(&bm, 0, PAGE, 0, UINT64_MAX) == BOOTMEM_NONE, "no bytes");
    ok(bootmem_alloc(&bm, UINT64_MAX, PAGE, 0, UINT64_MAX) == BOOTMEM_NONE, "too many bytes");
    ok(bootmem_alloc(&bm, PAGE, PAGE / 2, 0, UINT64_MAX) == BOOTMEM_NONE, "align below a page");
    ok(bootmem_alloc(&bm, PAGE, 3 * PAGE, 0, UINT64_MAX) == BOOTMEM_NONE, "align no power of two");
    ok(bootmem_alloc(&bm, PAGE, UINT64_C(1) << 63, 0, UINT64_MAX) == BOOTMEM_NONE,
       "align beyond all");
    ok(bootmem_alloc(&bm, PAGE, PAGE, 0x200000, 0x100000) == BOOTMEM_NONE, "hi below lo");
    bootmem_add(&bm, UINT64_MAX - 0xffff, 0x10000);
    ok(bootmem_alloc(&bm, PAGE, PAGE, UINT64_MAX - 100, UINT64_MAX) == BOOTMEM_NONE,
       "lo in the last page");
    ok(IS(&bm, {0x104000, 0x7d000}, {0x182000, 0x7e000}, {0xffffffffffff0000, 0xf000}),
       "the last page of all is never free, and refusals change nothing");
}

static void test_full(void)
{
    static struct bootmem bm;
    static struct bootmem before;

    bm.n = 0;
    for (uint64_t i = 0; i < BOOTMEM_RANGES; i++)
        bootmem_add(&bm, 0x10000 * (i + 1), 0x3000);
    before = bm;
    ok(bm.n == BOOTMEM_RANGES, "as many ranges as there can be");
    ok(bootmem_add(&bm, 0x1000, PAGE) == -E2BIG, "one more");
    ok(bootmem_reserve(&bm, 0x11000, 1) == -E2BIG, "one split");
    ok(memcmp(&bm, &before, sizeof(bm)) == 0, "neither changed anything");
    ok(bootmem_add(&bm, 0x13000, PAGE) == 0, "growing one is fine");
    ok(bootmem_reserve(&bm, 0x10000, 0x4000) == 0 && bm.n == BOOTMEM_RANGES - 1,
       "taking one is fine");
    ok(bootmem_add(&bm, 0x1000, PAGE) == 0, "then there is room");
    ok(bootmem_alloc(&bm, PAGE, PAGE, 0x21000, UINT64_MAX) == 0x30000,
       "an allocation that needs no split");
}

/* The model: page i of the window is free. */
static uint64_t origin;
static bool model[PAGES];

static unsigned model_runs(const bool *pages)
{
    unsigned runs = 0;

    for (unsigned i = 0; i < PAGES; i++)
        runs += pages[i] && (i == 0 || !pages[i - 1]);
    return runs;
}

static bool same_as_model(const struct bootmem *bm)
{
    unsigned at = 0;
    uint64_t sum = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t page = origin + i * PAGE;
        bool free;

        while (at < bm->n && bm->free[at].base + bm->free[at].bytes <= page)
            at++;
        free = at < bm->n && bm->free[at].base <= page;
        sum += model[i] ? PAGE : 0;
        if (free != model[i])
            return false;
    }
    return sum == bootmem_bytes(bm) && bm->n == model_runs(model) && sound(bm);
}

/* A range whose start is in the window. Most are small; at the top, some end past 64 bits. */
static struct memrange random_range(void)
{
    struct memrange r = {origin + rnd_below(PAGES * PAGE), rnd_below(3 * PAGE)};
    wide end = (wide)origin + PAGES * PAGE;

    if (rnd_below(2) == 0)
        r.base &= ~(PAGE - 1);
    if (rnd_below(500) == 0)
        r.bytes = rnd_below(PAGES * PAGE);
    if (end <= UINT64_MAX && r.base + r.bytes > end)
        r.bytes = (uint64_t)(end - r.base);
    return r;
}

static bool model_change(struct bootmem *bm, bool add)
{
    struct memrange r = random_range();
    wide lo = r.base;
    wide hi = lo + r.bytes;
    bool after[PAGES];
    int want;
    int have;

    for (unsigned i = 0; i < PAGES; i++) {
        wide page = (wide)origin + i * PAGE;
        bool whole = page >= lo && page + PAGE <= hi && page + PAGE <= UINT64_MAX;
        bool touched = r.bytes != 0 && page < hi && page + PAGE > lo;

        after[i] = add ? model[i] || whole : model[i] && !touched;
    }
    want = model_runs(after) > BOOTMEM_RANGES ? -E2BIG : 0;
    have = add ? bootmem_add(bm, r.base, r.bytes) : bootmem_reserve(bm, r.base, r.bytes);
    if (want == 0)
        memcpy(model, after, sizeof(model));
    return have == want && same_as_model(bm);
}

static uint64_t model_find(uint64_t bytes, uint64_t align, uint64_t lo, uint64_t hi)
{
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t at = origin + i * PAGE;
        unsigned n = 0;

        if (at % align != 0 || at < lo || (wide)at + (bytes + PAGE - 1) / PAGE * PAGE > hi)
            continue;
        while (i + n < PAGES && n * PAGE < bytes && model[i + n])
            n++;
        if (n * PAGE >= bytes)
            return at;
    }
    return BOOTMEM_NONE;
}

/* With a full list an allocation may have to go elsewhere: that is test_full()'s. */
static bool model_alloc(struct bootmem *bm)
{
    uint64_t bytes = 1 + rnd_below(4 * PAGE);
    uint64_t align = PAGE << rnd_below(5);
    uint64_t lo = rnd_below(2) == 0 ? 0 : origin + rnd_below(PAGES * PAGE);
    uint64_t hi = rnd_below(2) == 0 ? UINT64_MAX : origin + rnd_below(PAGES * PAGE);
    uint64_t want = model_find(bytes, align, lo, hi);

    if (bm->n == BOOTMEM_RANGES)
        return true;
    if (bootmem_alloc(bm, bytes, align, lo, hi) != want)
        return false;
    for (uint64_t i = 0; want != BOOTMEM_NONE && i * PAGE < bytes; i++)
        model[(want - origin) / PAGE + i] = false;
    return same_as_model(bm);
}

static void test_random(uint64_t at, const char *where)
{
    static struct bootmem bm;
    bool good = true;
    unsigned most = 0;

    origin = at;
    for (int i = 0; i < RANDOM_OPS && good; i++) {
        size_t what = rnd_below(8);

        if (i % OPS_A_ROUND == 0) {
            bm.n = 0;
            memset(model, 0, sizeof(model));
        }
        good = what == 0 ? model_alloc(&bm) : model_change(&bm, what < 6);
        most = bm.n > most ? bm.n : most;
    }
    ok(good, "%d random calls at %s agree with the model", RANDOM_OPS, where);
    ok(most == BOOTMEM_RANGES, "and fill the list: %u ranges", most);
}

int main(void)
{
    test_init();
    test_init_refusals();
    test_init_fits();
    test_alloc();
    test_full();
    test_random(0, "the bottom");
    test_random(UINT64_C(1) << 40, "1 TiB");
    test_random(0 - PAGES * PAGE, "the top");
    return done();
}
