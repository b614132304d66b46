/*
 * test_malloc_threads.c - the heap on real threads, under ThreadSanitizer.
 *
 * Goal:   what one thread writes plainly, no other touches unordered: the bitmaps of spans are
 *         their owner's, objects are whoever's they were given to; nothing is lost, given out
 *         twice or freed twice.
 * Method: each thread is an M with a P. It allocates, hands objects to the others through
 *         mailboxes, frees what it finds there, and checks each object's pattern. The sanitizer
 *         sees the rest.
 * Budget: 10 s.
 */
#include <pthread.h>

#include "kernel/span.h"
#include "tests/host/shim_malloc/machine.h"
#include "tests/host/tap.h"

enum { THREADS = 4, ROUNDS = 40000, SLOTS = 64, MAILBOXES = 32 };

struct block {
    uint32_t bytes, seed;
    uint8_t data[];
};

static struct {
    pthread_mutex_t mutex;
    struct block *b;
} mailbox[MAILBOXES];

static struct worker {
    pthread_t thread;
    struct m m;
    struct p p;
    struct g g;
    size_t wrong, remote;
} workers[THREADS];

static uint32_t next(uint32_t *random)
{
    *random = *random * 1103515245 + 12345;
    return *random >> 8;
}

static struct block *block_new(struct worker *w, uint32_t *random)
{
    uint32_t r = next(random), bytes = r % 64 == 0 ? r % 70000 : r % 16 == 0 ? r % 2000 : r % 200;
    struct block *b = rt0_malloc(sizeof *b + bytes);

    if (!b) {
        w->wrong++;
        return NULL;
    }
    *b = (struct block){bytes, r};
    memset(b->data, (int)r, bytes < 200 ? bytes : 200);
    return b;
}

static void block_free(struct worker *w, struct block *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; i < b->bytes && i < 200; i++)
        w->wrong += b->data[i] != (uint8_t)b->seed;
    w->remote += span_owner(span_of(page_of(b))) != (uintptr_t)&w->p;
    rt0_free(b);
}

/* An object is swapped for whatever another left. */
static struct block *swap(uint32_t at, struct block *b)
{
    pthread_mutex_lock(&mailbox[at].mutex);
    struct block *was = mailbox[at].b;
    mailbox[at].b = b;
    pthread_mutex_unlock(&mailbox[at].mutex);
    return was;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint32_t id = (uint32_t)(w - workers), random = id + 1;
    struct block *slots[SLOTS] = {0};

    machine_thread(&w->m, &w->p, &w->g, id);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t at = next(&random) % SLOTS;
        block_free(w, slots[at]);
        slots[at] = block_new(w, &random);
        if (i % 3 == 0)
            slots[at] = swap(next(&random) % MAILBOXES, slots[at]);
        if (i % 20 == 0 && slots[at]) {
            uint32_t had = slots[at]->bytes;
            slots[at] = rt0_realloc(slots[at], sizeof *slots[at] + had / 2);
            w->wrong += !slots[at];
            slots[at]->bytes = had / 2;
        }
        if (i % 5000 == 0)
            mcache_flush(&w->p.mcache);
        if (i % 10000 == 0) {
            struct memstats st;
            malloc_memstats(&st);
            w->wrong += st.heap_spans == 0 && i > 0;
        }
    }
    for (int i = 0; i < SLOTS; i++)
        block_free(w, slots[i]);
    mcache_flush(&w->p.mcache);
    return NULL;
}

int main(void)
{
    static struct m m;
    static struct p p;
    static struct g g;
    size_t wrong = 0, remote = 0;
    struct memstats st;

    machine_init(16384);
    machine_thread(&m, &p, &g, THREADS);
    for (int i = 0; i < MAILBOXES; i++)
        pthread_mutex_init(&mailbox[i].mutex, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
        remote += workers[i].remote;
    }
    ok(wrong == 0, "%d threads, %d rounds each: no object was damaged", THREADS, ROUNDS);
    ok(remote > ROUNDS / 4, "%zu frees were not by the span's owner", remote);
    for (int i = 0; i < MAILBOXES; i++)
        block_free(&workers[0], mailbox[i].b);
    mcache_flush(&p.mcache);
    malloc_memstats(&st);
    ok(st.heap_pages == 0 && st.heap_bytes == 0 && machine_pages_in_use() == st.heap_meta,
       "all freed, the heap has no pages");
    return done();
}
