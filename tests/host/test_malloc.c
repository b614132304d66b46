/*
 * test_malloc.c - the heap on one thread, under AddressSanitizer and UBSan.
 *
 * Goal:   the table of size classes is what its method makes, and divides exactly; no two objects
 *         overlap; every pointer that is not an object's beginning is reported, and nothing is
 *         changed by it; frees by other Ps; refusal, reclaim, and all pages back.
 * Method: the table's rules for each class and offset; a model of random calls; two Ps by turns.
 * Budget: 5 s.
 */
#include <errno.h>
#include <inttypes.h>

#include "kernel/sizeclass.h"
#include "kernel/span.h"
#include "tests/host/shim_malloc/machine.h"
#include "tests/host/tap.h"

#define RAM_PAGES 4096

static struct m m;
static struct p p0, p1;
static struct g g;

/* ---- size classes ---------------------------------------------------------------------------- */

static uint32_t span_pages_for(uint32_t bytes)
{
    for (uint32_t pages = 1;; pages++) {
        uint32_t span = pages * 4096, objects = span / bytes;
        if (objects && (span - objects * bytes) * 8 <= span && (objects >= 8 || span >= 32768))
            return pages;
    }
}

static uint32_t step(uint32_t bytes)
{
    uint32_t power = 16;

    while (power * 2 <= bytes)
        power *= 2;
    power = power < 1024 ? power : 1024;
    return power / 16 < 16 ? 16 : power / 16;
}

/* What the head of sizeclass.c describes. */
static void test_method(void)
{
    unsigned n = 0, wrong = 0;

    for (uint32_t bytes = 16; bytes <= SMALL_MAX; bytes += step(bytes)) {
        uint32_t next = bytes + step(bytes), pages = span_pages_for(bytes);
        if (next <= SMALL_MAX && span_pages_for(next) == pages &&
            pages * 4096 / next == pages * 4096 / bytes)
            continue;
        n++;
        wrong += n >= MEM_CLASSES || sizeclasses[n].bytes != bytes || sizeclasses[n].pages != pages;
    }
    ok(n == MEM_CLASSES - 1 && wrong == 0, "the method makes these %u classes", n);
}

static void test_classes(void)
{
    unsigned powers = 0;

    for (unsigned c = 1; c < MEM_CLASSES; c++) {
        const struct sizeclass *sc = &sizeclasses[c];
        uint32_t span = sc->pages * 4096, waste = span - sc->objects * sc->bytes;
        bool power = !(sc->bytes & (sc->bytes - 1));
        powers += power;
        if (sc->bytes <= sizeclasses[c - 1].bytes || sc->bytes % 16 || waste * 8 > span ||
            sc->objects != span / sc->bytes || sc->objects > SPAN_OBJECTS ||
            (power && waste != 0) || (sc->bytes > TINY_MAX && sc->bytes % MEDIUM_STEP))
            ok(false, "class %u: %u bytes, %u in %u pages", c, sc->bytes, sc->objects, sc->pages);
    }
    ok(powers == 12, "16 to 32768: all %u powers of two are classes", powers);
}

static void test_class_of(void)
{
    size_t wrong = 0;

    for (size_t bytes = 0; bytes <= SMALL_MAX; bytes++) {
        unsigned c = sizeclass_of(bytes);
        wrong += c < 1 || c >= MEM_CLASSES || sizeclasses[c].bytes < bytes ||
                 (c > 1 && sizeclasses[c - 1].bytes >= bytes);
    }
    ok(wrong == 0, "every size has the smallest class that holds it");
}

static void test_division(void)
{
    size_t wrong = 0, all = 0;

    for (unsigned c = 1; c < MEM_CLASSES; c++) {
        const struct sizeclass *sc = &sizeclasses[c];
        for (uint64_t offset = 0; offset < sc->pages * 4096; offset++, all++) {
            uint64_t index;
            bool begins = span_index(offset, sc->magic, sc->limit, &index);
            wrong += begins != (offset % sc->bytes == 0 && offset / sc->bytes < sc->objects);
            wrong += begins && index != offset / sc->bytes;
        }
    }
    ok(wrong == 0, "the division is exact at all %zu offsets", all);
}

/* ---- a model of random calls ----------------------------------------------------------------- */

enum { LIVE = 700 };

static struct {
    uint8_t *at;
    size_t bytes;
    uint8_t seed;
} live[LIVE];

static size_t some_size(void)
{
    switch (rnd_below(8)) {
    case 0:
        return rnd_below(SMALL_MAX * 3);
    case 1:
        return rnd_below(SMALL_MAX);
    case 2:
        return sizeclasses[1 + rnd_below(MEM_CLASSES - 1)].bytes;
    default:
        return rnd_below(500);
    }
}

/* All of a small object, the ends of a large one. */
static void fill(size_t i, size_t bytes)
{
    live[i].bytes = bytes;
    live[i].seed = (uint8_t)rnd();
    memset(live[i].at, live[i].seed, bytes < 2048 ? bytes : 2048);
    if (bytes)
        live[i].at[bytes - 1] = live[i].seed;
}

static bool is_whole(size_t i, size_t bytes)
{
    for (size_t k = 0; k < bytes && k < 2048; k++)
        if (live[i].at[k] != live[i].seed)
            return false;
    return true;
}

static size_t model_alloc(size_t i)
{
    size_t bytes = some_size(), align = (size_t)1 << rnd_below(16);

    if (rnd_below(4))
        live[i].at = rt0_malloc(bytes);
    else
        live[i].at = rt0_aligned_alloc(align, bytes);
    if (!live[i].at)
        return 1;
    fill(i, bytes);
    return (uintptr_t)live[i].at % 16 || rt0_malloc_usable_size(live[i].at) < bytes;
}

static size_t model_realloc(size_t i)
{
    size_t was = live[i].bytes, bytes = some_size();
    uint8_t *to = rt0_realloc(live[i].at, bytes);

    if (!to)
        return 1;
    live[i].at = to;
    size_t wrong = !is_whole(i, was < bytes ? was : bytes);
    fill(i, bytes);
    return wrong;
}

static size_t model_free(size_t i)
{
    size_t wrong = !is_whole(i, live[i].bytes);

    rt0_free(live[i].at);
    live[i].at = NULL;
    return wrong;
}

/* By either P at random, so that some frees are another's. */
static size_t model_step(void)
{
    size_t i = rnd_below(LIVE), wrong;

    m.p = rnd_below(3) ? &p0 : &p1;
    if (!live[i].at)
        wrong = model_alloc(i);
    else if (rnd_below(4) == 0)
        wrong = model_realloc(i);
    else
        wrong = model_free(i);
    return wrong;
}

static void flush_both(struct memstats *st)
{
    mcache_flush(&p0.mcache);
    mcache_flush(&p1.mcache);
    m.p = &p0;
    malloc_memstats(st);
}

static size_t objects_of(const struct memstats *st)
{
    size_t n = 0;

    for (unsigned c = 0; c < MEM_CLASSES; c++)
        n += st->classes[c].objects;
    return n;
}

static size_t model_live(void)
{
    size_t n = 0;

    for (size_t i = 0; i < LIVE; i++)
        n += live[i].at != NULL;
    return n;
}

static void test_model(void)
{
    struct memstats st;
    size_t wrong = 0, uncounted = 0;

    for (int i = 0; i < 300000; i++) {
        wrong += model_step();
        if (i % 1000 == 0) {
            malloc_memstats(&st);
            uncounted += objects_of(&st) != model_live();
        }
    }
    ok(wrong == 0, "300000 random calls by two Ps: no object is damaged");
    ok(uncounted == 0, "and the figures count what is live");
    for (size_t i = 0; i < LIVE; i++)
        if (live[i].at)
            wrong += model_free(i);
    flush_both(&st);
    ok(wrong == 0 && st.heap_pages == 0 && st.heap_spans == 0 && st.heap_bytes == 0,
       "all freed, the heap has no pages");
    ok(machine_pages_in_use() == st.heap_meta, "and uses none but its %zu of tables", st.heap_meta);
}

/* ---- pointers that are no object's ----------------------------------------------------------- */

static void reallocate(void *p)
{
    rt0_realloc(p, 10);
}

static void ask_size(void *p)
{
    rt0_malloc_usable_size(p);
}

/* Every offset of a span of the class, half of whose objects are free. Returns how many it got
 * wrong. */
static size_t attack_span(unsigned class)
{
    const struct sizeclass *sc = &sizeclasses[class];
    static uint8_t *object[SPAN_OBJECTS];
    static struct memstats before, after;
    size_t wrong = 0, step_bytes = sc->bytes > 256 ? 31 : 1;

    for (size_t i = 0; i < sc->objects; i++)
        object[i] = rt0_malloc(sc->bytes);
    struct span *s = span_of(page_of(object[0]));
    for (size_t i = 1; i < sc->objects; i += 2)
        rt0_free(object[i]);
    m.p = rnd_below(2) ? &p0 : &p1;
    malloc_memstats(&before);
    for (size_t offset = 0; offset < sc->pages * 4096; offset += step_bytes) {
        size_t i = offset / sc->bytes;
        uint8_t *at = (uint8_t *)s->base + offset;
        bool begins = offset % sc->bytes == 0 && i < sc->objects;
        bool is_free = begins && (word_get(&s->free[i / 64]) >> i % 64 & 1);
        if (begins && !is_free)
            continue;
        wrong += !throws(rt0_free, at);
        wrong += !strstr(thrown, is_free ? "is free already" : "is not what malloc() gave");
        wrong += !throws(reallocate, at) || !throws(ask_size, at);
    }
    malloc_memstats(&after);
    wrong += objects_of(&before) != objects_of(&after);
    m.p = &p0;
    for (size_t i = 0; i < sc->objects; i += 2)
        rt0_free(object[i]);
    return wrong;
}

static void test_attack(void)
{
    size_t wrong = 0;
    struct memstats st;

    for (unsigned c = 1; c < MEM_CLASSES; c++)
        wrong += attack_span(c);
    ok(wrong == 0, "every offset of a span of every class that is no object's is reported");
    flush_both(&st);
    ok(st.heap_pages == 0, "and no span was lost by that");
}

static void test_reports(void)
{
    char *a = rt0_malloc(64), *big = rt0_malloc(100000);
    char text[300];

    throws(rt0_free, a + 8);
    snprintf(text, sizeof text,
             "free: %p is not what malloc() gave (it lies 8 bytes into a block of size class 4, 64 "
             "bytes; goroutine 1)",
             (void *)(a + 8));
    same(thrown, text);
    throws(reallocate, big + 4096);
    snprintf(text, sizeof text,
             "realloc: %p is not what malloc() gave (it lies 4096 bytes into a block of size class "
             "0, 102400 bytes; goroutine 1)",
             (void *)(big + 4096));
    same(thrown, text);
    rt0_free(big);
    throws(rt0_free, big);
    snprintf(text, sizeof text, "free: %p is free already (size class 0, whole pages; goroutine 1)",
             (void *)big);
    same(thrown, text);
    throws(rt0_free, big + 8192);
    ok(strstr(thrown, " is free already (size class 0"), "also for what was inside of it");
    big = rt0_realloc(rt0_malloc(400000), 100000);
    throws(rt0_free, big + 102400);
    ok(strstr(thrown, " is free already (size class 0"), "and for what realloc() cut off");
    rt0_free(big);
    rt0_free(a);
    throws(rt0_free, a);
    snprintf(text, sizeof text, "free: %p is free already (size class 4, 64 bytes; goroutine 1)",
             (void *)a);
    same(thrown, text);
    mcache_flush(&p0.mcache);
    throws(ask_size, a);
    ok(strstr(thrown, "malloc_usable_size: ") == thrown &&
           strstr(thrown, " is free already (size class 4, 64 bytes"),
       "the same once its span was given back");
    throws(rt0_free, &g);
    snprintf(text, sizeof text, "free: %p is not in the heap (goroutine 1)", (void *)&g);
    same(thrown, text);
    ok(throws(rt0_free, (void *)8) && strstr(thrown, "not in the heap"), "an address near 0");
    void *nowhere = (void *)(uintptr_t)(DIRECT_BASE + DIRECT_BYTES / 2);
    ok(throws(reallocate, nowhere) && strstr(thrown, "not in the heap"),
       "an address for which the table is not mapped");
    intptr_t page = page_of(nowhere);
    ok(malloc_fault((uintptr_t)span_entry(page)) && strstr(thrown, " is not in the heap") &&
           !malloc_fault((uintptr_t)span_entry(page_of(&g))) && !malloc_fault(8),
       "a fault in the table is told from others");
    ok(!throws(rt0_free, NULL), "NULL is nothing");
}

/* Two words of one span's bitmap. */
static void test_reuse(void)
{
    enum { N = 200 };
    static void *a[N];

    for (int i = 0; i < N; i++)
        a[i] = rt0_malloc(16);
    rt0_free(a[10]);
    rt0_free(a[150]);
    void *first = rt0_malloc(16), *second = rt0_malloc(16);
    ok(first == a[150] && second == a[10], "what was freed last is given out first");
    for (int i = 0; i < N; i++)
        rt0_free(a[i]);
    mcache_flush(&p0.mcache);
}

/* ---- two Ps ---------------------------------------------------------------------------------- */

static void test_remote(void)
{
    enum { N = 64 }; // a span of 64 bytes
    char *a[N];
    struct memstats st;

    for (int i = 0; i < N; i++)
        a[i] = rt0_malloc(64);
    struct span *s = span_of(page_of(a[0]));
    ok(span_owner(s) == (uintptr_t)&p0 && p0.mcache.alloc[4] == s, "a span belongs to its P");
    m.p = &p1;
    rt0_free(a[3]);
    ok(span_owner(s) == ((uintptr_t)&p0 | OWNER_REMOTE) && word_get(&s->remote[0]) == 1 << 3,
       "another P's free is noted for it");
    ok(throws(rt0_free, a[3]), "twice by the other is a double free");
    m.p = &p0;
    ok(throws(rt0_free, a[3]), "and also by the owner");
    rt0_free(a[5]);
    ok(span_owner(s) == (uintptr_t)&p0 && word_get(&s->remote[0]) == 0 &&
           word_get(&s->free[0]) == ((1 << 3) | (1 << 5)),
       "the owner's next free takes it over");
    m.p = &p1;
    rt0_free(a[7]);
    m.p = &p0;
    ok(rt0_malloc(64) == a[3] && rt0_malloc(64) == a[5] && rt0_malloc(64) == a[7],
       "and so does malloc(), before it goes to another span");
    char *other = rt0_malloc(64);
    ok(span_owner(s) == 0 && span_of(page_of(other)) != s, "used up, it has no owner");
    m.p = &p1;
    rt0_free(a[0]);
    ok(span_owner(s) == 0 && s->listed && s->nfree == 1, "a free puts it into the list");
    rt0_free(a[1]);
    ok(span_owner(s) == (uintptr_t)&p1 && p1.mcache.alloc[4] == s && !s->listed,
       "the second in a row by the same P makes it that P's");
    for (int i = 2; i < N; i++)
        rt0_free(a[i]);
    rt0_free(other);
    flush_both(&st);
    ok(st.heap_pages == 0, "all of it back");
}

/* ---- no memory ------------------------------------------------------------------------------- */

static void *hoard[RAM_PAGES];
static size_t nhoard, asked;
static bool generous;

static size_t reclaim(void)
{
    size_t before = machine_pages_in_use();

    asked++;
    for (size_t i = 0; generous && i < 8 && nhoard; i++)
        rt0_free(hoard[--nhoard]);
    return before - machine_pages_in_use();
}

static void test_no_memory(void)
{
    struct memstats st;
    size_t n = 0;

    while ((hoard[nhoard] = rt0_malloc(40960)))
        nhoard++;
    ok(nhoard > RAM_PAGES / 10 - 20 && asked > 0 && errno == ENOMEM,
       "after %zu objects of 10 pages others were asked, then ENOMEM", nhoard);
    asked = 0;
    ok(!rt0_malloc((size_t)1 << 40) && asked == 0, "not for more than the machine has");
    generous = true;
    void *p = rt0_malloc(40960 * 4);
    ok(p && asked == 1, "what others gave back is used");
    generous = false;
    while (rt0_malloc(3000))
        n++;
    errno = 0;
    ok(!rt0_calloc(1, 3000) && errno == ENOMEM, "small objects too: ENOMEM after %zu", n);
    p = rt0_realloc(hoard[0], 100);
    ok(p != NULL, "a smaller object fits into the one it replaces");
    ok(rt0_posix_memalign(&p, 4096, 409600) == ENOMEM, "posix_memalign says so by its value");
    malloc_memstats(&st);
    ok(machine_pages_in_use() == st.heap_pages + st.heap_meta, "every page is accounted for");
}

int main(void)
{
    struct memstats st;

    malloc_set_reclaim(reclaim);
    machine_init(RAM_PAGES);
    machine_thread(&m, &p1, &g, 1);
    machine_thread(&m, &p0, &g, 0);
    test_method();
    test_classes();
    test_class_of();
    test_division();
    test_reports();
    test_reuse();
    test_remote();
    test_attack();
    flush_both(&st);
    test_model();
    test_no_memory();
    return done();
}
