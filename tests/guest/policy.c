/*
 * policy.c - what any scheduling policy has to keep, and what each of those in the tree adds.
 *
 * Goal:   no runnable goroutine is lost or run twice; of equal ones none waits for ever, whether the others yield,
 *         wait or keep their cores; idle cores are woken; all that holds while gomaxprocs changes; and the order
 *         is the one that the policy's name promises.
 * Method: goroutines that know when they ran, and meetings that only end when every one of them has been run.
 *         The policy is the one that the kernel runs (tests/check/policy boots each). With "endless", slices
 *         do not end before the test does, so nobody is helped by their end.
 * Arguments: the number of cores; "endless".
 * Budget: 5 s.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/sched.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/many.h"

static int ncore;
static const char *policy;
static int64_t slice_ns;
static bool endless; // slices do not end before the test does

static bool is_policy(const char *name)
{
    return strcmp(policy, name) == 0;
}

static bool is_gmp(void)
{
    return is_policy("gmp") || is_policy("gmp-seam");
}

static void start_prio(void (*fn)(void *), void *arg, int prio)
{
    if (go_with(&(struct go_attr){.prio = prio}, fn, arg)) {
        ok(false, "out of memory");
        exit(1);
    }
}

/* Until no live P but the caller's has anything to do. */
static void wait_idle(void)
{
    while (atomic_load(&sched.npidle) + 1 < sched.nprocs)
        gosched();
}

/* What is done in between is not cut by the end of a slice. */
static struct m *hold_core(void)
{
    return acquirem();
}

static void let_go(struct m *mp)
{
    releasem(mp);
}

/* ---- every one once ---------------------------------------------------------------------------------- */

enum { NSTEP = 20 };

struct walker {
    atomic_int inside; // 1 while somebody runs it between two switches
    atomic_int ends;
    int steps;
};

static atomic_int twice, dead_p;

static void enter(struct walker *w)
{
    struct m *mp = acquirem();
    bool live = mp->p->id < sched.nprocs;

    releasem(mp);
    if (!live && atomic_fetch_add(&dead_p, 1) == 0)
        ok(false,
           "a P runs a goroutine while it is dead"); // now: what follows may not get to an end
    if (atomic_exchange(&w->inside, 1))
        atomic_fetch_add(&twice, 1);
}

static void leave(struct walker *w)
{
    w->steps++;
    if (!atomic_exchange(&w->inside, 0))
        atomic_fetch_add(&twice, 1);
}

static void walk(void *arg)
{
    struct walker *w = arg;

    for (int i = 0; i < NSTEP; i++) {
        enter(w);
        leave(w);
        gosched();
    }
    atomic_fetch_add(&w->ends, 1);
    chan_send(finished, NULL);
}

static int count_wrong(const struct walker *w, int n, int steps)
{
    int wrong = 0;

    for (int i = 0; i < n; i++)
        wrong += w[i].steps != steps || atomic_load(&w[i].ends) != 1;
    return wrong;
}

static void test_once(void)
{
    enum { N = 1000 };
    struct walker *w = must(calloc(N, sizeof *w));

    atomic_store(&twice, 0);
    for (int i = 0; i < N; i++)
        start(walk, &w[i]);
    join(N);
    ok(count_wrong(w, N, NSTEP) == 0, "%d goroutines that yield take all of their %d steps", N,
       NSTEP);
    ok(atomic_load(&twice) == 0, "none of them ran on two cores at once");
    free(w);
}

/* ---- tokens in a ring of channels ---------------------------------------------------------------------- */

enum { NRING = 100, NTOKEN = 7, NROUND = 30 };

struct member {
    struct walker w;
    struct chan *from, *to;
};

/* Every token passes every member NROUND times. */
static void pass_on(void *arg)
{
    struct member *x = arg;
    int token;

    for (int i = 0; i < NTOKEN * NROUND; i++) {
        chan_recv(x->from, &token);
        enter(&x->w);
        token++;
        leave(&x->w);
        chan_send(x->to, &token);
    }
    atomic_fetch_add(&x->w.ends, 1);
    chan_send(finished, NULL);
}

static int take_tokens(struct chan *c)
{
    int token, sum = 0;

    for (int i = 0; i < NTOKEN; i++) {
        chan_recv(c, &token);
        sum += token;
    }
    return sum;
}

/* The first member's channel has room for all tokens, so that the last can always send. */
static void test_ring(void)
{
    struct member *x = must(calloc(NRING, sizeof *x));
    int wrong = 0;

    atomic_store(&twice, 0);
    for (int i = 0; i < NRING; i++)
        x[i].from = make(sizeof(int), i == 0 ? NTOKEN : 0);
    for (int i = 0; i < NRING; i++)
        x[i].to = x[(i + 1) % NRING].from;
    for (int i = 0; i < NRING; i++)
        start(pass_on, &x[i]);
    for (int i = 0; i < NTOKEN; i++)
        chan_send(x[0].from, &(int){0});
    join(NRING);
    for (int i = 0; i < NRING; i++)
        wrong += x[i].w.steps != NTOKEN * NROUND || atomic_load(&x[i].w.ends) != 1;
    int sum = take_tokens(x[0].from);
    ok(wrong == 0 && sum == NTOKEN * NROUND * NRING,
       "%d tokens went round %d times through %d goroutines that wait for them", NTOKEN, NROUND,
       NRING);
    ok(atomic_load(&twice) == 0, "none of these ran on two cores at once");
    for (int i = 0; i < NRING; i++)
        chan_free(x[i].from);
    free(x);
}

/* ---- equal ones all go on ------------------------------------------------------------------------------ */

static atomic_int arrived;
static int meeting_size, meeting_rounds;

/* A round ends when all have come: keeping the core until then, or yielding. */
static void meet(bool yields)
{
    for (int round = 1; round <= meeting_rounds; round++) {
        atomic_fetch_add(&arrived, 1);
        while (atomic_load(&arrived) < round * meeting_size)
            if (yields)
                gosched();
    }
    chan_send(finished, NULL);
}

static void hog(void *arg)
{
    (void)arg;
    meet(false);
}

static void yielder(void *arg)
{
    (void)arg;
    meet(true);
}

static void hold_meeting(int nhogs, int nyielders, int rounds)
{
    atomic_store(&arrived, 0);
    meeting_size = nhogs + nyielders;
    meeting_rounds = rounds;
    for (int i = 0; i < nhogs; i++)
        start(hog, NULL);
    for (int i = 0; i < nyielders; i++)
        start(yielder, NULL);
    join(meeting_size);
}

static void test_hogs(void)
{
    int n = 2 * ncore + 1;

    hold_meeting(n, 0, 3);
    ok(true, "%d that never give way on %d cores: each has run in each of 3 rounds", n, ncore);
    hold_meeting(n, n, 3);
    ok(true, "... and so have as many that yield among them");
}

static void test_yielders(void)
{
    enum { N = 50 };

    hold_meeting(0, N, 10);
    ok(true, "of %d that yield each has run in each of 10 rounds", N);
}

static atomic_bool stop;

struct pair {
    struct chan *there, *back;
};

static void bounce(void *arg)
{
    struct pair *p = arg;

    while (chan_recv(p->there, NULL) == 0)
        chan_send(p->back, NULL);
    chan_send(finished, NULL);
}

static void serve(void *arg)
{
    struct pair *p = arg;

    while (!atomic_load(&stop)) {
        chan_send(p->there, NULL);
        chan_recv(p->back, NULL);
    }
    chan_close(p->there);
    chan_send(finished, NULL);
}

/* Pairs that wake each other in turn, without end: others get their turns. */
static void test_pairs(int nhogs)
{
    enum { MAX_PAIRS = 16, N = 20 };
    struct pair pairs[MAX_PAIRS];
    int npairs = 2 * ncore < MAX_PAIRS ? 2 * ncore : MAX_PAIRS;
    struct chan *all = finished;

    atomic_store(&stop, false);
    for (int i = 0; i < npairs; i++) {
        pairs[i] = (struct pair){make(0, 0), make(0, 0)};
        start(bounce, &pairs[i]);
        start(serve, &pairs[i]);
    }
    finished = make(0, 2 * MAX_PAIRS);
    hold_meeting(nhogs, N, 3);
    chan_free(finished);
    finished = all;
    atomic_store(&stop, true);
    join(2 * npairs);
    ok(true, "%d pairs that wake each other for ever let %d others run", npairs, N + nhogs);
    for (int i = 0; i < npairs; i++) {
        chan_free(pairs[i].there);
        chan_free(pairs[i].back);
    }
}

/* ---- idle cores ---------------------------------------------------------------------------------------- */

/* The others sleep; one that is woken wakes the rest, each of which has to take part. */
static void waker(void *arg)
{
    (void)arg;
    for (int i = 1; i < ncore; i++)
        start(hog, NULL);
    meet(false);
}

static void wake_all(void)
{
    wait_idle();
    atomic_store(&arrived, 0);
    meeting_size = ncore;
    meeting_rounds = 1;
    start(waker, NULL);
    join(ncore);
}

static void test_wake_idle(void)
{
    enum { ROUNDS = 10 };
    int64_t longest = 0;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t before = nanotime();
        wake_all();
        int64_t took = nanotime() - before;
        if (took > longest)
            longest = took;
    }
    ok(true, "%d times all cores woke to meet", ROUNDS);
    if (endless)
        ok(longest < slice_ns / 2, "they did not wait for the end of a slice: %ld ms at most",
           (long)(longest / 1000000));
}

static void test_ping_pong(void)
{
    enum { ROUNDS = 1000 };
    struct pair p = {make(0, 0), make(0, 0)};

    start(bounce, &p);
    for (int i = 0; i < ROUNDS; i++) {
        chan_send(p.there, NULL);
        chan_recv(p.back, NULL);
    }
    chan_close(p.there);
    join(1);
    ok(true, "%d round trips between two that sleep in between", ROUNDS);
    chan_free(p.there);
    chan_free(p.back);
}

/* ---- gomaxprocs ------------------------------------------------------------------------------------------ */

static struct chan *bell; // buffered; keeps some of the walkers waiting now and then

/* Yields, waits and keeps its core in turn. */
static void work(void *arg)
{
    struct walker *w = arg;

    while (!atomic_load(&stop)) {
        enter(w);
        for (volatile int i = 0; i < 2000; i++)
            ;
        leave(w);
        if (w->steps % 3 == 0)
            gosched();
        else if (w->steps % 3 == 1)
            chan_send(bell, NULL);
        else
            chan_recv(bell, NULL);
    }
    atomic_fetch_add(&w->ends, 1);
    chan_send(finished, NULL);
}

/* Who waits at the bell is let go; what is sent there is nothing. */
static void join_workers(int n)
{
    while (n > 0) {
        if (chan_try_recv(finished, NULL) == 0)
            n--;
        else if (chan_try_recv(bell, NULL) != 0 && chan_try_send(bell, NULL) != 0)
            gosched();
        gosched();
    }
}

static void test_gomaxprocs(void)
{
    enum { N = 24, CHANGES = 24 };
    static struct walker w[N];
    int wrong = 0, idle = 0;

    atomic_store(&twice, 0);
    atomic_store(&dead_p, 0);
    atomic_store(&stop, false);
    bell = make(0, 10);
    for (int i = 0; i < N; i++)
        start(work, &w[i]);
    for (int i = 0; i < CHANGES; i++) {
        int n = 1 + (i * 5 + i / 7) % ncore;
        gomaxprocs(n);
        wrong += gomaxprocs(0) != n;
        for (int k = 0; k < 5; k++)
            gosched();
    }
    gomaxprocs(ncore);
    atomic_store(&stop, true);
    join_workers(N);
    for (int i = 0; i < N; i++) {
        wrong += atomic_load(&w[i].ends) != 1;
        idle += w[i].steps == 0;
    }
    ok(wrong == 0 && idle == 0, "%d goroutines live through %d changes of gomaxprocs", N, CHANGES);
    ok(atomic_load(&twice) == 0, "none of them ran on two cores at once");
    ok(atomic_load(&dead_p) == 0, "no P ran any while it was dead");
    chan_free(bell);
}

static void wait_once(void *c)
{
    atomic_fetch_add(&arrived, 1);
    chan_recv(c, NULL);
    chan_send(finished, NULL);
}

static void yield_on(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    while (!atomic_load(&stop))
        gosched();
    chan_send(finished, NULL);
}

/* Some wait and some are runnable on cores that then stop to run any: all of them go on where they can. */
static void test_gomaxprocs_fewer(void)
{
    int n = 4 * ncore;
    struct chan *c = make(0, 0);

    atomic_store(&arrived, 0);
    atomic_store(&stop, false);
    for (int i = 0; i < n; i++) {
        start(wait_once, c);
        start(yield_on, NULL);
    }
    while (atomic_load(&arrived) < 2 * n)
        gosched();
    gomaxprocs(1);
    chan_close(c);
    atomic_store(&stop, true);
    join(2 * n);
    ok(true, "what waited or was queued on cores that were taken away goes on elsewhere");
    chan_free(c);
}

/* All cores but one have gone, come back, and have to be used again. */
static void test_gomaxprocs_back(void)
{
    gomaxprocs(1);
    hold_meeting(3, 3, 2);
    gomaxprocs(ncore);
    hold_meeting(ncore, 0, 2);
    test_wake_idle();
}

/* ---- the order on one core ------------------------------------------------------------------------------- */

enum { MAX_LOG = 256 };

static int logged[MAX_LOG];
static atomic_int nlogged;

static void write_log(int what)
{
    int at = atomic_fetch_add(&nlogged, 1);

    if (at < MAX_LOG)
        logged[at] = what;
}

static int ids[MAX_LOG];

static void log_once(void *id)
{
    write_log(*(int *)id);
    chan_send(finished, NULL);
}

static void log_thrice(void *id)
{
    for (int i = 0; i < 3; i++) {
        write_log(*(int *)id);
        gosched();
    }
    chan_send(finished, NULL);
}

/* Whether n goroutines, started at one go, log what is expected. The end of a slice can spoil an order of some
 * yields; then it is right the next time. */
static bool logs(void (*fn)(void *), int n, const int *expected, int nexpected)
{
    for (int attempt = 0; attempt < 5; attempt++) {
        atomic_store(&nlogged, 0);
        struct m *mp = hold_core();
        for (int i = 0; i < n; i++) {
            ids[i] = i;
            start(fn, &ids[i]);
        }
        let_go(mp);
        join(n);
        if (atomic_load(&nlogged) == nexpected &&
            memcmp(logged, expected, (size_t)nexpected * sizeof(int)) == 0)
            return true;
    }
    return false;
}

static void test_first_in_first_out(void)
{
    enum { N = 20 };
    int expected[3 * N];

    for (int i = 0; i < 3 * N; i++)
        expected[i] = i % N;
    ok(logs(log_once, N, expected, N), "new ones run in the order in which they were made");
    ok(logs(log_thrice, N, expected, 3 * N), "... and in that order again after each yield");
}

static void test_runnext(void)
{
    enum { N = 20 };
    int expected[N] = {N - 1};

    for (int i = 1; i < N; i++)
        expected[i] = i - 1;
    ok(logs(log_once, N, expected, N), "the last one made runs first, the others in order");
}

/* ---- rr: each stays on its core ------------------------------------------------------------------------- */

static atomic_int moved, dealt_to[MAX_CPUS];

static void stay(void *arg)
{
    int core = gocpu(), moves = 0;

    atomic_fetch_add(&dealt_to[core], 1);
    for (int i = 0; i < 50; i++) {
        if (i % 2)
            gosched();
        else if (i % 4 == 0)
            chan_send(arg, NULL);
        else
            chan_recv(arg, NULL);
        moves += gocpu() != core;
    }
    atomic_fetch_add(&moved, moves);
    chan_send(finished, NULL);
}

static void test_stay(void)
{
    enum { EACH = 6 };
    struct chan *c = make(0, 0);
    bool even = true;

    for (int i = 0; i < EACH * ncore; i++)
        start(stay, c);
    /* As many are sent as are received, but the last may find nobody. */
    for (int n = EACH * ncore; n > 0;) {
        if (chan_try_recv(finished, NULL) == 0)
            n--;
        else if (chan_try_recv(c, NULL) && chan_try_send(c, NULL))
            gosched();
    }
    for (int i = 0; i < ncore; i++)
        even &= atomic_load(&dealt_to[i]) == EACH;
    ok(even, "%d new ones were dealt to each of %d cores", EACH, ncore);
    ok(atomic_load(&moved) == 0, "none left its core, however it gave way");
    chan_free(c);
}

/* ---- prio ------------------------------------------------------------------------------------------------ */

static void log_prio(void *prio)
{
    write_log(*(int *)prio);
    chan_send(finished, NULL);
}

static int compare_down(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

/* Any int is a priority, and equal ones stay in order: they are told apart by where in prios[] they are. */
static void test_prio_order(void)
{
    enum { N = 200 };
    static int prios[N], sorted[N];
    uint32_t random = 1;

    for (int i = 0; i < N; i++) {
        random = random * 1664525 + 1013904223;
        prios[i] = i % 3 == 0 ? (int)(random >> 8) % 5 - 2 : (int)random;
    }
    prios[0] = prios[N - 1] = INT_MIN;
    prios[1] = prios[N - 2] = INT_MAX;
    memcpy(sorted, prios, sizeof prios);
    qsort(sorted, N, sizeof sorted[0], compare_down);
    atomic_store(&nlogged, 0);
    struct m *mp = hold_core();
    for (int i = 0; i < N; i++)
        start_prio(log_prio, &prios[i], prios[i]);
    let_go(mp);
    join(N);
    ok(memcmp(logged, sorted, sizeof sorted) == 0, "%d of any priorities run the highest first", N);
}

static void test_prio_equal(void)
{
    enum { N = 30 };
    int expected[N], n = 0;

    for (int level = 2; level >= 0; level--)
        for (int i = level; i < N; i += 3)
            expected[n++] = i;
    atomic_store(&nlogged, 0);
    struct m *mp = hold_core();
    for (int i = 0; i < N; i++) {
        ids[i] = i;
        start_prio(log_once, &ids[i], i % 3);
    }
    let_go(mp);
    join(N);
    ok(memcmp(logged, expected, sizeof expected) == 0,
       "equal ones run in the order they were made");
}

static struct chan *call;

static void answer(void *who)
{
    while (chan_recv(call, NULL) == 0)
        write_log(*(int *)who);
    chan_send(finished, NULL);
}

/* On the only core: who is woken by a lower one runs before that goes on. */
static void test_prio_no_inversion(void)
{
    enum { ROUNDS = 20 };
    static int high = 1;
    bool at_once = true;

    call = make(0, 0);
    start_prio(answer, &high, 5);
    for (int i = 0; i < ROUNDS; i++) {
        atomic_store(&nlogged, 0);
        chan_send(call, NULL);
        at_once &= atomic_load(&nlogged) == 1;
    }
    ok(at_once, "one that a lower one wakes runs at once");
    chan_close(call);
    join(1);
    chan_free(call);
}

/* ---- prio: giving way at a wake-up, with slices that do not end --------------------------------------------- */

enum { MAX_HOGS = 64 };

static struct g *hogs[MAX_HOGS];
static int64_t called_ns;
static atomic_int hogs_running, callers_running;
static int ncallers;

static enum gstatus status_of(int i)
{
    return (enum gstatus)atomic_load(&hogs[i]->status);
}

/* All of them wait. Who wakes them may have to give way to the first, so it holds its core until the last. */
static void wake_callers(void)
{
    struct m *mp = hold_core();

    called_ns = nanotime();
    for (int i = 0; i < ncallers; i++)
        chan_send(call, NULL);
    let_go(mp);
}

/* Hog i has priority 1 + i. When each core has one, the last to come wakes the callers. */
static void low_hog(void *id)
{
    hogs[*(int *)id] = getg();
    if (atomic_fetch_add(&hogs_running, 1) + 1 == ncore)
        wake_callers();
    while (!atomic_load(&stop))
        ;
    chan_send(finished, NULL);
}

struct caller {
    bool lowest; // only the lowest hogs had to give way
    bool soon;   // before a slice could end: they did so for that only
};

/* Runs on a core that a hog had, as do the other callers: they meet. Then the lowest hogs have none. */
static void caller(void *arg)
{
    struct caller *me = arg;

    chan_recv(call, NULL);
    atomic_fetch_add(&callers_running, 1);
    while (atomic_load(&callers_running) < ncallers)
        ;
    for (int i = 0; i < ncore; i++)
        if (i < ncallers)
            while (status_of(i) != GRUNNABLE)
                ;
        else
            me->lowest &= status_of(i) == GRUNNING;
    me->soon = nanotime() - called_ns < slice_ns / 2;
    /* The other callers look, too. */
    atomic_fetch_add(&callers_running, 1);
    while (atomic_load(&callers_running) < 2 * ncallers)
        ;
    atomic_store(&stop, true);
    chan_send(finished, NULL);
}

static void test_prio_gives_way(int n)
{
    struct caller callers[MAX_HOGS];

    ncallers = n;
    call = make(0, 0);
    atomic_store(&stop, false);
    atomic_store(&hogs_running, 0);
    atomic_store(&callers_running, 0);
    for (int i = 0; i < n; i++) {
        callers[i] = (struct caller){.lowest = true};
        start_prio(caller, &callers[i], INT_MAX);
    }
    wait_idle();
    struct m *mp = hold_core();
    for (int i = 0; i < ncore; i++) {
        ids[i] = i;
        start_prio(low_hog, &ids[i], 1 + i);
    }
    let_go(mp);
    join(n + ncore);
    for (int i = 0; i < n; i++) {
        check(callers[i].lowest, "%d high ones on %d cores take those of the lowest", n, ncore);
        check(callers[i].soon, "%d high ones on %d cores wait for no slice", n, ncore);
    }
    ok(true, "%d high ones on %d cores make the lowest give way", n, ncore);
    chan_free(call);
}

/* Where a woken goroutine goes on with its waker's slice, a pair may keep a core for as long. */
static void test_endless(void)
{
    test_wake_idle();
    if (!is_gmp())
        test_pairs(0);
    for (int n = 1; n <= ncore && is_policy("prio"); n++)
        test_prio_gives_way(n);
}

/* ---- which parts -------------------------------------------------------------------------------------------- */

static void test_any(void)
{
    test_once();
    test_ring();
    test_yielders();
    test_hogs();
    test_pairs(1);
    test_ping_pong();
    test_wake_idle();
    test_gomaxprocs();
    test_gomaxprocs_fewer();
    test_gomaxprocs_back();
}

static void test_own(void)
{
    if (is_policy("rr"))
        test_stay();
    if (ncore > 1)
        return;
    if (is_policy("fifo"))
        test_first_in_first_out();
    if (is_gmp())
        test_runnext();
    if (is_policy("prio")) {
        test_prio_order();
        test_prio_equal();
        test_prio_no_inversion();
    }
}

int main(int argc, char **argv)
{
    struct schedstats st;

    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    schedstats_read(&st);
    policy = st.policy;
    slice_ns = st.slice_ns;
    finished = make(0, 0);
    ok(st.gomaxprocs == (unsigned)ncore, "policy %s on %u cores", policy, st.gomaxprocs);
    endless = argc > 2 && strcmp(argv[2], "endless") == 0;
    if (endless) {
        test_endless();
    } else {
        test_own(); // first: the deals have not begun
        test_any();
    }
    return done();
}
