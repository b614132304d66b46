/*
 * malloc.c - malloc() and free() and their relatives, for the program and for every libc.
 *
 * Protocol:  malloc() takes the first object of the current word of its P's span; free() by the P
 *            that owns the object's span sets its bit. Neither takes a lock, calls anything, or
 *            counts m->locks: they are NOPREEMPT, so the P cannot change while they run. Whatever
 *            they can't do is a jump to a function that does acquirem() and looks again.
 * Invariant: a pointer that is not the beginning of an allocated object ends the program with a
 *            report, whichever path it takes. The table of tags and spans (span.h) makes that
 *            cheap: an address leads to a struct with an owner or to a tag, which has none.
 * Leaves:    this file is compiled so that functions which call nothing have no frame (Makefile);
 *            six instructions less for malloc() and free() together.
 * Source:    the layers are those of Go's malloc.go; bitmaps instead of its allocCache and
 *            collector.
 */
#include "kernel/malloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/span.h"
#include "kernel/vm.h"
#include "sched/sched.h"

#define NOINLINE __attribute__((noinline))

static SEALED size_t (*reclaim)(void);

/* ---- reports --------------------------------------------------------------------------------- */

static _Noreturn void report_outside(const char *call, const void *p)
{
    throw("%s: %p is not in the heap (goroutine %lu)", call, p, getg()->goid);
}

static _Noreturn void report_free(const char *call, const void *p, unsigned class)
{
    if (class == 0)
        throw("%s: %p is free already (size class 0, whole pages; goroutine %lu)", call, p,
              getg()->goid);
    throw("%s: %p is free already (size class %u, %u bytes; goroutine %lu)", call, p, class,
          sizeclasses[class].bytes, getg()->goid);
}

static _Noreturn void report_tag(const char *call, const void *p, const struct span *tag)
{
    if (tag == NO_SPAN)
        report_outside(call, p);
    report_free(call, p, (unsigned)(tag - span_tags));
}

static _Noreturn void report_interior(const char *call, const void *p, const struct span *s)
{
    size_t bytes = s->class ? s->bytes : span_pages(s) << PAGE_SHIFT;
    size_t offset = (uintptr_t)p - s->base;

    if (s->class && offset >= s->objects * bytes)
        throw("%s: %p is not what malloc() gave (it lies behind the last block of a span of size "
              "class %u, %zu bytes; goroutine %lu)",
              call, p, s->class, bytes, getg()->goid);
    throw("%s: %p is not what malloc() gave (it lies %zu bytes into a block of size class %u, %zu "
          "bytes; goroutine %lu)",
          call, p, offset % bytes, s->class, bytes, getg()->goid);
}

bool malloc_fault(uintptr_t addr)
{
    intptr_t page = (intptr_t)(addr - SPAN_TABLE) / (intptr_t)sizeof(struct span *);

    if (!page_is_direct(page))
        return false;
    kprintf("fatal error: free: %#lx... is not in the heap (goroutine %lu)\n",
            (uintptr_t)page & (UINTPTR_MAX >> PAGE_SHIFT), getg()->goid);
    return true;
}

/* The span that p lies in. */
static struct span *span_checked(const char *call, const void *p)
{
    uint64_t pa;
    enum vm_prot prot;
    intptr_t page = page_of(p);

    if (!page_is_direct(page) || !vm_lookup((uintptr_t)span_entry(page), &pa, &prot))
        report_outside(call, p);
    struct span *s = span_of(page);
    if (span_is_tag(s))
        report_tag(call, p, s);
    return s;
}

/* ---- small objects --------------------------------------------------------------------------- */

static struct span *span_fresh(struct p *pp, unsigned class)
{
    struct span *s = mheap_alloc(class);

    if (s) {
        span_set_owner(s, (uintptr_t)pp);
        pp->mcache.alloc[class] = s;
    }
    return s;
}

/* From the current span's other words, from what others freed in it, from a partial span, from a
 * new one. */
static void *small_alloc(unsigned class)
{
    struct m *mp = acquirem();
    struct span *s = mp->p->mcache.alloc[class];

    if (!span_find(s))
        s = mcentral_refill(mp->p, class);
    if (!s)
        s = span_fresh(mp->p, class);
    void *p = s ? span_take(s) : NULL;
    releasem(mp);
    return p;
}

static void small_free(struct span *s, void *p)
{
    struct m *mp = acquirem();
    struct span *empty;
    enum object state = mcentral_free(mp->p, s, p, &empty);

    if (empty)
        mheap_free(empty);
    releasem(mp);
    if (state == OBJECT_STALE) // by another call, between our look-up and the lock
        s = span_checked("free", p);
    if (state == OBJECT_INTERIOR)
        report_interior("free", p, s);
    if (state != OBJECT_GOOD)
        report_free("free", p, s->class);
}

/* ---- large objects --------------------------------------------------------------------------- */

static size_t pages_of(size_t bytes)
{
    return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static void *large_alloc(size_t bytes, size_t align)
{
    struct span *s = mheap_alloc_large(pages_of(bytes), align >> PAGE_SHIFT);

    return s ? (void *)s->base : NULL;
}

static void large_free(struct span *s, void *p)
{
    if ((uintptr_t)p != s->base)
        report_interior("free", p, s);
    if (!mheap_free(s))
        report_free("free", p, 0);
}

/* ---- when memory is used up ------------------------------------------------------------------ */

/* How many pages went back to the page allocator. */
static size_t flush(struct mcache *mc)
{
    size_t won = 0;

    for (unsigned c = 1; c < MEM_CLASSES; c++) {
        struct span *s = mc->alloc[c];
        mc->alloc[c] = NO_SPAN;
        if (s != NO_SPAN && mcentral_return(s)) {
            won += span_pages(s);
            mheap_free(s);
        }
    }
    return won;
}

void mcache_flush(struct mcache *mc)
{
    flush(mc);
}

static void reclaim_g0(void *won)
{
    if (reclaim)
        *(size_t *)won += reclaim();
}

/* Other cores may take what was won. */
#define TRIES 10

/* True: it is worth another try. */
static bool make_room(size_t pages)
{
    if (pages > page_total())
        return false;
    struct m *mp = acquirem();
    size_t won = flush(&mp->p->mcache);
    releasem(mp);
    systemstack(reclaim_g0, &won);
    return won > 0;
}

static void *or_enomem(void *p)
{
    if (!p)
        errno = ENOMEM;
    return p;
}

static NOINLINE void *small_slow(size_t class)
{
    void *p = small_alloc((unsigned)class);

    for (int tries = 0; !p && tries < TRIES && make_room(sizeclasses[class].pages); tries++)
        p = small_alloc((unsigned)class);
    return or_enomem(p);
}

/* align: a power of two, or less than a page. */
static NOINLINE void *large_slow(size_t bytes, size_t align)
{
    void *p = NULL;

    if (bytes <= PTRDIFF_MAX && align <= PTRDIFF_MAX) {
        p = large_alloc(bytes, align);
        for (int tries = 0; !p && tries < TRIES && make_room(pages_of(bytes)); tries++)
            p = large_alloc(bytes, align);
    }
    return or_enomem(p);
}

/* free() has read p's entry of the table if there is one: it is mapped. */
static NOINLINE void free_slow(void *p)
{
    intptr_t page = page_of(p);

    if (!p)
        return;
    if (!page_is_direct(page))
        report_outside("free", p);
    struct span *s = span_of(page);
    if (span_is_tag(s))
        report_tag("free", p, s);
    if (s->class)
        small_free(s, p);
    else
        large_free(s, p);
}

/* ---- the fast paths -------------------------------------------------------------------------- */

static inline struct span *current_span(size_t class)
{
    return getm()->p->mcache.alloc[class];
}

NOPREEMPT static void *malloc_medium(size_t bytes)
{
    if (bytes > SMALL_MAX)
        return large_slow(bytes, 1);
    size_t class = sizeclass_of_medium(bytes);
    struct span *s = current_span(class);
    void *p = span_take(s);
    return p ? p : small_slow(class);
}

NOPREEMPT void *malloc(size_t bytes)
{
    if (bytes > TINY_MAX)
        return malloc_medium(bytes);
    size_t class = class_of_tiny[bytes];
    struct span *s = current_span(class);
    void *p = span_take(s);
    return p ? p : small_slow(class);
}

NOPREEMPT void free(void *p)
{
    intptr_t page = page_of(p);
    uint64_t index;

    if (page_is_direct(page)) {
        struct span *s = span_of(page);
        if (span_owner(s) == (uintptr_t)getm()->p &&
            span_index((uintptr_t)p - s->base, s->magic, s->limit, &index) && span_put(s, index))
            return;
    }
    free_slow(p);
}

/* ---- their relatives ------------------------------------------------------------------------- */

void *calloc(size_t n, size_t bytes)
{
    size_t all;

    if (__builtin_mul_overflow(n, bytes, &all))
        all = SIZE_MAX; // is refused
    void *p = malloc(all);
    return p ? memset(p, 0, all) : NULL;
}

/* The span of an allocated object, and how many bytes it has. */
static struct span *object_span(const char *call, const void *p, size_t *bytes)
{
    struct span *s = span_checked(call, p);
    enum object state = OBJECT_GOOD;

    if (s->class)
        state = mcentral_check(s, p);
    else if ((uintptr_t)p != s->base)
        state = OBJECT_INTERIOR;
    if (state == OBJECT_INTERIOR)
        report_interior(call, p, s);
    if (state != OBJECT_GOOD)
        report_free(call, p, s->class);
    *bytes = s->class ? s->bytes : span_pages(s) << PAGE_SHIFT;
    return s;
}

size_t malloc_usable_size(void *p);
size_t malloc_usable_size(void *p)
{
    size_t bytes = 0;

    if (p)
        object_span("malloc_usable_size", p, &bytes);
    return bytes;
}

/* Whether the object may stay where it is: it is large enough, and would not waste more than
 * half. */
static bool realloc_stays(struct span *s, size_t have, size_t bytes)
{
    if (bytes > have)
        return false;
    if (s->class || bytes <= SMALL_MAX)
        return bytes > have / 2 || have == MALLOC_ALIGN;
    if (pages_of(bytes) < span_pages(s))
        mheap_shrink(s, pages_of(bytes));
    return true;
}

void *realloc(void *p, size_t bytes)
{
    size_t have;

    if (!p)
        return malloc(bytes);
    struct span *s = object_span("realloc", p, &have);
    if (realloc_stays(s, have, bytes))
        return p;
    void *to = malloc(bytes);
    if (!to)
        return bytes <= have ? p : NULL;
    memcpy(to, p, bytes < have ? bytes : have);
    free(p);
    return to;
}

static bool is_power_of_two(size_t x)
{
    return x && !(x & (x - 1));
}

/* The objects of a class are aligned to a power of two that divides their size, up to a page. */
static void *alloc_aligned(size_t align, size_t bytes)
{
    if (bytes > SMALL_MAX || align > PAGE_SIZE)
        return large_slow(bytes ? bytes : 1, align);
    unsigned c = sizeclass_of(bytes);
    while (sizeclasses[c].bytes % align)
        c++;
    return small_slow(c);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    if (is_power_of_two(align))
        return alloc_aligned(align, bytes);
    errno = EINVAL;
    return NULL;
}

void *memalign(size_t align, size_t bytes);
void *memalign(size_t align, size_t bytes)
{
    return aligned_alloc(align, bytes);
}

/* Says it all by what it returns. */
int posix_memalign(void **p, size_t align, size_t bytes);
int posix_memalign(void **p, size_t align, size_t bytes)
{
    int saved_errno = errno;

    if (!is_power_of_two(align) || align % sizeof(void *))
        return EINVAL;
    void *m = alloc_aligned(align, bytes);
    errno = saved_errno;
    if (!m)
        return ENOMEM;
    *p = m;
    return 0;
}

void *valloc(size_t bytes);
void *valloc(size_t bytes)
{
    return aligned_alloc(PAGE_SIZE, bytes);
}

void *pvalloc(size_t bytes);
void *pvalloc(size_t bytes)
{
    return valloc(bytes > PTRDIFF_MAX ? bytes : pages_of(bytes ? bytes : 1) << PAGE_SHIFT);
}

/* ---- start ----------------------------------------------------------------------------------- */

void malloc_set_reclaim(size_t (*fn)(void))
{
    reclaim = fn;
}

void mcache_init(struct mcache *mc)
{
    for (unsigned c = 0; c < MEM_CLASSES; c++)
        mc->alloc[c] = NO_SPAN;
}

void malloc_init(void)
{
    sizeclass_init();
}
