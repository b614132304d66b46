/*
 * test_pagemap.c - the map of a range's free pages.
 *
 * Goal:   after any sequence of calls the map gives the lowest run that fits, the highest pages to
 *         scavenge, and the counts of a list of flags; what is not opened is neither read nor written.
 * Method: random calls, each repeated on a model with a flag per page, for sizes around a word, a chunk,
 *         a level and the largest node. The tables are exactly as large as they are said to be, hold
 *         garbage, and are poisoned for AddressSanitizer as far as they are not opened.
 * Time:   under 5 s.
 */
#include "kernel/pagemap.h"
#include "tests/host/tap.h"

#include <sanitizer/asan_interface.h>

#define CHUNK PAGEMAP_CHUNK
#define GROUP PAGEMAP_GROUP
#define NONE  PAGEMAP_NONE
#define TOP   ((size_t)1 << 21) // pages of the largest node

/* The map under test and its model: page i is free, or scavenged too. */
static struct pagemap pm;
static uint8_t *meta;
static bool *mfree, *mscavenged;
static size_t mopen, mnfree, mnscavenged;

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

static void start(uint64_t frame, size_t first, size_t npages)
{
    size_t bytes = pagemap_meta_bytes(npages);

    meta = need(aligned_alloc(64, (bytes + 63) & ~(size_t)63));
    for (size_t i = 0; i < bytes; i++)
        meta[i] = (uint8_t)rnd();
    ASAN_POISON_MEMORY_REGION(meta, (bytes + 63) & ~(size_t)63);
    mfree = need(calloc(npages, 1));
    mscavenged = need(calloc(npages, 1));
    mopen = mnfree = mnscavenged = 0;
    memset(&pm, 0xa5, sizeof pm);
    pagemap_init(&pm, frame, first, npages, meta);
}

static void end(void)
{
    ASAN_UNPOISON_MEMORY_REGION(meta, pagemap_meta_bytes(pm.npages));
    free(meta);
    free(mfree);
    free(mscavenged);
}

/* ---- the calls, with the model's ------------------------------------------------------------------ */

/* Makes usable what the tables of the pages below `open` take, and no more. */
static void unpoison(size_t open)
{
    size_t nodes = (open + CHUNK - 1) / CHUNK;

    ASAN_UNPOISON_MEMORY_REGION(pm.chunks, nodes * sizeof *pm.chunks);
    for (unsigned level = 0; level <= pm.top; level++) {
        ASAN_UNPOISON_MEMORY_REGION(pm.sums[level], nodes * sizeof(uint64_t));
        nodes = (nodes + PAGEMAP_FAN - 1) / PAGEMAP_FAN;
    }
}

static bool counts_agree(void)
{
    return pm.nfree == mnfree && pm.nscavenged == mnscavenged && pm.open == mopen;
}

static bool open_more(size_t n)
{
    size_t left = pm.npages - mopen, chunks = (n < left ? n + CHUNK - 1 : left) / CHUNK;
    size_t to = n < left && chunks * CHUNK < left ? mopen + chunks * CHUNK : pm.npages;
    size_t got, want = 0;

    unpoison(to);
    got = pagemap_open(&pm, n);
    for (; mopen < to; mopen++) {
        mfree[mopen] = mopen >= pm.first;
        want += mfree[mopen];
    }
    mnfree += want;
    return got == want && counts_agree();
}

/* The lowest aligned run of n pages below `limit`, where those from mopen on are free. */
static size_t model_find(size_t n, uint64_t align, size_t limit)
{
    size_t run = 0; // free pages before i, from an aligned one on

    for (size_t i = 0; i < limit; i++) {
        bool is_free = i < mopen ? mfree[i] : i >= pm.first;
        if (run == 0 && (pm.frame + i) & (align - 1))
            continue;
        run = is_free ? run + 1 : 0;
        if (run == n)
            return i + 1 - n;
    }
    return NONE;
}

static void model_take(size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        mnfree -= mfree[i];
        mnscavenged -= mscavenged[i];
        mfree[i] = mscavenged[i] = false;
    }
}

/* Allocation that opens what it lacks, as page.c does, or only looks at what is open. */
static bool alloc(size_t n, uint64_t align, bool may_open)
{
    size_t want = model_find(n, align, mopen);
    size_t have = pagemap_alloc(&pm, n, align);

    if (have != want)
        return false;
    if (have == NONE && may_open) {
        size_t missing = pagemap_missing(&pm, n, align);
        want = model_find(n, align, pm.npages);
        if ((want == NONE) != (missing == 0))
            return false;
        if (want == NONE)
            return true;
        /* Exactly as much as is missing, and not less. */
        if (want + n != mopen + missing || !open_more(missing))
            return false;
        have = pagemap_alloc(&pm, n, align);
    }
    if (have != NONE)
        model_take(want, n);
    return have == want && counts_agree();
}

static bool alloc_group(void)
{
    size_t at = 0, low = 0;
    uint32_t pages = pagemap_alloc_group(&pm, &at), want = 0;

    while (low < mopen && !mfree[low])
        low++;
    if (low == mopen)
        return pages == 0;
    low -= low % GROUP;
    for (size_t i = 0; i < GROUP && low + i < mopen; i++)
        want |= (uint32_t)mfree[low + i] << i;
    for (size_t i = 0; i < GROUP && low + i < mopen; i++)
        model_take(low + i, 1);
    return at == low && pages == want && counts_agree();
}

static bool free_run(size_t at, size_t n, bool scavenged)
{
    size_t in_use = 0;

    while (in_use < n && at + in_use >= pm.first && at + in_use < mopen && !mfree[at + in_use])
        in_use++;
    if (in_use == n)
        for (size_t i = at; i < at + n; i++) {
            mfree[i] = true;
            mscavenged[i] = scavenged;
            mnfree++;
            mnscavenged += scavenged;
        }
    return pagemap_free(&pm, at, n, scavenged) == in_use && counts_agree();
}

static bool dirty(size_t group)
{
    bool whole = true, backed = false;

    for (size_t i = group; i < group + GROUP; i++) {
        whole &= i < mopen && mfree[i];
        backed |= i < mopen && !mscavenged[i];
    }
    return whole && backed;
}

static bool scavenge(size_t max)
{
    size_t at = 0, n = pagemap_scavenge(&pm, max, &at);
    size_t high = mopen / GROUP * GROUP, low;

    while (high > 0 && !dirty(high - GROUP))
        high -= GROUP;
    if (max < GROUP || high == 0)
        return n == 0 && counts_agree();
    for (low = high - GROUP; low % CHUNK != 0 && high - low + GROUP <= max && dirty(low - GROUP);
         low -= GROUP)
        ;
    model_take(low, high - low);
    return at == low && n == high - low && counts_agree() && free_run(at, n, rnd_below(4) != 0);
}

/* A search for all that is free, unless it is one run, passes over all summaries and so makes them. */
static bool settled(void)
{
    return mnfree == 0 || model_find(mnfree, 1, mopen) != NONE ||
           pagemap_alloc(&pm, mnfree, 1) == NONE;
}

static bool same_as_model(void)
{
    bool good = pagemap_check(&pm) && settled();

    for (size_t i = 0; i < pm.npages; i++)
        if (pagemap_is_free(&pm, i) != mfree[i])
            return false;
    return good && counts_agree() && pagemap_check(&pm);
}

/* ---- random calls -------------------------------------------------------------------------------- */

/* Mostly small, sometimes around a word, a chunk or all of it. */
static size_t random_length(size_t most)
{
    static const size_t around[] = {1, 16, 63, 64, 65, 128, 511, 512, 513, 1024, 4096};
    size_t n;

    switch (rnd_below(4)) {
    case 0:
        n = around[rnd_below(sizeof around / sizeof around[0])];
        break;
    case 1:
        n = 1 + rnd_below(most);
        break;
    default:
        n = 1 + rnd_below(20);
        break;
    }
    return n < most ? n : most;
}

/* A run in use near a random place, whole or a part of it; sometimes one that may not be freed. */
static bool random_free(size_t most)
{
    size_t at = rnd_below(pm.npages), n = random_length(most), have = 0;

    if (rnd_below(20) == 0)
        return free_run(at, n, false);
    while (at < mopen && (mfree[at] || at < pm.first))
        at++;
    while (at + have < mopen && have < n && !mfree[at + have])
        have++;
    return have == 0 || free_run(at, have, rnd_below(8) == 0);
}

/* A phase allocates more than it frees, or the reverse, so that the range fills and empties. */
static bool random_call(size_t i, size_t period, size_t most)
{
    bool filling = i / period % 2 == 0;

    switch (rnd_below(10)) {
    case 0:
        return alloc(random_length(most), UINT64_C(1) << rnd_below(12), rnd_below(2));
    case 1:
        return alloc_group();
    case 2:
        return scavenge(rnd_below(3 * CHUNK));
    case 3:
        return rnd_below(8) || open_more(rnd_below(3 * CHUNK));
    case 4:
    case 5:
        return filling ? alloc(random_length(most), 1, rnd_below(2)) : random_free(most);
    case 6:
        return filling ? alloc(random_length(20), 1, true) : random_free(most);
    default:
        return filling && rnd_below(4) ? alloc_group() : random_free(most);
    }
}

static void test_random(uint64_t frame, size_t first, size_t npages, size_t calls)
{
    size_t i, most = npages / 4 + 1, least = npages;
    bool good = true;

    start(frame, first, npages);
    for (i = 0; i < calls && good; i++) {
        good = random_call(i, calls / 4 + 1, most);
        if (i % (calls / 50 + 1) == 0)
            good &= same_as_model();
        if (mopen == npages && mnfree < least)
            least = mnfree;
    }
    ok(good && same_as_model(), "%zu pages from %zu: %zu random calls, %zu free at least", npages,
       first, i, least);
    end();
}

/* ---- directed cases ------------------------------------------------------------------------------ */

static void test_refusals(void)
{
    start(0, 5, 2000);
    ok(alloc(1, 1, false) && alloc_group() && scavenge(CHUNK), "nothing is open: nothing is found");
    ok(pagemap_free(&pm, 5, 1, false) == 0, "nor in use");
    ok(pagemap_missing(&pm, 1995, 1) == 2000 && pagemap_missing(&pm, 1996, 1) == 0,
       "how much is missing, and what never fits");
    ok(pagemap_missing(&pm, SIZE_MAX, 1) == 0 && pagemap_missing(&pm, 1, UINT64_C(1) << 63) == 0,
       "lengths and alignments without bounds");
    ok(open_more(1) && pm.open == CHUNK, "one page opens its chunk");
    ok(pagemap_alloc(&pm, SIZE_MAX, 1) == NONE &&
           pagemap_alloc(&pm, 1, UINT64_C(1) << 63) == NONE && counts_agree(),
       "such runs are not found");
    ok(alloc(100, 1, false) && mopen == CHUNK && !mfree[104] && mfree[105], "the first 100 pages");
    ok(pagemap_free(&pm, 0, 6, false) == 0, "pages below the first are not the map's");
    ok(pagemap_free(&pm, 95, 20, false) == 10 && counts_agree(),
       "a run half free: its page is named");
    ok(free_run(105, 1, false) && free_run(600, 1, false), "free pages, unopened pages");
    ok(free_run(2000, 1, false) && free_run(SIZE_MAX, 1, false) && free_run(50, SIZE_MAX, false),
       "pages that there are not");
    ok(open_more(SIZE_MAX) && pm.open == 2000 && open_more(SIZE_MAX), "all of it, and all again");
    ok(free_run(5, 100, false) && alloc(1995, 1, false) && mnfree == 0, "all of it is one run");
    ok(pagemap_missing(&pm, 1, 1) == 0 && same_as_model(), "full");
    end();
}

static void test_frontier(void)
{
    start(0, 0, 100 * CHUNK);
    ok(alloc(CHUNK - 10, 1, true) && alloc(300, 1, true) && pm.open == 2 * CHUNK,
       "a run across the frontier begins before it");
    ok(!mfree[CHUNK - 10] && mfree[CHUNK + 290], "where the free pages began");
    ok(alloc(64 * CHUNK, 64 * CHUNK, true) && pm.open == 2 * CHUNK,
       "an aligned run that does not fit opens nothing");
    ok(alloc(32 * CHUNK, 32 * CHUNK, true) && pm.open == 64 * CHUNK && !mfree[32 * CHUNK],
       "one that does opens what it needs");
    ok(alloc(36 * CHUNK + 1, 1, true) && pm.open == 64 * CHUNK && alloc(36 * CHUNK, 1, true) &&
           pm.open == 100 * CHUNK && mfree[31 * CHUNK] && !mfree[100 * CHUNK - 1],
       "a run as long as all that is not open, and one page more");
    end();
}

/* Whole nodes of the largest size are free or full, and runs join across them. */
static void test_top(void)
{
    size_t npages = 3 * TOP + 77;

    start(TOP, 0, npages);
    ok(pm.top == PAGEMAP_LEVELS - 1 && open_more(npages), "three of the largest nodes and a bit");
    ok(pagemap_alloc(&pm, npages + 1, 1) == NONE && alloc(npages, 1, false) && mnfree == 0,
       "all of it as one run");
    ok(free_run(TOP, TOP, false) && pagemap_check(&pm), "the middle node is free");
    ok(pagemap_alloc(&pm, TOP + 1, 1) == NONE && alloc(TOP, TOP, false), "exactly that");
    ok(free_run(TOP, TOP, false) && free_run(TOP - 3, 3, true) && free_run(2 * TOP, 5, false) &&
           pagemap_check(&pm),
       "some pages more at both sides");
    ok(pagemap_alloc(&pm, TOP + 9, 1) == NONE && alloc(TOP + 8, 1, false) && mnfree == 0,
       "are one run with it");
    ok(free_run(0, npages, false) && alloc(1, 1, false) && alloc(TOP, TOP, false) && !mfree[TOP] &&
           mfree[TOP - 1],
       "a run at a multiple of 8 GiB");
    ok(alloc(TOP - 1, 1, false) && !mfree[TOP - 1] && alloc(TOP + 77, 1, false) && mnfree == 0,
       "what is left: one run less a page, one more than a node");
    end();
}

/* Single holes far apart, as a long run of a machine leaves them. */
static void test_sparse(void)
{
    size_t npages = 3000000, step = 250007, holes = 0;
    bool good;

    start(0x100000, 3, npages);
    good = open_more(npages) && alloc(npages - 3, 1, false);
    for (size_t at = 3; at < npages - 600; at += step, holes++)
        good &= free_run(at, 1 + holes % 3, holes % 2);
    ok(good && pagemap_check(&pm), "%zu holes in %zu pages", holes, npages);
    ok(alloc(3, 1, false) && alloc(2, 2, false) && alloc_group() && alloc(600, 1, false),
       "are found by length, alignment and place");
    ok(free_run(npages - 600, 600, false) && scavenge(32) && scavenge(CHUNK) && scavenge(CHUNK) &&
           alloc(599, 1, false),
       "the highest pages are scavenged first, and allocated last");
    for (size_t i = 0; i < 2 * holes && good; i++)
        good = alloc_group();
    ok(good && mnfree == 0 && same_as_model(), "all of them are used up");
    end();
}

/* A group whose pages were given back, but for one used since, is worth scavenging again. */
static void test_scavenge_again(void)
{
    start(0, 0, CHUNK);
    ok(open_more(CHUNK) && alloc(CHUNK, 1, false) && free_run(0, CHUNK, true) &&
           mnscavenged == CHUNK,
       "all is scavenged");
    ok(pagemap_scavenge(&pm, CHUNK, &(size_t){0}) == 0, "there is nothing to scavenge");
    ok(alloc(1, 1, false) && mnscavenged == CHUNK - 1, "a page used is not scavenged");
    ok(pagemap_scavenge(&pm, CHUNK, &(size_t){0}) == 0, "its group is not free");
    ok(free_run(0, 1, false) && scavenge(GROUP - 1) && scavenge(CHUNK) && pagemap_check(&pm),
       "when it is, it is taken again");
    end();
}

int main(void)
{
    test_refusals();
    test_frontier();
    test_top();
    test_sparse();
    test_scavenge_again();
    test_random(0, 0, 1, 2000);
    test_random(0, 0, 15, 5000);
    test_random(512, 3, 64, 10000);
    test_random(0, 0, 511, 20000);
    test_random(1024, 511, 512, 2000);
    test_random(0, 511, 513, 5000);
    test_random(512, 17, 513, 20000);
    test_random(512 * 7, 100, 4095, 20000);
    test_random(0, 0, 8 * 4096, 4000);
    test_random(512 * 9, 300, 8 * 4096 + 513, 4000);
    test_random(512 * 63, 1, 8 * 32768 + 4097, 1500);
    test_random(512 * 1001, 200, 2 * TOP - 1, 200);
    return done();
}
