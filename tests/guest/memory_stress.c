/*
 * memory_stress.c - stacks and the heap under everything at once, for a time.
 *
 * Goal:   no page ever has two owners. A stack frame or block that two hold shows as contents
 *         that changed.
 * Method: goroutines recurse to random depths, park there, are shrunk meanwhile, wake on other
 *         cores, hand blocks to each other over a channel, end, and are followed by new ones.
 *         Each frame and each block is filled with a pattern made of its owner and its address,
 *         and checked before it is given up. Main reclaims memory and wakes the parked all the
 *         time. In the end nothing may be left in use.
 * Arguments: the number of cores; seconds of guest time (default: as long as it takes for
 *         something of everything to happen, and half a second).
 * Budget: its time and 3 s.
 */
#include <string.h>

#include "rt0/mem.h"
#include "rt0/time.h"
#include "tests/guest/deep.h"

enum { GOROUTINES_EACH = 12, IN_FLIGHT = 64, KEPT = 8 };

static atomic_bool stop;
static struct chan *beds;   // where goroutines park until somebody wakes them
static struct chan *blocks; // struct block *, to whoever takes it
static struct counts {
    atomic_ulong dives, parks, blocks, handed, reclaims, ended, wrong;
} counts;

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return *state >> 33;
}

static void count(atomic_ulong *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* ---- blocks ---- */

struct block {
    uint64_t owner;
    size_t words; // behind the header
    uint64_t sum; // of both and the address
    uint64_t word[];
};

static uint64_t block_sum(const struct block *b)
{
    return (b->owner * 0x9e3779b97f4a7c15 + b->words) ^ (uintptr_t)b;
}

/* Every word of a small one; of a large one some in each page. */
static size_t block_step(const struct block *b)
{
    return b->words < 512 ? 1 : 61;
}

static struct block *block_new(uint64_t *random)
{
    static const size_t largest[] = {16, 200, 2000, 40000, 300000};
    size_t bytes = random_next(random) % largest[random_next(random) % LENGTH(largest)];
    struct block *b = malloc(sizeof *b + bytes);

    if (!b)
        return NULL;
    b->owner = goid();
    b->words = bytes / sizeof b->word[0];
    b->sum = block_sum(b);
    for (size_t i = 0; i < b->words; i += block_step(b))
        b->word[i] = deep_word(b->owner, i, &b->word[i]);
    count(&counts.blocks);
    return b;
}

static void block_free(struct block *b)
{
    bool same = b->sum == block_sum(b);

    for (size_t i = 0; same && i < b->words; i += block_step(b))
        same = b->word[i] == deep_word(b->owner, i, &b->word[i]);
    if (!same)
        count(&counts.wrong);
    else
        memset(b, 0xee, sizeof *b);
    free(b);
}

/* Hands one on, or takes one from somebody else and frees it. */
static void exchange(uint64_t *random)
{
    struct block *b;

    if (random_next(random) % 2 && (b = block_new(random)) != NULL) {
        if (chan_try_send(blocks, &b))
            block_free(b);
        else
            count(&counts.handed);
    } else if (chan_try_recv(blocks, &b) == 0) {
        block_free(b);
    }
}

/* ---- goroutines ---- */

/* What is done at the bottom of a recursion. */
static void at_bottom(void *arg)
{
    uint64_t *random = arg;

    for (unsigned n = random_next(random) % 4; n > 0; n--)
        exchange(random);
    switch (random_next(random) % 4) {
    case 0:
        gosched();
        break;
    case 1:
        if (!atomic_load(&stop)) {
            count(&counts.parks);
            chan_recv(beds, NULL);
        }
        break;
    }
}

static void one_dive(uint64_t *random)
{
    static const size_t deepest[] = {2000, 8000, 30000, 230000};
    size_t bytes = random_next(random) % deepest[random_next(random) % LENGTH(deepest)];
    struct deep d = {.seed = goid(),
                     .floor = (uintptr_t)__builtin_frame_address(0) - bytes,
                     .at_bottom = at_bottom,
                     .arg = random};

    if (!deep_to(&d))
        count(&counts.wrong);
    count(&counts.dives);
}

/* A life of some dives, and then a successor. */
static void live(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    struct block *kept[KEPT] = {0};

    for (unsigned n = random_next(&random) % 8; n > 0; n--) {
        struct block **b = &kept[random_next(&random) % KEPT];
        if (*b)
            block_free(*b);
        *b = block_new(&random);
        one_dive(&random);
    }
    for (int i = 0; i < KEPT; i++)
        if (kept[i])
            block_free(kept[i]);
    count(&counts.ended);
    if (atomic_load(&stop) || go(live, (void *)(uintptr_t)random_next(&random)))
        chan_send(finished, NULL);
    else
        gosched();
}

/* ---- main ---- */

static bool all_happened(void)
{
    enum { RECLAIMS = 5 };

    return atomic_load(&counts.parks) && atomic_load(&counts.handed) &&
           atomic_load(&counts.ended) && atomic_load(&counts.reclaims) >= RECLAIMS;
}

static void run_for(int64_t ns, int ngoroutine)
{
    int64_t end = nanotime() + ns;
    uint64_t random = 1;

    for (int i = 0; i < ngoroutine; i++)
        start(live, (void *)(uintptr_t)(i + 1));
    while (nanotime() < end || !all_happened()) {
        if (random_next(&random) % 8 == 0) {
            memreclaim();
            count(&counts.reclaims);
        }
        for (unsigned n = random_next(&random) % 16; n > 0; n--)
            chan_try_send(beds, NULL);
        gosched();
    }
    atomic_store(&stop, true);
    chan_close(beds);
    join(ngoroutine);
    while (numgoroutine() > 1)
        gosched();
    for (struct block *b; chan_try_recv(blocks, &b) == 0;)
        block_free(b);
}

/*
 * What is in use and should be as before. Left out is what may be kept for later: free pages of
 * caches, struct g, page tables, and spans of the heap with nothing in them; but its bytes are
 * counted.
 */
struct level {
    size_t pages, heap_bytes, stacks;
};

static struct level level_now(void)
{
    struct memstats st;

    do {
        gosched();
        memreclaim();
        memstats_read(&st);
    } while (st.stack_limbo || st.stacks_free);
    return (struct level){st.pages_in_use - st.pages_cached - st.g_pages - st.stack_tables -
                              st.heap_pages - st.heap_meta,
                          st.heap_bytes, st.stacks};
}

int main(int argc, char **argv)
{
    int ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    int64_t run_ms = argc > 2 ? INT64_C(1000) * atoi(argv[2]) : 500;

    finished = make(0, 0);
    beds = make(0, 0);
    blocks = make(sizeof(struct block *), IN_FLIGHT);
    printf("# %d cores, %ld ms\n", ncore, (long)run_ms);
    struct level before = level_now();
    run_for(INT64_C(1000000) * run_ms, GOROUTINES_EACH * ncore);
    struct level after = level_now();

    printf("# %lu goroutines, %lu dives, %lu parked, %lu blocks, %lu of them to another, "
           "%lu reclaims\n",
           atomic_load(&counts.ended), atomic_load(&counts.dives), atomic_load(&counts.parks),
           atomic_load(&counts.blocks), atomic_load(&counts.handed), atomic_load(&counts.reclaims));
    ok(atomic_load(&counts.wrong) == 0, "frames and blocks that changed under their owner: %lu",
       atomic_load(&counts.wrong));
    ok(atomic_load(&counts.parks) > 0 && atomic_load(&counts.handed) > 0 &&
           atomic_load(&counts.reclaims) > 0,
       "goroutines parked, blocks went round, memory was reclaimed");
    ok(numgoroutine() == 1, "only main is left");
    ok(after.stacks == before.stacks, "stacks: %zu before, %zu after", before.stacks, after.stacks);
    ok(after.heap_bytes == before.heap_bytes, "bytes of the heap: %zu before, %zu after",
       before.heap_bytes, after.heap_bytes);
    ok(after.pages <= before.pages + 8, "pages in use: %zu before, %zu after", before.pages,
       after.pages);
    return done();
}
