/*
 * test_runq_threads.c - a P's run queue on real threads, under ThreadSanitizer.
 *
 * Goal:   a G that is queued is taken once, by its P or by one of many thieves; what was written to it before is
 *         ordered before what its taker reads; and runqempty() never says so of a queue that is not.
 * Method: each thread is an M with a P. Gs go round: who takes one changes a plain field of it, at which the
 *         sanitizer looks, and queues it again. For runqempty() the queue's owner kicks one G after the other
 *         out of runnext, and takes one back only when there are two, while others ask all the time.
 * Budget: 10 s.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/host/shim_sched/machine.h"

#include "tests/host/tap.h"

enum { THREADS = 4, NGS = 3 * RUNQ_LEN, TURNS = 4000, KICKS = 600000 };

static struct worker {
    pthread_t thread;
    struct m m;
    struct p p;
    uint64_t random, taken, stolen, missed;
} workers[THREADS];

static struct g gs[NGS];
static atomic_uint holders[NGS]; // threads that have the G in hand: 0 or 1
static atomic_uint twice;
static atomic_bool end;

static uint64_t draw(struct worker *w, uint64_t n)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w->random >> 33) % n;
}

/* Relaxed: it must not order what the queue should. */
static void in_hand(struct worker *w, struct g *gp)
{
    if (atomic_fetch_add_explicit(&holders[gp - gs], 1, memory_order_relaxed))
        atomic_fetch_add(&twice, 1);
    gp->ran++; // plain
    w->taken++;
}

static void queue(struct worker *w, struct g *gp, bool own)
{
    atomic_fetch_sub_explicit(&holders[gp - gs], 1, memory_order_relaxed);
    if (own) {
        runqput(&w->p, gp, draw(w, 2));
        return;
    }
    lock(&sched.lock);
    globrunqput_locked(gp);
    unlock(&sched.lock);
}

/* ---- Gs go round ---- */

static struct g *from_global(struct worker *w)
{
    lock(&sched.lock);
    struct g *gp = globrunqget_locked(&w->p, RUNQ_LEN);
    unlock(&sched.lock);
    return gp;
}

/* As findrunnable() does: the global queue's share and what is stolen are for a P that has nothing. */
static struct g *find(struct worker *w)
{
    bool inherit;
    struct g *gp = runqget(&w->p, &inherit);

    if (!gp && draw(w, 4) == 0)
        gp = from_global(w);
    if (gp)
        return gp;
    struct p *victim = &workers[draw(w, THREADS)].p;
    if (victim == &w->p)
        return NULL;
    gp = runqsteal(&w->p, victim, draw(w, 2));
    w->stolen += gp != NULL;
    return gp;
}

/* One at a time keeps most of what it gets, so that its ring runs over; the others live by theft. Relaxed: as above. */
static atomic_uint keeper;

static void *go_round(void *arg)
{
    struct worker *w = arg;
    struct g *hand[RUNQ_LEN];

    this_m = &w->m;
    for (int turn = 0; turn < TURNS; turn++) {
        bool keeps = &workers[atomic_load_explicit(&keeper, memory_order_relaxed) % THREADS] == w;
        size_t n = 0, tries = 1 + draw(w, keeps ? RUNQ_LEN : 4);
        while (tries-- > 0) {
            struct g *gp = find(w);
            if (gp)
                in_hand(w, hand[n++] = gp);
        }
        while (n)
            queue(w, hand[--n], keeps || draw(w, 4) == 0);
        if (turn % 64 == 0)
            atomic_fetch_add_explicit(&keeper, 1, memory_order_relaxed);
        if (turn % 4 == 0)
            sched_yield();
    }
    return NULL;
}

static void run_all(void *(*first)(void *), void *(*others)(void *))
{
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&workers[i].thread, NULL, i ? others : first, &workers[i]))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

/* Rings begin where their indices soon wrap. */
static void begin(void)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].random = i;
        workers[i].taken = workers[i].stolen = workers[i].missed = 0;
        machine_p(&workers[i].p, &workers[i].m, UINT32_MAX - 1000 * i);
        atomic_store(&workers[i].p.status, PRUNNING);
    }
    sched.nprocs = THREADS;
    atomic_store(&end, false);
}

static size_t count_queued(void)
{
    struct gqueue q = {0};

    for (int i = 0; i < THREADS; i++)
        runqdrain(&workers[i].p, &q);
    gqueue_push_all(&q, &sched.runq);
    for (struct g *gp = q.head; gp; gp = gp->schedlink)
        if (atomic_fetch_add(&holders[gp - gs], 1))
            atomic_fetch_add(&twice, 1);
    return q.n;
}

static void test_go_round(void)
{
    uint64_t taken = 0, stolen = 0, ran = 0, overflow = 0;

    begin();
    for (int i = 0; i < NGS; i++)
        globrunqput_locked(&gs[i]);
    run_all(go_round, go_round);
    for (int i = 0; i < THREADS; i++) {
        taken += workers[i].taken;
        stolen += workers[i].stolen;
        overflow += workers[i].p.stats.overflow;
    }
    size_t n = count_queued();
    for (int i = 0; i < NGS; i++)
        ran += gs[i].ran;
    ok(atomic_load(&twice) == 0, "no G was in two hands, nor twice in the queues, of %lu takings",
       (unsigned long)taken);
    ok(n == NGS && ran == taken, "no G is lost, and each was changed as often as it was taken");
    ok(stolen > 0 && overflow > 0, "%lu thefts, %lu Gs went to the global queue",
       (unsigned long)stolen, (unsigned long)overflow);
}

/* ---- many thieves, few Gs ---- */

enum { FEW = 6, FEEDS = 300000 };

static atomic_bool done_with[FEW]; // release by who took it, acquire by who queues it again

static void used(struct worker *w, struct g *gp)
{
    in_hand(w, gp);
    atomic_store_explicit(&done_with[gp - gs], true, memory_order_release);
}

static void *feed(void *arg)
{
    struct worker *w = arg;
    bool inherit;

    this_m = &w->m;
    for (int i = 0; i < FEEDS; i++) {
        struct g *gp = &gs[i % FEW];
        if (atomic_load_explicit(&done_with[gp - gs], memory_order_acquire)) {
            atomic_store_explicit(&done_with[gp - gs], false, memory_order_relaxed);
            queue(w, gp, true);
        }
        gp = i % 3 ? runqget(&w->p, &inherit) : NULL;
        if (gp)
            used(w, gp);
    }
    atomic_store(&end, true);
    return NULL;
}

static void *rob(void *arg)
{
    struct worker *w = arg;
    bool inherit;
    struct g *gp;

    this_m = &w->m;
    while (!atomic_load_explicit(&end, memory_order_relaxed)) {
        gp = runqsteal(&w->p, &workers[0].p, true);
        w->stolen += gp != NULL;
        for (; gp; gp = runqget(&w->p, &inherit))
            used(w, gp);
    }
    return NULL;
}

static void test_rob(void)
{
    uint64_t ran = 0, stolen = 0;

    begin();
    atomic_store(&workers[0].p.status,
                 PIDLE); // of one that runs, thieves leave runnext alone for a while
    for (int i = 0; i < FEW; i++) {
        gs[i].ran = 0;
        atomic_store(&holders[i], 1);
        atomic_store(&done_with[i], true);
    }
    run_all(feed, rob);
    for (int i = 1; i < THREADS; i++)
        stolen += workers[i].stolen;
    for (int i = 0; i < FEW; i++)
        ran += gs[i].ran;
    ok(atomic_load(&twice) == 0, "of a short queue no G is taken twice, %lu takings, %lu thefts",
       (unsigned long)ran, (unsigned long)stolen);
}

/* ---- never spuriously empty ---- */

/* The queue has one G as runnext, then two, one in the ring, two, one as runnext. */
static void *kick(void *arg)
{
    struct worker *w = arg;
    struct p *pp = &workers[0].p;
    struct g *first = &gs[0], *second = &gs[1];

    this_m = &w->m;
    for (int i = 0; i < KICKS; i++) {
        runqput(pp, second, true);
        w->missed += runqget_next(pp) != second;
        runqput(pp, second, true);
        w->missed += runqget_ring(pp) != first;
        struct g *g = first;
        first = second;
        second = g;
    }
    atomic_store(&end, true);
    return NULL;
}

static void *ask(void *arg)
{
    struct worker *w = arg;

    this_m = &w->m;
    while (!atomic_load_explicit(&end, memory_order_relaxed)) {
        w->missed += runqempty(&workers[0].p);
        w->taken++;
    }
    return NULL;
}

static void test_never_empty(void)
{
    uint64_t wrong = 0, asked = 0;

    begin();
    this_m = &workers[0].m;
    runqput(&workers[0].p, &gs[0], true);
    run_all(kick, ask);
    ok(workers[0].missed == 0, "%d times a G is kicked out of runnext into the ring", 2 * KICKS);
    for (int i = 1; i < THREADS; i++) {
        wrong += workers[i].missed;
        asked += workers[i].taken;
    }
    ok(asked > 0 && wrong == 0,
       "the queue was never empty, and never said so, asked %lu times: %lu", (unsigned long)asked,
       (unsigned long)wrong);
}

int main(void)
{
    test_go_round();
    test_rob();
    test_never_empty();
    return done();
}
