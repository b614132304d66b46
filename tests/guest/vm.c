/*
 * vm.c - the address space as it stands when a program runs.
 *
 * Goal:   write xor execute everywhere; nothing in the low half; text, constants, sealed data and guards
 *         as the design has them; pages are given out once.
 * Method: the walk over all leaves, look-ups of known addresses, and the page allocator under a count.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/layout.h"
#include "kernel/options.h"
#include "kernel/page.h"
#include "kernel/vm.h"
#include "rt0/go.h"
#include "sched/sched.h"
#include "tests/guest/tap.h"

struct seen {
    unsigned leaves, wx, low, executable_outside, writable_text;
    unsigned aliases;
    size_t direct_bytes;
};

static bool in_text(uintptr_t va)
{
    return va >= (uintptr_t)image_start && va < (uintptr_t)text_end;
}

static void visit(const struct vm_leaf *leaf, void *arg)
{
    struct seen *s = arg;

    s->leaves++;
    s->wx += leaf->writable_and_executable;
    s->low += leaf->va < DIRECT_BASE;
    s->executable_outside += leaf->prot == VM_RX && !in_text(leaf->va);
    s->writable_text += leaf->prot != VM_RX && in_text(leaf->va);
    uintptr_t image = DIRECT_BASE + image_phys(image_start);
    s->aliases += leaf->va < image + (size_t)(image_end - image_start) &&
                  image < leaf->va + leaf->bytes;
    if (leaf->va >= DIRECT_BASE && leaf->va < DIRECT_BASE + DIRECT_BYTES)
        s->direct_bytes += leaf->bytes;
}

static void test_walk(void)
{
    struct seen s = {0};

    vm_walk(visit, &s);
    ok(s.leaves > 10, "the walk finds leaves: %u", s.leaves);
    ok(s.wx == 0, "no page is writable and executable: %u", s.wx);
    ok(s.low == 0, "nothing is mapped below the direct map: %u", s.low);
    ok(s.executable_outside == 0, "nothing but the image's text is executable: %u",
       s.executable_outside);
    ok(s.writable_text == 0, "all of the text is read and execute only: %u", s.writable_text);
    ok(s.aliases == 0, "the image is not mapped a second time: %u", s.aliases);
    ok(s.direct_bytes >> PAGE_SHIFT >= page_total(), "the direct map holds all %zu pages",
       page_total());
}

static bool is(const void *at, enum vm_prot expected)
{
    uint64_t pa;
    enum vm_prot prot;

    return vm_lookup((uintptr_t)at, &pa, &prot) && prot == expected;
}

static bool unmapped(uintptr_t at)
{
    uint64_t pa;
    enum vm_prot prot;

    return !vm_lookup(at, &pa, &prot);
}

int main(void);

static const int constant = 1;
static int initialised = 2;
static int zeroed;

static void test_image(void)
{
    int local;

    ok(is((const void *)(uintptr_t)main, VM_RX), "main() is RX");
    ok(is(&constant, VM_R), "a constant is R");
    ok(is(&options, VM_R), "what was sealed after the boot is R");
    ok(is(&initialised, VM_RW) && is(&zeroed, VM_RW), "data and BSS are RW");
    ok(is(&local, VM_RW), "a goroutine's stack is RW");
    ok(is(malloc(1), VM_RW), "the heap is RW");
    ok(unmapped(0) && unmapped(4095) && unmapped(0x7fffffffffff), "the low half is not mapped");
    ok(unmapped((uintptr_t)m0_stack_guard), "the page below m0's g0 stack is not mapped");
}

static void test_guards(void)
{
    const struct stack *s = getg()->stack;
    bool guarded = true;

    ok(unmapped(s->lo - 1), "below what this goroutine's stack may grow to is its guard");
    ok(unmapped(s->committed - 1) && is((void *)s->committed, VM_RW),
       "and it is mapped as far as it grew");
    for (uint32_t i = 0; i < sched.nm; i++)
        guarded &= unmapped(allm[i]->g0->stack->lo - 1);
    ok(guarded, "below every g0 stack is a guard");
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Runs of odd sizes, freed in another order. */
/* On g0, as everything that takes the page allocator's lock. */
static void test_pages(void *unused)
{
    enum { N = 200, MAX_RUN = 7 };
    static uint64_t pa[N], sorted[N * MAX_RUN];
    size_t before = page_in_use(), n = 0;
    bool all = true, twice = false;

    (void)unused;
    for (int i = 0; i < N; i++) {
        size_t run = (size_t)i % MAX_RUN + 1;
        pa[i] = page_alloc(run);
        all &= pa[i] != PAGE_NONE;
        for (size_t k = 0; k < run; k++)
            sorted[n++] = pa[i] + (k << PAGE_SHIFT);
        memset(phys_to_virt(pa[i]), i, run << PAGE_SHIFT);
    }
    qsort(sorted, n, sizeof sorted[0], by_value);
    for (size_t i = 1; i < n; i++)
        twice |= sorted[i] == sorted[i - 1];
    ok(all, "200 runs of 1 to 7 pages");
    ok(!twice, "no page was given out twice");
    ok(page_in_use() == before + n, "%zu pages more in use", n);
    bool kept = true;
    for (int i = 0; i < N; i++)
        kept &= *((uint8_t *)phys_to_virt(pa[i]) + 100) == (uint8_t)i;
    ok(kept, "each run keeps what was written to it");
    for (int i = N - 1; i >= 0; i -= 2)
        page_free(pa[i], (size_t)i % MAX_RUN + 1);
    for (int i = N - 2; i >= 0; i -= 2)
        page_free(pa[i], (size_t)i % MAX_RUN + 1);
    ok(page_in_use() == before, "all of them are back");
    ok(page_alloc(page_total() + 1) == PAGE_NONE && page_alloc(0) == PAGE_NONE,
       "what there is not is refused");
}

int main(void)
{
    test_walk();
    test_image();
    test_guards();
    systemstack(test_pages, NULL);
    return done();
}
