/*
 * select_table.c - every select there is of ten operations.
 *
 * Goal:   with a default case and without, in any mixture and number, a select does one of the cases that are ready as
 *         the call for that case alone would, touches nothing of the others, and waits if none is ready.
 * Method: the operations are to send and to receive on a channel that is NULL, unbuffered, empty, full or closed; all
 *         1024 sets of them, the order changing with the set. parks() looks at a goroutine's state until it waits.
 * Budget: 5 s.
 * Source: the cases are those of Go's test/chan/select.go, select3.go to select5.go and select7.go, and all between.
 */
#include <errno.h>

#include "tests/guest/selects.h"

/* ---- a set of operations ---- */

/* To send and to receive, on a channel that is NULL, or in one of these states. */
enum state { NIL, UNBUFFERED, EMPTY, FULL, CLOSED, NSTATE };
enum { NOP = 2 * NSTATE };

static bool is_ready(enum state s, enum select_dir dir)
{
    return s == CLOSED || s == (dir == SELECT_SEND ? EMPTY : FULL);
}

struct table {
    struct chan *c[NSTATE];
    struct select_case cases[NOP];
    int64_t v[NOP][3];
    int n;
    unsigned ready;
};

/* Bit 2 * state + dir of `ops`: that operation is one of the cases. Their order changes with it. */
static void table_make(struct table *t, size_t bytes, unsigned ops)
{
    int64_t seven[3] = {7};

    *t = (struct table){0};
    for (int s = UNBUFFERED; s <= CLOSED; s++)
        t->c[s] = make(bytes, s != UNBUFFERED);
    chan_send(t->c[FULL], seven);
    chan_close(t->c[CLOSED]);
    for (unsigned i = 0; i < NOP; i++) {
        unsigned op = (i + ops) % NOP;
        if (!(ops >> op & 1))
            continue;
        t->v[t->n][0] = 100 + t->n;
        t->cases[t->n] = (struct select_case){(enum select_dir)(op % 2), t->c[op / 2], t->v[t->n],
                                              NO_RESULT};
        t->ready |= (unsigned)is_ready((enum state)(op / 2), (enum select_dir)(op % 2)) << t->n++;
    }
}

static bool table_end(struct table *t)
{
    bool clean = true;

    for (int s = UNBUFFERED; s <= CLOSED; s++) {
        clean &= nobody_waits(t->c[s]);
        chan_free(t->c[s]);
    }
    return clean;
}

/* One that was ready has been done, as by itself; of the others nothing has been touched. */
static bool table_did(const struct table *t, int did)
{
    bool good = did >= 0 && (t->ready >> did & 1);

    for (int i = 0; i < t->n; i++) {
        const struct select_case *sc = &t->cases[i];
        bool closed = sc->c == t->c[CLOSED];
        int64_t received = closed ? 0 : 7;
        good &= sc->result == (i != did ? NO_RESULT : closed ? -EPIPE : 0);
        good &= t->v[i][0] == (i == did && sc->dir == SELECT_RECV ? received : 100 + i);
    }
    return good;
}

static int run_plain(struct call *call)
{
    return chan_select(call->on, call->number, DEADLINE_NONE);
}

/* Nothing is ready: it waits, until one of its channels is closed, or its cancel is fired if it has none. */
static bool table_waits(struct table *t)
{
    struct cancel off = {0};
    struct call call = {.fn = run_plain, .on = t->cases, .number = t->n};
    bool sends = t->n == 1 && t->cases[0].dir == SELECT_SEND;
    int end = 0;

    while (end < t->n && !t->cases[end].c)
        end++;
    if (end == t->n)
        call = (struct call){.fn = run_select,
                             .on = t->cases,
                             .number = t->n,
                             .deadline_ns = DEADLINE_NONE,
                             .cancel = &off};
    enum waitreason one = end < t->n ? sends ? WAIT_CHAN_SEND : WAIT_CHAN_RECEIVE
                          : sends    ? WAIT_CHAN_SEND_NIL
                                     : WAIT_CHAN_RECEIVE_NIL;
    bool good = parks(&call, t->n == 0 ? WAIT_SELECT_NO_CASES : t->n == 1 ? one : WAIT_SELECT);
    struct chan *c = end < t->n ? t->cases[end].c : NULL;
    if (c)
        chan_close(c);
    else
        cancel_fire(&off);
    join(1);
    if (!c)
        return good && call.result == -ECANCELED;
    return good && call.result >= 0 && t->cases[call.result].c == c &&
           t->cases[call.result].result == -EPIPE;
}

/* select3, select4, select5: with a default and without, in every mixture. */
static void test_table(size_t bytes)
{
    int bad = 0, waited = 0;

    for (unsigned ops = 0; ops < 1u << NOP; ops++) {
        struct table t;
        table_make(&t, bytes, ops);
        int did = chan_select(t.cases, t.n, DEADLINE_NOW);
        bool good = t.ready ? table_did(&t, did) : did == -EAGAIN;
        good &= table_end(&t);
        table_make(&t, bytes, ops);
        waited += !t.ready;
        good &= t.ready ? table_did(&t, chan_select(t.cases, t.n, DEADLINE_NONE)) : table_waits(&t);
        good &= table_end(&t);
        if (!check(good, "operations %#x of %zu bytes", ops, bytes))
            bad++;
    }
    ok(bad == 0 && waited == 64, "all %d selects of %d operations, elements of %zu bytes", 1 << NOP,
       NOP, bytes);
}

/* ---- what some programs do ---- */

/* select: a case that has been done is taken out, until the default case comes. */
static int send_each(struct chan *a, struct chan *b)
{
    int v = 1, done = 0, i;
    struct select_case cases[2] = {send(a, &v), send(b, &v)};

    while ((i = chan_select(cases, 2, DEADLINE_NOW)) >= 0) {
        cases[i].c = NULL;
        v <<= 1;
        done++;
    }
    return done;
}

static void test_each_once(void)
{
    struct chan *a = make(sizeof(int), 1), *b = make(sizeof(int), 1);
    int x = 0, y = 0, both = send_each(a, b);

    chan_recv(a, &x);
    chan_recv(b, &y);
    ok(both == 2 && x + y == 3 && x != y && send_each(a, NULL) == 1, "select: each channel once");
    chan_free(a);
    chan_free(b);
}

/* select7: what is received is dropped, and the one that is woken is told of it all the same. */
static int drop(struct call *call)
{
    struct select_case cases[2] = {receive(call->on, NULL), receive(call->elem, NULL)};

    return call->number ? chan_select(cases, call->number, DEADLINE_NONE)
                        : chan_recv(call->on, NULL);
}

static void test_drop(size_t bytes)
{
    struct chan *c = make(bytes, 0), *theirs = make(bytes, 0), *mine = make(bytes, 0);
    int64_t v[3] = {1, 2, 3};
    struct select_case cases[2] = {send(c, v), send(mine, v)};
    int bad = 0;

    for (int how = 0; how < 9; how++) {
        struct call call = {.fn = drop, .on = c, .elem = theirs, .number = how / 3};
        bad += !parks(&call, how / 3 == 2 ? WAIT_SELECT : WAIT_CHAN_RECEIVE);
        bad += how % 3 ? chan_select(cases, how % 3, DEADLINE_NONE) : chan_send(c, v);
        join(1);
        bad += call.result || !nobody_waits(c) || !nobody_waits(theirs) || !nobody_waits(mine);
    }
    ok(bad == 0, "select7: %zu bytes dropped, by all pairs of calls", bytes);
    chan_free(c);
    chan_free(theirs);
    chan_free(mine);
}

int main(void)
{
    static const size_t sizes[] = {sizeof(int), sizeof(int64_t), 3 * sizeof(int64_t)};

    finished = make(0, 0);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        test_table(sizes[i]);
        test_drop(sizes[i]);
    }
    test_each_once();
    return done();
}
