/*
 * test_page_threads.c - the allocator of physical pages and its caches, on many cores at once.
 *
 * Goal:   no page has two owners, whoever allocates, frees, passes pages on, empties the caches of
 *         others or scavenges; what one owner wrote is ordered before what the next one writes.
 * Method: threads, each with a cache. A page's owner is an atomic word beside it, its mark a plain word
 *         in it: ThreadSanitizer reports a hand-over that orders too little. Pages also go from thread
 *         to thread by a row of slots, to be freed by others than took them.
 * Time:   under 5 s.
 */
#define _GNU_SOURCE
#include "kernel/page.h"

#include <pthread.h>
#include <unistd.h>

#include "kernel/panic.h"
#include "tests/host/shim/ram.h"
#include "tests/host/tap.h"

#define THREADS  8
#define CALLS    60000
#define KEPT     64 // pages and runs that a thread keeps at most
#define SLOTS    16
#define MAX_RUN  24
#define RANGES   2
#define RANGE    (UINT64_C(3) << 20)
#define HOLE     (UINT64_C(1) << 20)
#define ALL_ROOM (RANGES * (RANGE + HOLE) / PAGE_SIZE)

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("Bail out! ");
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

struct kept {
    uint64_t pa;
    size_t n;
};

struct thread {
    pthread_t id;
    unsigned who; // from 1 on
    uint64_t seed;
    struct pagecache cache;
    struct kept kept[KEPT];
    size_t none, dropped, scavenged; // calls of that outcome
};

static uint64_t ram;
static struct thread threads[THREADS];
static _Atomic(unsigned) owner[ALL_ROOM];
static _Atomic(uint64_t) slot[SLOTS]; // a page on its way, 0: none
static _Atomic(unsigned) faults;

static uint64_t draw(struct thread *t, uint64_t n)
{
    t->seed = t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (t->seed >> 33) % n;
}

/* The owner table is relaxed, so that it orders nothing which the allocator should have ordered. */
static void own(const struct thread *t, uint64_t pa, size_t n)
{
    for (size_t i = (pa - ram) / PAGE_SIZE, end = i + n; i < end; i++) {
        if (atomic_exchange_explicit(&owner[i], t->who, memory_order_relaxed) != 0)
            atomic_fetch_add(&faults, 1);
        *(unsigned *)phys_to_virt(ram + i * PAGE_SIZE) = t->who;
    }
}

static void disown(const struct thread *t, uint64_t pa, size_t n)
{
    for (size_t i = (pa - ram) / PAGE_SIZE, end = i + n; i < end; i++) {
        if (*(unsigned *)phys_to_virt(ram + i * PAGE_SIZE) != t->who ||
            atomic_exchange_explicit(&owner[i], 0, memory_order_relaxed) != t->who)
            atomic_fetch_add(&faults, 1);
    }
}

/* Mostly the thread's own; a core may use any. */
static struct pagecache *cache(struct thread *t)
{
    return draw(t, 8) ? &t->cache : &threads[draw(t, THREADS)].cache;
}

static void give_back(struct thread *t, struct kept *k)
{
    disown(t, k->pa, k->n);
    if (k->n == 1)
        page_cache_free(cache(t), k->pa);
    else
        page_free(k->pa, k->n);
    k->n = 0;
}

static void take(struct thread *t, struct kept *k)
{
    size_t n = draw(t, 4) ? 1 : 2 + draw(t, MAX_RUN - 1);

    k->pa = n == 1 ? page_cache_alloc(cache(t)) : page_alloc_aligned(n, (size_t)1 << draw(t, 5));
    if (k->pa == PAGE_NONE) {
        t->none++;
        return;
    }
    k->n = n;
    own(t, k->pa, n);
}

/* Puts a page of ours into a slot, and frees the one that was in it. */
static void pass_on(struct thread *t, struct kept *k)
{
    uint64_t pa = 0;

    if (k->n == 1) {
        disown(t, k->pa, 1);
        pa = k->pa;
        k->n = 0;
    }
    /* The slot's own order is what a queue between cores would have. */
    pa = atomic_exchange_explicit(&slot[draw(t, SLOTS)], pa, memory_order_acq_rel);
    if (pa) {
        own(t, pa, 1);
        disown(t, pa, 1);
        page_cache_free(cache(t), pa);
    }
}

static void scavenge(struct thread *t)
{
    uint64_t pa;
    size_t n = page_scavenge_take(16 * (1 + draw(t, 8)), &pa);

    if (n == 0)
        return;
    t->scavenged++;
    own(t, pa, n);
    disown(t, pa, n);
    page_scavenge_done(pa, n, draw(t, 2));
}

static void *work(void *arg)
{
    struct thread *t = arg;

    for (unsigned call = 0; call < CALLS; call++) {
        struct kept *k = &t->kept[draw(t, KEPT)];
        switch (draw(t, 32)) {
        case 0:
        case 1:
            t->dropped += page_cache_drop(&threads[draw(t, THREADS)].cache) != 0;
            break;
        case 2:
            scavenge(t);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            pass_on(t, k);
            break;
        default:
            if (k->n)
                give_back(t, k);
            else
                take(t, k);
            break;
        }
    }
    for (unsigned i = 0; i < KEPT; i++)
        if (t->kept[i].n)
            give_back(t, &t->kept[i]);
    return NULL;
}

int main(void)
{
    struct bootmem bm = {.n = RANGES};
    struct pagestats st;
    struct pagecache last = {0};
    size_t none = 0, dropped = 0, scavenged = 0, n = 0;

    ram = ram_reserve(RANGES * (RANGE + HOLE), 2 << 20);
    for (unsigned i = 0; i < RANGES; i++)
        bm.free[i] = (struct memrange){ram + i * (RANGE + HOLE) + 3 * PAGE_SIZE, RANGE};
    page_init(&bm);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].who = i + 1;
        threads[i].seed = i;
        if (pthread_create(&threads[i].id, NULL, work, &threads[i]))
            return 1;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        none += threads[i].none;
        dropped += threads[i].dropped;
        scavenged += threads[i].scavenged;
    }
    ok(faults == 0, "no page had two owners, or lost its mark: %u", faults);
    ok(none > 0, "memory was short %zu times", none);
    ok(dropped > 0 && scavenged > 0, "caches were emptied %zu times, runs scavenged %zu times",
       dropped, scavenged);

    for (unsigned i = 0; i < SLOTS; i++)
        if (slot[i])
            page_free(slot[i], 1);
    for (unsigned i = 0; i < THREADS; i++)
        page_cache_drop(&threads[i].cache);
    page_stats(&st);
    ok(st.in_use == 0 && st.total == st.opened, "all pages are back: %zu of %zu in use", st.in_use,
       st.total);
    while (page_cache_alloc(&last) != PAGE_NONE)
        n++;
    page_stats(&st);
    ok(n == st.total && st.in_use == n && st.scavenged == 0, "and each is there once: %zu", n);
    return done();
}
