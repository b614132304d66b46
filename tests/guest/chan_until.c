/*
 * chan_until.c - sending and receiving with a deadline.
 *
 * Goal:   what can be done is done, however late; who comes too late is told so, not early, and has taken nothing; the
 *         order among those who wait stays, whoever of them gives up.
 * Method: queues are looked at from inside. Where a case needs a goroutine that waits, parks() looks at its state until
 *         it does; where it needs a race, many rounds are counted.
 * Budget: 5 s.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/time.h"
#include "sched/chan.h"
#include "tests/guest/parks.h"

#define MS INT64_C(1000000)

static bool nobody_waits(const struct chan *c)
{
    return !c->recvq.first && !c->recvq.last && !c->sendq.first && !c->sendq.last;
}

static int call_send(struct call *call)
{
    return chan_send_until(call->on, call->elem, call->deadline_ns);
}

static int call_recv(struct call *call)
{
    return chan_recv_until(call->on, call->elem, call->deadline_ns);
}

static int64_t in_an_hour(void)
{
    return nanotime() + 3600000 * MS;
}

/* ---- at once ---- */

static void test_at_once(void)
{
    static const int64_t deadlines[] = {DEADLINE_NOW, 1, -1, INT64_MIN, DEADLINE_NONE};
    struct chan *c = make(sizeof(int), 1);
    int v = 5, w, bad = 0;

    for (size_t i = 0; i < LENGTH(deadlines); i++) {
        bad += chan_send_until(c, &v, deadlines[i]) != 0;
        w = 0;
        bad += chan_recv_until(c, &w, deadlines[i]) != 0 || w != v;
    }
    ok(bad == 0, "what can be done at once is, whatever the deadline");
    for (size_t i = 0; i + 1 < LENGTH(deadlines); i++) {
        int late = deadlines[i] == DEADLINE_NOW ? -EAGAIN : -ETIMEDOUT;
        w = 9;
        bad += chan_recv_until(c, &w, deadlines[i]) != late || w != 9;
        bad += chan_recv_until(NULL, &w, deadlines[i]) != late;
        bad += chan_send_until(NULL, &w, deadlines[i]) != late;
        chan_send(c, &v);
        bad += chan_send_until(c, &v, deadlines[i]) != late;
        chan_recv(c, &w);
    }
    ok(bad == 0 && nobody_waits(c), "what can't is not waited for: -EAGAIN, -ETIMEDOUT");
    int64_t from = nanotime();
    ok(chan_recv_until(c, &w, from + MS) == -ETIMEDOUT && nanotime() >= from + MS,
       "who waits does so until then");
    from = nanotime();
    ok(chan_send_until(NULL, &w, from + MS) == -ETIMEDOUT &&
           chan_recv_until(NULL, &w, from + 2 * MS) == -ETIMEDOUT && nanotime() >= from + 2 * MS,
       "also with NULL");
    chan_close(c);
    w = 9;
    ok(chan_recv_until(c, &w, in_an_hour()) == -EPIPE && w == 0 &&
           chan_send_until(c, &w, in_an_hour()) == -EPIPE,
       "closed: -EPIPE");
    chan_free(c);
}

/* ---- waiting ---- */

static void test_waits(size_t bytes, size_t cap)
{
    uint8_t *in = must(calloc(1, bytes + 1)), *out = must(calloc(1, bytes + 1));
    struct chan *c = make(bytes, cap);
    struct call recv = {.fn = call_recv, .on = c, .elem = in, .deadline_ns = in_an_hour()},
                send = {.fn = call_send, .on = c, .elem = out, .deadline_ns = in_an_hour()};
    bool good = true;

    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(i * 7 + 1);
    good &= parks(&recv, WAIT_CHAN_RECEIVE);
    good &= chan_try_send(c, out) == 0;
    join(1);
    good &= recv.result == 0;
    for (size_t i = 0; i < bytes; i++)
        good &= in[i] == out[i];
    for (size_t i = 0; i < cap; i++)
        chan_send(c, out);
    good &= parks(&send, WAIT_CHAN_SEND);
    for (size_t k = 0; k <= cap; k++) {
        for (size_t i = 0; i < bytes; i++)
            in[i] = 0;
        good &= chan_recv(c, in) == 0;
        for (size_t i = 0; i < bytes; i++)
            good &= in[i] == out[i];
    }
    join(1);
    good &= send.result == 0 && in[bytes] == 0 && nobody_waits(c);
    ok(good, "elements of %zu bytes come in time, capacity %zu", bytes, cap);
    chan_free(c);
    free(in);
    free(out);
}

static void test_close_ends(void)
{
    struct chan *c = make(sizeof(int), 0), *d = make(sizeof(int), 0);
    int in = 9, out = 1;
    struct call recv = {.fn = call_recv, .on = c, .elem = &in, .deadline_ns = in_an_hour()},
                send = {.fn = call_send, .on = d, .elem = &out, .deadline_ns = in_an_hour()};

    check(parks(&recv, WAIT_CHAN_RECEIVE) && parks(&send, WAIT_CHAN_SEND), "they wait");
    chan_close(c);
    chan_close(d);
    join(2);
    ok(recv.result == -EPIPE && in == 0 && send.result == -EPIPE && nobody_waits(c) &&
           nobody_waits(d),
       "closing ends both");
    chan_free(c);
    chan_free(d);
}

/* Every third gives up; the others are served in the order of their coming. */
enum { NWAITER = 30 };
static struct call waiters[NWAITER];
static int got[NWAITER];

static void test_order(bool sends)
{
    struct chan *c = make(sizeof(int), 0);
    bool good = true;
    int turn = 0;

    for (int i = 0; i < NWAITER; i++) {
        got[i] = sends ? i : -1;
        waiters[i] = (struct call){.fn = sends ? call_send : call_recv,
                                   .on = c,
                                   .elem = &got[i],
                                   .deadline_ns = i % 3 == 1 ? nanotime() + 20 * MS : in_an_hour()};
        if (i % 3 == 1) {
            start(make_call, &waiters[i]); // it may be over before it is seen to wait
            while (!atomic_load(&waiters[i].g) ||
                   (atomic_load(&atomic_load(&waiters[i].g)->status) != GWAITING &&
                    !atomic_load(&waiters[i].returned)))
                gosched();
        } else {
            good &= parks(&waiters[i], sends ? WAIT_CHAN_SEND : WAIT_CHAN_RECEIVE);
        }
    }
    join(NWAITER / 3);
    for (int i = 0; i < NWAITER; i++) {
        int v = i;
        if (i % 3 == 1) {
            good &= waiters[i].result == -ETIMEDOUT;
            continue;
        }
        good &= (sends ? chan_recv(c, &v) : chan_send(c, &v)) == 0;
        join(1);
        good &= waiters[i].result == 0 && got[i] == i && v == i;
        turn++;
    }
    ok(good && turn == NWAITER * 2 / 3 && nobody_waits(c),
       "of %d %s every third gives up, the others keep their order", NWAITER,
       sends ? "senders" : "receivers");
    chan_free(c);
}

/* ---- races ---- */

/* Senders and receivers with deadlines of a few microseconds: what is sent is received, once. */
static struct chan *raced;
static _Atomic(uint64_t) sum_sent, sum_got;
static atomic_long n_late;

static void race(void *arg)
{
    uint64_t seed = (uint64_t)(intptr_t)arg;

    for (int i = 0; i < 500; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t v = seed >> 20 | 1;
        int64_t until = nanotime() + (int64_t)(seed >> 40) % 30000;
        bool sends = (intptr_t)arg & 1;
        int r = sends ? chan_send_until(raced, &v, until) : chan_recv_until(raced, &v, until);
        fail_once(r == 0 || (r == -ETIMEDOUT && nanotime() >= until));
        if (r)
            atomic_fetch_add(&n_late, 1);
        else
            atomic_fetch_add(sends ? &sum_sent : &sum_got, v);
    }
    finish();
}

static void test_race(size_t cap)
{
    uint64_t v;

    raced = make(sizeof v, cap);
    atomic_store(&sum_sent, 0);
    atomic_store(&sum_got, 0);
    atomic_store(&n_late, 0);
    int bad = all_of(race, 8);
    while (chan_try_recv(raced, &v) == 0)
        atomic_fetch_add(&sum_got, v);
    ok(bad == 0 && atomic_load(&sum_sent) == atomic_load(&sum_got) && nobody_waits(raced),
       "4000 deadlines against one another, capacity %zu: %ld too late, nothing lost", cap,
       atomic_load(&n_late));
    chan_free(raced);
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 4, 8, 24, 5000};

    finished = make(0, 0);
    test_at_once();
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        test_waits(sizes[i], 0);
        test_waits(sizes[i], 3);
    }
    test_close_ends();
    test_order(false);
    test_order(true);
    test_race(0);
    test_race(1);
    test_race(5);
    return done();
}
