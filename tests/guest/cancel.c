/*
 * cancel.c - cancels call off what waits with them, and nothing else.
 *
 * Goal:   every kind of call returns when its cancel, or one above it, is fired or its time comes, with the right
 *         reason, and leaves nothing behind; what it was given is not lost, however close the race; a deadline holds
 *         without memory, too.
 * Method: where a case needs a goroutine that waits, parks() looks at its state until it does; where it needs a race,
 *         many rounds are counted. Lists are looked at from inside.
 * Budget: 10 s.
 * Source: some cases are those of Go's context_test.go, written anew for this API.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/sync.h"
#include "sched/chan.h"
#include "tests/guest/hoard.h"
#include "tests/guest/parks.h"

#define MS INT64_C(1000000)

static bool nobody_waits(const struct chan *c)
{
    return !c->recvq.first && !c->recvq.last && !c->sendq.first && !c->sendq.last;
}

static void init(struct cancel *c, struct cancel *parent, int64_t deadline_ns)
{
    check(cancel_init(c, parent, deadline_ns) == 0, "cancel_init");
}

/* ---- alone ---- */

static void test_one(void)
{
    static struct cancel zero;
    struct cancel c;

    ok(cancel_err(&zero) == 0 && cancel_deadline(&zero) == DEADLINE_NONE,
       "zero bytes: not fired, no deadline");
    cancel_fire(&zero);
    cancel_fire(&zero);
    ok(cancel_err(&zero) == -ECANCELED, "fired, once or twice: -ECANCELED");
    cancel_end(&zero);
    ok(cancel_err(&zero) == -ECANCELED, "so it stays when it has ended");
    for (int64_t past = -1; past <= 1; past++) {
        init(&c, NULL, past);
        check(cancel_err(&c) == -ETIMEDOUT, "past");
        cancel_end(&c);
    }
    ok(true, "a deadline that has passed: -ETIMEDOUT at once");
    int64_t until = nanotime() + 2 * MS;
    init(&c, NULL, until);
    ok(cancel_deadline(&c) == until, "it knows its deadline");
    while (!cancel_err(&c))
        gosched();
    ok(nanotime() >= until && cancel_err(&c) == -ETIMEDOUT, "which comes, and not early");
    cancel_fire(&c);
    ok(cancel_err(&c) == -ETIMEDOUT, "what came first is the reason");
    cancel_end(&c);
    init(&c, NULL, nanotime() + 3600000 * MS);
    cancel_fire(&c);
    ok(cancel_err(&c) == -ECANCELED, "or is fired before");
    cancel_end(&c);
}

/* ---- families ---- */

static void test_family(void)
{
    static struct cancel top, left, right, below;
    int64_t late = nanotime() + 3600000 * MS;

    init(&top, NULL, late);
    init(&left, &top, DEADLINE_NONE);
    init(&right, &top, late + 1);
    init(&below, &left, late - 1);
    ok(cancel_deadline(&left) == late && cancel_deadline(&right) == late &&
           cancel_deadline(&below) == late - 1,
       "the earliest deadline above goes");
    cancel_fire(&left);
    ok(cancel_err(&left) == -ECANCELED && cancel_err(&below) == -ECANCELED && !cancel_err(&right) &&
           !cancel_err(&top),
       "firing goes down, not up or aside");
    struct cancel born_late;
    init(&born_late, &below, DEADLINE_NONE);
    ok(cancel_err(&born_late) == -ECANCELED, "who comes later is fired from the first");
    cancel_end(&born_late);
    cancel_end(&below);
    cancel_end(&left);
    ok(top.children == &right && !right.next && !right.prev, "who ends leaves its parent");
    cancel_end(&right);
    ok(!top.children, "all of them");
    cancel_end(&top);
    init(&top, NULL, nanotime() + MS);
    init(&left, &top, DEADLINE_NONE);
    while (!cancel_err(&left))
        gosched();
    ok(cancel_err(&left) == -ETIMEDOUT, "a parent's time is the child's");
    cancel_end(&left);
    cancel_end(&top);
}

/* A tree in which everybody's parent is somebody before: one subtree is fired. */
static void test_tree(void)
{
    enum { N = 1000 };
    static struct cancel c[N];
    int parent[N], bad = 0;
    bool fired[N];
    uint64_t seed = 1;

    init(&c[0], NULL, DEADLINE_NONE);
    for (int i = 1; i < N; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        parent[i] = (int)((seed >> 33) % (uint64_t)i);
        init(&c[i], &c[parent[i]], DEADLINE_NONE);
    }
    cancel_fire(&c[3]);
    for (int i = 0; i < N; i++) {
        fired[i] = i == 3 || (i > 3 && fired[parent[i]]);
        bad += cancel_err(&c[i]) != (fired[i] ? -ECANCELED : 0);
    }
    ok(bad == 0, "of a tree of %d those below are fired", N);
    cancel_fire(&c[0]);
    for (int i = 0; i < N; i++)
        bad += cancel_err(&c[i]) != -ECANCELED;
    for (int i = N; i-- > 0;)
        cancel_end(&c[i]);
    ok(bad == 0, "and then all");
}

/* Children come and go in many goroutines while others are fired. */
static struct cancel busy_root;

static void busy_children(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        struct cancel c, d;
        init(&c, &busy_root, i % 3 ? DEADLINE_NONE : nanotime() + 1000);
        init(&d, &c, i % 2 ? DEADLINE_NONE : nanotime() + 2000);
        if (i % 5 == 0)
            cancel_fire(&c);
        if (i % 7 == 0)
            gosched();
        fail_once(!cancel_err(&c) || cancel_err(&d) || cancel_err(&c) == cancel_err(&d));
        cancel_end(&d);
        cancel_end(&c);
    }
    finish();
}

static void test_busy(void)
{
    init(&busy_root, NULL, DEADLINE_NONE);
    ok(all_of(busy_children, 8) == 0 && !busy_root.children, "4800 come and go");
    cancel_end(&busy_root);
}

/* ---- every call ---- */

static int call_send(struct call *call)
{
    return chan_send_cancel(call->on, call->elem, call->deadline_ns, call->cancel);
}

static int call_recv(struct call *call)
{
    return chan_recv_cancel(call->on, call->elem, call->deadline_ns, call->cancel);
}

static int call_select(struct call *call)
{
    return chan_select_cancel(call->on, call->number, call->deadline_ns, call->cancel);
}

static int call_sleep(struct call *call)
{
    return sleep_cancel(INT64_MAX, call->cancel);
}

/* It waits; it is called off by what `how` says. */
enum how { FIRE, FIRE_PARENT, PARENT_TIME, OWN_TIME, NHOW };

static int call_off(struct call *call, enum waitreason reason, enum how how)
{
    struct cancel parent, c;

    init(&parent, NULL, how == PARENT_TIME ? nanotime() + 2 * MS : DEADLINE_NONE);
    init(&c, &parent, DEADLINE_NONE);
    call->cancel = &c;
    call->deadline_ns = how == OWN_TIME ? nanotime() + 2 * MS : DEADLINE_NONE;
    atomic_store(&call->g, NULL);
    atomic_store(&call->returned, false);
    if (how == FIRE || how == FIRE_PARENT) {
        check(parks(call, reason), "it waits");
        check(c.first && c.first == c.last, "and is in the list");
        cancel_fire(how == FIRE ? &c : &parent);
    } else {
        start(make_call, call);
    }
    join(1);
    check(!c.first && !c.last, "nobody is left in the list");
    cancel_end(&c);
    cancel_end(&parent);
    return call->result;
}

static void test_call(const char *what, struct call call, enum waitreason reason)
{
    static const int expected[NHOW] = {-ECANCELED, -ECANCELED, -ETIMEDOUT, -ETIMEDOUT};
    int bad = 0;

    for (int how = 0; how < NHOW; how++) {
        if (how == OWN_TIME && call.fn == call_sleep)
            continue;
        int r = call_off(&call, reason, (enum how)how);
        if (!check(r == expected[how], "%s, way %d: %d", what, how, r))
            bad++;
    }
    ok(bad == 0, "%s is called off", what);
}

static void test_calls(void)
{
    struct chan *c = make(sizeof(int), 0), *d = make(sizeof(int), 1);
    int v = 1;
    struct select_case cases[12] = {[0] = {.dir = SELECT_SEND, .c = c, .elem = &v},
                                    [1] = {.dir = SELECT_RECV, .c = d, .elem = &v},
                                    [5] = {.dir = SELECT_RECV, .c = c, .elem = &v},
                                    [11] = {.dir = SELECT_RECV, .c = d, .elem = &v}};

    test_call("send", (struct call){.fn = call_send, .on = c, .elem = &v}, WAIT_CHAN_SEND);
    test_call("receive", (struct call){.fn = call_recv, .on = c, .elem = &v}, WAIT_CHAN_RECEIVE);
    test_call("receive from a buffer", (struct call){.fn = call_recv, .on = d, .elem = &v},
              WAIT_CHAN_RECEIVE);
    test_call("send to NULL", (struct call){.fn = call_send, .elem = &v}, WAIT_CHAN_SEND_NIL);
    test_call("receive from NULL", (struct call){.fn = call_recv, .elem = &v},
              WAIT_CHAN_RECEIVE_NIL);
    test_call("select of none", (struct call){.fn = call_select}, WAIT_SELECT_NO_CASES);
    test_call("select of one", (struct call){.fn = call_select, .on = cases, .number = 1},
              WAIT_CHAN_SEND);
    test_call("select of two", (struct call){.fn = call_select, .on = cases, .number = 2},
              WAIT_SELECT);
    test_call("select of many", (struct call){.fn = call_select, .on = cases, .number = 12},
              WAIT_SELECT);
    test_call("sleep", (struct call){.fn = call_sleep}, WAIT_SLEEP);
    ok(nobody_waits(c) && nobody_waits(d), "no queue keeps anything");
    chan_send(d, &v);
    test_call("send to a full buffer", (struct call){.fn = call_send, .on = d, .elem = &v},
              WAIT_CHAN_SEND);
    chan_free(c);
    chan_free(d);
}

static void test_fired_before(void)
{
    struct chan *c = make(sizeof(int), 2);
    struct cancel fired = {0}, live = {0};
    int v = 1;
    struct select_case cases[2] = {{.dir = SELECT_SEND, .c = c, .elem = &v},
                                   {.dir = SELECT_RECV, .c = c, .elem = &v}};

    chan_send(c, &v);
    cancel_fire(&fired);
    ok(chan_send_cancel(c, &v, DEADLINE_NOW, &fired) == -ECANCELED &&
           chan_recv_cancel(c, &v, DEADLINE_NONE, &fired) == -ECANCELED &&
           chan_select_cancel(cases, 2, DEADLINE_NONE, &fired) == -ECANCELED &&
           chan_select_cancel(cases, 1, DEADLINE_NONE, &fired) == -ECANCELED && chan_len(c) == 1,
       "with one that was fired nothing is tried");
    ok(sleep_cancel(INT64_MAX, &fired) == -ECANCELED, "nor slept");
    ok(chan_send_cancel(c, &v, DEADLINE_NONE, &live) == 0 &&
           chan_recv_cancel(c, &v, 1, &live) == 0 &&
           chan_select_cancel(cases, 2, DEADLINE_NONE, &live) >= 0,
       "with one that was not all goes as usual");
    int64_t from = nanotime();
    ok(sleep_cancel(MS, &live) == 0 && nanotime() - from >= MS && sleep_cancel(0, &live) == 0 &&
           sleep_cancel(-1, &live) == 0,
       "a sleep is as long as it should");
    chan_close(c);
    while (chan_try_recv(c, &v) == 0)
        ;
    ok(chan_recv_cancel(c, &v, DEADLINE_NONE, &live) == -EPIPE &&
           chan_send_cancel(c, &v, DEADLINE_NONE, &live) == -EPIPE,
       "closed is closed");
    ok(!live.first, "it has nobody in its list");
    chan_free(c);
}

/* ---- many ---- */

static struct cancel everybody;
static struct chan *never;

static void wait_with_everybody(void *arg)
{
    int v, r;
    struct select_case cases[3] = {{.dir = SELECT_RECV, .c = never, .elem = &v},
                                   {.dir = SELECT_RECV, .c = never, .elem = &v}};

    switch ((intptr_t)arg % 3) {
    case 0:
        r = chan_recv_cancel(never, &v, DEADLINE_NONE, &everybody);
        break;
    case 1:
        r = chan_select_cancel(cases, 3, nanotime() + 3600000 * MS, &everybody);
        break;
    default:
        r = sleep_cancel(INT64_MAX, &everybody);
        break;
    }
    fail_once(r == -ECANCELED);
    finish();
}

static void fire_everybody(void *arg)
{
    cancel_fire(arg);
}

static void test_many(void)
{
    enum { N = 1000 };
    static struct timer t;

    never = make(sizeof(int), 0);
    for (int round = 0; round < 4; round++) {
        init(&everybody, NULL, DEADLINE_NONE);
        atomic_store(&wrong, 0);
        for (intptr_t i = 0; i < N; i++)
            start(wait_with_everybody, (void *)i);
        if (round % 2)
            gosched();
        if (round < 2)
            cancel_fire(&everybody);
        else
            timer_start(&t, 1000, 0, fire_everybody, &everybody);
        join(N);
        check(atomic_load(&wrong) == 0 && nobody_waits(never) && !everybody.first, "round %d",
              round);
        while (!cancel_err(&everybody) || numgoroutine() > 1)
            gosched();
        cancel_end(&everybody);
    }
    ok(true, "%d that wait, four times, also called off by a timer", N);
    chan_free(never);
}

/* ---- races ---- */

/* Firing against an item: it is received, or sent by nobody. */
static struct chan *raced;
static struct cancel race[64];
static atomic_long race_sent, race_got, race_off;

static void race_send(void *arg)
{
    for (int i = 0; i < 300; i++) {
        int r = i % 2 ? chan_send_cancel(raced, &i, DEADLINE_NONE, arg)
                      : chan_send_cancel(raced, &i, nanotime() + 5000, arg);
        fail_once(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
        atomic_fetch_add(r ? &race_off : &race_sent, 1);
    }
    finish();
}

static void race_recv(void *arg)
{
    for (int i = 0; i < 300; i++) {
        int v = -1, r;
        struct select_case cases[2] = {{.dir = SELECT_RECV, .c = raced, .elem = &v},
                                       {.dir = SELECT_RECV, .c = raced, .elem = &v}};
        r = i % 2 ? chan_recv_cancel(raced, &v, DEADLINE_NONE, arg)
                  : chan_select_cancel(cases, 2, nanotime() + 5000, arg);
        fail_once(r >= 0 ? v >= 0 : v == -1);
        atomic_fetch_add(r < 0 ? &race_off : &race_got, 1);
    }
    finish();
}

static void test_race(void)
{
    int bad = 0;

    raced = make(sizeof(int), 0);
    for (int round = 0; round < 60; round++) {
        struct cancel *c = &race[round];
        init(c, NULL, DEADLINE_NONE);
        atomic_store(&wrong, 0);
        for (int i = 0; i < 2; i++) {
            start(race_send, c);
            start(race_recv, c);
        }
        for (int i = 0; i < round; i++)
            gosched();
        cancel_fire(c);
        join(4);
        bad += atomic_load(&wrong) || c->first || !nobody_waits(raced);
        cancel_end(c);
    }
    ok(bad == 0 && atomic_load(&race_sent) == atomic_load(&race_got),
       "60 races: %ld sent, %ld received, %ld called off", atomic_load(&race_sent),
       atomic_load(&race_got), atomic_load(&race_off));
    chan_free(raced);
}

/* ---- no memory ---- */

static atomic_int turn;

/* Its stack is there before. */
static int recv_in_turn(struct call *call)
{
    while (atomic_load(&turn) != call->number)
        gosched();
    return call_recv(call);
}

static void await_receivers(const struct chan *c, int n)
{
    int queued;

    do {
        gosched();
        queued = 0;
        for (const struct sudog *sg = c->recvq.first; sg; sg = sg->next)
            queued++;
    } while (queued < n);
}

/* On one P, whose heap of timers is full: the goroutine that waits stays runnable, and is in the queue all the same. */
static void test_no_memory(void)
{
    static struct timer far[5000];
    struct chan *c = make(sizeof(int), 0);
    struct cancel live = {0};
    int procs = gomaxprocs(1), n = 0, in = 0, v = 7;
    struct call calls[3];
    int64_t late = nanotime() + 3600000 * MS;

    for (int i = 0; i < 3; i++)
        calls[i] = (struct call){.fn = recv_in_turn,
                                 .on = c,
                                 .elem = &in,
                                 .number = i + 1,
                                 .deadline_ns = late,
                                 .cancel = i ? &live : NULL};
    for (int i = 0; i < 3; i++)
        start(make_call, &calls[i]);
    gosched();
    struct hoard *all = hoard_take();
    while (n < 5000 && timer_start(&far[n], INT64_MAX, 0, fire_everybody, NULL) == 0)
        n++;
    bool refused = timer_start(&far[4999], INT64_MAX, 0, fire_everybody, NULL) == -ENOMEM;
    struct cancel timed, child;
    int no_timer = cancel_init(&timed, NULL, late),
        none_needed = cancel_init(&child, &live, DEADLINE_NONE);
    for (int i = 1; i <= 3; i++) {
        atomic_store(&turn, i);
        await_receivers(c, i); // on one P nobody changes the queue meanwhile
    }
    int64_t until = nanotime() + MS;
    int r = chan_recv_until(NULL, &in, until);
    bool in_time = nanotime() >= until;
    int sent[2];
    for (int i = 0; i < 2; i++)
        sent[i] = chan_send(c, &v);
    cancel_fire(&live);
    join(3);
    hoard_give_back(all);
    ok(no_timer == -ENOMEM && none_needed == 0 && cancel_err(&child) == -ECANCELED,
       "nor has a cancel a deadline: -ENOMEM; one that needs none is made");
    cancel_end(&child);
    ok(refused && r == -ETIMEDOUT && in_time,
       "without memory for a timer time passes all the same");
    ok(sent[0] == 0 && sent[1] == 0 && in == 7 && calls[0].result == 0 && calls[1].result == 0,
       "what comes is received, in order");
    ok(calls[2].result == -ECANCELED && nobody_waits(c), "and one is called off");
    while (n-- > 0)
        timer_stop(&far[n]);
    gomaxprocs(procs);
    chan_free(c);
}

int main(void)
{
    finished = make(0, 0);
    test_one();
    test_family();
    test_tree();
    test_busy();
    test_calls();
    test_fired_before();
    test_many();
    test_race();
    test_no_memory();
    return done();
}
