/*
 * pinned.c - goroutines that run on some cores only.
 *
 * Goal:   one that is locked to its core, or was given cores by go_with(), runs there and nowhere else, whatever it does
 *         and whoever wakes it; it gets its turn though fewer Ps live than there are cores, and though
 *         loops that never give way keep the others; what one leaves behind binds no later one.
 * Method: each goroutine looks at its core between all it does. With fewer Ps than cores a P has to go round the
 *         cores for all to get on (handoffp()); mixed with changes of gomaxprocs().
 * Budget: 5 s.
 * Argument: the number of cores.
 */
#include <errno.h>

#include "tests/guest/load.h"

static int ncore;

static void go_on_cores(uint64_t affinity, void (*fn)(void *), void *arg)
{
    struct go_attr attr = {.affinity = affinity};

    if (go_with(&attr, fn, arg)) {
        ok(false, "go_with(affinity %#lx)", (unsigned long)affinity);
        exit(1);
    }
}

/* ---- nesting ---- */

static bool is_pinned(void)
{
    return getg()->prep & PREP_PINNED;
}

static void test_nesting(void)
{
    enum { DEEP = 1000 };
    bool pinned = true;

    unlockosthread();
    ok(!is_pinned() && getg()->lockcount == 0, "to unlock what is not locked does nothing");
    for (int i = 0; i < DEEP; i++) {
        lockosthread();
        pinned &= is_pinned();
    }
    for (int i = 0; i < DEEP; i++) {
        pinned &= is_pinned();
        unlockosthread();
    }
    ok(pinned, "locked %d times: locked until it is unlocked as often", DEEP);
    ok(!is_pinned(), "and no longer");
}

/* ---- which cores ---- */

static atomic_ulong seen_on; // cores, a bit each

/* Where it runs now, and after each kind of switch. */
static void look_around(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        atomic_fetch_or(&seen_on, 1ul << gocpu());
        gosched();
        atomic_fetch_or(&seen_on, 1ul << gocpu());
        if (i % 4 == 0)
            sleep_ns(1000);
    }
    chan_send(finished, NULL);
}

static bool only_on(uint64_t affinity)
{
    atomic_store(&seen_on, 0);
    for (int i = 0; i < 4; i++)
        go_on_cores(affinity, look_around, NULL);
    join(4);
    return (atomic_load(&seen_on) & ~affinity) == 0;
}

static void test_affinity(void)
{
    uint64_t all = (UINT64_C(1) << ncore) - 1;
    bool good = true;

    for (int i = 0; i < ncore; i++)
        good &= only_on(UINT64_C(1) << i);
    ok(good, "go_with() for one core: there and nowhere else, on each of %d", ncore);
    for (uint64_t set = 1; set <= all; set += all / 15 + 1)
        good &= only_on(set);
    ok(good, "for a set of cores: nowhere else");
    good = only_on(all | UINT64_C(1) << 63);
    ok(good, "cores that there are not are left out of a set");
}

/* Who is woken goes to a core of its set that idles: each is used sooner or later. */
static void test_sets_are_used(void)
{
    for (int i = 0; i < ncore; i++) {
        uint64_t set = UINT64_C(1) << i | UINT64_C(1) << (ncore - 1);
        for (unsigned long seen = 0; seen != set; seen |= atomic_load(&seen_on))
            only_on(set);
    }
    ok(true, "every core of a set is used");
}

static atomic_int arrived;

/* Nobody leaves before all are there: each on a core of its own. */
static void meet(void *arg)
{
    struct m *mp = acquirem();

    (void)arg;
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < ncore)
        cpu_relax();
    releasem(mp);
    chan_send(finished, NULL);
}

static bool meet_on_all_cores(bool pinned)
{
    atomic_store(&arrived, 0);
    for (int i = 0; i < ncore; i++)
        go_on_cores(pinned ? UINT64_C(1) << i : 0, meet, NULL);
    join(ncore);
    return atomic_load(&arrived) == ncore;
}

static void test_all_at_once(void)
{
    for (int i = 0; i < 3; i++)
        meet_on_all_cores(true);
    ok(true, "one for each core: they run at once");
}

static void nothing(void *arg)
{
    (void)arg;
}

static void test_refused(void)
{
    struct go_attr attr = {.affinity = UINT64_C(1) << ncore};

    while (numgoroutine() > 1)
        gosched();
    ok(go_with(&attr, nothing, NULL) == -EINVAL, "core %d is refused: there is none", ncore);
    attr.affinity = ~((UINT64_C(1) << ncore) - 1);
    ok(go_with(&attr, nothing, NULL) == -EINVAL, "and a set without any that there is");
    ok(numgoroutine() == 1, "no goroutine came of it");
    attr.affinity = UINT64_C(1) << (ncore - 1);
    ok(go_with(&attr, NULL, NULL) == -EINVAL, "nor of no function");
}

/* ---- both ---- */

static atomic_int strayed;

static void lock_in_set(void *arg)
{
    uint64_t set = (uint64_t)(uintptr_t)arg;

    for (int round = 0; round < 5; round++) {
        lockosthread();
        int core = gocpu();
        for (int i = 0; i < 10; i++) {
            gosched();
            if (gocpu() != core || !(set >> core & 1))
                atomic_fetch_add(&strayed, 1);
        }
        unlockosthread();
        for (int i = 0; i < 10; i++) {
            gosched();
            if (!(set >> gocpu() & 1))
                atomic_fetch_add(&strayed, 1);
        }
    }
    chan_send(finished, NULL);
}

static void test_lock_in_set(void)
{
    enum { N = 8 };
    uint64_t set = ncore > 2 ? 6 : 1;

    for (int i = 0; i < N; i++)
        go_on_cores(set, lock_in_set, (void *)(uintptr_t)set);
    join(N);
    ok(atomic_load(&strayed) == 0,
       "one of a set that locks itself stays on its core, and in its set when it unlocks");
}

/* ---- ending locked ---- */

static void end_locked(void *arg)
{
    (void)arg;
    lockosthread();
    lockosthread();
    gosched();
    chan_send(finished, NULL);
}

static void look_at_self(void *arg)
{
    (void)arg;
    if (is_pinned() || getg()->lockcount || getg()->attr)
        atomic_fetch_add(&strayed, 1);
    chan_send(finished, NULL);
}

/* More than there are structs to use again in a P's list. */
static void test_end_locked(void)
{
    enum { N = 4 * GFREE_MAX };

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++)
            start(end_locked, NULL);
        join(N);
    }
    for (int i = 0; i < N; i++)
        start(look_at_self, NULL);
    join(N);
    ok(atomic_load(&strayed) == 0, "%d goroutines end locked; later ones are not", 3 * N);
    ok(meet_on_all_cores(false), "and run on all cores at once");
}

/* ---- beside others on the same core ---- */

static atomic_bool let_go;

static void keep_core(void *arg)
{
    (void)arg;
    lockosthread();
    while (!atomic_load_explicit(&let_go, memory_order_relaxed))
        ;
    chan_send(finished, NULL);
}

static void visit_core(void *arg)
{
    int core = (int)(intptr_t)arg;

    for (int i = 0; i < 5; i++) {
        if (gocpu() != core)
            atomic_fetch_add(&strayed, 1);
        gosched();
        if (gocpu() != core)
            atomic_fetch_add(&strayed, 1);
        if (i == 2)
            sleep_ns(1000);
    }
    chan_send(finished, NULL);
}

/* A locked loop on each core; three more goroutines for each core have to get by. */
static void test_shared_core(void)
{
    enum { VISITORS = 3 };

    atomic_store(&let_go, false);
    for (int i = 0; i < ncore; i++)
        go_on_cores(UINT64_C(1) << i, keep_core, NULL);
    for (int i = 0; i < VISITORS * ncore; i++)
        go_on_cores(UINT64_C(1) << i % ncore, visit_core, (void *)(intptr_t)(i % ncore));
    join(VISITORS * ncore);
    atomic_store(&let_go, true);
    join(ncore);
    ok(atomic_load(&strayed) == 0, "%d others run on each core to which a loop is locked",
       VISITORS);
}

/* ---- fewer Ps than cores ---- */

/* Of each kind of worker some may run anywhere, some on one core, some on a set, some lock themselves. */
static void pin_some(void)
{
    for (int i = 0; i < load_n; i++) {
        struct worker *w = &load[i];
        int core = i % ncore;
        if (i % 4 == 1)
            w->affinity = UINT64_C(1) << core;
        else if (i % 4 == 2)
            w->affinity = UINT64_C(1) << core | UINT64_C(1) << (core + 1) % ncore;
        w->locked = i % 4 == 3;
    }
}

/* A loop on every core, and one P: it has to be handed round. */
static void test_hogs_everywhere(int procs)
{
    gomaxprocs(procs);
    load_make(ncore);
    load_n = 0;
    for (int i = 0; i < ncore; i++)
        load_add("pinned hog", load_hog)->affinity = UINT64_C(1) << i;
    for (int i = 0; i < 2; i++)
        load_add("hog", load_hog);
    load_go();
    for (int i = 0; i < 2; i++)
        load_progress("a loop on every core");
    int failed = load_end("a loop on every core");
    ok(failed == 0, "loops on each of %d cores share %d Ps", ncore, procs);
    gomaxprocs(ncore);
}

static void test_fewer_ps(int procs)
{
    gomaxprocs(procs);
    load_make(1);
    pin_some();
    load_go();
    for (int i = 0; i < 2; i++)
        load_progress("fewer Ps");
    int n = load_n, failed = load_end("fewer Ps");
    ok(failed == 0, "%d goroutines, three quarters of them pinned to some of %d cores, share %d Ps",
       n, ncore, procs);
    gomaxprocs(ncore);
}

static void test_resized(void)
{
    int changes = ncore > 4 ? 6 : 10;
    uint64_t random = 7;

    load_make(1);
    pin_some();
    load_go();
    for (int i = 0; i < changes; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        gomaxprocs(1 + (int)((random >> 33) % (unsigned)ncore));
        if (i % 2)
            load_progress("gomaxprocs()");
    }
    gomaxprocs(ncore);
    load_progress("gomaxprocs()");
    int n = load_n, failed = load_end("gomaxprocs()");
    ok(failed == 0, "%d goroutines, most of them pinned, and gomaxprocs() changes %d times: %d", n,
       changes, failed);
}

/* ---- main ---- */

static void test_main_locked(void)
{
    struct chan *c = make(0, 0);
    bool good = true;

    lockosthread();
    int core = gocpu();
    for (int procs = 1; procs <= ncore; procs++) {
        gomaxprocs(procs);
        start(look_around, NULL);
        join(1);
        sleep_ns(10000);
        good &= gocpu() == core;
    }
    unlockosthread();
    chan_free(c);
    ok(good, "main stays on core %d while it is locked, and gomaxprocs() grows", core);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    load_slices(1000000);
    test_nesting();
    test_affinity();
    test_sets_are_used();
    test_all_at_once();
    test_refused();
    test_lock_in_set();
    test_end_locked();
    test_shared_core();
    for (int procs = 1; procs <= ncore; procs += procs) {
        test_hogs_everywhere(procs);
        test_fewer_ps(procs);
    }
    test_resized();
    test_main_locked();
    return done();
}
