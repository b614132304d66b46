/*
 * span.h - spans: runs of pages that hold objects of one size, or one large object.
 *
 * Who may write to a span's bitmaps depends on its owner:
 *
 *      owner          free[]                              remote[]
 *      a P            that P alone, without a lock        others, under mcentral[class].lock
 *      none           whoever holds mcentral[class].lock  all zero
 *
 *      fresh ──> owned by a P ──> full, in no list ──> partial, in mcentral's list ──> given back
 *                  ^  used up       an object is freed   │       the last one is freed
 *                  └─────────────────────────────────────┘
 *                    a P needs a span of the class, or frees two objects of this one
 *
 * Invariant: an object is free iff its bit is set in free[] or remote[], never in both; a span
 *            that has an owner is in that P's mcache; one that has none is in its mcentral's list
 *            iff some but not all of its objects are free, and on its way back to the mheap if
 *            all are. A struct span stays one for ever, so that a stale pointer to one can be
 *            read.
 */
#ifndef KERNEL_SPAN_H
#define KERNEL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"
#include "kernel/malloc.h"
#include "kernel/sizeclass.h"

struct p;

/*
 * Access:  f  see the table above; read by others for checks and figures
 *          a  written by the owner or under mcentral's lock; read by anyone
 *          o  the owner P only        l  mcentral[class].lock
 *          h  mheap.lock              c  constant while the span is in use
 * What is f or a is read and written whole, by the functions below.
 */
struct span {
    /* All that the owner's malloc() and free() touch lies in one line. */
    _Alignas(CACHE_LINE) uint64_t free[SPAN_WORDS]; // f  bit n: object n is free
    uintptr_t owner;                                // a  struct p * | OWNER_REMOTE, 0: none
    uintptr_t base;                                 // c  first object
    uint32_t bytes; // c  of an object; 0: a large one, as long as the span
    uint32_t magic; // c  struct sizeclass
    uint32_t limit; // c
    uint32_t cur;   // o  the word of free[] to look at first

    uint64_t remote[SPAN_WORDS]; // f  objects that others than the owner freed
    size_t pages;                // h  0: this struct is not in use; c for its holder
    struct span *next, *prev;    // l  mcentral's list; next: h  unused structs
    uint16_t objects;            // c
    uint16_t nfree;              // l  bits set in free[], while there is no owner
    uint8_t class;               // c  0: a large object
    bool listed;                 // l  in mcentral's list
};
_Static_assert(offsetof(struct span, remote) == CACHE_LINE, "the owner's line");
_Static_assert(sizeof(struct span) == 2 * CACHE_LINE, "31 in a page, with its head");

/* In span.owner: remote[] is not empty. The owner's free() then takes the slow path, which
 * empties it. */
#define OWNER_REMOTE 1

/*
 * The span table: an entry for each page of the direct map, in HEAP_BASE's window. Its origin is
 * the window's end, and its index the address taken as a signed number, which is negative: so the
 * look-up needs no subtraction. Where memory was never a heap's the table may not be mapped.
 */
#define SPAN_TABLE   ((uintptr_t)(HEAP_BASE + HEAP_BYTES))
#define DIRECT_SHIFT __builtin_ctzll(DIRECT_BYTES)

/*
 * What stands for a span where there is none, so that no fast path has to ask: they have no owner
 * and no free object. In the table, [class]: a span of that class was here last; NO_SPAN: never
 * any. In an mcache, NO_SPAN: none of the class. (Go's emptymspan.)
 */
extern struct span span_tags[MEM_CLASSES + 1];
#define NO_SPAN (&span_tags[MEM_CLASSES])

static inline bool span_is_tag(const struct span *s)
{
    return s >= span_tags && s <= NO_SPAN;
}

/*
 * Words that one core writes while others may read them. The lock gives them order, or a
 * pointer's way from one goroutine to another; what is asked for here is only that each is read
 * and written whole, and an aligned word is. Why not relaxed atomics, which say the same: gcc
 * gives them only the simplest addressing mode, and that is seven instructions more in malloc()
 * and free(). ThreadSanitizer sees them as atomics.
 */
#ifdef __SANITIZE_THREAD__
#define WHOLE_GET(at)    __atomic_load_n(at, __ATOMIC_RELAXED)
#define WHOLE_SET(at, v) __atomic_store_n(at, v, __ATOMIC_RELAXED)
#else
#define WHOLE_GET(at)    (*(at))
#define WHOLE_SET(at, v) ((void)(*(at) = (v)))
#endif

/* A word of free[] or remote[]. */
static inline uint64_t word_get(const uint64_t *w)
{
    return WHOLE_GET(w);
}

static inline void word_set(uint64_t *w, uint64_t v)
{
    WHOLE_SET(w, v);
}

static inline uintptr_t span_owner(const struct span *s)
{
    return WHOLE_GET(&s->owner);
}

static inline void span_set_owner(struct span *s, uintptr_t owner)
{
    WHOLE_SET(&s->owner, owner);
}

static inline size_t span_pages(const struct span *s)
{
    return WHOLE_GET(&s->pages);
}

/* An address as the table's index. The compiler must not see where it comes from: gcc would make
 * two additions and a comparison with 64-bit constants of page_is_direct(). */
static inline intptr_t page_of(const void *p)
{
    intptr_t page = (intptr_t)p >> PAGE_SHIFT;

    __asm__("" : "+r"(page));
    return page;
}

static inline bool page_is_direct(intptr_t page)
{
    return page >> (DIRECT_SHIFT - PAGE_SHIFT) == (intptr_t)DIRECT_BASE >> DIRECT_SHIFT;
}

static inline struct span **span_entry(intptr_t page)
{
    return (struct span **)(SPAN_TABLE + (uintptr_t)page * sizeof(struct span *));
}

/* Of a page in the direct map. Faults where the table is not mapped: malloc_fault(). */
static inline struct span *span_of(intptr_t page)
{
    return WHOLE_GET(span_entry(page));
}

/* The first free object of the current word; NULL: it has none. Ctx: the owner. */
static inline __attribute__((always_inline)) void *span_take(struct span *s)
{
    uint64_t w = s->cur;

    __asm__("" : "+r"(w)); // else gcc keeps it twice, with 32 and with 64 bits
    uint64_t bits = word_get(&s->free[w]);
    if (!bits)
        return NULL;
    word_set(&s->free[w], bits & (bits - 1));
    void *p = (void *)(s->base + (uint32_t)(w * 64 + (uint64_t)__builtin_ctzll(bits)) * s->bytes);
    if (!p)
        __builtin_unreachable(); // or the caller's test for NULL would be done here too
    return p;
}

/* Object `index` becomes free, and its word the current one: what was used last is reused first.
 * False: it is free already. Ctx: the owner, or under the lock while there is none. */
static inline bool span_put(struct span *s, uint64_t index)
{
    uint64_t w = index / 64, bits = word_get(&s->free[w]);
    uint64_t bit = UINT64_C(1) << (index & 63);

    if ((bits ^ bit) < bits) // shorter than a test of the bit and an OR
        return false;
    word_set(&s->free[w], bits ^ bit);
    s->cur = (uint32_t)w;
    return true;
}

/* ---- mcentral.c ------------------------------------------------------------------------------ */

/* Makes a word with free objects the current one: false if free[] is empty. Ctx: the owner. */
bool span_find(struct span *s);

/* pp's span of a class is used up, or there is none: gives one with free objects, pp's from now
 * on, or NULL if the mcentral has none. Ctx: G or g0, preemption off. */
struct span *mcentral_refill(struct p *pp, unsigned class);

/* Takes a span from its owner, the caller's P. True: all of it is free, so it is the caller's to
 * give back. */
bool mcentral_return(struct span *s);

/* What a pointer that should be an object's turned out to be. */
enum object {
    OBJECT_GOOD,
    OBJECT_FREE,     // it is free already
    OBJECT_INTERIOR, // it is not the beginning of an object
    OBJECT_STALE,    // the span is not what it was when it was looked up
};

/* Frees an object of a span that is not pp's, or that has remote[] to be emptied. *empty: a span
 * that has no object left by that, and is the caller's to give back, or NULL. Ctx: G or g0,
 * preemption off. */
enum object mcentral_free(struct p *pp, struct span *s, void *p, struct span **empty);

/* Whether p is allocated. Ctx: G or g0. */
enum object mcentral_check(struct span *s, const void *p);

/* ---- mheap.c: each of these goes to g0 by itself --------------------------------------------- */

/* A fresh span, all of it free, of the table's pages; or of `pages` for a large object, at a
 * multiple of align_pages. NULL: no memory. */
struct span *mheap_alloc(unsigned class);
struct span *mheap_alloc_large(size_t pages, size_t align_pages);

/* Gives the pages back. False: another call has done so before. */
bool mheap_free(struct span *s);

/* A large object loses its last pages. */
void mheap_shrink(struct span *s, size_t pages);

#endif
