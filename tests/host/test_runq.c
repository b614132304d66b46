/*
 * test_runq.c - a P's run queue and the global one, by one M.
 *
 * Goal:   Gs come out in the order that Go's queues give, the index of a ring may wrap at any place, a full ring
 *         gives its older half away in order, a thief gets half rounded up, and runnext only if it asks for it.
 * Method: each case at rings that begin at 0, in the middle and just below 2^32; then random calls
 *         against a model, which is a plain list for each queue.
 * Budget: 5 s.
 */
#include "tests/host/shim_sched/machine.h"

#include "tests/host/tap.h"

#define NGS (4 * RUNQ_LEN)

static const uint32_t begins[] = {0, 100, UINT32_MAX - RUNQ_LEN / 2, UINT32_MAX};
#define NBEGIN (sizeof begins / sizeof begins[0])

static struct m m_a, m_b;
static struct p a, b;
static struct g gs[NGS];

static void begin(uint32_t index)
{
    machine_p(&b, &m_b, index + 77);
    machine_p(&a, &m_a, index);
    sched.runq = (struct gqueue){0};
    sched.nprocs = 1;
    atomic_store(&sched.runqsize, 0);
    for (int i = 0; i < NGS; i++)
        gs[i] = (struct g){.goid = (uint64_t)i};
}

/* Gs [from, from + n) to pp's ring. */
static void put(struct p *pp, int from, int n)
{
    for (int i = from; i < from + n; i++)
        runqput(pp, &gs[i], false);
}

/* pp gives Gs [from, from + n) next, in this order, none as runnext. */
static bool gives(struct p *pp, int from, int n)
{
    bool inherit;

    for (int i = from; i < from + n; i++)
        if (runqget(pp, &inherit) != &gs[i] || inherit)
            return false;
    return true;
}

static bool is_empty(struct p *pp)
{
    bool inherit = true;

    return runqempty(pp) && runqget(pp, &inherit) == NULL && !inherit;
}

static bool global_gives(int from, int n)
{
    for (int i = from; i < from + n; i++)
        if (gqueue_pop(&sched.runq) != &gs[i])
            return false;
    return true;
}

/* ---- order ---- */

static void test_order(void)
{
    bool good = true;

    for (size_t i = 0; i < NBEGIN; i++) {
        begin(begins[i]);
        good &= is_empty(&a);
        for (int n = 1; n <= RUNQ_LEN; n++) {
            put(&a, 0, n);
            good &= !runqempty(&a) && gives(&a, 0, n) && is_empty(&a);
        }
    }
    ok(good, "1 to %d Gs come out first in, first out", RUNQ_LEN);
    ok(atomic_load(&sched.runqsize) == 0 && a.stats.overflow == 0, "and none took another way");
}

static void test_runnext(void)
{
    bool inherit, good = true;

    for (size_t i = 0; i < NBEGIN; i++) {
        begin(begins[i]);
        put(&a, 0, 2);
        runqput(&a, &gs[10], true);
        good &= runqget(&a, &inherit) == &gs[10] && inherit && gives(&a, 0, 2) && is_empty(&a);
    }
    ok(good, "runnext comes before the ring, and inherits the slice");
    begin(0);
    runqput(&a, &gs[10], true);
    ok(!runqempty(&a), "a queue is not empty that has only a runnext");
    put(&a, 0, 1);
    runqput(&a, &gs[11], true);
    runqput(&a, &gs[12], true);
    good = runqget(&a, &inherit) == &gs[12] && inherit && gives(&a, 0, 1) && gives(&a, 10, 2);
    ok(good && is_empty(&a), "one that is kicked out goes to the ring's end");
}

/* ---- a full ring ---- */

/* The ring has Gs [0, RUNQ_LEN); one more, by either way. */
static bool overflows(uint32_t index, bool next)
{
    bool inherit;
    int half = RUNQ_LEN / 2;

    begin(index);
    put(&a, 0, RUNQ_LEN);
    if (next)
        runqput(&a, &gs[RUNQ_LEN], true);
    if (sched.runq.n)
        return false;
    if (next)
        runqput(&a, &gs[RUNQ_LEN + 1], true);
    else
        runqput(&a, &gs[RUNQ_LEN], false);
    if (sched.runq.n != (size_t)half + 1 || atomic_load(&sched.runqsize) != sched.runq.n ||
        a.stats.overflow != sched.runq.n)
        return false;
    if (!global_gives(0, half) || !global_gives(RUNQ_LEN, 1) || gqueue_pop(&sched.runq))
        return false;
    if (next && (runqget(&a, &inherit) != &gs[RUNQ_LEN + 1] || !inherit))
        return false;
    return gives(&a, half, half) && is_empty(&a);
}

static void test_overflow(void)
{
    bool put_last = true, kicked = true;

    for (size_t i = 0; i < NBEGIN; i++) {
        put_last &= overflows(begins[i], false);
        kicked &= overflows(begins[i], true);
    }
    ok(put_last, "one G too many: the older half and it go to the global queue, in order");
    ok(kicked, "and so when it is kicked out of runnext");
}

/* ---- the global queue ---- */

static void fill_global(int n)
{
    for (int i = 0; i < n; i++)
        globrunqput_locked(&gs[i]);
}

static bool takes(uint32_t nprocs, int n, uint32_t max, int expected)
{
    begin(UINT32_MAX - 3);
    sched.nprocs = nprocs;
    fill_global(n);
    struct g *gp = globrunqget_locked(&a, max);
    if (expected == 0)
        return gp == NULL && a.stats.global == 0;
    return gp == &gs[0] && gives(&a, 1, expected - 1) && is_empty(&a) &&
           global_gives(expected, n - expected) && a.stats.global == (uint64_t)expected;
}

static void test_global(void)
{
    ok(takes(1, 0, UINT32_MAX, 0), "the empty global queue gives nothing");
    ok(takes(4, 10, 1, 1), "one if one is asked for");
    ok(takes(1, 5, UINT32_MAX, 5) && takes(4, 4, UINT32_MAX, 2) && takes(4, 100, UINT32_MAX, 26) &&
           takes(8, 3, UINT32_MAX, 1),
       "else a share for each P, and one more, but not more than there are");
    ok(takes(4, 100, 7, 7), "and not more than asked for");
    ok(takes(1, NGS, UINT32_MAX, RUNQ_LEN / 2), "and not more than half a ring");
}

/* ---- stealing ---- */

/* b steals from a, which has n in its ring, and Gs[NGS - 1] as runnext: half of the ring, the older Gs. */
static bool steals_half(uint32_t index, int n)
{
    bool inherit;
    int half = n - n / 2;

    begin(index);
    put(&a, 0, n);
    runqput(&a, &gs[NGS - 1], true);
    this_m = &m_b;
    struct g *gp = runqsteal(&b, &a, true);
    if (gp != &gs[half - 1] || b.stats.steals != 1 || b.stats.stolen != (uint64_t)half)
        return false;
    return gives(&b, 0, half - 1) && is_empty(&b) && runqget(&a, &inherit) == &gs[NGS - 1] &&
           gives(&a, half, n - half) && is_empty(&a);
}

static void test_steal(void)
{
    bool good = true;

    for (size_t i = 0; i < NBEGIN; i++)
        for (int n = 1; n <= RUNQ_LEN; n++)
            good &= steals_half(begins[i], n);
    ok(good, "of 1 to %d Gs the older half is stolen, rounded up, and the last of them runs",
       RUNQ_LEN);
}

static void test_steal_runnext(void)
{
    static const enum pstatus states[] = {PRUNNING, PIDLE};

    begin(0);
    ok(!runqsteal(&b, &a, true) && b.stats.steals == 0, "of an empty queue nothing is stolen");
    for (int i = 0; i < 2; i++) {
        begin(0);
        atomic_store(&a.status, states[i]);
        runqput(&a, &gs[5], true);
        struct g *unasked = runqsteal(&b, &a, false);
        ok(!unasked && !runqempty(&a), "runnext is not stolen unless it is asked for (%d)", i);
        struct g *gp = runqsteal(&b, &a, true);
        ok(gp == &gs[5] && is_empty(&a) && is_empty(&b) && b.stats.stolen == 1,
           "and is if there is nothing else (%d)", i);
    }
}

static void test_drain(void)
{
    struct gqueue q = {0};
    bool good = true;

    begin(UINT32_MAX - 9);
    put(&a, 0, 20);
    runqput(&a, &gs[20], true);
    runqdrain(&a, &q);
    good &= q.n == 21 && is_empty(&a);
    for (int i = 0; i <= 20; i++)
        good &= gqueue_pop(&q) == &gs[i];
    ok(good && !gqueue_pop(&q) && !q.n && !q.head && !q.tail, "a drained queue's Gs are all there");
}

/* ---- linked queues ---- */

static void test_gqueue(void)
{
    struct gqueue q = {0}, from = {0};
    bool good;

    begin(0);
    gqueue_push_all(&q, &from);
    good = !q.head && !q.n && !gqueue_pop(&q);
    gqueue_push(&from, &gs[0]);
    gqueue_push_all(&q, &from);
    gqueue_push(&from, &gs[1]);
    gqueue_push(&from, &gs[2]);
    gqueue_push_all(&q, &from);
    good &= q.n == 3 && !from.head && !from.tail && !from.n;
    for (int i = 0; i < 3; i++)
        good &= gqueue_pop(&q) == &gs[i] && gs[i].schedlink == NULL;
    ok(good && !q.head && !q.tail && !q.n, "lists are joined in order");
}

/* ---- random calls against lists ---- */

struct list {
    int n, of[NGS];
};

static struct list ring, global, spare; // spare: those in no queue
static int next;                        // the G that is runnext, or -1

static void append(struct list *l, int g)
{
    l->of[l->n++] = g;
}

/* Element `at` leaves l. */
static int take(struct list *l, int at)
{
    int g = l->of[at];

    l->n--;
    memmove(&l->of[at], &l->of[at + 1], (size_t)(l->n - at) * sizeof l->of[0]);
    return g;
}

static void model_put(int g)
{
    if (ring.n == RUNQ_LEN) {
        for (int i = 0; i < RUNQ_LEN / 2; i++)
            append(&global, take(&ring, 0));
        append(&global, g);
    } else {
        append(&ring, g);
    }
}

static void random_put(void)
{
    bool as_next = rnd_below(2);

    if (!spare.n)
        return;
    int g = take(&spare, (int)rnd_below((size_t)spare.n));
    runqput(&a, &gs[g], as_next);
    if (!as_next) {
        model_put(g);
        return;
    }
    if (next >= 0)
        model_put(next);
    next = g;
}

static bool random_get(void)
{
    bool inherit, was_next = next >= 0;
    struct g *gp = runqget(&a, &inherit);
    int g = was_next ? next : ring.n ? take(&ring, 0) : -1;

    next = -1;
    if (g >= 0)
        append(&spare, g);
    return gp == (g < 0 ? NULL : &gs[g]) && inherit == was_next;
}

static bool random_global(void)
{
    uint32_t max = (uint32_t)rnd_below(2) * 1000 + 1;
    int n = max < (uint32_t)global.n ? (int)max : global.n;

    if (ring.n > RUNQ_LEN / 2)
        return true; // there has to be room
    if (n > RUNQ_LEN / 2)
        n = RUNQ_LEN / 2;
    struct g *gp = globrunqget_locked(&a, max);
    int g = n ? take(&global, 0) : -1;
    for (int i = 1; i < n; i++)
        append(&ring, take(&global, 0));
    if (g >= 0)
        append(&spare, g);
    return gp == (g < 0 ? NULL : &gs[g]) && (int)sched.runq.n == global.n;
}

/* b is empty before and after. */
static bool random_steal(void)
{
    int n = ring.n - ring.n / 2;
    bool inherit, good = true;
    struct g *gp = runqsteal(&b, &a, true);

    if (n == 0) {
        int g = next;
        next = -1;
        if (g >= 0)
            append(&spare, g);
        return gp == (g < 0 ? NULL : &gs[g]);
    }
    for (int i = 0; i < n - 1; i++) {
        int g = take(&ring, 0);
        good &= runqget(&b, &inherit) == &gs[g];
        append(&spare, g);
    }
    int last = take(&ring, 0);
    append(&spare, last);
    return good && gp == &gs[last] && is_empty(&b);
}

static bool random_call(size_t filling)
{
    size_t r = rnd_below(1000);

    if (r < filling)
        random_put();
    else if (r < 990)
        return random_get();
    else if (r < 998)
        return random_global();
    else
        return random_steal();
    return runqempty(&a) == (ring.n == 0 && next < 0);
}

static void test_random(uint32_t index, size_t calls)
{
    bool good = true;
    int most = 0;

    begin(index);
    ring.n = global.n = spare.n = 0;
    next = -1;
    for (int i = 0; i < NGS; i++)
        append(&spare, i);
    for (size_t i = 0; i < calls && good; i++) {
        good = random_call(i / 3000 % 2 ? 300 : 700);
        most = global.n > most ? global.n : most;
    }
    ok(good, "%zu random calls from index %lu on, up to %d in the global queue", calls,
       (unsigned long)index, most);
}

int main(void)
{
    test_order();
    test_runnext();
    test_overflow();
    test_global();
    test_steal();
    test_steal_runnext();
    test_drain();
    test_gqueue();
    for (size_t i = 0; i < NBEGIN; i++)
        test_random(begins[i] - 1000, 200000);
    return done();
}
