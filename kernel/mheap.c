/*
 * mheap.c - spans: their structs, their pages, and the table from an address to its span.
 *
 * Protocol:  mheap.lock guards the free structs and the figures. Pages are taken before it and
 *            given back after it. A span's entries of the table are written by whoever has its
 *            pages to himself; of several that free one large object, the one that takes its
 *            first entry away goes on.
 * Where:     on g0. The locks here (mheap, vm, page) are also taken for a goroutine whose stack
 *            must grow, so they must not be held on a stack that may.
 * Invariant: the entries of all pages of a span point at it; all other entries that are mapped
 *            point at a tag. A part of the table, once mapped, stays.
 */
#include "arch/arch.h"
#include "kernel/lock.h"
#include "kernel/page.h"
#include "kernel/poison.h"
#include "kernel/span.h"
#include "kernel/vm.h"

#include <string.h>

/* A page of structs. */
#define BLOCK_SPANS (PAGE_SIZE / sizeof(struct span) - 1)

struct span_block {
    _Alignas(sizeof(struct span)) struct span_block *next;
    struct span spans[BLOCK_SPANS];
};
_Static_assert(sizeof(struct span_block) == PAGE_SIZE, "one page");

static struct {
    struct spinlock lock;
    struct span *unused;       // lock; structs
    struct span_block *blocks; // lock; all structs
    size_t spans, pages;       // lock; in use
    uint64_t spare;            // lock; the next of a run of pages for blocks and for the table
    size_t nspare;             // lock; how many are left
    size_t meta;               // lock; pages of blocks and of the table, the spare ones included
} mheap = {.lock = SPINLOCK_INIT(RANK_MHEAP)};

struct span span_tags[MEM_CLASSES + 1];

static void entries_set(uintptr_t base, size_t pages, struct span *s)
{
    struct span **entry = span_entry(page_of((void *)base));

    for (size_t i = 0; i < pages; i++)
        WHOLE_SET(&entry[i], s);
}

/* ---- structs and table, mheap.lock held ------------------------------------------------------ */

/*
 * These pages never go back, so they must not lie strewn among those that do: memory that was
 * full of small objects once would have no long run any more. So they come in runs, half as long
 * as what there is.
 */
#define META_RUN_MAX 64

static uint64_t meta_page_locked(void)
{
    size_t n = mheap.meta / 2 + 1;

    if (!mheap.nspare) {
        for (n = n < META_RUN_MAX ? n : META_RUN_MAX; n; n /= 2) {
            mheap.spare = page_alloc(n);
            if (mheap.spare != PAGE_NONE)
                break;
        }
        mheap.meta += n;
        mheap.nspare = n;
    }
    if (!mheap.nspare)
        return PAGE_NONE;
    uint64_t pa = mheap.spare;
    mheap.spare += PAGE_SIZE;
    mheap.nspare--;
    return pa;
}

static bool structs_make_locked(void)
{
    uint64_t pa = meta_page_locked();

    if (pa == PAGE_NONE)
        return false;
    struct span_block *b = memset(phys_to_virt(pa), 0, sizeof *b);
    b->next = mheap.blocks;
    mheap.blocks = b;
    for (size_t i = 0; i < BLOCK_SPANS; i++) {
        b->spans[i].next = mheap.unused;
        mheap.unused = &b->spans[i];
    }
    return true;
}

static struct span *struct_get_locked(void)
{
    if (!mheap.unused && !structs_make_locked())
        return NULL;
    struct span *s = mheap.unused;
    mheap.unused = s->next;
    return s;
}

static void struct_put_locked(struct span *s)
{
    s->next = mheap.unused;
    mheap.unused = s;
}

static bool table_map_page_locked(uintptr_t va)
{
    uint64_t pa;
    enum vm_prot prot;

    if (vm_lookup(va, &pa, &prot))
        return true;
    pa = meta_page_locked();
    if (pa == PAGE_NONE)
        return false;
    struct span **entry = phys_to_virt(pa);
    for (size_t i = 0; i < PAGE_SIZE / sizeof *entry; i++)
        entry[i] = NO_SPAN;
    if (vm_map(va, pa, PAGE_SIZE, VM_RW) == 0)
        return true;
    mheap.spare -= PAGE_SIZE;
    mheap.nspare++;
    return false;
}

/* The part of the table for these pages. */
static bool table_map_locked(uintptr_t base, size_t pages)
{
    uintptr_t first = (uintptr_t)span_entry(page_of((void *)base));
    uintptr_t last = first + (pages - 1) * sizeof(struct span *);

    for (uintptr_t va = first & ~(uintptr_t)(PAGE_SIZE - 1); va <= last; va += PAGE_SIZE)
        if (!table_map_page_locked(va))
            return false;
    return true;
}

/* ---- a span's life --------------------------------------------------------------------------- */

struct request {
    unsigned class;
    size_t pages, align_pages;
    struct span *s;
};

static void span_init(struct span *s, uintptr_t base, unsigned class)
{
    const struct sizeclass *sc = &sizeclasses[class];

    s->base = base;
    s->bytes = sc->bytes;
    s->magic = sc->magic;
    s->limit = sc->limit;
    s->cur = 0;
    s->objects = s->nfree = (uint16_t)sc->objects;
    s->class = (uint8_t) class;
    s->listed = false;
    span_set_owner(s, 0);
    for (unsigned w = 0; w < SPAN_WORDS; w++) {
        unsigned n = sc->objects > w * 64 ? sc->objects - w * 64 : 0;
        word_set(&s->free[w], n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1);
        word_set(&s->remote[w], 0);
    }
}

static struct span *struct_make_locked(const struct request *r, uintptr_t base)
{
    if (!table_map_locked(base, r->pages))
        return NULL;
    struct span *s = struct_get_locked();
    if (!s)
        return NULL;
    span_init(s, base, r->class);
    WHOLE_SET(&s->pages, r->pages);
    mheap.spans++;
    mheap.pages += r->pages;
    return s;
}

static void alloc_g0(void *arg)
{
    struct request *r = arg;
    uint64_t pa = r->align_pages > 1 ? page_alloc_aligned(r->pages, r->align_pages)
                                     : page_alloc(r->pages);

    if (pa == PAGE_NONE)
        return;
    uintptr_t base = (uintptr_t)phys_to_virt(pa);
    lock(&mheap.lock);
    r->s = struct_make_locked(r, base);
    unlock(&mheap.lock);
    if (r->s)
        entries_set(base, r->pages, r->s);
    else
        page_free(pa, r->pages);
}

struct span *mheap_alloc(unsigned class)
{
    struct request r = {.class = class, .pages = sizeclasses[class].pages};

    systemstack(alloc_g0, &r);
    return r.s;
}

struct span *mheap_alloc_large(size_t pages, size_t align_pages)
{
    struct request r = {.pages = pages, .align_pages = align_pages};

    systemstack(alloc_g0, &r);
    return r.s;
}

static void pages_free(uintptr_t base, size_t n)
{
    uint64_t pa = virt_to_phys((void *)base);

    if (RT0_DEBUG)
        poison(pa, n);
    page_free(pa, n);
}

static void shrink_g0(void *arg)
{
    const struct request *r = arg;
    struct span *s = r->s;
    uintptr_t tail = s->base + (r->pages << PAGE_SHIFT);
    size_t n = span_pages(s) - r->pages;

    entries_set(tail, n, &span_tags[s->class]);
    lock(&mheap.lock);
    WHOLE_SET(&s->pages, r->pages);
    mheap.pages -= n;
    unlock(&mheap.lock);
    pages_free(tail, n);
}

void mheap_shrink(struct span *s, size_t pages)
{
    systemstack(shrink_g0, &(struct request){.s = s, .pages = pages});
}

static void free_g0(void *arg)
{
    struct request *r = arg;
    struct span *s = r->s, *was = s;
    uintptr_t base = s->base;

    /* Acquire-release: of two calls one is first. */
    if (!__atomic_compare_exchange_n(span_entry(page_of((void *)base)), &was, &span_tags[s->class],
                                     false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        r->s = NULL;
        return;
    }
    size_t pages = span_pages(s);
    entries_set(base, pages, &span_tags[s->class]);
    lock(&mheap.lock);
    WHOLE_SET(&s->pages, 0);
    mheap.spans--;
    mheap.pages -= pages;
    struct_put_locked(s);
    unlock(&mheap.lock);
    pages_free(base, pages);
}

bool mheap_free(struct span *s)
{
    struct request r = {.s = s};

    systemstack(free_g0, &r);
    return r.s != NULL;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* Spans change hands meanwhile; what is read of a bitmap may be old. */
static void add_span(struct memstats *st, const struct span *s)
{
    struct memclass *mc = &st->classes[s->class];
    size_t used = s->class ? s->objects : 1;

    for (unsigned w = 0; w < SPAN_WORDS; w++)
        used -= (size_t)__builtin_popcountll(word_get(&s->free[w]) | word_get(&s->remote[w]));
    mc->spans++;
    mc->objects += used;
    st->heap_bytes += s->class ? used * s->bytes : span_pages(s) << PAGE_SHIFT;
}

static void stats_g0(void *arg)
{
    struct memstats *st = arg;

    lock(&mheap.lock);
    st->heap_pages = mheap.pages;
    st->heap_meta = mheap.meta;
    st->heap_spans = mheap.spans;
    for (const struct span_block *b = mheap.blocks; b; b = b->next)
        for (size_t i = 0; i < BLOCK_SPANS; i++)
            if (span_pages(&b->spans[i]))
                add_span(st, &b->spans[i]);
    unlock(&mheap.lock);
}

void malloc_memstats(struct memstats *st)
{
    st->heap_bytes = 0;
    for (unsigned c = 0; c < MEM_CLASSES; c++)
        st->classes[c] = (struct memclass){.object_bytes = sizeclasses[c].bytes};
    systemstack(stats_g0, st);
}
