/*
 * page.c - the allocator of physical pages: a map of free pages for each range of RAM, and the per-P
 * caches above it.
 *
 *   bootmem range:   | tables of the map | page, page, ...                        |
 *                                          opened ------> | frontier   not opened |
 *
 * Protocol:  page_lock guards the maps. Figures are written under it and read by anyone. A cache is one
 *            word, changed by compare-exchange alone: any core may take from it, give to it and empty it
 *            at any time, though it is quick because its P's core mostly does.
 * Invariant: a page is free in its range's map, or in one cache, or in use: one of the three. Pages
 *            beyond a range's frontier are free, and neither they nor their part of the tables have
 *            been touched. No page of a range below first_range is free.
 * Why the tables lie in the range: so that no other memory must be found for them.
 * Why so little is opened at once: opening is some 25 stores for 512 pages, which is nothing beside their
 *            use, and memory that is never opened costs the host nothing.
 * Why first fit by address, also across ranges and frontiers: what lies high stays whole and untouched.
 * Why no libc call: pages are taken on exception stacks, where vector registers are not saved.
 * Source:    the cache is Go's pageCache (src/runtime/mpagecache.go), made one word.
 */
#include "kernel/page.h"

#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/pagemap.h"
#include "kernel/panic.h"

#define OPEN_PAGES  (2 * PAGEMAP_CHUNK) // 4 MiB
#define GROUP_BYTES (PAGE_GROUP * PAGE_SIZE)
#define GROUP_PAGES UINT64_C(0xffff) // of a cache's word: the pages that are free

_Static_assert(PAGE_GROUP == PAGEMAP_GROUP, "a cached group is the map's");
_Static_assert(GROUP_PAGES == (UINT64_C(1) << PAGE_GROUP) - 1, "a bit for each page");
_Static_assert(GROUP_PAGES < GROUP_BYTES, "a group's address leaves room for its bits");

/* Access:  c constant after page_init()   l page_lock   a written under page_lock, read by anyone */
struct page_range {
    uint64_t base;      // c  physical address of the map's index 0, the start of a chunk
    struct pagemap map; // l  but for first and npages, which are c
};

static struct spinlock page_lock = SPINLOCK_INIT(RANK_PAGE);
static struct page_range ranges[BOOTMEM_RANGES];  // by address
static unsigned nranges;                          // c
static unsigned first_range;                      // l  lowest range that may have a free page
static size_t total;                              // c
static _Atomic(size_t) in_use, opened, scavenged; // a  pages
static _Atomic(size_t) meta_bytes;                // a

/* ---- figures ------------------------------------------------------------------------------------ */

/* Under page_lock, so no other core changes it meanwhile. Relaxed: a figure orders nothing. */
static void figure_add_locked(_Atomic(size_t) *figure, size_t n)
{
    size_t was = atomic_load_explicit(figure, memory_order_relaxed);

    atomic_store_explicit(figure, was + n, memory_order_relaxed);
}

static void figure_sub_locked(_Atomic(size_t) *figure, size_t n)
{
    figure_add_locked(figure, -n);
}

static size_t figure(const _Atomic(size_t) *f)
{
    return atomic_load_explicit(f, memory_order_relaxed);
}

/* No lock, since the caller may be a goroutine whose stack would have to grow under it. So each figure
 * is right, but they may be of slightly different moments. */
void page_stats(struct pagestats *st)
{
    st->total = total;
    st->in_use = figure(&in_use);
    st->opened = figure(&opened);
    st->scavenged = figure(&scavenged);
    st->meta = (figure(&meta_bytes) + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

size_t page_total(void)
{
    return total;
}

size_t page_in_use(void)
{
    return figure(&in_use);
}

/* ---- ranges ------------------------------------------------------------------------------------- */

static uint64_t page_at(const struct page_range *r, size_t at)
{
    return r->base + ((uint64_t)at << PAGE_SHIFT);
}

/* The range whose pages include the one at pa, or NULL. By the first page, not by base: two ranges may
 * begin in one chunk. */
static struct page_range *range_of(uint64_t pa)
{
    unsigned lo = 0, hi = nranges; // ranges below lo begin at or below pa, from hi on above it

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (page_at(&ranges[mid], ranges[mid].map.first) <= pa)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return NULL;
    struct page_range *r = &ranges[lo - 1];
    return (pa - r->base) >> PAGE_SHIFT < r->map.npages ? r : NULL;
}

/* Opens n pages or more of a range; false: n is 0, or all of it is open. */
static bool open_locked(struct page_range *r, size_t n)
{
    size_t before = pagemap_meta_open(&r->map);
    size_t got = n ? pagemap_open(&r->map, n > OPEN_PAGES ? n : OPEN_PAGES) : 0;

    figure_add_locked(&opened, got);
    figure_add_locked(&meta_bytes, pagemap_meta_open(&r->map) - before);
    return got != 0;
}

static bool is_open(const struct page_range *r)
{
    return r->map.open == r->map.npages;
}

/* Pages of r have been taken. Nothing is free in ranges that are open and empty: no search needs to look
 * at them again until a page of theirs is freed. */
static void taken_locked(const struct page_range *r, size_t n, size_t scavenged_before)
{
    figure_add_locked(&in_use, n);
    if (scavenged_before != r->map.nscavenged)
        figure_sub_locked(&scavenged, scavenged_before - r->map.nscavenged);
    if (r->map.nfree == 0)
        while (first_range < nranges && ranges[first_range].map.nfree == 0 &&
               is_open(&ranges[first_range]))
            first_range++;
}

/* ---- runs --------------------------------------------------------------------------------------- */

/* The first check is for a low range that has a few pages left, which would be searched by each call. */
static uint64_t alloc_locked(struct page_range *r, size_t n, size_t align_pages)
{
    if (r->map.nfree < n && is_open(r))
        return PAGE_NONE;
    size_t before = r->map.nscavenged;
    size_t at = pagemap_alloc(&r->map, n, align_pages);

    if (at == PAGEMAP_NONE && !is_open(r) &&
        open_locked(r, pagemap_missing(&r->map, n, align_pages)))
        at = pagemap_alloc(&r->map, n, align_pages);
    if (at == PAGEMAP_NONE)
        return PAGE_NONE;
    taken_locked(r, n, before);
    return page_at(r, at);
}

uint64_t page_alloc_aligned(size_t n, size_t align_pages)
{
    uint64_t pa = PAGE_NONE;

    if (n == 0 || align_pages == 0 || align_pages & (align_pages - 1))
        return PAGE_NONE;
    lock(&page_lock);
    for (unsigned k = first_range; k < nranges && pa == PAGE_NONE; k++)
        pa = alloc_locked(&ranges[k], n, align_pages);
    unlock(&page_lock);
    return pa;
}

uint64_t page_alloc(size_t n)
{
    return page_alloc_aligned(n, 1);
}

/* Frees the run if all of it is in use; returns how many pages from `at` on are. */
static size_t free_locked(struct page_range *r, size_t at, size_t n, bool given)
{
    size_t freed = pagemap_free(&r->map, at, n, given);

    if (freed == n) {
        if (r < &ranges[first_range])
            first_range = (unsigned)(r - ranges);
        figure_sub_locked(&in_use, n);
        if (given)
            figure_add_locked(&scavenged, n);
    }
    return freed;
}

static void free_run(uint64_t pa, size_t n, bool given)
{
    struct page_range *r = range_of(pa);
    size_t at = r ? (pa - r->base) >> PAGE_SHIFT : 0;

    if (!r || pa & (PAGE_SIZE - 1) || n > r->map.npages - at)
        throw("page_free: %#lx (%zu pages) is not the allocator's", pa, n);
    lock(&page_lock);
    size_t freed = free_locked(r, at, n, given);
    unlock(&page_lock);
    if (freed != n)
        throw("page_free: page %#lx is free already", pa + ((uint64_t)freed << PAGE_SHIFT));
}

void page_free(uint64_t pa, size_t n)
{
    free_run(pa, n, false);
}

/* ---- per-P caches ------------------------------------------------------------------------------- */

/*
 * A word with no bits is an empty cache; its address stays, so that a page of the last group comes back
 * without a lock.
 *
 * A word that was seen, changed by others and changed back is no danger: it is the whole state, so a
 * compare-exchange that succeeds takes a page which is in the cache at that moment.
 *
 * Order: whoever gives a page away has touched it, and whoever gets it will. A change that puts pages in
 * is a release (page_cache_free(), refill()); one that takes pages out is an acquire (page_cache_alloc(),
 * page_cache_drop()). Taking need not be a release: it is a read-modify-write, and so passes the releases
 * before it on. page_lock orders the rest.
 */
static uint64_t group_of(uint64_t word)
{
    return word & ~(GROUP_BYTES - 1);
}

static uint64_t lowest_page(uint64_t word)
{
    return group_of(word) + ((uint64_t)__builtin_ctzll(word) << PAGE_SHIFT);
}

/* All free pages of the lowest group that has one, as a cache's word; 0: no page is free. */
static uint64_t group_take(void)
{
    uint64_t word = 0;

    lock(&page_lock);
    for (unsigned k = first_range; k < nranges && !word; k++) {
        struct page_range *r = &ranges[k];
        size_t at, before = r->map.nscavenged;
        uint32_t pages = pagemap_alloc_group(&r->map, &at);
        if (!pages && !is_open(r) && open_locked(r, 1))
            pages = pagemap_alloc_group(&r->map, &at);
        if (!pages)
            continue;
        word = page_at(r, at) | pages;
        taken_locked(r, pagemap_ones(pages), before);
    }
    unlock(&page_lock);
    return word;
}

/* Frees the pages of a cache's word, run by run: how many. */
static size_t group_free(uint64_t word)
{
    size_t n = 0;

    for (uint64_t pages = word & GROUP_PAGES; pages;) {
        uint64_t next = pages + (pages & -pages); // carries through the lowest run of ones
        size_t run = pagemap_ones(pages & ~next);
        page_free(lowest_page(group_of(word) | pages), run);
        pages &= next;
        n += run;
    }
    return n;
}

/* The cache is empty: fills it with a group, less one page for the caller. */
static __attribute__((noinline)) uint64_t refill(struct pagecache *pc)
{
    uint64_t group = group_take(), rest = group & (group - 1);

    if (!group)
        return PAGE_NONE;
    uint64_t word = atomic_load_explicit(&pc->group, memory_order_relaxed);
    do {
        if (word & GROUP_PAGES) {
            group_free(rest);
            break;
        }
        /* Release: the pages' last users are ordered before us by page_lock; pairs with the acquires
         * in page_cache_alloc() and page_cache_drop(). */
    } while (!atomic_compare_exchange_weak_explicit(&pc->group, &word, rest, memory_order_release,
                                                    memory_order_relaxed));
    return lowest_page(group);
}

uint64_t page_cache_alloc(struct pagecache *pc)
{
    uint64_t word = atomic_load_explicit(&pc->group, memory_order_relaxed);

    do {
        if (__builtin_expect(!(word & GROUP_PAGES), 0))
            return refill(pc);
        /* Acquire: pairs with the releases in page_cache_free() and refill(). */
    } while (!atomic_compare_exchange_weak_explicit(&pc->group, &word, word & (word - 1),
                                                    memory_order_acquire, memory_order_relaxed));
    return lowest_page(word);
}

void page_cache_free(struct pagecache *pc, uint64_t pa)
{
    uint64_t word = atomic_load_explicit(&pc->group, memory_order_relaxed);
    uint64_t page = UINT64_C(1) << (pa >> PAGE_SHIFT) % PAGE_GROUP;

    do {
        /* The word 0 is no group: a free of page 0, which is nobody's, must be found out. */
        if (!group_of(word) || group_of(word) != group_of(pa) || pa & (PAGE_SIZE - 1)) {
            page_free(pa, 1);
            return;
        }
        if (word & page)
            throw("page_free: page %#lx is free already", pa);
        /* Release: pairs with the acquires in page_cache_alloc() and page_cache_drop(). */
    } while (!atomic_compare_exchange_weak_explicit(&pc->group, &word, word | page,
                                                    memory_order_release, memory_order_relaxed));
}

size_t page_cache_drop(struct pagecache *pc)
{
    uint64_t word = atomic_load_explicit(&pc->group, memory_order_relaxed);

    do {
        if (!(word & GROUP_PAGES))
            return 0;
        /* Acquire: pairs with the releases in page_cache_free() and refill(). */
    } while (!atomic_compare_exchange_weak_explicit(&pc->group, &word, 0, memory_order_acquire,
                                                    memory_order_relaxed));
    return group_free(word);
}

/* ---- scavenging --------------------------------------------------------------------------------- */

size_t page_scavenge_take(size_t max, uint64_t *pa)
{
    size_t n = 0;

    lock(&page_lock);
    for (unsigned k = nranges; k-- > first_range && n == 0;) {
        struct page_range *r = &ranges[k];
        size_t at, before = r->map.nscavenged;
        n = pagemap_scavenge(&r->map, max, &at);
        if (n == 0)
            continue;
        *pa = page_at(r, at);
        taken_locked(r, n, before);
    }
    unlock(&page_lock);
    return n;
}

void page_scavenge_done(uint64_t pa, size_t n, bool given)
{
    free_run(pa, n, given);
}

/* ---- boot --------------------------------------------------------------------------------------- */

/*
 * The map's index 0 is the start of a chunk, so that a group of the map is one of physical memory; the
 * pages of that chunk before the first one behind the tables are not the map's. So the map is a chunk
 * larger at most than what follows the tables, and they are made for that.
 */
static void range_init(struct page_range *r, uint64_t start, uint64_t pages)
{
    uint64_t meta = pagemap_meta_bytes(pages + PAGEMAP_CHUNK - 1);
    uint64_t first = (start >> PAGE_SHIFT) + ((meta + PAGE_SIZE - 1) >> PAGE_SHIFT);
    uint64_t end = (start >> PAGE_SHIFT) + pages;

    if (first >= end)
        return;
    uint64_t frame = first & ~(uint64_t)(PAGEMAP_CHUNK - 1);
    r->base = frame << PAGE_SHIFT;
    pagemap_init(&r->map, frame, first - frame, end - frame, phys_to_virt(start));
    total += end - first;
    nranges++;
}

void page_init(struct bootmem *bm)
{
    for (unsigned i = 0; i < bm->n; i++)
        range_init(&ranges[nranges], bm->free[i].base, bm->free[i].bytes >> PAGE_SHIFT);
    bm->n = 0;
}
