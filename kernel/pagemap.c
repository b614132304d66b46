/*
 * pagemap.c - a bitmap of free pages under a radix tree of summaries.
 *
 *   level 4   8 GiB each, one after the other     [ s m e ] [ s m e ] ...
 *   level 3   1 GiB                                  |
 *   ...       eight children each                 [ s m e ] x 8
 *   level 0   a chunk: 512 pages, 2 MiB              |
 *   bitmaps                                       free[512 bits], scavenged[512 bits]
 *
 * A summary is one word: the free run that the node's pages start with, the longest one, the one that
 * they end with, and whether there is a group to scavenge. A search passes over a node by its summary,
 * joining runs across nodes by their ends, and goes down where the longest run is enough.
 *
 * Invariant: a summary of an opened chunk, or of a node above one, is stale or agrees with the bitmaps
 *            of what is opened; what lies above a stale one is stale. scavenged is a subset of free.
 *            [0, low[k]) holds no free run of 4^k pages.
 * Protocol:  whoever changes a bitmap marks what lies above it as stale. A search makes anew what it
 *            needs, which are the nodes that it passes over.
 * Why stale: pages come and go one by one, by groups, and in short runs, where low[] leads straight to
 *            the word that has them: what such a call costs is that word, and a look whether the chunk
 *            is stale already. Nobody reads most of the summaries between two changes.
 * Cost:      allocating, if the run begins in the chunk where the search does, and freeing: the bitmap of
 *            the pages concerned. Any other search: 8 words for each level on the way up and down, the
 *            level's nodes if it is the top (128 words for a TiB), and the bitmaps of the chunks it
 *            passes which have changed since one last did. Initialising costs the levels; opening, what
 *            is opened.
 * Why first fit by address: it keeps the runs at the top whole, for large requests and the scavenger.
 * Why not more levels: a node of 64 GiB has runs that don't fit 21 bits. The top's nodes lie in a row;
 *            all searches start at `low`, so only a request for a long run in fragmented memory sees
 *            many of them.
 * No libc:   these functions run on exception stacks, where vector registers are not saved and
 *            memset() might use them; KEEP_LOOP stops the compiler from finding one.
 * Source:    the summaries are those of Go's page allocator (src/runtime/mpagealloc.go).
 */
#include "kernel/pagemap.h"

#define CHUNK_SHIFT 9
#define FAN_SHIFT   3
#define WORD_BITS   64
#define WORD_ONES   (~UINT64_C(0))
#define FIELD_BITS  21
#define FIELD_MAX   ((UINT64_C(1) << FIELD_BITS) - 1)
#define SUM_DIRTY   (UINT64_C(1) << 63)
#define SUM_ALL     (SUM_DIRTY - 1) // all of a top node is free: a length of 2^21 fits no field
#define SUM_STALE   FIELD_MAX       // starts with a run longer than its longest: no node's

/* The first bit of every group of a word. */
#define GROUP_BITS UINT64_C(0x0001000100010001)

#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

_Static_assert(3 * FIELD_BITS == 63, "three lengths and a bit fill a summary");
_Static_assert(PAGEMAP_CHUNK << FAN_SHIFT * (PAGEMAP_LEVELS - 1) == 1 << FIELD_BITS,
               "the largest node");
_Static_assert(1 << CHUNK_SHIFT == PAGEMAP_CHUNK && 1 << FAN_SHIFT == PAGEMAP_FAN, "node_shift()");
_Static_assert(PAGEMAP_GROUP == 16, "GROUP_BITS");

/* A summary, unpacked: lengths in pages. */
struct sum {
    size_t start, max, end;
    bool dirty; // some group in it may be scavenged
};

/* ---- words -------------------------------------------------------------------------------------- */

/* How many ones there are from bit 0 upward, and from bit 63 downward. */
static unsigned ones_low(uint64_t x)
{
    return x == WORD_ONES ? WORD_BITS : (unsigned)__builtin_ctzll(~x);
}

static unsigned ones_high(uint64_t x)
{
    return x == WORD_ONES ? WORD_BITS : (unsigned)__builtin_clzll(~x);
}

/* Bit i of the result: bits i to i + n - 1 of x are ones (1 <= n <= 64). */
static uint64_t runs_of(uint64_t x, unsigned n)
{
    for (unsigned have = 1, step; have < n && x; have += step) {
        step = have < n - have ? have : n - have;
        x &= x >> step;
    }
    return x;
}

/* A range of bits in an array of words is walked a word at a time: the bits [at, end) as far as they lie
 * in at's word, and the first bit of the next word. */
static uint64_t word_mask(size_t at, size_t end)
{
    uint64_t mask = WORD_ONES << at % WORD_BITS;

    return (at ^ end) < WORD_BITS ? mask & ~(WORD_ONES << end % WORD_BITS) : mask;
}

static size_t word_end(size_t at)
{
    return (at | (WORD_BITS - 1)) + 1;
}

/* The first bit of each group of which all bits are set. */
static uint64_t whole_groups(uint64_t x)
{
    x &= x >> 1;
    x &= x >> 2;
    x &= x >> 4;
    return x & x >> 8 & GROUP_BITS;
}

/* The first bit of each group that is free as a whole, and of which the host backs a page. */
static uint64_t dirty_groups(uint64_t free, uint64_t scavenged)
{
    return whole_groups(free) & ~whole_groups(scavenged);
}

/* ---- summaries ---------------------------------------------------------------------------------- */

static uint64_t sum_pack(const struct sum *s)
{
    uint64_t lengths = s->start > FIELD_MAX ? SUM_ALL
                                            : (uint64_t)s->start | (uint64_t)s->max << FIELD_BITS |
                                                  (uint64_t)s->end << 2 * FIELD_BITS;

    return lengths | (s->dirty ? SUM_DIRTY : 0);
}

/* All lengths 2^21 - 1 at once would need 2^21 pages of which the first or the last is in use, yet
 * starts and ends a run: so this value is free to stand for 2^21. */
static struct sum sum_unpack(uint64_t word)
{
    size_t more = (word & SUM_ALL) == SUM_ALL;

    return (struct sum){
        .start = (word & FIELD_MAX) + more,
        .max = (word >> FIELD_BITS & FIELD_MAX) + more,
        .end = (word >> 2 * FIELD_BITS & FIELD_MAX) + more,
        .dirty = word & SUM_DIRTY,
    };
}

/* Pages of a node, as a power of two; and the number itself. */
static unsigned node_shift(unsigned level)
{
    return CHUNK_SHIFT + FAN_SHIFT * level;
}

static size_t node_pages(unsigned level)
{
    return (size_t)1 << node_shift(level);
}

/* How many nodes of a level cover the first `pages` pages. */
static size_t nodes_of(size_t pages, unsigned level)
{
    return pages ? ((pages - 1) >> node_shift(level)) + 1 : 0;
}

static size_t nodes_open(const struct pagemap *pm, unsigned level)
{
    return nodes_of(pm->open, level);
}

static uint64_t chunk_sum(const struct pagemap_chunk *c)
{
    struct sum s = {0};
    size_t run = 0; // free pages that end where word w starts

    for (size_t w = 0; w < PAGEMAP_WORDS; w++) {
        uint64_t free = c->free[w];
        unsigned low = ones_low(free);
        if (free == 0) {
            run = 0;
            continue;
        }
        if (run == w * WORD_BITS)
            s.start = run + low;
        run += low;
        if (run > s.max)
            s.max = run;
        if (free != WORD_ONES) {
            if (s.max < WORD_BITS)
                for (uint64_t x = runs_of(free, (unsigned)s.max + 1); x; x &= x >> 1)
                    s.max++;
            run = ones_high(free);
        }
        if (!s.dirty)
            s.dirty = dirty_groups(free, c->scavenged[w]) != 0;
    }
    s.end = run;
    return sum_pack(&s);
}

/* The summary of a node above level 0: of its opened children, as if the node ended with them. Nothing
 * follows them that could be joined to the run at their end. SUM_STALE if one of them is. */
static uint64_t node_sum(const struct pagemap *pm, unsigned level, size_t node)
{
    size_t child = node * PAGEMAP_FAN, last = child + PAGEMAP_FAN;
    size_t have = nodes_open(pm, level - 1), pages = node_pages(level - 1);
    struct sum s = {0};
    bool whole = true; // all of the children so far is free
    size_t run = 0;

    for (; child < last && child < have; child++) {
        uint64_t word = pm->sums[level - 1][child];
        if (word == SUM_STALE)
            return word;
        struct sum c = sum_unpack(word);
        if (whole)
            s.start += c.start;
        whole &= c.start == pages;
        if (run + c.start > s.max)
            s.max = run + c.start;
        if (c.max > s.max)
            s.max = c.max;
        run = c.start == pages ? run + pages : c.end;
        s.dirty |= c.dirty;
    }
    s.end = run;
    return sum_pack(&s);
}

/* The summary of a node. A stale one is made anew, unless a child is stale too: then the result is
 * SUM_STALE, and the caller has to go down. */
static uint64_t settle(struct pagemap *pm, unsigned level, size_t node)
{
    uint64_t *word = &pm->sums[level][node];

    if (*word == SUM_STALE)
        *word = level ? node_sum(pm, level, node) : chunk_sum(&pm->chunks[node]);
    return *word;
}

/* The bitmaps of the pages [at, end) have changed. What lies above a stale node is stale already, so most
 * calls end at the chunk. */
static void stale(struct pagemap *pm, size_t at, size_t end)
{
    for (size_t chunk = at / PAGEMAP_CHUNK; chunk < nodes_of(end, 0); chunk++) {
        size_t node = chunk;
        for (unsigned level = 0; level <= pm->top; level++, node /= PAGEMAP_FAN) {
            if (pm->sums[level][node] == SUM_STALE)
                break;
            pm->sums[level][node] = SUM_STALE;
        }
    }
}

/* ---- where searches begin ----------------------------------------------------------------------- */

static size_t low_pages(unsigned k)
{
    return (size_t)1 << 2 * k;
}

/* Pages from `at` on have become free. */
static void lower_lows(struct pagemap *pm, size_t at)
{
    for (unsigned k = 0; k < PAGEMAP_LOWS; k++)
        if (at < pm->low[k])
            pm->low[k] = at;
}

/* [0, at) holds no free run of n pages, so none of more. */
static void raise_low(struct pagemap *pm, size_t n, size_t at)
{
    unsigned k = 0;

    while (k < PAGEMAP_LOWS && low_pages(k) < n)
        k++;
    if (k < PAGEMAP_LOWS && pm->low[k] < at)
        pm->low[k] = at;
}

/* ---- bits --------------------------------------------------------------------------------------- */

static struct pagemap_chunk *chunk_of(const struct pagemap *pm, size_t at)
{
    return &pm->chunks[at / PAGEMAP_CHUNK];
}

static size_t word_of(size_t at)
{
    return at / WORD_BITS % PAGEMAP_WORDS;
}

/* Not inline: it is rarely called, and its caller often. */
static __attribute__((noinline)) void forget_scavenged(struct pagemap *pm, uint64_t *word,
                                                       uint64_t mask)
{
    pm->nscavenged -= pagemap_ones(*word & mask);
    *word &= ~mask;
}

/* The free pages [at, end) are in use. */
static void clear(struct pagemap *pm, size_t at, size_t end)
{
    for (size_t i = at; i < end; i = word_end(i)) {
        struct pagemap_chunk *c = chunk_of(pm, i);
        uint64_t mask = word_mask(i, end), *scavenged = &c->scavenged[word_of(i)];
        c->free[word_of(i)] &= ~mask;
        if (*scavenged & mask)
            forget_scavenged(pm, scavenged, mask);
        KEEP_LOOP();
    }
    pm->nfree -= end - at;
    stale(pm, at, end);
}

/* The pages [at, end), which are in use, are free. */
static void set(struct pagemap *pm, size_t at, size_t end, bool scavenged)
{
    for (size_t i = at; i < end; i = word_end(i)) {
        struct pagemap_chunk *c = chunk_of(pm, i);
        uint64_t mask = word_mask(i, end);
        c->free[word_of(i)] |= mask;
        if (scavenged)
            c->scavenged[word_of(i)] |= mask;
        KEEP_LOOP();
    }
    pm->nfree += end - at;
    if (scavenged)
        pm->nscavenged += end - at;
    lower_lows(pm, at);
    stale(pm, at, end);
}

/* The first page of [at, end) that is free, or end. */
static inline size_t first_free(const struct pagemap *pm, size_t at, size_t end)
{
    for (; at < end; at = word_end(at)) {
        uint64_t free = chunk_of(pm, at)->free[word_of(at)] & word_mask(at, end);
        if (free)
            return (at & ~(size_t)(WORD_BITS - 1)) + (size_t)__builtin_ctzll(free);
    }
    return end;
}

/* ---- searching ---------------------------------------------------------------------------------- */

/* The lowest run of n free pages of a chunk that starts at `from` or above; PAGEMAP_NONE. */
static size_t find_in_chunk(const struct pagemap_chunk *c, size_t from, size_t n)
{
    size_t run = 0;

    for (size_t w = from / WORD_BITS; w < PAGEMAP_WORDS; w++) {
        uint64_t free = c->free[w] & WORD_ONES << from % WORD_BITS;
        from = 0;
        if (run && run + ones_low(free) >= n)
            return w * WORD_BITS - run;
        uint64_t at = n <= WORD_BITS ? runs_of(free, (unsigned)n) : 0;
        if (at)
            return w * WORD_BITS + (size_t)__builtin_ctzll(at);
        run = free == WORD_ONES ? run + WORD_BITS : ones_high(free);
    }
    return PAGEMAP_NONE;
}

/*
 * The same in what lies behind chunk `node`, whose last `run` pages are free. Then `node` of `level` is
 * the one that was passed last, `run` the length of the free run that ends with it. Upward, the search
 * goes to the parent where one begins, and so passes the most pages with one look; the parent that it
 * leaves may be settled then, since the children that it passed are.
 */
static __attribute__((noinline)) size_t find_beyond(struct pagemap *pm, size_t node, size_t run,
                                                    size_t n)
{
    unsigned level = 0;

    for (;;) {
        struct sum s;
        for (node++; level < pm->top && node % PAGEMAP_FAN == 0; settle(pm, level, node - 1)) {
            node /= PAGEMAP_FAN;
            level++;
        }
        for (;; level--, node *= PAGEMAP_FAN) {
            if (node >= nodes_open(pm, level))
                return PAGEMAP_NONE;
            uint64_t word = settle(pm, level, node);
            if (word == SUM_STALE)
                continue;
            s = sum_unpack(word);
            if (run + s.start >= n)
                return (node << node_shift(level)) - run;
            if (s.max < n)
                break;
            if (level == 0)
                return node * PAGEMAP_CHUNK + find_in_chunk(&pm->chunks[node], 0, n);
        }
        run = s.start == node_pages(level) ? run + s.start : s.end;
    }
}

/* The lowest run of n free pages that starts at `from` or above; PAGEMAP_NONE. */
static inline size_t find(struct pagemap *pm, size_t from, size_t n)
{
    if (from >= pm->open || n > pm->nfree)
        return PAGEMAP_NONE;
    for (unsigned k = 0; k < PAGEMAP_LOWS && low_pages(k) <= n; k++)
        if (from + low_pages(k) <= pm->low[k])
            from = pm->low[k] + 1 - low_pages(k);
    if (n > pm->open - from)
        return PAGEMAP_NONE;

    size_t node = from / PAGEMAP_CHUNK, left = PAGEMAP_CHUNK - from % PAGEMAP_CHUNK;
    size_t at = find_in_chunk(&pm->chunks[node], PAGEMAP_CHUNK - left, n);
    if (at != PAGEMAP_NONE)
        return node * PAGEMAP_CHUNK + at;
    size_t run = sum_unpack(settle(pm, 0, node)).end;
    return find_beyond(pm, node, run < left ? run : left, n);
}

/* The lowest index from `at` on whose frame is a multiple of align; PAGEMAP_NONE. */
static size_t align_up(const struct pagemap *pm, size_t at, uint64_t align)
{
    uint64_t frame = (pm->frame + at + align - 1) & ~(align - 1);

    return frame >= pm->frame + at ? frame - pm->frame : PAGEMAP_NONE;
}

/* The run of n pages at `at`, or one above it, whose frame is a multiple of align. A run that is long
 * enough may lie badly; the next may start where its aligned part would. */
static size_t find_aligned(struct pagemap *pm, size_t at, size_t n, uint64_t align)
{
    size_t aligned;

    while (at != PAGEMAP_NONE && (aligned = align_up(pm, at, align)) != at)
        at = find(pm, aligned, n);
    return at;
}

size_t pagemap_alloc(struct pagemap *pm, size_t n, uint64_t align)
{
    size_t at = find(pm, 0, n);

    raise_low(pm, n, at == PAGEMAP_NONE ? pm->open : at + n - 1);
    if (align > 1)
        at = find_aligned(pm, at, n, align);
    if (at != PAGEMAP_NONE)
        clear(pm, at, at + n);
    return at;
}

uint32_t pagemap_alloc_group(struct pagemap *pm, size_t *at)
{
    size_t lowest = find(pm, 0, 1);

    if (lowest == PAGEMAP_NONE)
        return 0;
    *at = lowest & ~(size_t)(PAGEMAP_GROUP - 1);
    struct pagemap_chunk *c = chunk_of(pm, lowest);
    size_t w = word_of(lowest);
    uint64_t taken = c->free[w] & word_mask(*at, *at + PAGEMAP_GROUP);

    c->free[w] &= ~taken;
    pm->nfree -= pagemap_ones(taken);
    if (c->scavenged[w] & taken)
        forget_scavenged(pm, &c->scavenged[w], taken);
    raise_low(pm, 1, *at + PAGEMAP_GROUP);
    stale(pm, *at, *at + PAGEMAP_GROUP);
    return (uint32_t)(taken >> *at % WORD_BITS);
}

size_t pagemap_free(struct pagemap *pm, size_t at, size_t n, bool scavenged)
{
    if (at < pm->first || at >= pm->open || n == 0)
        return 0;
    size_t end = n < pm->open - at ? at + n : pm->open;
    size_t in_use = first_free(pm, at, end) - at;
    if (in_use == n)
        set(pm, at, at + n, scavenged);
    return in_use;
}

/* The highest chunk with a group to scavenge; PAGEMAP_NONE. `node` of `level` and what lies above have
 * been passed. */
static size_t find_dirty(struct pagemap *pm)
{
    unsigned level = pm->top;
    size_t node = nodes_open(pm, level);

    while (node > 0) {
        uint64_t word = settle(pm, level, --node);
        if (level > 0 && (word == SUM_STALE || word & SUM_DIRTY)) {
            size_t have = nodes_open(pm, --level), end = (node + 1) * PAGEMAP_FAN;
            node = end < have ? end : have;
            continue;
        }
        if (word & SUM_DIRTY)
            return node;
        for (; level < pm->top && node % PAGEMAP_FAN == 0; settle(pm, level, node)) {
            node /= PAGEMAP_FAN;
            level++;
        }
    }
    return PAGEMAP_NONE;
}

size_t pagemap_scavenge(struct pagemap *pm, size_t max, size_t *at)
{
    size_t node = find_dirty(pm);

    if (node == PAGEMAP_NONE)
        return 0;
    const struct pagemap_chunk *c = &pm->chunks[node];
    size_t n = 0, low = PAGEMAP_CHUNK;
    while (low > 0 && n + PAGEMAP_GROUP <= max) {
        size_t group = low - PAGEMAP_GROUP, w = group / WORD_BITS;
        if (dirty_groups(c->free[w], c->scavenged[w]) >> group % WORD_BITS & 1)
            n += PAGEMAP_GROUP;
        else if (n)
            break;
        low = group;
    }
    if (n) {
        *at = node * PAGEMAP_CHUNK + low;
        clear(pm, *at, *at + n);
    }
    return n;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static unsigned top_level(size_t npages)
{
    unsigned level = 0;

    while (level + 1 < PAGEMAP_LEVELS && nodes_of(npages, level) > PAGEMAP_FAN)
        level++;
    return level;
}

size_t pagemap_meta_bytes(size_t npages)
{
    size_t bytes = nodes_of(npages, 0) * sizeof(struct pagemap_chunk);

    for (unsigned level = 0; level <= top_level(npages); level++)
        bytes += nodes_of(npages, level) * sizeof(uint64_t);
    return bytes;
}

size_t pagemap_meta_open(const struct pagemap *pm)
{
    size_t bytes = nodes_open(pm, 0) * sizeof(struct pagemap_chunk);

    for (unsigned level = 0; level <= pm->top; level++)
        bytes += nodes_open(pm, level) * sizeof(uint64_t);
    return bytes;
}

void pagemap_init(struct pagemap *pm, uint64_t frame, size_t first, size_t npages, void *meta)
{
    pm->chunks = meta;
    uint64_t *sums = (uint64_t *)(pm->chunks + nodes_of(npages, 0));
    pm->top = top_level(npages);
    for (unsigned level = 0; level <= pm->top; level++) {
        pm->sums[level] = sums;
        sums += nodes_of(npages, level);
    }
    pm->frame = frame;
    pm->first = first;
    pm->npages = npages;
    pm->open = 0;
    for (unsigned k = 0; k < PAGEMAP_LOWS; k++)
        pm->low[k] = 0;
    pm->nfree = pm->nscavenged = 0;
}

static void open_chunk(struct pagemap *pm, size_t chunk)
{
    struct pagemap_chunk *c = &pm->chunks[chunk];
    size_t base = chunk * PAGEMAP_CHUNK;
    size_t from = pm->first > base ? pm->first - base : 0;
    size_t end = pm->npages - base < PAGEMAP_CHUNK ? pm->npages - base : PAGEMAP_CHUNK;

    for (size_t w = 0; w < PAGEMAP_WORDS; w++) {
        c->free[w] = c->scavenged[w] = 0;
        KEEP_LOOP();
    }
    for (size_t at = from; at < end; at = word_end(at)) {
        c->free[at / WORD_BITS] = word_mask(at, end);
        KEEP_LOOP();
    }
    pm->nfree += end - from;
}

/* Unlike stale(), this does not look at what was there: that was never written. */
size_t pagemap_open(struct pagemap *pm, size_t n)
{
    size_t was = pm->open, had = pm->nfree, left = pm->npages - was;

    if (n == 0 || left == 0)
        return 0;
    n = n < left ? (n + PAGEMAP_CHUNK - 1) & ~(size_t)(PAGEMAP_CHUNK - 1) : left;
    pm->open = n < left ? was + n : pm->npages;
    for (size_t chunk = was / PAGEMAP_CHUNK; chunk < nodes_open(pm, 0); chunk++)
        open_chunk(pm, chunk);
    for (unsigned level = 0; level <= pm->top; level++)
        for (size_t node = was >> node_shift(level); node < nodes_open(pm, level); node++)
            pm->sums[level][node] = SUM_STALE;
    return pm->nfree - had;
}

/* The free pages at the frontier are joined by those beyond it, all of which are free. */
size_t pagemap_missing(const struct pagemap *pm, size_t n, uint64_t align)
{
    size_t start = pm->open;

    if (pm->open == pm->npages)
        return 0;
    for (size_t chunk = pm->open / PAGEMAP_CHUNK; chunk-- > 0;) {
        size_t end = sum_unpack(chunk_sum(&pm->chunks[chunk])).end;
        start -= end;
        if (end < PAGEMAP_CHUNK || pm->open - start >= n + align)
            break;
    }
    start = align_up(pm, start > pm->first ? start : pm->first, align);
    return start <= pm->npages && n <= pm->npages - start ? start + n - pm->open : 0;
}

/* ---- checking ----------------------------------------------------------------------------------- */

bool pagemap_is_free(const struct pagemap *pm, size_t at)
{
    return at < pm->open && first_free(pm, at, at + 1) == at;
}

bool pagemap_check(const struct pagemap *pm)
{
    size_t nfree = 0, nscavenged = 0;
    size_t low = pm->low[0] < pm->open ? pm->low[0] : pm->open;
    bool good = first_free(pm, 0, low) == low;

    for (size_t chunk = 0; chunk < nodes_open(pm, 0); chunk++) {
        const struct pagemap_chunk *c = &pm->chunks[chunk];
        good &= pm->sums[0][chunk] == SUM_STALE || pm->sums[0][chunk] == chunk_sum(c);
        for (size_t w = 0; w < PAGEMAP_WORDS; w++) {
            nfree += pagemap_ones(c->free[w]);
            nscavenged += pagemap_ones(c->scavenged[w]);
            good &= (c->scavenged[w] & ~c->free[w]) == 0;
        }
    }
    for (unsigned level = 1; level <= pm->top; level++)
        for (size_t node = 0; node < nodes_open(pm, level); node++)
            good &= pm->sums[level][node] == SUM_STALE ||
                    pm->sums[level][node] == node_sum(pm, level, node);
    return good && nfree == pm->nfree && nscavenged == pm->nscavenged;
}
