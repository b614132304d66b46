/*
 * test_page.c - the allocator of physical pages, its caches and its figures, on one core.
 *
 * Goal:   no page is given out twice or lost; runs come lowest first across ranges and frontiers; misuse
 *         is found out and named; figures add up; the boot touches nothing that grows with RAM.
 * Method: memory of this process stands for RAM. Each scenario boots an allocator in a child process,
 *         whose checks are counted here. An owner for each page, and a mark in it, show double use.
 * Time:   under 5 s.
 */
#define _GNU_SOURCE
#include "kernel/page.h"

#include <setjmp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/panic.h"
#include "tests/host/shim/ram.h"
#include "tests/host/tap.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* ---- what the kernel would do --------------------------------------------------------------------- */

static jmp_buf thrown;
static bool expecting;
static char thrown_text[200];

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(thrown_text, sizeof thrown_text, fmt, ap);
    va_end(ap);
    if (!expecting) {
        printf("Bail out! %s\n", thrown_text);
        fflush(stdout);
        _exit(1);
    }
    longjmp(thrown, 1);
}

/* What giving pages back throws, "" for nothing: to a cache, or to the allocator if pc is NULL. */
static const char *thrown_by(struct pagecache *pc, uint64_t pa, size_t n)
{
    expecting = true;
    thrown_text[0] = '\0';
    if (setjmp(thrown) == 0) {
        if (pc)
            page_cache_free(pc, pa);
        else
            page_free(pa, n);
    }
    expecting = false;
    return thrown_text;
}

/* ---- scenarios ------------------------------------------------------------------------------------ */

/* What page.c keeps it keeps for good: each scenario has a process of its own. */
static void scenario(void (*run)(void))
{
    struct {
        unsigned run, failed;
    } *counts = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run();
        counts->run = tap_run;
        counts->failed = tap_failed;
        fflush(stdout);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0) {
        ok(false, "a scenario ended with status %#x", status);
        return;
    }
    tap_run = counts->run;
    tap_failed = counts->failed;
}

static struct bootmem bm;
static uint64_t ram; // where the scenario's RAM starts

static void boot(const struct memrange *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        bm.free[i] = r[i];
    bm.n = n;
    page_init(&bm);
}

static bool figures(size_t in_use, size_t scavenged)
{
    struct pagestats st;

    page_stats(&st);
    bool good = st.total == page_total() && st.in_use == page_in_use() && st.in_use == in_use &&
                st.scavenged == scavenged && st.opened <= st.total;
    if (!good)
        printf("# total %zu, in use %zu (%zu), opened %zu, scavenged %zu (%zu), meta %zu\n",
               st.total, st.in_use, in_use, st.opened, st.scavenged, scavenged, st.meta);
    return good;
}

static size_t opened(void)
{
    struct pagestats st;

    page_stats(&st);
    return st.opened;
}

/* ---- boot ----------------------------------------------------------------------------------------- */

/* 0.3 GiB and 1 TiB boot alike: nothing is touched before it is asked for. */
static void boot_of(uint64_t bytes)
{
    size_t meta = bytes / PAGE_SIZE / 512 * 140 / PAGE_SIZE + 8;
    struct pagestats st;

    ram = ram_reserve(bytes, 2 * MIB);
    boot(&(struct memrange){ram, bytes}, 1);
    ok(bm.n == 0 && figures(0, 0) && opened() == 0, "%zu MiB: none is in use, none is opened",
       (size_t)(bytes / MIB));
    ok(page_total() + meta > bytes / PAGE_SIZE, "its tables take %zu pages",
       (size_t)(bytes / PAGE_SIZE) - page_total());
    ok(ram_touched(ram, meta) == 0, "the boot touches none of them");
    uint64_t pa = page_alloc(1);
    ok(pa == ram + bytes - page_total() * PAGE_SIZE, "the first page lies behind the tables");
    page_stats(&st);
    ok(st.opened <= 1024 && st.meta == 1 && ram_touched(ram, meta) <= 8,
       "%zu pages are opened for it, %zu pages of tables touched", st.opened,
       ram_touched(ram, meta));
}

static void test_small_boot(void)
{
    boot_of(300 * MIB);
}

static void test_large_boot(void)
{
    boot_of(TIB);
    ok(page_alloc_aligned(5 * GIB / PAGE_SIZE, GIB / PAGE_SIZE) % GIB == 0, "5 GiB at a GiB");
    ok(page_alloc(TIB / PAGE_SIZE) == PAGE_NONE && opened() < 10 * GIB / PAGE_SIZE,
       "what does not fit is not looked for beyond the frontier");
}

/* A bootmem as a PC's: small ranges, odd edges, two in one chunk, one that holds no table. */
#define BOOT_PC()                                                                 \
    (ram = ram_reserve(64 * MIB, 16 * MIB),                                       \
     boot((const struct memrange[]){{ram + 1 * PAGE_SIZE, 158 * PAGE_SIZE},       \
                                    {ram + 200 * PAGE_SIZE, PAGE_SIZE},           \
                                    {ram + 256 * PAGE_SIZE, 256 * PAGE_SIZE},     \
                                    {ram + 531 * PAGE_SIZE, 5 * MIB + PAGE_SIZE}, \
                                    {ram + 16 * MIB, 40 * MIB - 3 * PAGE_SIZE}},  \
          5))
#define PC_PAGES (157 + 255 + 1280 + 10236)

/* ---- runs ----------------------------------------------------------------------------------------- */

static void test_runs(void)
{
    BOOT_PC();
    ok(page_total() == PC_PAGES && figures(0, 0), "each range less a page for its tables");
    ok(page_alloc(0) == PAGE_NONE && page_alloc(PC_PAGES) == PAGE_NONE &&
           page_alloc(SIZE_MAX) == PAGE_NONE && page_alloc_aligned(1, 0) == PAGE_NONE &&
           page_alloc_aligned(1, 3) == PAGE_NONE &&
           page_alloc_aligned(1, SIZE_MAX / 2 + 1) == PAGE_NONE && opened() == 0,
       "what can't be is refused, and opens nothing");
    uint64_t a = page_alloc(1), b = page_alloc(157), c = page_alloc(200), d = page_alloc(156);
    ok(a == ram + 2 * PAGE_SIZE && d == a + PAGE_SIZE, "the lowest range is used first");
    ok(b == ram + 257 * PAGE_SIZE && c == ram + 532 * PAGE_SIZE, "the next where it is too small");
    uint64_t e = page_alloc_aligned(16, 512), f = page_alloc_aligned(64, 4 * MIB / PAGE_SIZE);
    ok(e == ram + 4 * MIB && f == ram + 20 * MIB, "aligned runs");
    size_t before = opened();
    uint64_t g = page_alloc(3000);
    ok(g == f + 64 * PAGE_SIZE && opened() > before, "a run begins before the frontier");
    ok(figures(1 + 157 + 200 + 156 + 16 + 64 + 3000, 0), "their pages are in use");
    page_free(a, 157);
    ok(page_alloc(157) == a, "neighbours are freed as one run");
    page_free(a + 10 * PAGE_SIZE, 20);
    ok(page_alloc(20) == a + 10 * PAGE_SIZE, "a part of a run is freed");
    page_free(a, 157);
    page_free(b, 157);
    page_free(c, 200);
    page_free(e, 16);
    page_free(f, 64);
    page_free(g, 3000);
    page_free(a, 0);
    ok(figures(0, 0), "all are back");
    ok(page_alloc(10236) == ram + 16 * MIB + PAGE_SIZE && page_alloc(1280) != PAGE_NONE &&
           page_alloc(255) != PAGE_NONE && page_alloc(157) == a && page_alloc(1) == PAGE_NONE &&
           figures(PC_PAGES, 0) && opened() == PC_PAGES,
       "each range is one run again, and then nothing is left");
    page_free(g, 1);
    ok(page_alloc(2) == PAGE_NONE && page_alloc(1) == g, "a page that comes back is found");
}

static const char *free_already(uint64_t pa)
{
    static char text[100];

    snprintf(text, sizeof text, "page_free: page %#lx is free already", (unsigned long)pa);
    return text;
}

static const char *foreign(uint64_t pa, size_t n)
{
    static char text[100];

    snprintf(text, sizeof text, "page_free: %#lx (%zu pages) is not the allocator's",
             (unsigned long)pa, n);
    return text;
}

static void test_misuse(void)
{
    struct pagecache pc = {0};

    BOOT_PC();
    uint64_t at = page_alloc(10), hole = at + 4 * PAGE_SIZE, unopened = ram + 50 * MIB;
    page_free(hole, 1);
    same(thrown_by(NULL, at, 10), free_already(hole));
    same(thrown_by(NULL, hole, 1), free_already(hole));
    same(thrown_by(NULL, unopened, 1), free_already(unopened));
    const uint64_t nobodys[] = {
        0,
        ram,                            // no RAM
        ram + PAGE_SIZE,                // tables
        ram + 200 * PAGE_SIZE,          // a range without pages
        ram + 256 * PAGE_SIZE,          // tables, in the chunk of other pages
        ram + 520 * PAGE_SIZE,          // before a range, in its chunk
        ram + 56 * MIB - 3 * PAGE_SIZE, // behind the last
        at + 1,
        UINT64_MAX - PAGE_SIZE + 1,
    };
    for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++)
        same(thrown_by(NULL, nobodys[i], 1), foreign(nobodys[i], 1));
    same(thrown_by(NULL, at, SIZE_MAX), foreign(at, SIZE_MAX));
    same(thrown_by(NULL, at, 158), foreign(at, 158));
    ok(figures(9, 0), "none of it changed anything");

    at = page_cache_alloc(&pc);
    page_cache_free(&pc, at);
    same(thrown_by(&pc, at, 1), free_already(at));
    same(thrown_by(&pc, at + 8, 1), foreign(at + 8, 1));
    page_cache_drop(&pc);
    same(thrown_by(&pc, at, 1), free_already(at));
    same(thrown_by(&pc, 0, 1), foreign(0, 1));
    ok(figures(9, 0), "nor did that");
}

/* ---- random runs ---------------------------------------------------------------------------------- */

#define RAM_PAGES (64 * MIB / PAGE_SIZE)

static uint16_t owner[RAM_PAGES];
static size_t owned;

/* Pages [pa, pa + n) had no owner; each now bears the mark of its own. */
static bool own(uint64_t pa, size_t n, uint16_t who)
{
    bool good = pa >= ram && pa % PAGE_SIZE == 0;

    for (size_t i = (pa - ram) / PAGE_SIZE, end = i + n; i < end && good; i++) {
        good = owner[i] == 0;
        owner[i] = who;
        *(uint16_t *)phys_to_virt(ram + i * PAGE_SIZE + 8 * who % PAGE_SIZE) = who;
    }
    owned += n;
    return good;
}

static bool disown(uint64_t pa, size_t n)
{
    bool good = true;

    for (size_t i = (pa - ram) / PAGE_SIZE, end = i + n; i < end; i++) {
        uint16_t who = owner[i];
        good &= who != 0;
        good &= *(uint16_t *)phys_to_virt(ram + i * PAGE_SIZE + 8 * who % PAGE_SIZE) == who;
        owner[i] = 0;
    }
    owned -= n;
    return good;
}

static void test_random(void)
{
    enum { RUNS = 6000, CALLS = 100000 };
    static struct {
        uint64_t pa;
        size_t n;
    } run[RUNS];
    static struct pagecache pc[4];
    bool good = true;
    size_t refused = 0, cached = 0;

    BOOT_PC();
    for (size_t call = 0; call < CALLS && good; call++) {
        size_t k = 1 + rnd_below(RUNS - 1);
        struct pagecache *c = &pc[rnd_below(4)];
        if (rnd_below(50) == 0)
            page_cache_drop(c);
        if (run[k].n) {
            good = disown(run[k].pa, run[k].n);
            if (run[k].n == 1)
                page_cache_free(c, run[k].pa);
            else
                page_free(run[k].pa, run[k].n);
            run[k].n = 0;
            continue;
        }
        size_t n = rnd_below(3) ? 1 : 1 + rnd_below(40), align = (size_t)1 << rnd_below(6);
        run[k].pa = n == 1 ? page_cache_alloc(c) : page_alloc_aligned(n, align);
        if (run[k].pa == PAGE_NONE) {
            refused++;
            continue;
        }
        run[k].n = n;
        good = own(run[k].pa, n, (uint16_t)k) && (n == 1 || run[k].pa / PAGE_SIZE % align == 0);
    }
    for (size_t i = 0; i < 4; i++)
        cached += (size_t)__builtin_popcountll(pc[i].group & 0xffff);
    ok(good && figures(owned + cached, 0), "random runs and cached pages: no page has two owners");
    ok(refused > 100, "memory was short %zu times", refused);
    for (size_t k = 1; k < RUNS; k++)
        if (run[k].n) {
            good &= disown(run[k].pa, run[k].n);
            page_free(run[k].pa, run[k].n);
        }
    for (size_t i = 0; i < 4; i++)
        cached -= page_cache_drop(&pc[i]);
    ok(good && cached == 0 && figures(0, 0), "all of them are back");
}

/* ---- caches --------------------------------------------------------------------------------------- */

static void test_cache(void)
{
    struct pagecache a = {0}, b = {0};
    bool good = true;
    uint64_t pa;

    BOOT_PC();
    uint64_t first = ram + 2 * PAGE_SIZE;
    for (uint64_t i = 0; i < 14; i++)
        good &= page_cache_alloc(&a) == first + i * PAGE_SIZE && figures(14, 0);
    ok(good, "a group that lies half before the range gives its 14 pages, and counts them in use");
    ok(page_cache_alloc(&b) == ram + 16 * PAGE_SIZE && figures(30, 0), "the next group");
    page_cache_free(&a, first + 3 * PAGE_SIZE);
    ok(figures(30, 0) && page_cache_alloc(&a) == first + 3 * PAGE_SIZE,
       "a page of the last group returns to the cache without the allocator");
    page_cache_free(&b, first + 3 * PAGE_SIZE);
    page_cache_free(&b, first + 7 * PAGE_SIZE);
    page_cache_free(&b, first + 8 * PAGE_SIZE);
    ok(figures(27, 0), "pages of another group go to the allocator");
    ok(page_cache_alloc(&a) == first + 3 * PAGE_SIZE && figures(30, 0) &&
           page_cache_alloc(&a) == first + 7 * PAGE_SIZE,
       "the lowest group with a free page gives all that it has");
    ok(page_cache_drop(&a) == 1 && page_cache_drop(&a) == 0 && figures(29, 0), "what is left");
    ok(page_cache_drop(&b) == 15 && figures(14, 0), "a group but for a page");
    ok(page_alloc(1) == first + 8 * PAGE_SIZE && page_alloc(15) == ram + 17 * PAGE_SIZE,
       "both are the allocator's again");

    size_t n = page_in_use();
    while (page_cache_alloc(&a) != PAGE_NONE)
        n++;
    ok(n == PC_PAGES && figures(PC_PAGES, 0) && page_cache_alloc(&b) == PAGE_NONE,
       "a cache can take every page there is");
    pa = ram + 55 * MIB;
    for (uint64_t i = 0; i < 16; i += 2)
        page_free(pa + i * PAGE_SIZE, 1);
    ok(page_cache_alloc(&b) == pa && page_cache_drop(&b) == 7 && figures(PC_PAGES - 7, 0),
       "a group with holes is dropped page by page");
}

/* ---- scavenging ----------------------------------------------------------------------------------- */

static void test_scavenging(void)
{
    uint64_t pa = 0, top = ram;
    size_t n, taken = 0;

    BOOT_PC();
    top = ram + 56 * MIB - 16 * PAGE_SIZE; // the highest whole group ends here
    ok(page_scavenge_take(512, &pa) == 0, "what was never opened is not given back");
    uint64_t all = page_alloc(10236);
    page_free(all, 10236);
    ok(page_scavenge_take(15, &pa) == 0 && page_scavenge_take(40, &pa) == 32 &&
           pa == top - 32 * PAGE_SIZE && figures(32, 0),
       "the highest groups are taken, and are in use meanwhile");
    page_scavenge_done(pa, 32, false);
    ok(figures(0, 0), "the host did not want them");
    ok(page_scavenge_take(40, &pa) == 32 && pa == top - 32 * PAGE_SIZE, "they can be taken again");
    page_scavenge_done(pa, 32, true);
    ok(figures(0, 32), "the host has them");
    for (taken = 32; (n = page_scavenge_take(SIZE_MAX, &pa)) != 0; taken += n)
        page_scavenge_done(pa, n, true);
    ok(figures(0, taken) && taken > 10200 && taken <= opened(), "all that is opened: %zu pages",
       taken);
    size_t before = opened();
    ok(page_alloc(10236) == all && figures(10236, taken - 10208) && opened() == before,
       "to allocate them is to take them from the host");
    page_free(all, 10236);
    ok(figures(10236 - 10236, taken - 10208), "they are free, and backed");
    struct pagecache pc = {0};
    size_t scavenged = taken - 10208;
    pa = page_cache_alloc(&pc);
    ok(pa == ram + 2 * PAGE_SIZE && figures(14, scavenged), "a cache's group, too");
}

int main(void)
{
    scenario(test_small_boot);
    scenario(test_large_boot);
    scenario(test_runs);
    scenario(test_misuse);
    scenario(test_random);
    scenario(test_cache);
    scenario(test_scavenging);
    return done();
}
