/*
 * preempt.c - goroutines that do not give way are made to.
 *
 * Goal:   whatever a goroutine does in an endless loop, nothing, arithmetic, the libc, the scheduler's own calls, every
 *         other one gets its turn; one that holds its core (acquirem()) is left alone until it lets go, and
 *         gives way then.
 * Method: as many loops as there are cores and one more; the others have to get on: main, one that answers
 *         on a channel, sleepers. The last test's loops never end, so the image ends beside them.
 * Budget: 5 s.
 * Argument: the number of cores.
 */
#include <errno.h>
#include <string.h>

#include "kernel/options.h"
#include "rt0/sched.h"
#include "tests/guest/load.h"

#define SHORT_NS INT64_C(1000000) // a slice, for the loops on all cores

static int ncore;

/* ---- what loops do ---- */

static atomic_bool stop;
static struct chan *never; // nobody sends

static bool goes_on(void)
{
    return !atomic_load_explicit(&stop, memory_order_relaxed);
}

static void loop_empty(atomic_ulong *turns)
{
    atomic_fetch_add(turns, 1);
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        ;
}

static void loop_count(atomic_ulong *turns)
{
    while (goes_on())
        atomic_fetch_add_explicit(turns, 1, memory_order_relaxed);
}

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void loop_recurse(atomic_ulong *turns)
{
    while (goes_on())
        atomic_fetch_add(turns, fib(15) == 610);
}

static void loop_float(atomic_ulong *turns)
{
    double x = 1;

    while (goes_on()) {
        for (int i = 0; i < 1000; i++)
            x = x * 0.5 + 1 / (x + 1);
        atomic_fetch_add(turns, x > 0);
    }
}

static void loop_copy(atomic_ulong *turns)
{
    enum { BYTES = 8192 };
    char *from = must(malloc(BYTES)), *to = must(malloc(BYTES));

    memset(from, 7, BYTES);
    while (goes_on()) {
        memcpy(to, from, BYTES);
        atomic_fetch_add(turns, to[BYTES - 1] == 7);
    }
    free(from);
    free(to);
}

static void loop_malloc(atomic_ulong *turns)
{
    while (goes_on()) {
        char *volatile p = must(malloc(100));
        free(p);
        atomic_fetch_add(turns, 1);
    }
}

/* A lock each time, which defers. */
static void loop_try_recv(atomic_ulong *turns)
{
    while (goes_on())
        atomic_fetch_add(turns, chan_try_recv(never, NULL) == -EAGAIN);
}

static void loop_sema(atomic_ulong *turns)
{
    struct sema s = SEMA_INIT(0);

    while (goes_on()) {
        sema_release(&s);
        sema_acquire(&s);
        atomic_fetch_add(turns, 1);
    }
}

static void nothing_timed(void *arg)
{
    (void)arg;
}

static void loop_timer(atomic_ulong *turns)
{
    struct timer t = {0};

    while (goes_on()) {
        timer_start(&t, INT64_C(1000000000000), 0, nothing_timed, NULL);
        atomic_fetch_add(turns, timer_stop(&t) == 1);
    }
}

static void loop_lock_thread(atomic_ulong *turns)
{
    while (goes_on()) {
        lockosthread();
        atomic_fetch_add(turns, 1);
        unlockosthread();
    }
}

static void loop_ask(atomic_ulong *turns)
{
    int64_t last = 0;

    while (goes_on()) {
        int64_t now = nanotime();
        atomic_fetch_add(turns, now >= last && goid() > 1 && numgoroutine() > 1 && gocpu() < ncore);
        last = now;
    }
}

static void nothing(void *arg)
{
    atomic_fetch_sub((atomic_int *)arg, 1);
}

/* Made faster than they run: the queue goes over, so a bound. */
static void loop_go(atomic_ulong *turns)
{
    atomic_int alive = 0;

    while (goes_on()) {
        if (atomic_load(&alive) < 300) {
            atomic_fetch_add(&alive, 1);
            start(nothing, &alive);
        }
        atomic_fetch_add(turns, 1);
    }
    while (atomic_load(&alive))
        gosched();
}

/* Its own errno and thread-local objects, whoever runs on the core in between. */
static _Thread_local unsigned long mine;

static void loop_errno(atomic_ulong *turns)
{
    int number = (int)goid();

    for (unsigned long i = 0; goes_on(); i++) {
        errno = number;
        mine = i;
        for (int k = 0; k < 100; k++)
            if (*(volatile int *)&errno != number || *(volatile unsigned long *)&mine != i)
                atomic_fetch_add(&load_wrong, 1);
        atomic_fetch_add(turns, 1);
    }
}

static const struct {
    const char *name;
    void (*fn)(atomic_ulong *turns);
} loops[] = {
    {"empty", loop_empty},
    {"counting", loop_count},
    {"recursing", loop_recurse},
    {"floating point", loop_float},
    {"memcpy()", loop_copy},
    {"malloc()", loop_malloc},
    {"chan_try_recv()", loop_try_recv},
    {"semaphore", loop_sema},
    {"timer_start()", loop_timer},
    {"lockosthread()", loop_lock_thread},
    {"nanotime(), goid()", loop_ask},
    {"go()", loop_go},
    {"errno", loop_errno},
};

/* ---- others beside them ---- */

struct looper {
    void (*fn)(atomic_ulong *turns);
    atomic_ulong turns;
};

static void run_loop(void *arg)
{
    struct looper *l = arg;

    l->fn(&l->turns);
    chan_send(finished, NULL);
}

static struct chan *question, *answer;

static void answer_all(void *arg)
{
    int v;

    (void)arg;
    while (chan_recv(question, &v) == 0) {
        v++;
        chan_send(answer, &v);
    }
    chan_send(finished, NULL);
}

static atomic_int slept;

static void sleep_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        sleep_ns(100000);
    atomic_fetch_add(&slept, 1);
    chan_send(finished, NULL);
}

/* Main asks and is answered while loops keep every core busy. */
static bool ask_some(int rounds)
{
    bool good = true;

    for (int i = 0; i < rounds; i++) {
        int v = i;
        chan_send(question, &v);
        chan_recv(answer, &v);
        good &= v == i + 1;
    }
    return good;
}

static bool all_turned(struct looper *l, int n)
{
    for (int i = 0; i < n; i++)
        if (!atomic_load(&l[i].turns))
            return false;
    return true;
}

static void test_beside(const char *name, void (*fn)(atomic_ulong *turns))
{
    int n = ncore + 1;
    struct looper *l = must(calloc((size_t)n, sizeof *l));
    bool good = true;

    atomic_store(&stop, false);
    atomic_store(&slept, 0);
    for (int i = 0; i < n; i++) {
        l[i].fn = fn;
        start(run_loop, &l[i]);
    }
    start(sleep_some, NULL);
    good &= ask_some(3);
    while (!all_turned(l, n) || !atomic_load(&slept))
        gosched();
    atomic_store(&stop, true);
    join(n + 1);
    free(l);
    ok(good && atomic_exchange(&load_wrong, 0) == 0, "others get on beside %d loops: %s", n, name);
}

/* ---- one P ---- */

/* Two that count and never give way: by turns. */
static void test_slices(void)
{
    struct looper l[2] = {{loop_count, 0}, {loop_count, 0}};
    struct schedstats before, after;
    unsigned long seen[2];

    gomaxprocs(1);
    schedstats_read(&before);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++)
        start(run_loop, &l[i]);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 2; i++)
            seen[i] = atomic_load(&l[i].turns);
        while (atomic_load(&l[0].turns) == seen[0] || atomic_load(&l[1].turns) == seen[1])
            gosched();
    }
    atomic_store(&stop, true);
    join(2);
    schedstats_read(&after);
    ok(after.all.preempted >= before.all.preempted + 5,
       "two loops share one P by preemption: %lu times",
       (unsigned long)(after.all.preempted - before.all.preempted));
    gomaxprocs(ncore);
}

/* ---- who holds its core ---- */

static atomic_ulong others;

static void count_others(void *arg)
{
    (void)arg;
    while (goes_on()) {
        atomic_fetch_add(&others, 1);
        gosched();
    }
    chan_send(finished, NULL);
}

/* Until this G's end of slice was put off: not only a timer or some job of the scheduler's, nor the end of the
 * slice of the G before it. */
static void hold_until_deferred(struct m *mp)
{
    struct p *pp = mp->p;

    while (!(atomic_load(&pp->attention) & ATT_SLICE) || !atomic_load(&mp->preempt) ||
           cpu_counter() - pp->slice_start < pp->slice_ticks)
        ;
}

static uint64_t preemptions(void)
{
    struct schedstats st;

    schedstats_read(&st);
    return st.all.preempted;
}

static void test_deferred(void)
{
    enum { ROUNDS = 7 };
    bool alone = true;
    int gave_way = 0;

    gomaxprocs(1);
    atomic_store(&stop, false);
    start(count_others, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        gosched();
        struct m *mp = acquirem();
        acquirem();
        unsigned long before = atomic_load(&others);
        uint64_t preempted = preemptions();
        hold_until_deferred(mp);
        releasem(mp);
        alone &= atomic_load(&others) == before && preemptions() == preempted;
        releasem(mp); // here, at the latest
        gave_way += preemptions() > preempted;
    }
    atomic_store(&stop, true);
    join(1);
    ok(alone, "who holds its core keeps it when its slice is over");
    ok(gave_way == ROUNDS, "and gives way when it lets go for the last time: %d of %d times",
       gave_way, ROUNDS);
    gomaxprocs(ncore);
}

/* ---- one on each core, for ever ---- */

static void loop_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        ;
}

static void start_for_ever(void)
{
    for (int i = 0; i < ncore; i++) {
        struct go_attr attr = {.affinity = UINT64_C(1) << i};
        if (go_with(&attr, loop_for_ever, NULL))
            ok(false, "no loop on core %d", i);
    }
}

static void test_for_ever(void)
{
    start_for_ever();
    for (int i = 0; i < 3; i++)
        gosched();
    ok(ask_some(5), "beside `for (;;);` on each of %d cores channels work", ncore);
    for (int i = 0; i < 3; i++)
        sleep_ns(1000000);
    ok(true, "main sleeps and wakes");
    for (int procs = 1; procs <= ncore; procs += procs)
        gomaxprocs(procs);
    gomaxprocs(ncore);
    ok(gomaxprocs(0) == ncore, "the world is stopped and started");
    atomic_store(&stop, false);
    struct looper l = {loop_count, 0};
    start(run_loop, &l);
    while (atomic_load(&l.turns) < 1000)
        gosched();
    atomic_store(&stop, true);
    join(1);
    ok(true, "a new goroutine runs and ends");
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    never = make(0, 1);
    question = make(sizeof(int), 0);
    answer = make(sizeof(int), 0);
    start(answer_all, NULL);
    load_slices(SHORT_NS);
    for (size_t i = 0; i < LENGTH(loops); i++)
        test_beside(loops[i].name, loops[i].fn);
    load_slices((int64_t)options.slice_ns);
    test_slices();
    test_deferred();
    load_slices(SHORT_NS);
    test_for_ever();
    return done();
}
