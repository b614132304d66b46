/*
 * proc.c - goroutines on Ps: fairness, parallelism, how many there are.
 *
 * Goal:   whoever is runnable runs, however busy the others keep the cores; as many run at once as gomaxprocs() says;
 *         its changes lose no goroutine and let none run on a P that lives no more.
 * Method: goroutines that end only if all others get their turns: spinning on one another, behind hogs,
 *         as pairs that hand each other a slice; gomaxprocs() up and down under a load of all kinds.
 * Budget: 5 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's proc_test.go, written anew for this API.
 */
#include "rt0/sched.h"
#include "tests/guest/load.h"

static int ncore;

/* ---- counting ---- */

static void wait_for_close(void *c)
{
    chan_recv(c, NULL);
}

static void only_main_is_left(void)
{
    while (numgoroutine() > 1)
        gosched();
}

static void test_numgoroutine(void)
{
    enum { N = 100 };
    struct chan *c = make(0, 0);
    bool good = true;

    ok(numgoroutine() == 1, "main counts");
    for (int i = 1; i <= N; i++) {
        start(wait_for_close, c);
        good &= numgoroutine() == i + 1;
    }
    ok(good, "each new goroutine counts at once");
    chan_close(c);
    only_main_is_left();
    chan_free(c);
    ok(numgoroutine() == 1, "those that have ended do not");
}

static void ask_gomaxprocs(void)
{
    ok(gomaxprocs(0) == ncore && gomaxprocs(-5) == ncore, "gomaxprocs(0) only asks: %d",
       gomaxprocs(0));
    ok(gomaxprocs(1) == ncore && gomaxprocs(1) == 1, "gomaxprocs(n) says what was before");
    ok(gomaxprocs(ncore + 100) == 1 && gomaxprocs(0) == ncore,
       "more than there are is all of them");
}

/* ---- giving way ---- */

static atomic_int ran;

static void run_once(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

/* All that waited ran before. The second one, since the first may have been the global queue's turn; and an end of
 * slice may come between, but not each time. */
static void test_gosched(void)
{
    enum { N = 50, ROUNDS = 40 };
    int good = 0;

    gomaxprocs(1);
    for (int round = 0; round < ROUNDS; round++) {
        atomic_store(&ran, 0);
        for (int i = 0; i < N; i++)
            start(run_once, NULL);
        gosched();
        gosched();
        good += atomic_load(&ran) == N;
        only_main_is_left();
    }
    ok(good > ROUNDS / 2, "on one P gosched() lets all %d others run: %d of %d times", N, good,
       ROUNDS);
    gomaxprocs(ncore);
}

struct yielder {
    struct chan *go_on, *seen;
    bool locked;
};

static void yield_until_told(void *arg)
{
    struct yielder *y = arg;

    if (y->locked)
        lockosthread();
    while (chan_try_recv(y->go_on, NULL))
        gosched();
    chan_send(y->seen, NULL);
}

/* Who yields for ever keeps nobody from running: not the sender, not the sleeper. */
static void test_yield_progress(int procs, bool locked)
{
    struct yielder y = {make(0, 0), make(0, 0), locked};

    gomaxprocs(procs);
    start(yield_until_told, &y);
    sleep_ns(2000000);
    chan_send(y.go_on, NULL);
    chan_recv(y.seen, NULL);
    only_main_is_left();
    chan_free(y.go_on);
    chan_free(y.seen);
    ok(true, "who yields until told is told, on %d Ps%s", procs,
       locked ? ", locked to its core" : "");
    gomaxprocs(ncore);
}

static void yield_and_sleep_locked(void *arg)
{
    (void)arg;
    lockosthread();
    for (int i = 0; i < 10; i++) {
        gosched();
        sleep_ns(200000);
    }
    chan_send(finished, NULL);
    /* It ends locked. */
}

static void test_yield_locked(void)
{
    for (int i = 0; i < 2 * ncore; i++)
        start(yield_and_sleep_locked, NULL);
    join(2 * ncore);
    only_main_is_left();
    ok(true, "%d goroutines locked to their cores yield and sleep, and end so", 2 * ncore);
}

/* ---- pairs that hand their slice on ---- */

struct pair {
    struct sema wake[2];
    unsigned long each; // how far one counts at a time
    atomic_long cpu_ns;
};

static struct pair hogs, lights;
static struct pair *last_run; // one P: not shared
static int turns;             // between the pairs
static atomic_bool pairs_stop;

static void count_to(unsigned long n)
{
    for (volatile unsigned long i = 0; i < n; i++)
        ;
}

static void count_and_wake(struct pair *p, int me)
{
    struct gostats st;

    while (!atomic_load_explicit(&pairs_stop, memory_order_relaxed)) {
        sema_acquire(&p->wake[me]);
        if (last_run != p) {
            last_run = p;
            turns++;
        }
        count_to(p->each);
        sema_release(&p->wake[!me]);
    }
    sema_release(&p->wake[!me]);
    gostats_read(&st);
    atomic_fetch_add(&p->cpu_ns, st.cpu_ns);
    chan_send(finished, NULL);
}

static void first_of_pair(void *p)
{
    count_and_wake(p, 0);
}

static void second_of_pair(void *p)
{
    count_and_wake(p, 1);
}

/* Whom one of a pair readies goes on with its slice, so each pair gets half of the time, whether
 * it switches often or not. */
static void test_ping_pong_hog(void)
{
    enum { FACTOR = 20, TURNS = 12 };
    struct pair *both[] = {&hogs, &lights};

    gomaxprocs(1);
    hogs.each = 1000000;
    lights.each = 1000;
    for (int i = 0; i < 2; i++) {
        start(first_of_pair, both[i]);
        start(second_of_pair, both[i]);
        sema_release(&both[i]->wake[0]);
    }
    while (turns < TURNS)
        sleep_ns(10000000);
    atomic_store(&pairs_stop, true);
    join(4);
    long h = atomic_load(&hogs.cpu_ns), l = atomic_load(&lights.cpu_ns);
    ok(h / FACTOR < l && l / FACTOR < h,
       "two pairs on one P get about as much time, whether they switch often or not: %ld, %ld us",
       h / 1000, l / 1000);
    gomaxprocs(ncore);
}

/* ---- at once ---- */

static atomic_uint baton;
static unsigned runners;

/* It comes round only if all runners run at once: who waits does not give way. */
static void hand_baton(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < 2; i++) {
        while (atomic_load_explicit(&baton, memory_order_relaxed) != runners * i + me)
            ;
        atomic_store(&baton, runners * i + me + 1);
    }
    chan_send(finished, NULL);
}

static void test_parallelism(unsigned n, const char *what)
{
    enum { TRIES = 2 };

    runners = n;
    for (int try = 0; try < TRIES; try++) {
        atomic_store(&baton, 0);
        for (uintptr_t i = 0; i < n; i++)
            start(hand_baton, (void *)i);
        join((int)n);
    }
    ok(true, "%u goroutines spin until it is their turn, %d times: %s", n, TRIES, what);
}

static void test_parallelism_of_fewer(void)
{
    for (int procs = 1; procs < ncore; procs += procs) {
        gomaxprocs(procs);
        test_parallelism((unsigned)procs, "a P each");
    }
    gomaxprocs(ncore);
}

static atomic_uint arrived;
static unsigned expected;

static void arrive_and_spin(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    while (atomic_load_explicit(&arrived, memory_order_relaxed) < expected)
        ;
    chan_send(finished, NULL);
}

/* More than there are Ps: each is preempted for the others. */
static void test_spin_for_all(unsigned n)
{
    atomic_store(&arrived, 0);
    expected = n;
    for (unsigned i = 0; i < n; i++)
        start(arrive_and_spin, NULL);
    join((int)n);
    ok(true, "%u goroutines spin until all have come, on %d Ps", n, gomaxprocs(0));
}

/* ---- how many Ps ---- */

/* So many run at once, and no more: each stays on its core until it has seen how many do. */
static atomic_int running, most;

static void count_running(void *arg)
{
    (void)arg;
    for (int i = 0; i < 15; i++) {
        struct m *mp = acquirem();
        int now = atomic_fetch_add(&running, 1) + 1, seen = atomic_load(&most);
        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
            ;
        for (int k = 0; k < 200; k++)
            cpu_relax();
        atomic_fetch_sub(&running, 1);
        releasem(mp);
        gosched();
    }
    chan_send(finished, NULL);
}

static void test_gomaxprocs_limits(void)
{
    bool good = true;

    for (int procs = 1; procs <= ncore; procs++) {
        gomaxprocs(procs);
        atomic_store(&most, 0);
        for (int i = 0; i < 2 * ncore; i++)
            start(count_running, NULL);
        join(2 * ncore);
        good &= check(atomic_load(&most) <= procs, "%d run at once on %d Ps", atomic_load(&most),
                      procs);
    }
    ok(good, "no more goroutines run at once than gomaxprocs() says");
    gomaxprocs(ncore);
}

/* The others have only just been told to stop when they are wanted again: some are still on their way to sleep. */
static void test_gomaxprocs_at_rest(void)
{
    enum { CHANGES = 200 };
    int wrong = 0;

    for (int i = 0; i < CHANGES; i++) {
        int n = i % 2 ? ncore : 1 + i / 2 % 8 % ncore / 4;
        gomaxprocs(n);
        for (int k = i * 7 % 1000; k > 0; k--)
            cpu_relax();
        wrong += gomaxprocs(0) != n || numgoroutine() != 1;
    }
    gomaxprocs(ncore);
    ok(wrong == 0, "and %d times while nobody else runs", CHANGES);
}

static void test_gomaxprocs_under_load(void)
{
    int changes = ncore > 4 ? 5 : 10;
    uint64_t random = 1;

    load_start(ncore > 4 ? 2 : 1);
    for (int i = 0; i < changes; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        gomaxprocs(1 + (int)((random >> 33) % (unsigned)ncore));
        load_progress("gomaxprocs()");
    }
    gomaxprocs(ncore);
    load_progress("gomaxprocs()");
    int n = load_n, failed = load_end("gomaxprocs()");
    ok(failed == 0,
       "gomaxprocs() is changed %d times: each of %d goroutines gets on, on one live P: %d",
       changes, n, failed);
}

/* ---- stopping the world, again and again ---- */

static atomic_bool mobile_stop;
static atomic_ulong mobiles;

/* Each makes the next one and ends. */
static void perpetuum_mobile(void *arg)
{
    atomic_fetch_add(&mobiles, 1);
    if (atomic_load(&mobile_stop))
        chan_send(finished, NULL);
    else
        start(perpetuum_mobile, arg);
}

enum { RESIZES = 64 };

static void resize_often(void *arg)
{
    for (int i = 0; i < RESIZES / ncore; i++)
        gomaxprocs(1 + (i + (int)(intptr_t)arg) % ncore);
    chan_send(finished, NULL);
}

static void park_and_go_on(void *arg)
{
    struct yielder *y = arg;

    while (chan_recv(y->go_on, NULL) == 0)
        chan_send(y->seen, NULL);
    chan_send(finished, NULL);
}

static void park_others(void *arg)
{
    struct yielder *y = arg;

    while (!atomic_load(&mobile_stop)) {
        chan_send(y->go_on, NULL);
        chan_recv(y->seen, NULL);
    }
    chan_close(y->go_on);
    chan_send(finished, NULL);
}

static void test_resize_deadlock(void)
{
    struct yielder y = {make(0, 0), make(0, 0), false};

    start(perpetuum_mobile, NULL);
    start(park_and_go_on, &y);
    start(park_others, &y);
    for (intptr_t i = 0; i < 3; i++)
        start(resize_often, (void *)i);
    join(3);
    atomic_store(&mobile_stop, true);
    join(3);
    ok(atomic_load(&mobiles) > 1,
       "three goroutines call gomaxprocs() %d times each, others park, are made and end",
       RESIZES / ncore);
    only_main_is_left();
    gomaxprocs(ncore);
    chan_free(y.go_on);
    chan_free(y.seen);
}

/* ---- the end ---- */

static void last(void *arg)
{
    (void)arg;
    while (numgoroutine() > 1)
        gosched();
    ok(goid() != 1, "main has called goexit(); another goroutine ends the program");
    exit(done());
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    test_numgoroutine();
    ask_gomaxprocs();
    test_gosched();
    for (int procs = 1; procs <= ncore; procs += procs) {
        test_yield_progress(procs, false);
        test_yield_progress(procs, true);
    }
    test_yield_locked();
    test_ping_pong_hog();
    load_slices(1000000);
    test_parallelism_of_fewer();
    test_parallelism((unsigned)ncore, "one for each core");
    test_spin_for_all(3 * (unsigned)ncore);
    test_gomaxprocs_limits();
    test_gomaxprocs_under_load();
    test_gomaxprocs_at_rest();
    test_resize_deadlock();
    start(last, NULL);
    goexit();
}
