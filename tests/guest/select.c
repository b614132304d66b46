/*
 * select.c - select keeps Go's promises.
 *
 * Goal:   a case is done if one is ready, each being as likely; else the goroutine waits, in all queues, and is in none
 *         of them afterwards, however its wait ends; nothing is lost or done twice, whoever else does the same;
 *         nothing is allocated.
 * Method: queues are looked at from inside. Where a case needs a goroutine that waits, parks() looks at its state until
 *         it does; where it needs a race, many rounds are counted.
 * Budget: 10 s.
 * Source: the cases are those of Go's chan_test.go and of test/chan, written anew for this API: docs/conformance.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/mem.h"
#include "rt0/time.h"
#include "tests/guest/hoard.h"
#include "tests/guest/selects.h"

#define MS INT64_C(1000000)

/* ---- what is refused, what is empty ---- */

static void test_refused(void)
{
    static struct select_case none[2]; // NULL channels
    struct select_case odd = {(enum select_dir)2, make(0, 1), NULL, NO_RESULT};
    int64_t soon = nanotime() + MS;

    ok(chan_select(none, -1, DEADLINE_NOW) == -EINVAL &&
           chan_select(none, SELECT_CASES_MAX + 1, DEADLINE_NOW) == -EINVAL,
       "fewer cases than none, too many: -EINVAL");
    ok(chan_select(&odd, 1, DEADLINE_NOW) == -EINVAL && odd.result == NO_RESULT,
       "no direction: -EINVAL, and nothing done");
    odd.dir = SELECT_SEND;
    struct select_case two[2] = {odd, odd};
    two[1].dir = (enum select_dir)7;
    ok(chan_select(two, 2, DEADLINE_NOW) == -EINVAL && chan_len(odd.c) == 0,
       "also in the second of two");
    ok(chan_select(NULL, 0, DEADLINE_NOW) == -EAGAIN, "no cases, default: -EAGAIN");
    ok(chan_select(none, 2, DEADLINE_NOW) == -EAGAIN, "NULL channels are never ready");
    ok(chan_select(NULL, 0, soon) == -ETIMEDOUT && nanotime() >= soon,
       "no cases: -ETIMEDOUT, when it is time");
    soon = nanotime() + MS;
    ok(chan_select(none, 2, soon) == -ETIMEDOUT && nanotime() >= soon, "nor are they in time");
    ok(chan_select(none, 2, 1) == -ETIMEDOUT && chan_select(none, 2, -5) == -ETIMEDOUT,
       "a time that has passed is noticed at once");
    ok(chan_select(two, 1, 1) == 0 && chan_len(odd.c) == 1,
       "what can be done at once is, however late");
    chan_free(odd.c);
}

/* They wait for ever, and stay until the machine ends. */
static void test_for_ever(void)
{
    static struct select_case none[3];
    static struct call calls[3];
    static const enum waitreason reasons[3] = {WAIT_SELECT_NO_CASES, WAIT_CHAN_SEND_NIL,
                                               WAIT_SELECT};

    for (int n = 0; n < 3; n++) {
        calls[n] = call_of(none, n);
        ok(parks(&calls[n], reasons[n]), "%d cases, none with a channel: waits for ever", n);
    }
}

/* ---- ready or not ---- */

static void test_ready(void)
{
    struct chan *full = make(sizeof(int), 1), *empty = make(sizeof(int), 1),
                *unbuf = make(sizeof(int), 0);
    int one = 1, v = 0, w = 0;

    chan_send(full, &one);
    struct select_case none[] = {send(full, &v), receive(empty, &w), send(unbuf, &v),
                                 receive(unbuf, &w), receive(NULL, &w)};
    for (int n = 1; n <= 5; n++)
        check(chan_select(none, n, DEADLINE_NOW) == -EAGAIN && w == 0 &&
                  none[n - 1].result == NO_RESULT,
              "%d cases are not ready", n);
    ok(chan_len(full) == 1 && chan_len(empty) == 0 && nobody_waits(unbuf),
       "nothing ready, default: -EAGAIN, and nothing done");
    struct select_case got[] = {receive(NULL, &v), receive(full, &v), receive(empty, &w)};
    ok(chan_select(got, 3, DEADLINE_NONE) == 1 && v == 1 && got[1].result == 0 &&
           got[0].result == NO_RESULT && got[2].result == NO_RESULT,
       "the one that is ready is done, and told of alone");
    struct select_case put[] = {receive(full, &v), send(empty, &one)};
    ok(chan_select(put, 2, DEADLINE_NONE) == 1 && chan_len(empty) == 1, "a send");
    chan_close(unbuf);
    v = w = 5;
    struct select_case closed[] = {receive(full, &v), receive(unbuf, &w)};
    ok(chan_select(closed, 2, DEADLINE_NONE) == 1 && closed[1].result == -EPIPE && w == 0 && v == 5,
       "receive from a closed channel: -EPIPE, zeroed");
    closed[1] = send(unbuf, &w);
    ok(chan_select(closed, 2, DEADLINE_NONE) == 1 && closed[1].result == -EPIPE,
       "send to a closed channel: -EPIPE");
    chan_free(full);
    chan_free(empty);
    chan_free(unbuf);
}

/* Each of n ready cases comes about as often as the others: five standard deviations. */
static void test_chance(int n)
{
    enum { ROUNDS = 20000 };
    struct select_case *cases = must(calloc((size_t)n, sizeof *cases));
    int *often = must(calloc((size_t)n, sizeof *often));
    double mean = (double)ROUNDS / n, far = 0;

    for (int i = 0; i < n; i++)
        cases[i] = receive(make(sizeof(int), 0), NULL);
    for (int i = 0; i < n; i++)
        chan_close(cases[i].c);
    for (int i = 0; i < ROUNDS; i++)
        often[chan_select(cases, n, DEADLINE_NOW)]++;
    for (int i = 0; i < n; i++) {
        double off = (often[i] - mean) * (often[i] - mean);
        far = off > far ? off : far;
        chan_free(cases[i].c);
    }
    ok(far < 25 * mean, "of %d ready cases each is as likely", n);
    free(often);
    free(cases);
}

/* ---- one moment ---- */

/* NonblockSelectRace: first one of two channels is ready, then both, then the other one. Who looks at one after the other
 * may see neither; all the more so if there are some in between. */
static struct chan *either[2], *idle;
static atomic_int glance, glanced;
static int neither;

enum { LAST_GLANCE = 1 << 20 };

static void look_at_both(void *arg)
{
    (void)arg;
    for (int i = 1;; i++) {
        struct select_case cases[8];
        int n = i % 2 ? 2 : 8;
        for (int k = 1; k < n - 1; k++)
            cases[k] = receive(idle, NULL);
        while (atomic_load(&glance) < i)
            gosched();
        if (atomic_load(&glance) == LAST_GLANCE)
            break;
        cases[0] = receive(either[1], NULL);
        cases[n - 1] = receive(either[0], NULL);
        neither += chan_select(cases, n, DEADLINE_NOW) < 0;
        atomic_store(&glanced, i);
    }
    finish();
}

/* Both keep their cores, which takes long if the host has fewer: then there are fewer rounds. */
static void test_one_moment(size_t bytes, bool close)
{
    enum { ROUNDS = 4000, AT_LEAST = 100 };
    int64_t v[3] = {1}, until = nanotime() + 300 * MS;
    int i;

    neither = 0;
    atomic_store(&glance, 0);
    atomic_store(&glanced, 0);
    idle = make(bytes, 0);
    start(look_at_both, NULL);
    for (i = 1; i <= ROUNDS && (i <= AT_LEAST || nanotime() < until); i++) {
        either[0] = make(bytes, 1);
        either[1] = make(bytes, !close);
        chan_send(either[0], v);
        atomic_store(&glance, i);
        for (volatile int spin = i * 7 % 512; spin > 0; spin--)
            ;
        if (close)
            chan_close(either[1]);
        else
            chan_send(either[1], v);
        chan_try_recv(either[0], NULL);
        while (atomic_load(&glanced) < i)
            gosched();
        chan_free(either[0]);
        chan_free(either[1]);
    }
    atomic_store(&glance, LAST_GLANCE);
    join(1);
    chan_free(idle);
    ok(neither == 0, "NonblockSelectRace, %zu bytes, by %s: %d times of %d neither", bytes,
       close ? "closing" : "sending", neither, i - 1);
}

/* ---- waiting ---- */

/* One of n unbuffered channels, or several times the same, becomes ready. */
static void test_waits(int n, bool same)
{
    struct select_case *cases = must(calloc((size_t)n, sizeof *cases));
    struct chan *only = make(sizeof(int), 0);
    int in = 0, wrong_ones = 0;

    for (int i = 0; i < n; i++)
        cases[i] = receive(same ? only : make(sizeof(int), 0), &in);
    for (int i = 0; i < 5; i++) {
        struct call call = call_of(cases, n);
        int at = (int)((i * 7919u) % (unsigned)n), v = 1000 + i;
        wrong_ones += !parks(&call, n == 1 ? WAIT_CHAN_RECEIVE : WAIT_SELECT);
        wrong_ones += chan_try_send(cases[at].c, &v) != 0;
        join(1);
        wrong_ones += (!same && call.result != at) || in != v || cases[call.result].result;
        for (int k = 0; k < n; k++)
            wrong_ones += !nobody_waits(cases[k].c);
    }
    for (int i = 0; i < n && !same; i++)
        chan_free(cases[i].c);
    chan_free(only);
    free(cases);
    ok(wrong_ones == 0, "of %d cases%s the one that comes is done, and no queue keeps anything", n,
       same ? ", all of one channel," : "");
}

static void test_waits_close(void)
{
    struct chan *a = make(sizeof(int), 0), *b = make(sizeof(int), 0);
    int in = 9, out = 3;
    struct select_case cases[] = {receive(a, &in), send(b, &out), receive(NULL, NULL)};
    struct call call = call_of(cases, 3);

    check(parks(&call, WAIT_SELECT), "it waits");
    chan_close(a);
    join(1);
    ok(call.result == 0 && cases[0].result == -EPIPE && in == 0 && nobody_waits(b),
       "closing ends a receive");
    cases[0] = receive(NULL, NULL);
    call = call_of(cases, 3);
    check(parks(&call, WAIT_SELECT), "it waits");
    chan_close(b);
    join(1);
    ok(call.result == 1 && cases[1].result == -EPIPE && nobody_waits(b), "and a send");
    chan_free(a);
    chan_free(b);
}

/* Both meet their like: neither may meet itself. */
static struct chan *self_chan;
static atomic_long self_sum;

static void self_select(void *arg)
{
    int me = (int)(intptr_t)arg;

    for (int i = 0; i < 2000; i++) {
        int in = -1;
        struct select_case cases[2] = {send(self_chan, &me), receive(self_chan, &in)};
        if (i & 1) {
            struct select_case c = cases[0];
            cases[0] = cases[1];
            cases[1] = c;
        }
        int k = chan_select(cases, 2, DEADLINE_NONE);
        fail_once(k >= 0 && cases[k].result == 0);
        if (cases[k].dir == SELECT_RECV)
            fail_once(in != me || chan_cap(self_chan) > 0);
        atomic_fetch_add(&self_sum, cases[k].dir == SELECT_RECV ? -1 : 1);
    }
    finish();
}

static void test_self(size_t cap)
{
    self_chan = make(sizeof(int), cap);
    atomic_store(&self_sum, 0);
    ok(all_of(self_select, 2) == 0, "SelfSelect, capacity %zu", cap);
    ok((size_t)atomic_load(&self_sum) == chan_len(self_chan) && nobody_waits(self_chan),
       "as many are sent as received");
    chan_free(self_chan);
}

/* ---- stress ---- */

enum { STRESS_CHANS = 4, STRESS_EACH = 1000 };
static struct chan *stress[STRESS_CHANS];

static void stress_send_one(void *arg)
{
    int k = (int)(intptr_t)arg;

    for (int i = 0; i < STRESS_EACH; i++)
        chan_send(stress[k], &i);
    finish();
}

static void stress_recv_one(void *arg)
{
    for (int i = 0, v; i < STRESS_EACH; i++)
        fail_once(chan_recv(stress[(intptr_t)arg], &v) == 0 && v >= 0 && v < STRESS_EACH);
    finish();
}

/* Counts what it has done on each channel; one that is through becomes NULL. */
static void stress_any(enum select_dir dir)
{
    int v[STRESS_CHANS], n[STRESS_CHANS] = {0};
    struct select_case cases[STRESS_CHANS];

    for (int i = 0; i < STRESS_CHANS; i++)
        cases[i] = (struct select_case){dir, stress[i], &v[i], 0};
    for (int i = 0; i < STRESS_CHANS * STRESS_EACH; i++) {
        for (int k = 0; k < STRESS_CHANS; k++)
            if (dir == SELECT_SEND)
                v[k] = n[k];
        int k = chan_select(cases, STRESS_CHANS, DEADLINE_NONE);
        fail_once(k >= 0 && cases[k].result == 0 && v[k] >= 0 && v[k] < STRESS_EACH);
        if (++n[k] == STRESS_EACH)
            cases[k].c = NULL;
    }
    finish();
}

static void stress_send_any(void *arg)
{
    (void)arg;
    stress_any(SELECT_SEND);
}

static void stress_recv_any(void *arg)
{
    (void)arg;
    stress_any(SELECT_RECV);
}

static void test_stress(void)
{
    bool clean = true;

    for (int i = 0; i < STRESS_CHANS; i++)
        stress[i] = make(sizeof(int), i < 2 ? 0 : (size_t)i);
    atomic_store(&wrong, 0);
    for (intptr_t i = 0; i < STRESS_CHANS; i++) {
        start(stress_send_one, (void *)i);
        start(stress_recv_one, (void *)i);
    }
    for (int i = 0; i < 2; i++) {
        start(stress_send_any, NULL);
        start(stress_recv_any, NULL);
    }
    join(2 * STRESS_CHANS + 4);
    for (int i = 0; i < STRESS_CHANS; i++) {
        clean &= chan_len(stress[i]) == 0 && nobody_waits(stress[i]);
        chan_free(stress[i]);
    }
    ok(atomic_load(&wrong) == 0 && clean, "SelectStress: %d items by select and without",
       3 * STRESS_CHANS * STRESS_EACH);
}

/* Every value once, whichever way it went. */
enum { DOUBLE_N = 5000 };
static struct chan *doubles[4], *merged;

static void double_send(void *arg)
{
    (void)arg;
    for (int i = 0; i < DOUBLE_N; i++) {
        struct select_case cases[4];
        for (int k = 0; k < 4; k++)
            cases[k] = send(doubles[k], &i);
        chan_select(cases, 4, DEADLINE_NONE);
    }
    for (int k = 0; k < 4; k++)
        chan_close(doubles[k]);
    finish();
}

static void double_mux(void *arg)
{
    int v;

    while (chan_recv(arg, &v) == 0)
        chan_send(merged, &v);
    v = -1;
    chan_send(merged, &v);
    finish();
}

static void test_double(void)
{
    static bool seen[DOUBLE_N];
    int twice = 0, got = 0, ended = 0, v;

    memset(seen, 0, sizeof seen);
    merged = make(sizeof(int), 0);
    for (int k = 0; k < 4; k++) {
        doubles[k] = make(sizeof(int), 0);
        start(double_mux, doubles[k]);
    }
    start(double_send, NULL);
    while (ended < 4) {
        chan_recv(merged, &v);
        if (v < 0) {
            ended++;
            continue;
        }
        twice += seen[v];
        seen[v] = true;
        got++;
    }
    join(5);
    ok(twice == 0 && got == DOUBLE_N, "doubleselect: %d values, each once", got);
    for (int k = 0; k < 4; k++)
        chan_free(doubles[k]);
    chan_free(merged);
}

/* Who would send for ever does not starve who would end it. */
static struct chan *fair[4];

static void fair_offer(void *arg)
{
    struct select_case cases[2] = {send(arg, NULL), receive(fair[3], NULL)};

    while (chan_select(cases, 2, DEADLINE_NONE) == 0)
        ;
    finish();
}

static void test_fairness(void)
{
    enum { TRIALS = 10000 };
    int often[2] = {0}, procs = gomaxprocs(1);

    for (int i = 0; i < 4; i++)
        fair[i] = make(0, 0);
    start(fair_offer, fair[0]);
    start(fair_offer, fair[1]);
    for (int i = 0; i < TRIALS; i++) {
        struct select_case cases[3] = {receive(fair[0], NULL), receive(fair[1], NULL),
                                       receive(fair[2], NULL)};
        gosched(); // until both wait
        often[chan_select(cases, 3, DEADLINE_NONE)]++;
    }
    chan_close(fair[3]);
    join(2);
    gomaxprocs(procs);
    ok(often[0] + often[1] == TRIALS && often[0] > TRIALS * 2 / 5 && often[1] > TRIALS * 2 / 5,
       "SelectFairness: %d and %d", often[0], often[1]);
    for (int i = 0; i < 4; i++)
        chan_free(fair[i]);
}

/* The same of two full buffers, alone or behind two channels on which nothing comes: ten standard deviations. */
static void test_fair_buffers(int before)
{
    enum { TRIALS = 10000 };
    struct select_case cases[4];
    int often[2] = {0};
    int64_t v = 1;

    for (int i = 0; i < before + 2; i++)
        cases[i] = receive(make(sizeof v, i < before ? 0 : TRIALS + 1), &v);
    for (int i = 0; i < 2 * (TRIALS + 1); i++)
        chan_send(cases[before + i % 2].c, &v);
    for (int i = 0; i < TRIALS; i++)
        often[chan_select(cases, before + 2, DEADLINE_NONE) - before]++;
    ok(abs(often[0] - often[1]) < 2 * 10 * 50, "SelectFairness, %d cases: %d and %d", before + 2,
       often[0], often[1]);
    for (int i = 0; i < before + 2; i++)
        chan_free(cases[i].c);
}

/* Zeroes and ones in an order that nobody foresees. */
static struct chan *bits;

static void send_bits(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        int zero = 0, one = 1;
        struct select_case cases[2] = {send(bits, &zero), send(bits, &one)};
        chan_select(cases, 2, DEADLINE_NONE);
    }
    finish();
}

static void test_pseudo_random(size_t cap)
{
    int ones = 0, changes = 0, last = 0, v;

    bits = make(sizeof(int), cap);
    start(send_bits, NULL);
    for (int i = 0; i < 2000; i++) {
        gosched(); // so that it waits, or the buffer fills
        chan_recv(bits, &v);
        ones += v;
        changes += v != last;
        last = v;
    }
    join(1);
    ok(ones > 500 && ones < 1500 && changes > 500, "PseudoRandomSend, capacity %zu: %d ones", cap,
       ones);
    chan_free(bits);
}

/* ---- queues that others left something in ---- */

/* select6: of a select that ended by one channel nothing stays with the other. */
static int recv_call(struct call *call)
{
    return chan_recv(call->on, call->elem);
}

/* The select is in b's queue twice: between two others (SelectDuplicateChannel), or last when it leaves. */
static void test_leaves(bool last_one)
{
    struct chan *a = make(sizeof(int), 0), *b = make(sizeof(int), 0);
    int first = 0, last = 0, in[2] = {0}, v = 1;
    struct select_case cases[3] = {receive(a, &in[0]), receive(b, &in[1]), receive(b, &in[1])};
    struct call before = {.fn = recv_call, .on = b, .elem = &first}, call = call_of(cases, 3),
                after = {.fn = recv_call, .on = b, .elem = &last};

    check(parks(&before, WAIT_CHAN_RECEIVE) && parks(&call, WAIT_SELECT), "two wait");
    check(last_one || parks(&after, WAIT_CHAN_RECEIVE), "and a third");
    chan_send(a, &v);
    join(1);
    check(!last_one || parks(&after, WAIT_CHAN_RECEIVE), "or it comes now");
    ok(call.result == 0 && in[0] == 1 && b->recvq.first && b->recvq.first->next == b->recvq.last &&
           b->recvq.last->prev == b->recvq.first && !b->recvq.last->next,
       "select6: two wait on, linked both ways");
    for (v = 2; v <= 3; v++)
        chan_send(b, &v);
    join(2);
    ok(first == 2 && last == 3 && in[1] == 0 && nobody_waits(b), "and are served in order");
    chan_free(a);
    chan_free(b);
}

/* ---- time ---- */

/* Every item is received or was never sent, whichever of time and item came first. */
static struct chan *timed[2];
static atomic_long timed_sent, timed_got, timed_out;

static void timed_send(void *arg)
{
    for (int i = 0; i < 400; i++) {
        int64_t now = nanotime();
        struct select_case cases[2] = {send(timed[0], &i), send(timed[1], &i)};
        int r = chan_select(cases, 2, now + (i * 7919 + (intptr_t)arg * 104729) % 40000);
        fail_once(r >= 0 || (r == -ETIMEDOUT && nanotime() >= now));
        atomic_fetch_add(r >= 0 ? &timed_sent : &timed_out, 1);
    }
    finish();
}

static void timed_recv(void *arg)
{
    for (int i = 0; i < 400; i++) {
        int in[2];
        int64_t until = nanotime() + (i * 104729 + (intptr_t)arg * 7919) % 40000;
        struct select_case cases[3] = {receive(timed[1], &in[1]), receive(NULL, NULL),
                                       receive(timed[0], &in[0])};
        int r = chan_select(cases, 3, until);
        fail_once(r == 0 || r == 2 || (r == -ETIMEDOUT && nanotime() >= until));
        atomic_fetch_add(r >= 0 ? &timed_got : &timed_out, 1);
    }
    finish();
}

static void timed_either(void *arg)
{
    if ((intptr_t)arg % 2)
        timed_send(arg);
    else
        timed_recv(arg);
}

static void test_deadline_race(size_t cap)
{
    for (int i = 0; i < 2; i++)
        timed[i] = make(sizeof(int), cap);
    atomic_store(&timed_sent, 0);
    atomic_store(&timed_got, 0);
    atomic_store(&timed_out, 0);
    int bad = all_of(timed_either, 8);
    long left = (long)(chan_len(timed[0]) + chan_len(timed[1]));
    ok(bad == 0 && atomic_load(&timed_sent) == atomic_load(&timed_got) + left,
       "deadlines against items, capacity %zu: %ld sent, %ld received, %ld too late", cap,
       atomic_load(&timed_sent), atomic_load(&timed_got), atomic_load(&timed_out));
    ok(nobody_waits(timed[0]) && nobody_waits(timed[1]), "and nobody is left in a queue");
    for (int i = 0; i < 2; i++)
        chan_free(timed[i]);
}

/* ---- sizes ---- */

static void size_send(void *arg)
{
    struct select_case *cases = arg;

    chan_select(cases, 2, DEADLINE_NONE);
    finish();
}

static void test_size(size_t bytes)
{
    uint8_t *out = must(malloc(bytes + 1)), *in = must(malloc(bytes + 1));
    int bad = 0;

    for (size_t cap = 0; cap < 3; cap++) {
        struct chan *a = make(bytes, cap), *b = make(bytes, cap);
        struct select_case to[2] = {send(a, out), receive(b, NULL)},
                           from[2] = {receive(a, in), receive(NULL, NULL)};
        for (int i = 0; i < 6; i++) {
            memset(out, i + 1, bytes);
            memset(in, 0, bytes + 1);
            start(size_send, to);
            if (i % 2)
                gosched();
            bad += chan_select(from, 2, DEADLINE_NONE) != 0;
            bad += bytes && (in[0] != i + 1 || in[bytes - 1] != i + 1);
            bad += in[bytes] != 0;
            join(1);
        }
        chan_free(a);
        chan_free(b);
    }
    ok(bad == 0, "elements of %zu bytes", bytes);
    free(out);
    free(in);
}

/* ---- many, and memory ---- */

static size_t heap_bytes(void)
{
    struct memstats st;

    memstats_read(&st);
    return st.heap_bytes;
}

/* select2: after the first few nothing is allocated. Ended goroutines keep no malloc()ed memory. */
static void test_no_growth(int n)
{
    struct select_case *cases = must(calloc((size_t)n, sizeof *cases));
    int in, v = 1;
    size_t before = 0;

    for (int i = 0; i < n; i++)
        cases[i] = receive(make(sizeof(int), 0), &in);
    for (int i = 0; i < 12; i++) {
        struct call call = call_of(cases, n);
        if (i == 2)
            before = heap_bytes();
        check(parks(&call, WAIT_SELECT), "it waits");
        chan_send(cases[n / 2].c, &v);
        join(1);
        check(chan_select(cases, n, DEADLINE_NOW) == -EAGAIN, "nothing more");
        check(chan_select(cases, n, nanotime() + 1000) == -ETIMEDOUT, "nor later");
    }
    ok(heap_bytes() == before, "select2: %d cases, nothing is allocated", n);
    for (int i = 0; i < n; i++)
        chan_free(cases[i].c);
    free(cases);
}

/* More than 8 cases need a block, which is kept: 100 come first here. On one P, so that no other one's cache has any. */
static void test_no_memory(void)
{
    static struct select_case cases[100];
    struct chan *full = make(sizeof(int), 1);
    int procs = gomaxprocs(1), r[4], v = 1;

    chan_send(full, &v);
    cases[50] = receive(full, &v);
    struct hoard *all = hoard_take();
    r[0] = chan_select(cases, 100, DEADLINE_NOW);
    r[1] = chan_select(cases, 100, DEADLINE_NONE);
    r[2] = chan_select(cases, 8, DEADLINE_NOW);
    bool none = !chan_make(sizeof(int), 100);
    hoard_give_back(all);
    ok(r[0] == -ENOMEM && r[1] == -ENOMEM && chan_len(full) == 1 && cases[50].result == NO_RESULT,
       "without memory for its cases: -ENOMEM, and nothing done");
    ok(r[2] == -EAGAIN, "8 need none");
    ok(none, "nor is there a channel");
    ok(chan_select(cases, 100, DEADLINE_NOW) == 50 && v == 1, "with memory it is done");
    all = hoard_take();
    r[3] = chan_select(cases, 100, DEADLINE_NOW);
    hoard_give_back(all);
    ok(r[3] == -EAGAIN, "and then without");
    chan_free(full);
    gomaxprocs(procs);
}

int main(void)
{
    finished = make(0, 0);
    test_refused();
    test_for_ever();
    test_ready();
    test_one_moment(sizeof(int64_t), false);
    test_one_moment(sizeof(int64_t), true);
    test_one_moment(3 * sizeof(int64_t), false);
    test_one_moment(3 * sizeof(int64_t), true);
    test_chance(2);
    test_chance(3);
    test_chance(40);
    for (int n = 1; n <= 10; n++)
        test_waits(n, false);
    test_waits(2, true);
    test_waits(9, true);
    test_waits(300, false);
    test_waits(SELECT_CASES_MAX, true);
    test_waits(20000, false);
    test_waits_close();
    test_self(0);
    test_self(10);
    test_stress();
    test_double();
    test_fairness();
    test_fair_buffers(0);
    test_fair_buffers(2);
    test_pseudo_random(0);
    test_pseudo_random(10);
    test_leaves(false);
    test_leaves(true);
    test_deadline_race(0);
    test_deadline_race(2);
    static const size_t sizes[] = {0, 1, 3, 4, 8, 12, 16, 1000, 65536};
    for (size_t i = 0; i < LENGTH(sizes); i++)
        test_size(sizes[i]);
    test_no_growth(2);
    test_no_growth(8);
    test_no_growth(9);
    test_no_growth(1000);
    test_no_memory();
    return done();
}
