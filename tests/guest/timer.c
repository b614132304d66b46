/*
 * timer.c - timers and sleeping.
 *
 * Goal:   nothing fires or wakes early, nothing twice, nothing never; stop and reset are believed
 *         by those who call them, whoever else does the same; no goroutine that keeps its core
 *         keeps a timer from firing; no number of cores and no change of it loses one.
 * Method: times are compared with the clock from below only. What the calls return is added up: a
 *         timer went into a heap as often as it came out of one by stopping and firing. Whatever
 *         must happen in the end is waited for.
 * Budget: 3 s. The last test leaves hogs behind that nothing ends but the machine's end.
 * Argument: the number of cores.
 * Source: some cases are those of Go's sleep_test.go and tick_test.go, written anew: docs/conformance.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page.h"
#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/all_of.h"
#include "tests/guest/hoard.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)

static int ncore;
static const int64_t for_ever = INT64_MAX;

/* ---- random numbers, each goroutine with its own ---- */

static uint64_t draw(uint64_t *seed, uint64_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % n;
}

/* ---- one timer ---- */

struct shot {
    struct timer t;
    int64_t due; // not before
    atomic_int fired, early;
};

static void shoot(void *arg)
{
    struct shot *s = arg;

    if (nanotime() < s->due)
        atomic_fetch_add(&s->early, 1);
    atomic_fetch_add(&s->fired, 1);
}

static void arm(struct shot *s, int64_t ns)
{
    s->due = nanotime() + ns;
    check(timer_start(&s->t, ns, 0, shoot, s) == 0, "a timer starts");
}

static void await(struct shot *s, int n)
{
    while (atomic_load(&s->fired) < n)
        gosched();
}

static void test_one(void)
{
    static struct shot s;

    ok(timer_stop(&s.t) == 0, "a timer of zero bytes does not run");
    ok(timer_reset(&s.t, 1) == -EINVAL, "nor can it be reset");
    ok(timer_start(&s.t, 1, 0, NULL, NULL) == -EINVAL &&
           timer_start(&s.t, 1, -1, shoot, &s) == -EINVAL,
       "no function, a negative period: refused");
    arm(&s, 2 * MS);
    await(&s, 1);
    ok(!atomic_load(&s.early), "it fires, and not early");
    ok(timer_stop(&s.t) == 0, "then it does not run");
    arm(&s, 60000 * MS);
    ok(timer_stop(&s.t) == 1 && timer_stop(&s.t) == 0, "one call stops it");
    ok(timer_reset(&s.t, 60000 * MS) == 0 && timer_reset(&s.t, 60000 * MS) == 1, "reset arms it");
    s.due = nanotime() + MS;
    ok(timer_reset(&s.t, MS) == 1, "for sooner");
    await(&s, 2);
    sleep_ns(2 * MS);
    ok(!atomic_load(&s.early) && atomic_load(&s.fired) == 2, "it fires once");
    for (int64_t ns = 0; ns > -3; ns--) {
        arm(&s, ns);
        await(&s, 3 - (int)ns);
    }
    ok(!atomic_load(&s.early), "a time of zero or less is at once");
}

/* ---- many ---- */

enum { MANY = 20000 };

static void test_many(void)
{
    struct shot *s = must(calloc(MANY, sizeof *s));
    int stopped = 0, fired = 0, early = 0, twice = 0;
    uint64_t seed = 1;

    for (int i = 0; i < MANY; i++)
        arm(&s[i], (int64_t)draw(&seed, 100) * MS);
    for (int i = 0; i < MANY; i += 3)
        stopped += timer_stop(&s[i].t);
    for (int i = 0; i < MANY; i++)
        while (atomic_load_explicit(&s[i].t.heap, memory_order_relaxed))
            sleep_ns(MS);
    sleep_ns(MS);
    for (int i = 0; i < MANY; i++) {
        fired += atomic_load(&s[i].fired);
        early += atomic_load(&s[i].early);
        twice += atomic_load(&s[i].fired) > 1;
    }
    ok(early == 0 && twice == 0, "%d timers: %d early, %d twice", MANY, early, twice);
    /* The last ones may be on their way, taken out but not called. */
    while (stopped + fired < MANY) {
        gosched();
        fired = 0;
        for (int i = 0; i < MANY; i++)
            fired += atomic_load(&s[i].fired);
    }
    ok(stopped + fired == MANY, "%d fired, %d were stopped", fired, stopped);
    free(s);
}

/* ---- order: on one P, since of several each goes by itself ---- */

enum { ROW = 500 };

static struct {
    struct timer t;
    int64_t earliest, latest; // what its time lies between
} row[ROW];
static int order[ROW];
static atomic_int norder;

static void note(void *arg)
{
    order[atomic_fetch_add(&norder, 1)] = (int)(intptr_t)arg;
}

/* With preemption off, so that none fires while others are being started. */
static int start_row(void)
{
    struct m *mp = acquirem();
    uint64_t seed = 2;
    int failed = 0;

    for (int i = 0; i < ROW; i++) {
        int64_t ns = (int64_t)draw(&seed, 20) * MS + (int64_t)draw(&seed, 2) * 100 * US;
        row[i].earliest = nanotime() + ns;
        failed += timer_start(&row[i].t, ns, 0, note, (void *)(intptr_t)i) != 0;
        row[i].latest = nanotime() + ns;
    }
    releasem(mp);
    return failed;
}

static void test_order(void)
{
    int procs = gomaxprocs(1), wrong_order = 0;
    bool there[ROW] = {false};

    check(start_row() == 0, "%d timers start", ROW);
    while (atomic_load(&norder) < ROW)
        gosched();
    for (int i = 0; i < ROW; i++) {
        wrong_order += there[order[i]];
        there[order[i]] = true;
        wrong_order += i > 0 && row[order[i]].latest < row[order[i - 1]].earliest;
    }
    ok(wrong_order == 0, "%d timers fire in order: %d do not", ROW, wrong_order);
    gomaxprocs(procs);
}

/* ---- sleeping ---- */

static void sleep_some(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 20; i++) {
        int64_t ns = (int64_t)draw(&seed, 3 * MS), from = nanotime();
        sleep_ns(ns);
        fail_once(nanotime() - from >= ns);
    }
    finish();
}

static void sleep_1ms(void *arg)
{
    int64_t from = nanotime();

    (void)arg;
    sleep_ns(MS);
    fail_once(nanotime() - from >= MS);
    finish();
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    sleep_ns(for_ever);
    ok(false, "292 years are over");
}

static void test_sleep(void)
{
    int64_t from = nanotime();

    sleep_ns(0);
    sleep_ns(-1);
    sleep_ns(INT64_MIN);
    ok(true, "sleeping for nothing or less returns");
    sleep_ns(5 * MS);
    ok(nanotime() - from >= 5 * MS, "one goroutine that sleeps alone is no deadlock");
    ok(all_of(sleep_some, 100) == 0, "100 goroutines sleep 20 times, never too short: %d", wrong);
    ok(all_of(sleep_1ms, 1000) == 0, "1000 sleep for a millisecond: %d woke early", wrong);
    start(sleep_for_ever, NULL);
}

/* ---- stop and reset by many ---- */

static struct crowd {
    struct timer t;
    atomic_long in, out; // into a heap, out of it
} crowd[8];

static void crowd_fire(void *arg)
{
    atomic_fetch_add(&((struct crowd *)arg)->out, 1);
}

static void push_crowd(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 3000; i++) {
        struct crowd *c = &crowd[draw(&seed, LENGTH(crowd))];
        if (draw(&seed, 3) == 0) {
            int r = timer_stop(&c->t);
            fail_once(r == 0 || r == 1);
            atomic_fetch_add(&c->out, r);
        } else {
            int r = timer_reset(&c->t, (int64_t)draw(&seed, 100) * US);
            fail_once(r == 0 || r == 1);
            atomic_fetch_add(&c->in, 1 - r);
        }
        if (draw(&seed, 10) == 0)
            gosched();
        if (draw(&seed, 100) == 0)
            sleep_ns((int64_t)draw(&seed, 100) * US);
    }
    finish();
}

static void test_crowd(void)
{
    long in = 0, out = 0;

    for (size_t i = 0; i < LENGTH(crowd); i++) {
        timer_start(&crowd[i].t, 0, 0, crowd_fire, &crowd[i]);
        atomic_fetch_add(&crowd[i].in, 1);
    }
    ok(all_of(push_crowd, 8) == 0, "8 goroutines start and stop %zu timers", LENGTH(crowd));
    for (size_t i = 0; i < LENGTH(crowd); i++) {
        while (atomic_load(&crowd[i].in) > atomic_load(&crowd[i].out))
            gosched();
        in += atomic_load(&crowd[i].in);
        out += atomic_load(&crowd[i].out);
    }
    ok(in == out, "armed %ld times, fired or stopped %ld times", in, out);
}

/* A reset that found the timer running is believed: the time before does not count any more. */
static void put_off(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    struct shot s = {0};
    int expected = 0;

    for (int i = 0; i < 100; i++) {
        arm(&s, (int64_t)draw(&seed, 50) * US);
        int64_t until = nanotime() + 3 * MS;
        if (timer_reset(&s.t, 3 * MS) == 0)
            expected++;
        else
            sleep_ns(60 * US);
        await(&s, expected);
        int fired = atomic_load(&s.fired);
        fail_once(fired == expected || nanotime() >= until);
        expected += timer_stop(&s.t) == 0;
        await(&s, expected);
        fail_once(atomic_load(&s.fired) == expected);
    }
    finish();
}

/* Timers on a stack that is somebody else's soon. */
static void short_lived(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 30; i++) {
        struct shot s = {0};
        arm(&s, (int64_t)draw(&seed, 200) * US);
        if (draw(&seed, 2))
            sleep_ns((int64_t)draw(&seed, 200) * US);
        if (timer_stop(&s.t) == 0)
            await(&s, 1);
        else
            fail_once(atomic_load(&s.fired) == 0);
        fail_once(!atomic_load(&s.early));
        memset((void *)&s, 0xee, sizeof s);
        __asm__ volatile("" ::"r"(&s) : "memory");
    }
    finish();
}

static void test_owners(void)
{
    ok(all_of(put_off, 8) == 0, "what was put off in time does not fire at the old time");
    ok(all_of(short_lived, 100) == 0,
       "timers on stacks are done with when they are stopped or fired");
}

/* ---- periods ---- */

static struct beat {
    struct timer t;
    int64_t from, period_ns;
    atomic_int n, early;
    struct chan *beats;
} beat;

/* The n-th, or a later one that overtook it on another core: its time has come in any case. */
static void strike(void *arg)
{
    struct beat *b = arg;
    int n = atomic_fetch_add(&b->n, 1);

    if (nanotime() < b->from + n * b->period_ns)
        atomic_fetch_add(&b->early, 1);
    chan_try_send(b->beats, NULL);
}

static void test_periodic(int64_t first_ns, int64_t period_ns)
{
    enum { BEATS = 50 };

    memset((void *)&beat, 0, sizeof beat);
    beat.period_ns = period_ns;
    beat.beats = make(0, 1);
    beat.from = nanotime() + first_ns;
    timer_start(&beat.t, first_ns, period_ns, strike, &beat);
    for (int i = 0; i < BEATS; i++)
        chan_recv(beat.beats, NULL);
    ok(atomic_load(&beat.early) == 0, "%d beats of %ld us: %d early", BEATS, period_ns / US,
       atomic_load(&beat.early));
    ok(timer_reset(&beat.t, 2 * period_ns) == 1, "a periodic timer runs all the time");
    ok(timer_stop(&beat.t) == 1 && timer_stop(&beat.t) == 0, "until it is stopped");
    /* One that had begun may still come. */
    int n;
    do {
        n = atomic_load(&beat.n);
        sleep_ns(5 * period_ns);
    } while (n != atomic_load(&beat.n));
    sleep_ns(5 * period_ns);
    ok(atomic_load(&beat.n) == n, "then nothing comes");
    chan_free(beat.beats);
}

/* Go's TestTickerReset, TestTimerModifiedEarlier and their like, by many at once: however often it is stopped and its
 * time is changed, in the end it does what the last one said. */
static struct beat drums[4];

static void drum(void *arg)
{
    atomic_fetch_add(&((struct beat *)arg)->n, 1);
}

static void change_drums(void *arg)
{
    uint64_t seed = (uintptr_t)arg + 77;

    for (int i = 0; i < 400; i++) {
        struct beat *b = &drums[draw(&seed, LENGTH(drums))];
        int64_t ns = (int64_t)draw(&seed, 50) * US;
        switch (draw(&seed, 3)) {
        case 0:
            fail_once(timer_stop(&b->t) >= 0);
            break;
        case 1:
            fail_once(timer_reset(&b->t, ns) >= 0);
            break;
        default:
            fail_once(timer_start(&b->t, ns, (10 + ns / US) * US, drum, b) == 0);
            break;
        }
        if (draw(&seed, 16) == 0)
            sleep_ns(ns);
    }
    finish();
}

static void test_drums(void)
{
    int stopped = 0;

    for (size_t i = 0; i < LENGTH(drums); i++) {
        memset((void *)&drums[i], 0, sizeof drums[i]);
        check(timer_start(&drums[i].t, 0, 20 * US, drum, &drums[i]) == 0, "a timer starts");
    }
    ok(all_of(change_drums, 8) == 0, "8 goroutines change %zu periodic timers", LENGTH(drums));
    for (size_t i = 0; i < LENGTH(drums); i++) {
        timer_stop(&drums[i].t);
        stopped += timer_stop(&drums[i].t) == 0;
    }
    ok(stopped == LENGTH(drums), "what is stopped runs no more");
    for (size_t i = 0; i < LENGTH(drums); i++) {
        int n = atomic_load(&drums[i].n);
        check(timer_start(&drums[i].t, 0, 50 * US, drum, &drums[i]) == 0, "a timer starts");
        while (atomic_load(&drums[i].n) < n + 3)
            gosched();
        check(timer_stop(&drums[i].t) == 1, "it runs");
    }
    ok(true, "and runs when it is started again");
}

/* Go's TestAfterFuncStarvation: goroutines that hand the core to one another all the time, each of which the other
 * one makes ready, do not keep a timer from firing; on one P, where they are always the next ones. */
static atomic_bool starved_fired;

static void starved_fire(void *arg)
{
    (void)arg;
    atomic_store(&starved_fired, true);
}

static struct sema back_and_forth[2];

static void play(void *arg)
{
    int me = (int)(intptr_t)arg;

    while (!atomic_load(&starved_fired)) {
        sema_acquire(&back_and_forth[me]);
        sema_release(&back_and_forth[!me]);
    }
    sema_release(&back_and_forth[!me]);
    finish();
}

static void send_all(void *c)
{
    int64_t v = 1;

    while (!atomic_load(&starved_fired))
        chan_send(c, &v);
    chan_close(c);
    finish();
}

static void recv_all(void *c)
{
    int64_t v;

    while (chan_recv(c, &v) == 0)
        ;
    finish();
}

static void test_starvation(void)
{
    static struct timer t;
    int procs = gomaxprocs(1);

    timer_start(&t, 2 * MS, 0, starved_fire, NULL);
    start(play, (void *)0);
    start(play, (void *)1);
    sema_release(&back_and_forth[0]);
    join(2);
    ok(atomic_load(&starved_fired), "two that wake each other do not keep a timer from firing");
    for (size_t cap = 0; cap < 2; cap++) {
        struct chan *c = make(sizeof(int64_t), cap);
        atomic_store(&starved_fired, false);
        timer_start(&t, 2 * MS, 0, starved_fire, NULL);
        start(send_all, c);
        start(recv_all, c);
        join(2);
        ok(atomic_load(&starved_fired), "AfterFuncStarvation: nor a channel of capacity %zu", cap);
        chan_free(c);
    }
    gomaxprocs(procs);
}

/* Go's TestSleepZeroDeadlock: a sleep that is none leaves nothing behind that stopping the world would find. */
static void stop_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        gomaxprocs(1 + i % ncore);
    gomaxprocs(ncore);
    finish();
}

static void test_sleep_zero(void)
{
    struct chan *c = make(sizeof(int), 1);
    int bad = 0, v;

    start(stop_often, NULL);
    for (int i = 0; i < 100; i++) {
        sleep_ns(0);
        bad += chan_send(c, &i) != 0 || chan_recv(c, &v) != 0 || v != i;
    }
    join(1);
    ok(bad == 0, "SleepZeroDeadlock: 100 sleeps of nothing while the world is stopped");
    chan_free(c);
}

/* Timers that are due together and make goroutines ready, while others do not give way: none has to wait for another
 * interrupt than that which is certain. On one P. */
enum { TOGETHER = 200 };

static struct {
    struct timer t;
    struct sema s;
} together[TOGETHER];

static void release_one(void *s)
{
    sema_release(s);
}

static atomic_int awake;

static void wait_together(void *arg)
{
    sema_acquire(&together[(intptr_t)arg].s);
    atomic_fetch_add(&awake, 1);
    finish();
}

static void spin_until_awake(void *arg)
{
    (void)arg;
    while (atomic_load(&awake) < TOGETHER)
        ;
    finish();
}

static void test_together(void)
{
    int procs = gomaxprocs(1);

    for (int i = 0; i < TOGETHER; i++)
        start(wait_together, (void *)(intptr_t)i);
    gosched();
    struct m *mp = acquirem();
    for (int i = 0; i < TOGETHER; i++)
        check(timer_start(&together[i].t, 100 * US, 0, release_one, &together[i].s) == 0, "start");
    releasem(mp);
    start(spin_until_awake, NULL);
    start(spin_until_awake, NULL);
    join(TOGETHER + 2);
    ok(atomic_load(&awake) == TOGETHER, "%d that are due together wake beside two that spin",
       TOGETHER);
    gomaxprocs(procs);
}

/* ---- functions that use the scheduler ---- */

static struct {
    struct timer t, next;
    int left;
    struct waitgroup done;
    struct sema sema;
    struct chan *c;
} chain;

static void link_next(void *arg)
{
    (void)arg;
    if (chain.left-- > 0)
        timer_start(&chain.t, chain.left % 3 * 10 * US, 0, link_next, NULL);
    else
        waitgroup_done(&chain.done);
}

static atomic_int self_fired;
static int self_stopped;

static void stop_self(void *arg)
{
    if (atomic_fetch_add(&self_fired, 1) == 2) {
        self_stopped = timer_stop(&chain.next);
        sema_release(arg);
    }
}

static void send_one(void *arg)
{
    check(chan_try_send(chain.c, &arg) == 0, "a timer sends to one that waits");
}

static void test_functions(void)
{
    void *got = NULL;

    chain.left = 1000;
    waitgroup_add(&chain.done, 1);
    timer_start(&chain.t, 0, 0, link_next, NULL);
    waitgroup_wait(&chain.done);
    ok(chain.left == -1, "a function starts its own timer 1000 times and wakes who waits");
    timer_start(&chain.next, 0, 50 * US, stop_self, &chain.sema);
    sema_acquire(&chain.sema);
    ok(self_stopped == 1 && atomic_load(&self_fired) == 3, "a periodic one stops itself");
    chain.c = make(sizeof(void *), 1);
    timer_start(&chain.next, MS, 0, send_one, &chain);
    chan_recv(chain.c, &got);
    ok(got == &chain, "and one sends on a channel");
    chan_free(chain.c);
}

/* ---- Ps come and go ---- */

static atomic_bool churning;

static void sleep_often(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    struct shot s = {0};

    for (int n = 1; n <= 20; n++) {
        int64_t ns = (int64_t)draw(&seed, 1000) * US, from = nanotime();
        arm(&s, ns);
        sleep_ns(ns);
        fail_once(nanotime() - from >= ns);
        await(&s, n);
    }
    fail_once(!atomic_load(&s.early));
    finish();
}

static void churn(void *arg)
{
    uint64_t seed = 5;

    (void)arg;
    while (atomic_load(&churning)) {
        gomaxprocs(1 + (int)draw(&seed, (uint64_t)ncore));
        sleep_ns(200 * US);
    }
    gomaxprocs(ncore);
    finish();
}

static void test_churn(void)
{
    atomic_store(&churning, true);
    start(churn, NULL);
    int failed = all_of(sleep_often, 200);
    atomic_store(&churning, false);
    join(1);
    ok(failed == 0 && gomaxprocs(0) == ncore,
       "200 goroutines with timers while the number of Ps changes");
}

/* ---- no memory ---- */

/* On one P, so that its heap is the one that is full. */
static void test_no_memory(void)
{
    static struct timer far[5000];
    int procs = gomaxprocs(1), n = 1, slept;

    check(timer_start(&far[0], for_ever, 0, shoot, NULL) == 0, "start");
    struct hoard *all = hoard_take();
    while (n < 5000 && timer_start(&far[n], for_ever, 0, shoot, NULL) == 0)
        n++;
    int refused = n < 5000 ? timer_start(&far[n], for_ever, 0, shoot, NULL) : 0;
    bool reset = timer_reset(&far[0], 60000 * MS) == 1;
    int64_t from = nanotime();
    for (slept = 0; slept < 20; slept++)
        sleep_ns(100 * US);
    int64_t took = nanotime() - from;
    hoard_give_back(all);
    ok(n < 5000 && refused == -ENOMEM, "without memory the timer after %d is refused", n);
    ok(reset, "one that runs can be reset");
    ok(took >= 20 * 100 * US, "and sleeping works");
    for (int i = 0; i < n; i++)
        check(timer_stop(&far[i]) == 1, "stop");
    ok(timer_start(&far[n], for_ever, 0, shoot, NULL) == 0 && timer_stop(&far[n]),
       "with memory it is started");
    gomaxprocs(procs);
}

/* ---- hogs ---- */

static void hog(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    for (;;)
        ;
}

static void sleep_beside_hogs(void *arg)
{
    struct shot s = {0};

    (void)arg;
    for (int n = 1; n <= 5; n++) {
        int64_t from = nanotime();
        arm(&s, MS);
        sleep_ns(MS);
        fail_once(nanotime() - from >= MS);
        while (atomic_load(&s.fired) < n)
            sleep_ns(100 * US);
    }
    finish();
}

/* One more than cores: they preempt each other, too. */
static void test_hogs(void)
{
    static atomic_int hogs;

    for (int i = 0; i < ncore + 1; i++)
        start(hog, &hogs);
    while (atomic_load(&hogs) < ncore + 1)
        gosched();
    ok(all_of(sleep_beside_hogs, 10) == 0,
       "sleepers wake and timers fire beside %d hogs on %d cores", ncore + 1, ncore);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    test_one();
    test_sleep();
    test_many();
    test_order();
    test_crowd();
    test_owners();
    test_periodic(MS, 200 * US);
    test_periodic(0, 20 * US);
    test_drums();
    test_starvation();
    test_sleep_zero();
    test_together();
    test_functions();
    test_churn();
    test_no_memory();
    test_hogs();
    return done();
}
