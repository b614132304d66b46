/*
 * sema.c - semaphores: tokens are neither lost nor made; first come, first served.
 *
 * Goal:   as many go on as tokens are released, in the order of their coming, and see what was done before; a token
 *         that comes together with a limit is had by the one who waits with it or by another.
 * Method: where a case needs a goroutine that waits, parks() looks at its state until it does;
 *         where it needs a race, many rounds are counted.
 * Budget: 4 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's sema_test.go, written anew. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

static int ncore;

static int acquire(struct call *call)
{
    sema_acquire(call->on);
    return 0;
}

static int acquire_limited(struct call *call)
{
    return sema_acquire_cancel(call->on, call->deadline_ns, call->cancel);
}

static bool is_clean(struct sema *s, uint64_t tokens)
{
    return atomic_load(&s->state) == tokens && !s->waiters.lock && !s->waiters.first;
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

static int acquire_in_turn(struct call *call)
{
    sema_acquire(call->on);
    fail_once(atomic_fetch_add(&turn, 1) == call->number);
    return 0;
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

/* ---- limits ---- */

static void release_it(void *s)
{
    sema_release(s);
}

static void test_sema_limited(void)
{
    struct cancel fired = {0};
    static struct sema s = SEMA_INIT(1);
    struct call first = {.fn = acquire_limited, .on = &s, .deadline_ns = nanotime() + 5 * MS};
    struct call second = {.fn = acquire, .on = &s};
    struct rivals rivals = {acquire_limited, acquire, release_it, &s, WAIT_SEMA};

    cancel_fire(&fired);
    ok(sema_acquire_cancel(&s, DEADLINE_NONE, &fired) == -ECANCELED && is_clean(&s, 1),
       "a cancel that was fired: not even a token that is there is taken");
    ok(sema_acquire_until(&s, DEADLINE_NOW) == 0, "DEADLINE_NOW takes it");
    test_limits("sema_acquire", acquire_limited, &s, WAIT_SEMA);
    ok(is_clean(&s, 0), "none of them is counted as waiting any more");
    start(make_call, &first);
    bool parked = parks(&second, WAIT_SEMA);
    join(1);
    ok(parked && first.result == -ETIMEDOUT && !atomic_load(&second.returned),
       "one gives up before another");
    sema_release(&s);
    join(1);
    ok(is_clean(&s, 0), "which has the token");
    test_rivals("sema_acquire", &rivals);
    ok(is_clean(&s, 0), "nothing is left behind");
}

/* As many acquire as tokens are released, whatever limits they have. */
static struct cancel storm;
static atomic_int wanted;

static void acquire_somehow(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    while (atomic_fetch_sub(&wanted, 1) > 0) {
        int err = -ETIMEDOUT;
        while (err) {
            int64_t until = nanotime() + (int64_t)draw(&seed, 40) * US;
            err = sema_acquire_cancel(&flow, draw(&seed, 3) ? until : DEADLINE_NONE,
                                      draw(&seed, 2) ? &storm : NULL);
            fail_once(err == 0 || err == -ETIMEDOUT || err == -ECANCELED);
        }
    }
    finish();
}

static void test_sema_storm(void)
{
    storm = (struct cancel){0};
    atomic_store(&wanted, 1500);
    atomic_store(&wrong, 0);
    for (int i = 0; i < 10; i++)
        start(acquire_somehow, (void *)(intptr_t)i);
    for (int i = 0; i < 15; i++) {
        start(release_flow, NULL);
        gosched();
        if (i == 10)
            cancel_fire(&storm);
    }
    join(25);
    ok(atomic_load(&wrong) == 0 && is_clean(&flow, 0),
       "limits of all kinds come when tokens do, and none is lost");
}

/* ---- its memory ---- */

/* Who has acquired what was released for it may give the memory back. */
static struct sema *posts;
enum { POSTS = 400 };

static void post_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < POSTS; i++)
        sema_release(&posts[i]);
    finish();
}

static void wait_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < POSTS; i++) {
        while (sema_acquire_until(&posts[i], nanotime() + 5 * US))
            ;
        memset((void *)&posts[i], 0xee, sizeof posts[i]);
    }
    finish();
}

static void test_memory(void)
{
    size_t touched = 0;

    posts = must(calloc(POSTS, sizeof *posts));
    start(wait_all, NULL);
    start(post_all, NULL);
    join(2);
    for (size_t i = 0; i < POSTS * sizeof *posts; i++)
        touched += ((unsigned char *)posts)[i] != 0xee;
    ok(touched == 0, "nobody touches it after the last acquire: %zu bytes", touched);
    free(posts);
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

static int run_with_baton(struct call *call)
{
    int none = 0;

    (void)call;
    sema_acquire(&baton.s);
    atomic_compare_exchange_strong(&baton.first, &none, 1);
    sema_release_handoff(&baton.s);
    return 0;
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
    test_sema_counts();
    test_sema_fifo();
    test_sema_excludes();
    test_sema_flow();
    test_sema_limited();
    test_sema_storm();
    test_memory();
    test_handoff(1);
    if (ncore > 1)
        test_handoff(2);
    return done();
}
