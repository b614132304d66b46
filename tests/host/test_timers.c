/*
 * test_timers.c - sched/timers.c on real threads, under ThreadSanitizer.
 *
 * Goal:   a timer fires once for each time that it is armed, unless it is stopped; of calls for one
 *         timer from many threads each has one place in an order; nothing is called with a lock
 *         held; what a thread finds in a timer that does not run it finds alone; no memory is no
 *         excuse.
 * Method: a thread is an M with a P, the clock is a number. Timers are armed, stopped, reset, run
 *         and moved to other Ps at random by all; what the calls returned must add up: a timer went
 *         into a heap as often as it came out by stopping and firing, and is in one if it is not.
 *         The sanitizer sees the rest. Moving all timers of a P stops the world: a lock that all
 *         calls hold for reading.
 * Budget: 10 s.
 */
#define _GNU_SOURCE
#include "sched/timers.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "kernel/span.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "sched/timerheap.h"
#include "tests/host/tap.h"

/* ---- the machine ---- */

enum { THREADS = 4 };

_Thread_local struct m *this_m;

static struct worker {
    pthread_t thread;
    struct m m;
    struct g g, g0;
    uint64_t seed;
    size_t fired;
} workers[THREADS];

static struct p ps[THREADS];
static _Atomic(int64_t) now_ns = 1000;
static _Thread_local unsigned locks_held;
static _Thread_local bool no_memory;
static _Thread_local size_t allocations;
static atomic_uint broken; // rules of the machine

static void rule(bool holds)
{
    if (!holds)
        atomic_fetch_add(&broken, 1);
}

_Noreturn void throw(const char *fmt, ...)
{
    printf("Bail out! throw: %s\n", fmt);
    fflush(stdout);
    _exit(1);
}

int64_t nanotime(void)
{
    return atomic_load_explicit(&now_ns, memory_order_relaxed);
}

void lock(struct spinlock *l)
{
    rule(l->rank == RANK_TIMERS && locks_held == 0);
    acquirem();
    while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
        sched_yield();
    locks_held++;
}

/* Now and then others get in between here. */
void unlock(struct spinlock *l)
{
    static _Thread_local unsigned turn;

    locks_held--;
    atomic_store_explicit(&l->held, 0, memory_order_release);
    releasem(getm());
    if (++turn % 7 == 0)
        sched_yield();
}

/* timers.c is compiled to call these. */
void *test_malloc(size_t bytes);
void test_free(void *p);

void *test_malloc(size_t bytes)
{
    rule(locks_held == 0 && getg() != getm()->g0);
    allocations++;
    return no_memory ? NULL : malloc(bytes);
}

void test_free(void *p)
{
    rule(locks_held == 0);
    free(p);
}

/* Only the page's address is looked at. */
struct span *mheap_alloc_large(size_t pages, size_t align_pages)
{
    static _Thread_local struct span s;

    rule(locks_held == 0 && getg() == getm()->g0 && align_pages == 1);
    allocations++;
    s.base = no_memory ? 0 : (uintptr_t)malloc(pages * PAGE_SIZE);
    return s.base ? &s : NULL;
}

static _Thread_local unsigned alarms[THREADS];

void alarm_earlier(struct p *pp)
{
    rule(locks_held == 0 && getm()->locks > 0);
    alarms[pp - ps]++;
}

static unsigned run(struct p *pp)
{
    this_m->g = this_m->g0;
    unsigned ran = timers_run(pp, nanotime(), __atomic_load_n(&pp->timers.n, __ATOMIC_RELAXED));
    this_m->g = &workers[this_m->p - ps].g;
    return ran;
}

static void on_p(unsigned i)
{
    struct worker *w = &workers[i];

    w->m = (struct m){.g = &w->g, .g0 = &w->g0, .p = &ps[i]};
    this_m = &w->m;
}

static void forget_alarms(void)
{
    memset(alarms, 0, sizeof alarms);
}

/* ---- one thread: what each call does ---- */

static unsigned calls;

static void count(void *arg)
{
    rule(locks_held == 0);
    calls++;
    if (arg)
        ++*(int *)arg;
}

static void pass(int64_t ns)
{
    atomic_fetch_add(&now_ns, ns);
}

static void test_once(void)
{
    struct timer t = {0};
    int fired = 0;

    on_p(0);
    forget_alarms();
    ok(timer_stop(&t) == 0 && timer_reset(&t, 5) == -EINVAL, "a zero timer does not run");
    ok(timer_start(&t, 5, 0, NULL, NULL) == -EINVAL &&
           timer_start(&t, 5, -1, count, NULL) == -EINVAL,
       "no function, a negative period: refused");
    ok(timer_start(&t, 100, 0, count, &fired) == 0 && alarms[0] == 1, "started");
    ok(timers_next(&ps[0].timers) == nanotime() + 100, "the P knows when it is due");
    pass(99);
    ok(run(&ps[0]) == 0 && fired == 0, "not early");
    pass(1);
    ok(run(&ps[0]) == 1 && fired == 1 && run(&ps[0]) == 0, "once");
    ok(timers_next(&ps[0].timers) == INT64_MAX && timer_stop(&t) == 0, "and then it does not run");
    ok(timer_reset(&t, 10) == 0 && timer_reset(&t, 20) == 1, "reset arms it either way");
    pass(10);
    ok(run(&ps[0]) == 0, "the first of two times counts no more");
    pass(10);
    ok(run(&ps[0]) == 1 && fired == 2, "the second does");
    timer_start(&t, 5, 0, count, &fired);
    ok(timer_stop(&t) == 1 && timer_stop(&t) == 0, "stopped, by one call");
    pass(5);
    ok(run(&ps[0]) == 0 && fired == 2, "it does not fire");
    ok(timer_start(&t, -7, 0, count, &fired) == 0 && run(&ps[0]) == 1, "a negative time is now");
    ok(timer_start(&t, INT64_MAX, 0, count, &fired) == 0 &&
           timers_next(&ps[0].timers) < INT64_MAX &&
           timers_next(&ps[0].timers) > INT64_MAX - 1000 && run(&ps[0]) == 0 && timer_stop(&t) == 1,
       "the end of time is a time");
    int other = 0;
    timer_start(&t, 5, 7, count, &fired);
    timer_start(&t, 10, 0, count, &other);
    pass(50);
    ok(run(&ps[0]) == 1 && other == 1 && fired == 3 && !timer_stop(&t),
       "started anew while it ran");
}

static void test_alarms(void)
{
    struct timer a = {0}, b = {0}, c = {0};

    on_p(0);
    forget_alarms();
    timer_start(&a, 100, 0, count, NULL);
    timer_start(&b, 200, 0, count, NULL);
    ok(alarms[0] == 1, "a later timer needs no alarm");
    timer_start(&c, 50, 0, count, NULL);
    ok(alarms[0] == 2, "an earlier one does");
    timer_reset(&c, 300);
    ok(alarms[0] == 2, "not one that is put off");
    timer_reset(&b, 40);
    ok(alarms[0] == 3, "but one that is made the first");
    timer_stop(&b);
    ok(alarms[0] == 3 && timers_next(&ps[0].timers) == nanotime() + 100, "stopping needs none");
    timer_stop(&a);
    timer_stop(&c);
}

static void test_periodic(void)
{
    struct timer t = {0};
    int fired = 0;
    int64_t from = nanotime();

    on_p(0);
    timer_start(&t, 10, 100, count, &fired);
    pass(10);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == from + 110, "then every period");
    pass(100);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == from + 210, "exactly in time");
    pass(150);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == from + 310, "late: no drift");
    pass(1049);
    ok(run(&ps[0]) == 1 && fired == 4 && timers_next(&ps[0].timers) == from + 1310,
       "ten periods late: once, and no drift");
    pass(1);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == from + 1410, "after `now`, not at it");
    ok(timer_reset(&t, 5) == 1 && timers_next(&ps[0].timers) == from + 1315,
       "reset: its next time");
    pass(5);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == from + 1415, "and periods from there");
    ok(timer_stop(&t) == 1 && timers_next(&ps[0].timers) == INT64_MAX, "stopped for good");
    timer_start(&t, 0, INT64_MAX, count, &fired);
    ok(run(&ps[0]) == 1 && timers_next(&ps[0].timers) == INT64_MAX - 1, "a period beyond all time");
    timer_stop(&t);
}

/* ---- functions that use timers ---- */

static struct timer self, other;
static int other_fired;

static void again_at_once(void *arg)
{
    count(NULL);
    timer_start(arg, 0, 0, again_at_once, arg);
}

static void stop_self(void *arg)
{
    *(int *)arg = timer_stop(&self);
}

static void stop_other(void *arg)
{
    *(int *)arg = timer_stop(&other);
}

static void test_from_functions(void)
{
    int got = -1;

    on_p(0);
    calls = 0;
    timer_start(&self, 0, 0, again_at_once, &self);
    ok(run(&ps[0]) == 1 && calls == 1, "one that starts itself for at once runs once in a turn");
    ok(run(&ps[0]) == 1 && calls == 2, "and again in the next");
    ok(timer_stop(&self) == 1, "it can be stopped");
    timer_start(&self, 0, 1, stop_self, &got);
    ok(run(&ps[0]) == 1 && got == 1 && run(&ps[0]) == 0, "a periodic one stops itself");
    timer_start(&self, 0, 0, stop_self, &got);
    ok(run(&ps[0]) == 1 && got == 0, "one that fires for the last time does not run");
    timer_start(&self, 0, 0, stop_other, &got);
    timer_start(&other, 1, 0, count, &other_fired);
    pass(1);
    ok(run(&ps[0]) == 1 && got == 1 && other_fired == 0,
       "one due at the same time is stopped in time");
}

/* ---- Ps ---- */

static void test_other_p(void)
{
    struct timer t = {0};
    int fired = 0;

    on_p(0);
    timer_start(&t, 10, 0, count, &fired);
    on_p(1);
    forget_alarms();
    ok(timer_reset(&t, 20) == 1 && ps[0].timers.n == 0 && ps[1].timers.n == 1,
       "reset moves it here");
    ok(alarms[1] == 1 && alarms[0] == 0, "and this P's alarm is set");
    on_p(2);
    ok(timer_stop(&t) == 1 && ps[1].timers.n == 0, "it is stopped from anywhere");
    timer_reset(&t, 5);
    on_p(3);
    pass(5);
    ok(run(&ps[2]) == 1 && fired == 1, "and run from anywhere");
}

enum { MANY = 2000 };

static void test_move(void)
{
    static struct timer t[2 * MANY];
    bool in_order = true;
    int fired = 0;

    on_p(0);
    for (int i = 0; i < MANY; i++)
        timer_start(&t[i], 1 + rnd_below(1000), 0, count, &fired);
    on_p(1);
    for (int i = MANY; i < 2 * MANY; i++)
        timer_start(&t[i], 1 + rnd_below(1000), 0, count, &fired);
    forget_alarms();
    timer_start(&t[0], -1, 0, count, &fired);
    timers_move(&ps[1], &ps[0]);
    ok(ps[1].timers.n == 0 && timers_next(&ps[1].timers) == INT64_MAX, "nothing is left behind");
    ok(ps[0].timers.n == 2 * MANY && timerheap_check(ps[0].timers.heap, 2 * MANY), "all are there");
    ok(alarms[0] == 1, "the alarm is set if one is earlier");
    timers_move(&ps[1], &ps[0]);
    ok(ps[0].timers.n == 2 * MANY && alarms[0] == 1, "none: nothing happens");
    for (int i = 0; i < MANY; i++)
        in_order &= timer_stop(&t[i]) == 1;
    ok(in_order && ps[0].timers.n == MANY, "they can be stopped where they are");
    timers_move(&ps[0], &ps[1]);
    pass(2000);
    on_p(0);
    ok(run(&ps[1]) == MANY && fired == MANY, "and run");
    on_p(1);
    timer_start(&t[0], 0, 0, count, &fired);
    run(&ps[1]);
    ok(ps[1].timers.cap == 1024, "the owner makes an array smaller that is too large by far");
}

/* ---- no memory ---- */

static void start_other(void *arg)
{
    *(int *)arg = timer_start(&other, 1000, 0, count, &other_fired);
}

static void test_no_memory(void)
{
    static struct timer t[65];
    static struct timer far;
    int got = 0, fired = 0;

    on_p(3);
    allocations = 0;
    no_memory = true;
    ok(timer_start(&t[0], 1, 0, count, NULL) == -ENOMEM && timer_stop(&t[0]) == 0,
       "no first array");
    ok(timers_make_room() == -ENOMEM, "nor for a sleeper");
    no_memory = false;
    ok(timers_make_room() == 0 && ps[3].timers.cap == 64, "then there is");
    no_memory = true;
    for (int i = 0; i < 64; i++)
        got += timer_start(&t[i], 100, 0, count, &fired);
    ok(got == 0 && timer_start(&t[64], 1, 0, count, NULL) == -ENOMEM && allocations == 4,
       "64 timers in it, and no 65th");
    ok(timer_reset(&t[5], 50) == 1 && timers_next(&ps[3].timers) == nanotime() + 50,
       "a timer that runs can be reset");
    ok(timer_stop(&t[5]) == 1 && timer_start(&t[64], 2, 0, count, &fired) == 0,
       "a place is free again");
    ok(timer_reset(&t[5], 50) == -ENOMEM && timer_stop(&t[5]) == 0, "one that does not needs one");
    no_memory = false;
    on_p(2);
    timer_start(&far, 30, 0, count, &fired);
    on_p(3);
    no_memory = true;
    forget_alarms();
    ok(timer_reset(&far, 10) == 1 && ps[2].timers.n == 1 &&
           timers_next(&ps[2].timers) == nanotime() + 10 && alarms[2] == 1,
       "another P's is reset where it is");
    timer_stop(&far);
    this_m->g = this_m->g0;
    ok(!timer_start_parked(&far, nanotime(), count, NULL),
       "a sleeper is told before it parks for good");
    this_m->g = &workers[3].g;
    ok(timer_start(&t[64], 0, 0, start_other, &got) == 0 && run(&ps[3]) == 1 && got == 0,
       "a function has the place of its timer");
    ok(timer_stop(&other) == 1, "which is in use then");
    no_memory = false;
    for (int i = 0; i < 65; i++)
        timer_stop(&t[i]);
    ok(ps[3].timers.n == 0, "all are out");
}

/* ---- many threads ---- */

static pthread_rwlock_t world = PTHREAD_RWLOCK_INITIALIZER;

static struct shared {
    struct timer t;
    _Atomic(long) in, out; // into a heap, out of it: relaxed
} shared[40];

static uint64_t draw(struct worker *w, uint64_t n)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w->seed >> 33) % n;
}

static void shared_fired(void *arg)
{
    struct shared *s = arg;

    rule(locks_held == 0);
    atomic_fetch_add_explicit(&s->out, 1, memory_order_relaxed);
}

static void mark(void *fired)
{
    atomic_fetch_add_explicit((_Atomic(int) *)fired, 1, memory_order_release);
}

/* One that is its own and goes when it is done with: whoever touches it after that is seen. */
static void use_and_free(struct worker *w)
{
    struct timer *t = calloc(1, sizeof *t);
    _Atomic(int) *fired = calloc(1, sizeof *fired);

    if (!t || !fired || timer_start(t, (int64_t)draw(w, 20), 0, mark, fired))
        abort();
    while (draw(w, 3) && !atomic_load_explicit(fired, memory_order_acquire))
        run(&ps[draw(w, THREADS)]);
    if (timer_stop(t) == 0) {
        free(t);
        while (!atomic_load_explicit(fired, memory_order_acquire))
            sched_yield();
    } else {
        free(t);
        rule(atomic_load_explicit(fired, memory_order_relaxed) == 0);
    }
    free(fired);
}

/* Never due and never stopped: whoever resets them, wherever they are, finds them running. */
static struct timer running[4];

static void reset_running(struct worker *w)
{
    rule(timer_reset(&running[draw(w, 4)], INT64_MAX / 2 + (int64_t)draw(w, 1000)) == 1);
}

static void use_shared(struct worker *w)
{
    struct shared *s = &shared[draw(w, sizeof shared / sizeof shared[0])];
    int r;

    switch (draw(w, 8)) {
    case 0:
    case 1:
        r = timer_stop(&s->t);
        rule(r == 0 || r == 1);
        atomic_fetch_add_explicit(&s->out, r, memory_order_relaxed);
        break;
    case 2:
        run(&ps[draw(w, THREADS)]);
        break;
    default:
        r = timer_reset(&s->t, (int64_t)draw(w, 50));
        rule(r == 0 || r == 1);
        atomic_fetch_add_explicit(&s->in, 1 - r, memory_order_relaxed);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned me = (unsigned)(w - workers);

    on_p(me);
    w->seed = me;
    for (int i = 0; i < 200000; i++) {
        if (draw(w, 500) == 0) {
            pthread_rwlock_wrlock(&world);
            timers_move(&ps[(me + 1 + draw(w, THREADS - 1)) % THREADS], &ps[me]);
            pthread_rwlock_unlock(&world);
        }
        pthread_rwlock_rdlock(&world);
        switch (draw(w, 8)) {
        case 0:
            use_and_free(w);
            break;
        case 1:
        case 2:
            reset_running(w);
            break;
        default:
            use_shared(w);
        }
        if (draw(w, 50) == 0)
            run(&ps[me]);
        pthread_rwlock_unlock(&world);
        pass((int64_t)draw(w, 3));
    }
    return NULL;
}

static void test_threads(void)
{
    long in = 0, unbalanced = 0, left = 0, still = 0;
    bool orderly = true;

    on_p(0);
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        timer_start(&shared[i].t, (int64_t)i, 0, shared_fired, &shared[i]);
        atomic_store(&shared[i].in, 1);
    }
    for (int i = 0; i < 4; i++)
        timer_start(&running[i], INT64_MAX, 0, count, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            abort();
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        long runs = atomic_load(&shared[i].t.heap) != NULL;
        unbalanced += atomic_load(&shared[i].in) - atomic_load(&shared[i].out) != runs;
        in += atomic_load(&shared[i].in);
        still += runs;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        left += ps[i].timers.n;
        orderly &= timerheap_check(ps[i].timers.heap, ps[i].timers.n);
    }
    ok(unbalanced == 0, "each was armed as often as it fired or was stopped: %ld times", in);
    for (int i = 0; i < 4; i++)
        left -= timer_stop(&running[i]);
    ok(left == still && orderly, "%ld still run", left);
    on_p(0);
    pass(1000);
    for (unsigned i = 0; i < THREADS; i++)
        left -= run(&ps[i]);
    ok(left == 0, "and fire");
}

int main(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        ps[i].id = i;
        timers_init(&ps[i].timers);
    }
    test_once();
    test_alarms();
    test_periodic();
    test_from_functions();
    test_no_memory();
    test_other_p();
    test_move();
    test_threads();
    ok(atomic_load(&broken) == 0, "no rule was broken: locks, allocations, alarms");
    for (unsigned i = 0; i < THREADS; i++)
        free(ps[i].timers.heap);
    return done();
}
