/*
 * page.c - the allocator of physical pages: a bitmap per RAM range, first fit from the lowest address.
 *
 * Invariant: bit i of a range is set iff page i is free; below range->hint no page is free; page_lock
 *            guards all of it.
 * Why first fit by address: it keeps large runs whole at the top (Go's page allocator does the same).
 *            A page costs one word look-up in the usual case, since the hint follows the lowest hole.
 */
#include "kernel/page.h"

#include <stdbool.h>
#include <string.h>

#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/panic.h"

#define WORD_BITS 64

struct page_range {
    uint64_t base;  // c  physical
    size_t npages;  // c
    uint64_t *free; // page_lock; bitmap, one bit a page
    size_t hint;    // page_lock; no free page below this index
};

static struct spinlock page_lock = SPINLOCK_INIT(RANK_PAGE);
static struct page_range ranges[BOOTMEM_RANGES];
static unsigned nranges;
static size_t total, in_use;

/* Each range's bitmap lies at its own start, so that no other memory has to be found for it. */
void page_init(struct bootmem *bm)
{
    for (unsigned i = 0; i < bm->n; i++) {
        uint64_t pages = bm->free[i].bytes >> PAGE_SHIFT;
        size_t map_bytes = (pages + WORD_BITS - 1) / WORD_BITS * 8;
        size_t map_pages = (map_bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
        if (pages <= map_pages)
            continue;
        struct page_range *r = &ranges[nranges++];
        r->free = phys_to_virt(bm->free[i].base);
        r->base = bm->free[i].base + (map_pages << PAGE_SHIFT);
        r->npages = pages - map_pages;
        size_t words = r->npages / WORD_BITS;
        memset(r->free, 0xff, words * 8);
        memset(r->free + words, 0, map_pages * PAGE_SIZE - words * 8);
        if (r->npages % WORD_BITS)
            r->free[words] = (UINT64_C(1) << r->npages % WORD_BITS) - 1;
        total += r->npages;
    }
    bm->n = 0;
}

static bool is_free(const struct page_range *r, size_t i)
{
    return r->free[i / WORD_BITS] >> i % WORD_BITS & 1;
}

/* The first index in [i, end) whose bit is `value`, or end. */
static size_t next_bit(const struct page_range *r, size_t i, size_t end, bool value)
{
    while (i < end) {
        uint64_t word = r->free[i / WORD_BITS] ^ (value ? 0 : ~UINT64_C(0));
        word >>= i % WORD_BITS;
        if (word) {
            i += (size_t)__builtin_ctzll(word);
            break;
        }
        i = (i / WORD_BITS + 1) * WORD_BITS;
    }
    return i < end ? i : end;
}

static void flip(struct page_range *r, size_t i, size_t n)
{
    for (size_t end = i + n; i < end;) {
        size_t run = WORD_BITS - i % WORD_BITS;
        if (run > end - i)
            run = end - i;
        uint64_t ones = run == WORD_BITS ? ~UINT64_C(0) : (UINT64_C(1) << run) - 1;
        r->free[i / WORD_BITS] ^= ones << i % WORD_BITS;
        i += run;
    }
}

/* First run of n free pages: its index, or npages. */
static size_t find_run(struct page_range *r, size_t n)
{
    size_t i = next_bit(r, r->hint, r->npages, true);

    r->hint = i;
    while (n <= r->npages - i) {
        size_t end = next_bit(r, i, i + n, false);
        if (end == i + n)
            return i;
        i = next_bit(r, end, r->npages, true);
    }
    return r->npages;
}

uint64_t page_alloc(size_t n)
{
    uint64_t pa = PAGE_NONE;

    lock(&page_lock);
    for (unsigned k = 0; k < nranges && n; k++) {
        struct page_range *r = &ranges[k];
        size_t i = find_run(r, n);
        if (i == r->npages)
            continue;
        flip(r, i, n);
        if (i == r->hint)
            r->hint = i + n;
        in_use += n;
        pa = r->base + (i << PAGE_SHIFT);
        break;
    }
    unlock(&page_lock);
    return pa;
}

static struct page_range *range_of(uint64_t pa, size_t n)
{
    for (unsigned k = 0; k < nranges; k++) {
        struct page_range *r = &ranges[k];
        if (pa >= r->base && (pa - r->base) >> PAGE_SHIFT < r->npages)
            return n <= r->npages - ((pa - r->base) >> PAGE_SHIFT) ? r : NULL;
    }
    return NULL;
}

void page_free(uint64_t pa, size_t n)
{
    lock(&page_lock);
    struct page_range *r = range_of(pa, n);
    if (!r || pa & (PAGE_SIZE - 1))
        throw("page_free: %#lx (%zu pages) is not the allocator's", pa, n);
    size_t i = (pa - r->base) >> PAGE_SHIFT;
    for (size_t k = i; k < i + n; k++)
        if (is_free(r, k))
            throw("page_free: page %#lx is free already", r->base + (k << PAGE_SHIFT));
    flip(r, i, n);
    if (i < r->hint)
        r->hint = i;
    in_use -= n;
    unlock(&page_lock);
}

size_t page_total(void)
{
    return total;
}

size_t page_in_use(void)
{
    lock(&page_lock);
    size_t n = in_use;
    unlock(&page_lock);
    return n;
}
