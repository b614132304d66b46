/*
 * sync.c - wait groups and semaphores keep Go's promises.
 *
 * Goal:   who waits goes on when, and only when, what it waits for has happened, and sees what was
 *         done before; tokens are neither lost nor made; first come, first served.
 * Method: where a case needs a goroutine that waits, parks() looks at its state until it does;
 *         where it needs a race, many rounds are counted.
 * Budget: 5 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's waitgroup_test.go and sema_test.go, written anew for this
 *         API. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/all_of.h"

static int ncore;

/* ---- a call in a goroutine of its own ---- */

struct call {
    void (*fn)(struct call *);
    void *on;
    int number;
    atomic_bool returned;
    _Atomic(struct g *) g;
};

static void make_call(void *arg)
{
    struct call *call = arg;

    atomic_store(&call->g, getg());
    call->fn(call);
    atomic_store(&call->returned, true);
    finish();
}

/* Whether the call is still under way once its goroutine waits. */
static bool parks(struct call *call, enum waitreason reason)
{
    struct g *gp;

    start(make_call, call);
    while (!(gp = atomic_load(&call->g)) || atomic_load(&gp->status) != GWAITING)
        gosched();
    return !atomic_load(&call->returned) && gp->waitreason == reason;
}

/* ---- wait groups ---- */

static void wait_wg(struct call *call)
{
    waitgroup_wait(call->on);
}

static void test_wg_waits(void)
{
    struct waitgroup wg = {0};
    struct call calls[3];
    bool parked = true;

    waitgroup_wait(&wg);
    waitgroup_add(&wg, 0);
    waitgroup_wait(&wg);
    ok(true, "zero is not waited for");
    waitgroup_add(&wg, 2);
    waitgroup_add(&wg, 1);
    waitgroup_add(&wg, -2);
    waitgroup_done(&wg);
    waitgroup_wait(&wg);
    ok(true, "nor what has been counted down again");
    for (int round = 0; round < 3; round++) {
        waitgroup_add(&wg, 2);
        for (int i = 0; i < 3; i++) {
            calls[i] = (struct call){.fn = wait_wg, .on = &wg};
            parked &= parks(&calls[i], WAIT_WAITGROUP);
        }
        waitgroup_done(&wg);
        waitgroup_add(&wg, 1); // not from zero: allowed
        waitgroup_done(&wg);
        gosched();
        for (int i = 0; i < 3; i++)
            parked &= !atomic_load(&calls[i].returned);
        waitgroup_done(&wg);
        join(3);
        waitgroup_wait(&wg);
    }
    ok(parked, "three goroutines wait until the counter is zero, again and again");
}

/* Plain memory: that it is seen is the wait group's doing. */
enum { WORKERS = 200 };
static int written[WORKERS];
static struct waitgroup written_wg;

static void write_one(void *arg)
{
    int i = (int)(intptr_t)arg;

    if (i % 3 == 0)
        gosched();
    written[i]++;
    waitgroup_done(&written_wg);
}

static void test_wg_orders(void)
{
    int missing = 0;

    for (int round = 1; round <= 30; round++) {
        waitgroup_add(&written_wg, WORKERS);
        for (int i = 0; i < WORKERS; i++)
            start(write_one, (void *)(intptr_t)i);
        waitgroup_wait(&written_wg);
        for (int i = 0; i < WORKERS; i++)
            missing += written[i] != round;
    }
    ok(missing == 0, "30 rounds of %d goroutines: what they wrote is seen, %d missing", WORKERS,
       missing);
}

/* A wait that may or may not come before the last done. The memory is somebody else's after it. */
static void just_done(void *wg)
{
    waitgroup_done(wg);
}

static void race_once(void *arg)
{
    for (int i = 0; i < 300; i++) {
        struct waitgroup wg = {0};
        waitgroup_add(&wg, 2);
        start(just_done, &wg);
        start(just_done, &wg);
        if (i % 2)
            gosched();
        waitgroup_wait(&wg);
        fail_once(atomic_load(&wg.state) == 0 && !wg.waiters.lock && !wg.waiters.first);
        wg = (struct waitgroup){.state = 0x1234567812345678};
        __asm__ volatile("" ::"r"(&wg) : "memory");
    }
    (void)arg;
    finish();
}

static void timer_done(void *wg)
{
    waitgroup_done(wg);
}

static void test_wg_races(void)
{
    struct waitgroup wg = {0};
    struct timer t[10] = {0};

    ok(all_of(race_once, 8) == 0, "2400 wait groups on stacks, waited for by one");
    waitgroup_add(&wg, 10);
    for (int i = 0; i < 10; i++)
        timer_start(&t[i], i * 10000, 0, timer_done, &wg);
    waitgroup_wait(&wg);
    ok(true, "timers count down");
}

/* ---- semaphores ---- */

static void acquire(struct call *call)
{
    sema_acquire(call->on);
}

static void test_sema_counts(void)
{
    struct sema s = SEMA_INIT(3), *z = must(calloc(1, sizeof *z));
    struct call call = {.fn = acquire, .on = z};
    int got = 0;

    while (sema_tryacquire(&s) == 0)
        got++;
    ok(got == 3 && sema_tryacquire(&s) == -EAGAIN, "as many tokens as it was made with");
    sema_release(&s);
    sema_acquire(&s);
    ok(sema_tryacquire(&s) == -EAGAIN, "one released, one acquired");
    ok(sema_tryacquire(z) == -EAGAIN && parks(&call, WAIT_SEMA),
       "zero bytes have none: who wants one waits");
    sema_release(z);
    ok(sema_tryacquire(z) == -EAGAIN,
       "what is released is the waiter's, whoever asks before it runs");
    join(1);
    ok(atomic_load(&call.returned) && atomic_load(&z->state) == 0, "it has it");
    for (int i = 0; i < 1000; i++)
        sema_release(z);
    for (int i = 0; i < 1000; i++)
        sema_acquire(z);
    ok(atomic_load(&z->state) == 0, "1000 and back");
    free(z);
}

enum { NWAITER = 20 };
static atomic_int turn;

static void acquire_in_turn(struct call *call)
{
    sema_acquire(call->on);
    fail_once(atomic_fetch_add(&turn, 1) == call->number);
}

static void test_sema_fifo(void)
{
    struct sema s = {0};
    struct call calls[NWAITER];
    bool parked = true;

    atomic_store(&wrong, 0);
    for (int i = 0; i < NWAITER; i++) {
        calls[i] = (struct call){.fn = acquire_in_turn, .on = &s, .number = i};
        parked &= parks(&calls[i], WAIT_SEMA);
    }
    for (int i = 0; i < NWAITER; i++) {
        sema_release(&s);
        join(1);
    }
    ok(parked && atomic_load(&wrong) == 0, "%d waiters are served in the order of their coming",
       NWAITER);
}

/* As a mutex over plain memory. */
static struct sema mutex = SEMA_INIT(1);
static long guarded;

static void add_guarded(void *arg)
{
    for (int i = 0; i < 500; i++) {
        sema_acquire(&mutex);
        long v = guarded;
        if (i % 16 == (int)(intptr_t)arg)
            gosched();
        guarded = v + 1;
        if (i % 3)
            sema_release(&mutex);
        else
            sema_release_handoff(&mutex);
    }
    finish();
}

/* At most as many inside as there are tokens. */
static struct sema room = SEMA_INIT(3);
static atomic_int inside;

static void enter_room(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        if (i % 4)
            sema_acquire(&room);
        else
            while (sema_tryacquire(&room))
                gosched();
        fail_once(atomic_fetch_add(&inside, 1) < 3);
        gosched();
        atomic_fetch_sub(&inside, 1);
        sema_release(&room);
    }
    finish();
}

static void test_sema_excludes(void)
{
    all_of(add_guarded, 16);
    ok(guarded == 16 * 500, "16 goroutines count to %d under a semaphore: %ld", 16 * 500, guarded);
    ok(atomic_load(&mutex.state) == 1, "and leave its token");
    ok(all_of(enter_room, 16) == 0, "never more than 3 in a room for 3");
    ok(atomic_load(&room.state) == 3, "whose tokens are all there");
}

/* Releases come from everywhere, and every token is acquired. */
static struct sema flow;

static void acquire_flow(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        sema_acquire(&flow);
    finish();
}

static void release_flow(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        sema_release(&flow);
    finish();
}

static void timer_release(void *s)
{
    sema_release(s);
}

static void test_sema_flow(void)
{
    struct timer t = {0};
    struct call call = {.fn = acquire, .on = &flow};

    for (int i = 0; i < 20; i++) {
        start(acquire_flow, NULL);
        start(release_flow, NULL);
    }
    join(40);
    ok(atomic_load(&flow.state) == 0 && !flow.waiters.first, "2000 tokens from 20 to 20");
    for (int i = 0; i < 1000; i++)
        start(acquire_flow, NULL);
    for (int i = 0; i < 1000; i++)
        start(release_flow, NULL);
    join(2000);
    ok(atomic_load(&flow.state) == 0 && !flow.waiters.first, "100000 from 1000 to 1000");
    ok(parks(&call, WAIT_SEMA), "one waits");
    timer_start(&t, 1000, 0, timer_release, &flow);
    join(1);
    ok(atomic_load(&call.returned), "for a timer");
}

/* ---- hand-off ---- */

static struct {
    struct sema s, done;
    atomic_int first;
    atomic_bool end;
} baton;

/* Keeps the cores a little busy, so that the one that gives way does not win by going to another
 * one. */
static void busy(void *arg)
{
    (void)arg;
    while (!atomic_load(&baton.end))
        gosched();
    finish();
}

static void run_with_baton(struct call *call)
{
    int none = 0;

    (void)call;
    sema_acquire(&baton.s);
    atomic_compare_exchange_strong(&baton.first, &none, 1);
    sema_release_handoff(&baton.s);
}

static bool waiter_was_first(int procs)
{
    struct call call = {.fn = run_with_baton};
    int none = 0;

    atomic_store(&baton.first, 0);
    atomic_store(&baton.end, false);
    for (int i = 0; i < procs; i++)
        start(busy, NULL);
    check(parks(&call, WAIT_SEMA), "the runner waits for the baton");
    sema_release_handoff(&baton.s);
    atomic_compare_exchange_strong(&baton.first, &none, 2);
    atomic_store(&baton.end, true);
    join(procs + 1);
    sema_acquire(&baton.s);
    return atomic_load(&baton.first) == 1;
}

static void test_handoff(int procs)
{
    enum { ROUNDS = 300 };
    int before = gomaxprocs(procs), direct = 0;

    for (int i = 0; i < ROUNDS; i++)
        direct += waiter_was_first(procs);
    ok(direct >= ROUNDS * 2 / 3, "of %d hand-offs on %d cores %d were direct", ROUNDS, procs,
       direct);
    gomaxprocs(before);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    test_wg_waits();
    test_wg_orders();
    test_wg_races();
    test_sema_counts();
    test_sema_fifo();
    test_sema_excludes();
    test_sema_flow();
    test_handoff(1);
    if (ncore > 1)
        test_handoff(2);
    return done();
}
