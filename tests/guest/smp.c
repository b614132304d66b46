/*
 * smp.c - cores, Ms and the current G.
 *
 * Goal:   every core runs goroutines, on stacks of its own; getg() is the running G from inside any
 *         goroutine, however often it moved; no wake-up is lost between cores that go to sleep.
 * Method: meetings that only end when every M takes part; goroutines that check themselves between
 *         yields; ping-pong, which puts both sides to sleep each time.
 * Argument: the number of cores.
 */
#include <stdlib.h>

#include "kernel/page.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "sched/sched.h"
#include "tests/guest/tap.h"

static int ncore;
static struct chan *finished;

static void join(int n)
{
    for (int i = 0; i < n; i++)
        chan_recv(finished, NULL);
}

/* ---- every M runs Gs: as many as there are cores, each keeping its core,
 * preemption off, until all are there ---- */

static atomic_int arrived;
static atomic_int ran_on[MAX_CPUS];

static void meet(void *arg)
{
    struct m *mp = acquirem();

    (void)arg;
    atomic_fetch_add(&ran_on[gocpu()], 1);
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < ncore)
        ;
    releasem(mp);
    chan_send(finished, NULL);
}

static void test_every_m_runs(void)
{
    for (int round = 0; round < 20; round++) {
        atomic_store(&arrived, 0);
        for (int i = 0; i < ncore; i++)
            go(meet, NULL);
        join(ncore);
    }
    for (int i = 0; i < ncore; i++)
        ok(atomic_load(&ran_on[i]) == 20, "M%d ran a goroutine in each of 20 meetings: %d", i,
           atomic_load(&ran_on[i]));
}

/* ---- each M has its own stacks ---- */

static bool disjoint(uintptr_t a_lo, uintptr_t a_hi, uintptr_t b_lo, uintptr_t b_hi)
{
    return a_hi <= b_lo || b_hi <= a_lo;
}

static void test_stacks(void)
{
    bool own = true, inside = true;

    for (uint32_t i = 0; i < sched.nm; i++) {
        const struct m *a = allm[i];
        const struct stack *s = a->g0->stack;
        uintptr_t top = s->hi == (uintptr_t)m0_stack_hi ? s->hi : (uintptr_t)stack_top(s->hi);
        inside &= a->self == a && a->g0->m == a && s->hi > s->lo && a->g0->sp == top;
        for (uint32_t k = 0; k < i; k++) {
            const struct m *b = allm[k];
            own &= a->g0 != b->g0 && a->p != b->p &&
                   disjoint(s->lo, s->hi, b->g0->stack->lo, b->g0->stack->hi);
            own &= disjoint((uintptr_t)&a->arch, (uintptr_t)(&a->arch + 1), (uintptr_t)&b->arch,
                            (uintptr_t)(&b->arch + 1));
        }
    }
    ok((int)sched.nm == ncore && numcpu() == ncore, "%d Ms for %d cores", numcpu(), ncore);
    ok(inside, "every M points at itself and its g0");
    ok(own, "no two Ms share a g0 stack, an exception stack or a P");
    ok(m0.g0->stack->lo == (uintptr_t)m0_stack_lo && m0.g0->stack->hi == (uintptr_t)m0_stack_hi,
       "m0's g0 runs on the linker script's stack");
}

/* ---- getg() ---- */

static atomic_int wrong_g, moved;

static bool is_me(const struct g *gp, uint64_t id)
{
    char here;
    struct m *mp = acquirem();
    bool same = getg() == gp && gp->goid == id && goid() == id && mp->curg == gp && gp->m == mp;
    bool on_stack = (uintptr_t)&here > gp->stack->lo && (uintptr_t)&here < gp->stack->hi;
    bool running = atomic_load(&gp->status) == GRUNNING;

    releasem(mp);
    return same && on_stack && running;
}

static void check_self(void *arg)
{
    const struct g *gp = getg();
    uint64_t id = goid();
    int core = gocpu(), moves = 0;

    (void)arg;
    for (int i = 0; i < 50; i++) {
        if (!is_me(gp, id))
            atomic_fetch_add(&wrong_g, 1);
        gosched();
        if (gocpu() != core)
            moves++;
        core = gocpu();
    }
    atomic_fetch_add(&moved, moves);
    chan_send(finished, NULL);
}

static void test_getg(void)
{
    enum { N = 500 };
    for (int i = 0; i < N; i++)
        go(check_self, NULL);
    join(N);
    ok(atomic_load(&wrong_g) == 0, "getg() was the running G in %d checks by %d goroutines", N * 50,
       N);
    if (ncore > 1)
        ok(atomic_load(&moved) > 0, "goroutines moved between cores: %d times",
           atomic_load(&moved));
    else
        ok(atomic_load(&moved) == 0, "no goroutine left the only core");
}

/* ---- callee-saved registers and goids ---- */

static atomic_int wrong_sum;

static void keep_locals(void *arg)
{
    /* More live values than registers that a call may change. */
    uint64_t a = (uintptr_t)arg, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13;
    double x = (double)a, y = x * 0.5, z = x * 0.25;

    for (int i = 0; i < 100; i++) {
        gosched();
        a += 1, b += 2, c += 3, d += 4, e += 5, f += 6;
        x += 1, y += 0.5, z += 0.25;
    }
    uint64_t seed = (uintptr_t)arg;
    if (a + b + c + d + e + f != seed * 40 + 2100 || x != (double)seed + 100 || y * 2 != x ||
        z * 4 != x)
        atomic_fetch_add(&wrong_sum, 1);
    chan_send(finished, NULL);
}

static void test_registers(void)
{
    enum { N = 100 };
    for (int i = 0; i < N; i++)
        go(keep_locals, (void *)(uintptr_t)(i * 1000 + 1));
    join(N);
    ok(atomic_load(&wrong_sum) == 0, "locals of %d goroutines survive 100 switches each", N);
}

/* ---- sleeping and waking ---- */

struct pair {
    struct chan *there, *back;
    int rounds;
};

static void pong(void *arg)
{
    struct pair *p = arg;
    int v;

    for (int i = 0; i < p->rounds; i++) {
        chan_recv(p->there, &v);
        v++;
        chan_send(p->back, &v);
    }
    chan_send(finished, NULL);
}

static void ping(void *arg)
{
    struct pair *p = arg;

    for (int i = 0; i < p->rounds; i++) {
        int v = i;
        chan_send(p->there, &v);
        chan_recv(p->back, &v);
        if (v != i + 1)
            atomic_fetch_add(&wrong_sum, 1);
    }
    chan_send(finished, NULL);
}

static void test_no_lost_wakeup(void)
{
    enum { MAX_PAIRS = 4 };
    struct pair pairs[MAX_PAIRS];

    atomic_store(&wrong_sum, 0);
    for (int n = 1; n <= MAX_PAIRS; n *= 2) {
        for (int i = 0; i < n; i++) {
            pairs[i] = (struct pair){chan_make(sizeof(int), 0), chan_make(sizeof(int), 0),
                                     2000 / n};
            go(pong, &pairs[i]);
            go(ping, &pairs[i]);
        }
        join(2 * n);
        for (int i = 0; i < n; i++) {
            chan_free(pairs[i].there);
            chan_free(pairs[i].back);
        }
    }
    ok(atomic_load(&wrong_sum) == 0, "6000 round trips between goroutines that sleep in between");
}

/* ---- reuse ---- */

static void nothing(void *arg)
{
    (void)arg;
    chan_send(finished, NULL);
}

static void new_id(void *arg)
{
    *(uint64_t *)arg = goid();
    chan_send(finished, NULL);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void test_goids(void)
{
    enum { N = 1000 };
    static uint64_t ids[N];
    bool unique = true;

    for (int i = 0; i < N; i++) {
        go(new_id, &ids[i]);
        if (i % 3 == 0)
            join(1);
    }
    join(N - (N + 2) / 3);
    qsort(ids, N, sizeof ids[0], compare_ids);
    for (int i = 1; i < N; i++)
        unique &= ids[i - 1] < ids[i];
    ok(unique && ids[0] > 1, "%d goroutines one after the other and at once: no goid twice", N);
}

static atomic_int unfinished;

static void count_down(void *arg)
{
    (void)arg;
    atomic_fetch_sub(&unfinished, 1);
}

/* Made on this core and ended on others: what they leave must come back. */
static void test_no_pile(void)
{
    enum { N = 20000, AT_ONCE = 64 };
    size_t before = 0;

    for (int i = 0; i < N; i++) {
        if (i == N / 4)
            before = page_in_use();
        while (atomic_load(&unfinished) > AT_ONCE)
            gosched();
        atomic_fetch_add(&unfinished, 1);
        if (go(count_down, NULL))
            break;
    }
    while (numgoroutine() > 1)
        gosched();
    /* It may need less, too: what ended goroutines used goes back meanwhile. */
    size_t now = page_in_use(), more = now > before ? now - before : 0;
    ok(more < 64, "%d goroutines, %d at once, need no more memory than %d: %zu pages", N, AT_ONCE,
       N / 4, more);
}

static void test_reuse(void)
{
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 100; k++)
            go(nothing, NULL);
        join(100);
    }
    ok(true, "10000 goroutines, 100 at a time, on stacks used again");
    test_goids();
    while (numgoroutine() > 1)
        gosched();
    ok(numgoroutine() == 1, "only main is left");
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    ok(goid() == 1, "main is goroutine 1");
    ok(go(NULL, NULL) < 0, "go(NULL) is refused");
    test_stacks();
    test_every_m_runs();
    test_getg();
    test_registers();
    test_no_lost_wakeup();
    test_no_pile();
    test_reuse();
    return done();
}
