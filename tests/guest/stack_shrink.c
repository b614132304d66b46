/*
 * stack_shrink.c - stacks give memory back, and nothing that is still wanted.
 *
 * Goal:   memreclaim() takes from parked goroutines what lies below their stack pointer, and only
 *         that; they use deep stacks again with the right contents; ended goroutines leave
 *         nothing behind.
 * Method: frames that are checked (deep.h), parked at the bottom or back at the top, with
 *         memreclaim() at every moment that matters; what is in use counted by memstats_read()
 *         over a thousand rounds.
 * Argument: the number of cores.
 * Budget: 4 s.
 */
#include <string.h>

#include "rt0/mem.h"
#include "rt0/time.h"
#include "tests/guest/deep.h"

static int ncore;

/* ---- goroutines that go deep, park, and go deep again ---- */

struct diver {
    size_t park_at; // bytes of stack in use while it is parked; 0: at the top
    size_t bytes;   // how deep it goes before and after
    struct chan *wake;
    _Atomic(struct g *) g;
    bool right;
};

static void park(void *arg)
{
    struct diver *d = arg;

    atomic_store(&d->g, getg());
    chan_recv(d->wake, NULL);
    atomic_store(&d->g, NULL);
}

/* Parks with frames above it, and below the place where it parked others that have been left. */
static void park_deep(void *arg)
{
    struct diver *d = arg;

    d->right &= deep(d->bytes);
    park(d);
    d->right &= deep(d->bytes);
}

static void diver(void *arg)
{
    struct diver *d = arg;
    struct deep stay = {.seed = goid(),
                        .floor = (uintptr_t)__builtin_frame_address(0) - d->park_at,
                        .at_bottom = park_deep,
                        .arg = d};

    d->right = true;
    if (d->park_at)
        d->right &= deep_to(&stay);
    else
        park_deep(d);
    chan_send(finished, NULL);
}

static void wait_until_parked(struct diver *d)
{
    struct g *gp;

    while (!(gp = atomic_load(&d->g)) || atomic_load(&gp->status) != GWAITING)
        gosched();
}

enum { DIVERS = 16 };

static void divers_start(struct diver *divers, size_t park_at, size_t bytes, struct chan *wake)
{
    struct go_attr attr = {.stack_max_bytes = park_at + bytes + 64 * KIB};

    for (int i = 0; i < DIVERS; i++) {
        divers[i] = (struct diver){.park_at = park_at, .bytes = bytes, .wake = wake};
        if (go_with(&attr, diver, &divers[i]))
            exit(1);
    }
    for (int i = 0; i < DIVERS; i++)
        wait_until_parked(&divers[i]);
}

static bool divers_end(struct diver *divers, struct chan *wake)
{
    bool right = true;

    chan_close(wake);
    join(DIVERS);
    for (int i = 0; i < DIVERS; i++)
        right &= divers[i].right;
    chan_free(wake);
    return right;
}

/* All but the caller's: a preemption may need one more of that. */
static size_t stack_pages(void)
{
    struct memstats st;
    const struct stack *own = getg()->stack;

    memstats_read(&st);
    return st.stack_pages - (own->hi - own->committed) / PAGE_SIZE;
}

static void test_shrink(size_t park_at, size_t bytes)
{
    struct diver divers[DIVERS];
    struct chan *wake = make(0, 0);
    size_t spare = (bytes / PAGE_SIZE - 1) * DIVERS; // the stack pointer's own page stays

    memreclaim();
    divers_start(divers, park_at, bytes, wake);
    size_t before = stack_pages();
    memreclaim();
    size_t after = stack_pages();
    ok(before - after >= spare, "%d parked at %zu KiB after %zu KiB: %zu stack pages, then %zu",
       DIVERS, park_at / KIB, bytes / KIB, before, after);
    ok(after >= park_at / PAGE_SIZE * DIVERS, "what they use stays: %zu pages at least",
       park_at / PAGE_SIZE * DIVERS);
    memreclaim();
    ok(stack_pages() == after, "a second call finds nothing: %zu pages", stack_pages());
    ok(divers_end(divers, wake), "they go %zu KiB deep again, and all frames are right",
       bytes / KIB);
}

/* Nobody asks: a core that has nothing to do looks after stacks that have been parked for long, whether all
 * cores are idle meanwhile or, of two, one is not. */
static void test_idle_cores(void)
{
    struct diver divers[DIVERS];
    struct chan *wake = make(0, 0);

    divers_start(divers, 0, 128 * KIB, wake);
    size_t before = stack_pages(), less = 16 * DIVERS;
    while (stack_pages() + less > before)
        if (ncore != 2)
            sleep_ns(20000000);
    ok(divers_end(divers, wake), "idle cores shrink %d parked stacks, by %zu pages and more",
       DIVERS, less);
}

/* ---- a stack that is used again while its pages rest ---- */

static void dive_and_end(void *arg)
{
    *(bool *)arg = deep(200 * KIB);
    chan_send(finished, NULL);
}

static void scribble(void)
{
    enum { N = 64, BYTES = 16384 };
    static void *blocks[N];

    for (int i = 0; i < N; i++)
        blocks[i] = memset(must(malloc(BYTES)), 0x5a, BYTES);
    for (int i = 0; i < N; i++)
        free(blocks[i]);
}

/*
 * One goes deep and ends: its stack's pages are unmapped, but a core may still know them. The
 * next one on that core goes as deep on the same stack and parks there. Its frames are not free,
 * whether it met a fault or not.
 */
static void test_used_while_resting(void)
{
    enum { ROUNDS = 20 };
    bool ended = false, right = true;

    for (int i = 0; i < ROUNDS; i++) {
        struct diver d = {.park_at = 200 * KIB, .bytes = 1, .wake = make(0, 0)};
        start(dive_and_end, &ended);
        join(1);
        start(diver, &d);
        wait_until_parked(&d);
        memreclaim();
        scribble();
        memreclaim();
        chan_close(d.wake);
        join(1);
        chan_free(d.wake);
        right &= ended && d.right;
    }
    ok(right, "%d stacks used again at once, pages of which rested", ROUNDS);
}

/* The same with a goroutine that keeps its core while another one reclaims. */
struct spinner {
    atomic_int step;
    bool right;
};

static void spin_at_bottom(void *arg)
{
    struct spinner *s = arg;

    atomic_store(&s->step, 1);
    while (atomic_load(&s->step) == 1)
        cpu_relax();
}

static void spinner(void *arg)
{
    struct spinner *s = arg;
    struct deep d = {.seed = goid(),
                     .floor = (uintptr_t)__builtin_frame_address(0) - 200 * KIB,
                     .at_bottom = spin_at_bottom,
                     .arg = s};

    s->right = deep_to(&d);
    chan_send(finished, NULL);
}

static void test_used_while_running(void)
{
    enum { ROUNDS = 8 };
    bool ended[16], right = true;

    if (ncore == 1)
        return;
    for (int i = 0; i < ROUNDS; i++) {
        struct spinner s = {0};
        /* On every core, so that wherever the next one runs, there were translations. */
        for (int k = 0; k < 2 * ncore && k < 16; k++)
            start(dive_and_end, &ended[k]);
        join(2 * ncore < 16 ? 2 * ncore : 16);
        start(spinner, &s);
        while (atomic_load(&s.step) == 0)
            gosched();
        memreclaim();
        scribble();
        atomic_store(&s.step, 2);
        join(1);
        right &= s.right;
    }
    ok(right, "%d stacks used again at once, their users running on while others reclaim", ROUNDS);
}

/* Parked and woken with a reclaim in between, again and again, on whatever core. */
static void test_park_shrink_wake(void)
{
    enum { ROUNDS = 7 };
    bool right = true;

    for (int i = 0; i < ROUNDS; i++) {
        struct diver divers[DIVERS];
        struct chan *wake = make(0, 0);
        divers_start(divers, i % 3 * 20 * KIB, 150 * KIB, wake);
        memreclaim();
        if (i % 2)
            scribble();
        right &= divers_end(divers, wake);
    }
    ok(right, "%d goroutines parked, shrunk, woken, and as deep as before", ROUNDS * DIVERS);
}

/* ---- the caller's own stack ---- */

static void reclaim_at_bottom(void *arg)
{
    (void)arg;
    memreclaim();
}

static void reclaim_own(void *arg)
{
    struct deep d = {.seed = goid(),
                     .floor = (uintptr_t)__builtin_frame_address(0) - 100 * KIB,
                     .at_bottom = reclaim_at_bottom};
    bool right = true;

    for (int i = 0; i < 3; i++) {
        right &= deep_to(&d) && deep(200 * KIB);
        memreclaim();
        right &= deep(200 * KIB);
    }
    *(bool *)arg = right;
    chan_send(finished, NULL);
}

static void test_own_stack(void)
{
    enum { N = 4 };
    bool right[N], all = true;

    for (int i = 0; i < N; i++)
        start(reclaim_own, &right[i]);
    join(N);
    for (int i = 0; i < N; i++)
        all &= right[i];
    ok(all, "%d goroutines at once shrink their own stacks, and everybody's", N);
}

/* ---- nothing is left behind ---- */

/*
 * What is in use and belongs to nobody who may keep it: not the free pages of caches, not struct
 * g (never given back), not page tables, not the heap.
 */
static size_t pages_held(struct memstats *st)
{
    /* A core that is on its way to sleep gives up its free stacks a little later. */
    do {
        gosched();
        memreclaim();
        memstats_read(st);
    } while (st->stack_limbo || st->stacks_free);
    return st->pages_in_use - st->pages_cached - st->g_pages - st->stack_tables - st->heap_pages -
           st->heap_meta;
}

/* A deep goroutine each. */
static void rounds(int n)
{
    for (int i = 0; i < n; i++) {
        bool right;
        start(dive_and_end, &right);
        join(1);
        check(right, "round %d: frames", i);
    }
    while (numgoroutine() > 1)
        gosched();
}

static void test_no_leak(void)
{
    struct memstats before, after;

    rounds(50);
    size_t held_before = pages_held(&before);
    rounds(1000);
    size_t held_after = pages_held(&after);
    ok(held_after == held_before, "1000 deep goroutines leave as many pages in use as 50: %zu, %zu",
       held_before, held_after);
    ok(after.stack_pages == before.stack_pages && after.stacks == before.stacks,
       "stacks: %zu of %zu pages, then %zu of %zu", before.stacks, before.stack_pages, after.stacks,
       after.stack_pages);
    ok(after.stack_tables <= before.stack_tables + 4 && after.g_pages <= before.g_pages + 4,
       "page tables: %zu pages, then %zu; struct g: %zu, then %zu", before.stack_tables,
       after.stack_tables, before.g_pages, after.g_pages);
    ok(after.goroutines == 1 && after.stacks_free == 0, "%zu goroutine, %zu free stacks",
       after.goroutines, after.stacks_free);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_shrink(0, 128 * KIB);
    test_shrink(100 * KIB, 100 * KIB);
    test_shrink(0, 2 * MIB);
    test_shrink(MIB, 2 * MIB + 500 * KIB);
    test_idle_cores();
    test_used_while_resting();
    test_used_while_running();
    test_park_shrink_wake();
    test_own_stack();
    test_no_leak();
    return done();
}
