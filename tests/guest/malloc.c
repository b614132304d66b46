/*
 * malloc.c - the heap: what malloc() and its relatives promise, on all cores at once.
 *
 * Goal:   alignment, sizes, contents and refusals as C and POSIX have them; objects freed by
 *         another core than the one that made them; all of it back at the end; the C library's
 *         own use of it.
 * Method: every size once; patterns that the one who frees checks; figures before and after.
 * Budget: 5 s. The reports of misuse, and memory that is used up, are tests/check/heap's.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/malloc.h"
#include "kernel/sizeclass.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "sched/sched.h"
#include "tests/guest/all_of.h"

int posix_memalign(void **p, size_t align, size_t bytes);

static int ncore;

/* Volatile: the compiler takes for granted what is asked here. */
static bool is_aligned(void *volatile p, size_t align)
{
    return (uintptr_t)p % align == 0;
}

/* ---- patterns: both ends of an object, and all of a small one ---- */

#define EDGE 64

static uint8_t pattern_byte(uint32_t seed, size_t i)
{
    return (uint8_t)(seed * 31 + i * 7 + 1);
}

/* The index after i of which pattern_put() writes the byte. */
static size_t pattern_next(size_t bytes, size_t i)
{
    return i + 1 == EDGE && bytes > 2 * EDGE ? bytes - EDGE : i + 1;
}

static void pattern_put(void *p, size_t bytes, uint32_t seed)
{
    uint8_t *b = p;

    for (size_t i = 0; i < bytes; i = pattern_next(bytes, i))
        b[i] = pattern_byte(seed, i);
}

/* The first `bytes` of what pattern_put() wrote into an object of `all` bytes. */
static bool pattern_is(const void *p, size_t all, size_t bytes, uint32_t seed)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < bytes; i = pattern_next(all, i))
        if (b[i] != pattern_byte(seed, i))
            return false;
    return true;
}

/* ---- every size ---- */

enum { KEPT = 61 };

/* KEPT objects live at a time, so that neighbours would be seen to overlap. */
static void test_sizes(void)
{
    static struct {
        void *p;
        size_t bytes;
    } kept[KEPT];
    size_t unaligned = 0, small = 0, damaged = 0, wasteful = 0;

    for (size_t bytes = 0; bytes <= 40000; bytes++) {
        size_t at = bytes % KEPT;
        if (kept[at].p)
            damaged += !pattern_is(kept[at].p, kept[at].bytes, kept[at].bytes,
                                   (uint32_t)kept[at].bytes);
        free(kept[at].p);
        void *p = malloc(bytes);
        size_t usable = malloc_usable_size(p);
        unaligned += !p || !is_aligned(p, 16);
        small += usable < bytes;
        wasteful += bytes > 128 && usable > bytes + bytes / 4;
        pattern_put(p, bytes, (uint32_t)bytes);
        kept[at].p = p;
        kept[at].bytes = bytes;
    }
    for (size_t i = 0; i < KEPT; i++)
        free(kept[i].p);
    ok(unaligned == 0, "malloc(0) to malloc(40000) give memory aligned to 16");
    ok(small == 0, "and as much as was asked for");
    ok(wasteful == 0, "and above 128 bytes at most a quarter more");
    ok(damaged == 0, "and what is written to one object stays");
    ok(malloc_usable_size(NULL) == 0, "NULL has no bytes");
    free(NULL);
}

static void test_zero_bytes(void)
{
    void *a = malloc(0), *b = malloc(0), *c = calloc(0, 8), *d = realloc(malloc(100), 0);

    ok(a && b && c && d && a != b && c != d && a != c && b != d,
       "objects of no bytes are objects of their own");
    free(a);
    free(b);
    free(c);
    free(d);
}

/* All of a span and more, so that the bitmap's last bits are used, in both orders. */
static void test_full_spans(void)
{
    enum { N = 600 };
    static char *p[N];

    for (unsigned c = 1; c < MEM_CLASSES; c++) {
        size_t bytes = sizeclasses[c].bytes, damaged = 0;
        size_t n = sizeclasses[c].objects * 2 + 3;
        for (size_t i = 0; i < n; i++) {
            p[i] = malloc(bytes);
            memset(p[i], (int)i, 16);
            p[i][bytes - 1] = (char)i;
        }
        for (size_t i = 0; i < n; i++) {
            size_t at = c % 2 ? i : n - 1 - i;
            damaged += p[at][0] != (char)at || p[at][bytes - 1] != (char)at;
            damaged += malloc_usable_size(p[at]) != bytes;
            free(p[at]);
        }
        check(damaged == 0, "class %u, %zu bytes: %zu of %zu objects damaged", c, bytes, damaged,
              n);
    }
    ok(true, "spans of every class were filled and emptied");
}

/* ---- realloc, calloc ---- */

static const size_t sizes[] = {1,    16,    24,    100,    256,    700,     1024,   1025,
                               5000, 32768, 32769, 100000, 131072, 1000000, 3000000};

static void test_realloc(void)
{
    unsigned seed = 1;

    for (size_t i = 0; i < LENGTH(sizes); i++)
        for (size_t k = 0; k < LENGTH(sizes); k++) {
            size_t from = sizes[i], to = sizes[k], less = from < to ? from : to;
            void *p = malloc(from);
            pattern_put(p, from, ++seed);
            p = realloc(p, to);
            check(p && is_aligned(p, 16) && malloc_usable_size(p) >= to &&
                      pattern_is(p, from, less, seed),
                  "realloc from %zu to %zu", from, to);
            pattern_put(p, to, seed);
            free(p);
        }
    ok(true, "realloc from and to each of %zu sizes keeps the contents", LENGTH(sizes));

    void *p = realloc(NULL, 100), *q;
    ok(p && malloc_usable_size(p) >= 100, "realloc(NULL) allocates");
    ok((q = realloc(p, 101)) == p, "what fits stays where it is");
    free(q);
    struct memstats a, b;
    p = malloc(1 << 20);
    malloc_memstats(&a);
    q = realloc(p, 40000);
    malloc_memstats(&b);
    ok(p == q && a.heap_pages - b.heap_pages == 256 - 10,
       "a large object shrinks in place, and its pages go back");
    ok((p = realloc(q, 36000)) == q && malloc_usable_size(p) == 9 * PAGE_SIZE, "once more");
    free(p);
}

static void test_calloc(void)
{
    size_t dirty = 0;

    for (size_t i = 0; i < LENGTH(sizes); i++) {
        void *p = malloc(sizes[i]);
        memset(p, 0xa5, malloc_usable_size(p));
        free(p);
        uint8_t *q = calloc(1, sizes[i]);
        for (size_t k = 0; q && k < sizes[i]; k++)
            dirty += q[k] != 0;
        check(q && is_aligned(q, 16), "calloc of %zu", sizes[i]);
        free(q);
    }
    ok(dirty == 0, "calloc zeroes memory that was in use");
}

/* ---- alignment ---- */

static void test_aligned(void)
{
    static const size_t lengths[] = {0, 1, 16, 100, 4096, 5000, 40000};
    size_t bad = 0;

    for (size_t align = 1; align <= 2 << 20; align *= 2)
        for (size_t i = 0; i < LENGTH(lengths); i++) {
            void *p = aligned_alloc(align, lengths[i]), *q = NULL;
            bad += !p || !is_aligned(p, align) || malloc_usable_size(p) < lengths[i];
            pattern_put(p, lengths[i], 5);
            if (align >= sizeof(void *))
                bad += posix_memalign(&q, align, lengths[i]) || !is_aligned(q, align) || p == q;
            bad += !pattern_is(p, lengths[i], lengths[i], 5);
            free(p);
            free(q);
            q = memalign(align, lengths[i]);
            bad += !q || !is_aligned(q, align);
            free(q);
        }
    ok(bad == 0, "aligned_alloc, posix_memalign and memalign from 1 to 2 MiB");
    void *p = valloc(100), *q = pvalloc(100);
    ok(is_aligned(p, PAGE_SIZE) && is_aligned(q, PAGE_SIZE) && malloc_usable_size(q) >= PAGE_SIZE,
       "valloc and pvalloc give pages");
    free(p);
    free(q);
}

static void test_aligned_refuses(void)
{
    void *p = &p, *const was = p;

    errno = 0;
    ok(!aligned_alloc(0, 8) && errno == EINVAL, "aligned_alloc to 0: EINVAL");
    errno = 0;
    ok(!aligned_alloc(48, 96) && errno == EINVAL, "aligned_alloc to 48: EINVAL");
    errno = 0;
    ok(!memalign(24, 8) && errno == EINVAL, "memalign to 24: EINVAL");
    errno = 7;
    ok(posix_memalign(&p, 4, 8) == EINVAL && posix_memalign(&p, 0, 8) == EINVAL &&
           posix_memalign(&p, 24, 8) == EINVAL && p == was && errno == 7,
       "posix_memalign to 4, 0, 24: EINVAL, nothing else changed");
    volatile size_t huge = (size_t)1 << 62;
    ok(posix_memalign(&p, 16, huge) == ENOMEM && p == was && errno == 7,
       "posix_memalign of 2^62: ENOMEM, nothing else changed");
    errno = 0;
    ok(!aligned_alloc(huge, 1) && errno == ENOMEM, "aligned_alloc to 2^62: ENOMEM");
    errno = 0;
    ok(!aligned_alloc(huge * 2, 1) && errno == ENOMEM, "aligned_alloc to 2^63: ENOMEM");
    errno = 0;
    ok(!pvalloc(SIZE_MAX - huge / huge) && errno == ENOMEM, "pvalloc of what overflows: ENOMEM");
}

/* The compiler knows what these calls return, and warns. */
static volatile size_t huge[] = {
    SIZE_MAX,    SIZE_MAX - 15,   SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1,
    PTRDIFF_MAX, (size_t)1 << 47, (size_t)1 << 40, (size_t)1 << 36,
};

static void test_refuses(void)
{
    struct memstats before, after;
    volatile size_t half = SIZE_MAX / 2, root = (size_t)1 << 32;

    malloc_memstats(&before);
    for (size_t i = 0; i < LENGTH(huge); i++) {
        size_t bytes = huge[i];
        errno = 0;
        void *p = malloc(bytes);
        ok(!p && errno == ENOMEM, "malloc(%zu): ENOMEM", bytes);
        errno = 0;
        ok(!calloc(1, bytes) && errno == ENOMEM, "calloc too");
    }
    errno = 0;
    ok(!calloc(half, 3) && errno == ENOMEM, "calloc of a product that overflows: ENOMEM");
    errno = 0;
    ok(!calloc(root, root) && errno == ENOMEM, "and of one that overflows to 0");
    malloc_memstats(&after);
    ok(after.heap_pages <= before.heap_pages, "what was refused took no memory");
    char *p = malloc(4), *q = realloc(strcpy(p, "abc"), half);
    ok(!q && strcmp(p, "abc") == 0, "realloc that is refused leaves the object");
    free(p);
}

/* ---- across cores ---- */

struct block {
    uint32_t bytes;
    uint32_t seed;
    uint8_t data[];
};

static struct chan *blocks; // struct block *

static size_t some_size(unsigned *random)
{
    *random = *random * 1103515245 + 12345;
    unsigned r = *random >> 8;
    return r % 97 == 0 ? 30000 + r % 20000 : r % 11 == 0 ? r % 3000 : r % 300;
}

static struct block *block_new(unsigned *random)
{
    size_t bytes = some_size(random);
    struct block *b = malloc(sizeof *b + bytes);

    fail_once(b != NULL);
    if (!b)
        return NULL;
    *b = (struct block){(uint32_t)bytes, *random};
    pattern_put(b->data, bytes, b->seed);
    return b;
}

static void block_free(struct block *b)
{
    if (!b)
        return;
    fail_once(pattern_is(b->data, b->bytes, b->bytes, b->seed));
    free(b);
}

enum { SENT = 2000 };

/* Every object is freed by another goroutine than made it. */
static void produce(void *arg)
{
    unsigned random = (unsigned)(intptr_t)arg * 1001 + 1;

    for (int i = 0; i < SENT; i++) {
        struct block *b = block_new(&random);
        chan_send(blocks, &b);
    }
    finish();
}

static void consume(void *arg)
{
    struct block *b;

    (void)arg;
    for (int i = 0; i < SENT && chan_recv(blocks, &b) == 0; i++)
        block_free(b);
    finish();
}

static void produce_or_consume(void *arg)
{
    (intptr_t) arg % 2 ? produce(arg) : consume(arg);
}

/* Objects that live long, are reallocated, and are handed on now and then. */
static void churn(void *arg)
{
    enum { SLOTS = 100, ROUNDS = 2500 };
    struct block *slots[SLOTS] = {0}, *b;
    unsigned random = (unsigned)(intptr_t)arg * 77 + 1;

    for (int i = 0; i < ROUNDS; i++) {
        unsigned at = (random >> 16) % SLOTS;
        block_free(slots[at]);
        slots[at] = block_new(&random);
        if (i % 8 == 0 && slots[at]) {
            uint32_t had = slots[at]->bytes;
            slots[at] = realloc(slots[at], sizeof *b + had / 2);
            fail_once(pattern_is(slots[at]->data, had, had / 2, slots[at]->seed));
            slots[at]->bytes = had / 2;
            pattern_put(slots[at]->data, had / 2, slots[at]->seed);
        }
        if (i % 4 == 0 && chan_try_send(blocks, &slots[at]) == 0)
            slots[at] = NULL;
        if (i % 4 == 1 && chan_try_recv(blocks, &b) == 0)
            block_free(b);
        if (i % 64 == 0)
            gosched();
    }
    for (int i = 0; i < SLOTS; i++)
        block_free(slots[i]);
    finish();
}

/* ---- all of it back ---- */

static atomic_int arrived;
static atomic_bool flushed[MAX_CPUS];

/* One on each core: it keeps it until all have come. */
static void flush(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < ncore)
        ;
    struct m *mp = acquirem();
    mcache_flush(&mp->p->mcache);
    atomic_store(&flushed[mp->p->id], true);
    releasem(mp);
    finish();
}

static bool all_flushed(void)
{
    for (int i = 0; i < ncore; i++)
        if (!atomic_load(&flushed[i]))
            return false;
    return true;
}

static void flush_all(struct memstats *st)
{
    memset(flushed, 0, sizeof flushed);
    while (!all_flushed()) {
        atomic_store(&arrived, 0);
        all_of(flush, ncore);
    }
    malloc_memstats(st);
}

static bool same_figures(const struct memstats *a, const struct memstats *b)
{
    bool same = a->heap_pages == b->heap_pages && a->heap_spans == b->heap_spans &&
                a->heap_bytes == b->heap_bytes;

    for (unsigned c = 0; c < MEM_CLASSES; c++)
        same &= a->classes[c].spans == b->classes[c].spans &&
                a->classes[c].objects == b->classes[c].objects;
    return same;
}

static void work(void)
{
    struct block *b;
    int n = 2 * ncore;

    check(all_of(produce_or_consume, n) == 0, "objects of producers, freed by consumers");
    check(all_of(churn, n) == 0, "objects that are kept, reallocated and handed on");
    atomic_store(&wrong, 0);
    while (chan_try_recv(blocks, &b) == 0)
        block_free(b);
    check(atomic_load(&wrong) == 0, "what was left is whole");
}

static void test_cores(void)
{
    static struct memstats before, after;

    blocks = chan_make(sizeof(struct block *), 64);
    flush_all(&before);
    for (int round = 0; round < 3; round++) {
        work();
        flush_all(&after);
        check(same_figures(&before, &after),
              "round %d: %zu pages, %zu spans, %zu bytes; then %zu, %zu, %zu", round,
              before.heap_pages, before.heap_spans, before.heap_bytes, after.heap_pages,
              after.heap_spans, after.heap_bytes);
    }
    ok(true, "%d goroutines that allocate and free each other's objects, three times", 2 * ncore);
    ok(same_figures(&before, &after), "everything is back: %zu pages, %zu bytes in the heap",
       after.heap_pages, after.heap_bytes);
    chan_free(blocks);
}

/* The first round also makes what is never given back: the span table, span structs. The caches
 * of other parts may hold some pages more or less. */
static void test_pages(void)
{
    enum { N = 3000 };
    static void *p[N];
    static struct memstats st;
    size_t was = 0, pages = 0, peak = 0;

    for (int round = 0; round < 2; round++) {
        was = pages;
        for (size_t i = 0; i < N; i++)
            p[i] = malloc(i % 5 ? i * 11 : i * 30);
        peak = page_in_use();
        for (size_t i = 0; i < N; i++)
            free(p[i * 7 % N]);
        flush_all(&st);
        pages = page_in_use();
    }
    ok(pages < was + 32 * (size_t)ncore && peak > was + 9000,
       "pages in use: %zu, at most %zu, then %zu", was, peak, pages);
}

/* ---- figures ---- */

static void test_stats(void)
{
    enum { N = 1000 };
    static void *p[N];
    static struct memstats a, b;
    unsigned c = sizeclass_of(100);
    size_t bytes = sizeclasses[c].bytes;

    malloc_memstats(&a);
    for (int i = 0; i < N; i++)
        p[i] = malloc(100);
    void *volatile large = malloc(100000);
    malloc_memstats(&b);
    ok(b.classes[c].objects - a.classes[c].objects == N && b.classes[c].object_bytes == bytes,
       "%d objects of 100 bytes are counted as such of %zu", N, bytes);
    ok(b.classes[0].objects - a.classes[0].objects == 1 && b.classes[0].spans >= 1,
       "and a large one");
    ok(b.heap_bytes - a.heap_bytes == N * bytes + 25 * PAGE_SIZE, "with their bytes");
    ok(b.heap_pages - a.heap_pages >= N * bytes / PAGE_SIZE + 25 - 1 && b.heap_meta > 0,
       "and pages");
    for (int i = 0; i < N; i++)
        free(p[i]);
    free(large);
    malloc_memstats(&b);
    ok(b.classes[c].objects == a.classes[c].objects && b.heap_bytes == a.heap_bytes,
       "freed, they count no more");
}

/* ---- the C library's own use ---- */

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

static void test_libc_users(void)
{
    enum { FILES = 40, N = 20000 };
    FILE *f[FILES];
    char line[400];
    size_t bad = 0;

    for (int i = 0; i < FILES; i++)
        bad += !(f[i] = fopen("/initrd/folder/numbers.txt", "r")) ||
               !fgets(line, sizeof line, f[i]);
    for (int i = 0; i < FILES; i++)
        bad += !f[i] || fclose(f[i]);
    ok(bad == 0, "%d files opened, read and closed", FILES);

    ok(snprintf(line, sizeof line, "%f %.17g %.60f", 1e200, 0.1, 1e-40) > 260 &&
           strtod(line, NULL) == 1e200,
       "printf and strtod of numbers that need many digits");
    char *copy = strdup(line), *part = strndup(line, 10);
    ok(copy && part && strcmp(copy, line) == 0 && strlen(part) == 10, "strdup and strndup");
    free(copy);
    free(part);

    int *v = malloc(N * sizeof *v);
    for (int i = 0; i < N; i++)
        v[i] = (int)((unsigned)i * 2654435761u >> 8);
    qsort(v, N, sizeof *v, descending);
    for (int i = 1; i < N; i++)
        bad += v[i - 1] < v[i];
    ok(bad == 0, "qsort of %d numbers", N);
    free(v);

    v = reallocarray(NULL, N, sizeof *v);
    volatile size_t many = SIZE_MAX / 2;
    ok(v && !reallocarray(v, many, 4), "reallocarray, and its refusal");
    free(v);
}

/* ---- more functions at exit than fit without malloc(): newlib, then ---- */

#ifdef __PICOLIBC__
enum { AT_EXIT = 31 }; // all that it has room for, but one
#else
enum { AT_EXIT = 100 };
#endif

static int ran;

static void at_exit_count(void)
{
    ran++;
}

/* Registered first, so it runs last. */
static void at_exit_last(void)
{
    if (ran == AT_EXIT)
        return;
    printf("not ok - %d of %d functions ran at exit\n", ran, AT_EXIT);
    fflush(stdout);
    _exit(1);
}

static void test_atexit(void)
{
    int refused = atexit(at_exit_last) != 0;

    for (int i = 0; i < AT_EXIT; i++)
        refused += atexit(at_exit_count) != 0;
    ok(refused == 0, "%d functions for atexit", AT_EXIT + 1);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_sizes();
    test_zero_bytes();
    test_full_spans();
    test_realloc();
    test_calloc();
    test_aligned();
    test_aligned_refuses();
    test_refuses();
    test_stats();
    test_cores();
    test_pages();
    test_libc_users();
    test_atexit();
    return done();
}
