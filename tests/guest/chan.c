/*
 * chan.c - channels keep Go's promises.
 *
 * Goal:   order, exactly-once delivery, closing, refusals and the bytes of elements, whatever the
 *         number of cores.
 * Method: where a case needs a goroutine that waits, parks() starts it and looks at its state until
 *         it does, so nothing depends on time; where it needs a race, many rounds are counted.
 * Budget: 5 s.
 * Source: the cases are those of Go's chan_test.go and test/chan, written anew for this API.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page.h"
#include "sched/sched.h"
#include "tests/guest/many.h"

/* ---- a call in a goroutine of its own ---- */

enum op { SEND, RECV };

struct call {
    enum op op;
    struct chan *c;
    void *elem;
    int result; // valid once returned
    atomic_bool returned;
    _Atomic(struct g *) g;
};

static void make_call(void *arg)
{
    struct call *call = arg;

    atomic_store(&call->g, getg());
    call->result = call->op == SEND ? chan_send(call->c, call->elem)
                                    : chan_recv(call->c, call->elem);
    atomic_store(&call->returned, true);
    chan_send(finished, NULL);
}

/* Whether the call is still under way once its goroutine waits. */
static bool parks(struct call *call)
{
    struct g *gp;

    start(make_call, call);
    while (!(gp = atomic_load(&call->g)) || atomic_load(&gp->status) != GWAITING)
        gosched();
    return !atomic_load(&call->returned);
}

/* ---- patterns ---- */

#define CANARY_BYTES 32

enum { EACH_VALUE = 100 };

static uint8_t pattern(size_t i, unsigned seed)
{
    return (uint8_t)(seed * 37 + i * 11 + (i >> 8) * 5 + 1);
}

/* An element with canaries around it. */
static uint8_t *elem_new(size_t bytes)
{
    uint8_t *p = must(malloc(bytes + 2 * CANARY_BYTES));

    memset(p, 0xc5, bytes + 2 * CANARY_BYTES);
    return p + CANARY_BYTES;
}

static void elem_free(uint8_t *elem)
{
    free(elem - CANARY_BYTES);
}

static uint8_t *elem_fill(uint8_t *elem, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        elem[i] = pattern(i, seed);
    return elem;
}

static bool canaries_live(const uint8_t *elem, size_t bytes)
{
    for (size_t i = 0; i < CANARY_BYTES; i++)
        if (elem[-1 - (ptrdiff_t)i] != 0xc5 || elem[bytes + i] != 0xc5)
            return false;
    return true;
}

static bool elem_is(const uint8_t *elem, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        if (elem[i] != pattern(i, seed))
            return false;
    return canaries_live(elem, bytes);
}

static bool elem_is_zero(const uint8_t *elem, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (elem[i])
            return false;
    return canaries_live(elem, bytes);
}

/* ---- making ---- */

static void test_make(void)
{
    struct chan *c = make(sizeof(int), 5);
    int v = 7;

    ok(chan_cap(c) == 5 && chan_len(c) == 0, "a new channel is empty and has its capacity");
    for (size_t i = 1; i <= 5; i++) {
        chan_send(c, &v);
        check(chan_len(c) == i, "len %zu after %zu sends", chan_len(c), i);
    }
    for (size_t i = 5; i-- > 0;) {
        chan_recv(c, &v);
        check(chan_len(c) == i, "len %zu, expected %zu", chan_len(c), i);
    }
    ok(chan_cap(c) == 5 && v == 7, "five elements in, five out");
    chan_free(c);
    chan_free(NULL);
    ok(chan_len(NULL) == 0 && chan_cap(NULL) == 0, "NULL has neither length nor capacity");
}

static void test_make_refuses(void)
{
    static const struct {
        size_t elem_bytes, cap;
    } refused[] = {
        {CHAN_ELEM_MAX + 1, 0},
        {CHAN_ELEM_MAX + 1, 1},
        {SIZE_MAX, 0},
        {SIZE_MAX, 1},
        {1, SIZE_MAX},
        {1, PTRDIFF_MAX},
        {8, SIZE_MAX / 8},
        {8, SIZE_MAX / 8 + 1}, // the product is 0 modulo 2^64
        {CHAN_ELEM_MAX, SIZE_MAX / CHAN_ELEM_MAX + 2},
        {CHAN_ELEM_MAX, (size_t)1 << 24}, // a TiB
    };
    size_t pages = page_in_use();

    for (size_t i = 0; i < LENGTH(refused); i++)
        ok(!chan_make(refused[i].elem_bytes, refused[i].cap), "no channel of %zu x %zu bytes",
           refused[i].cap, refused[i].elem_bytes);
    ok(page_in_use() - pages < 64, "what was refused took no memory: %zu pages",
       page_in_use() - pages);

    struct chan *c = chan_make(CHAN_ELEM_MAX, 1);
    ok(c != NULL, "the largest element is accepted");
    chan_free(c);
    c = chan_make(0, SIZE_MAX);
    ok(c && chan_cap(c) == SIZE_MAX && chan_send(c, NULL) == 0 && chan_len(c) == 1,
       "elements without bytes need no memory, however many");
    chan_free(c);
}

static void test_free(void)
{
    size_t before = 0;

    for (int i = 0; i < 300; i++) {
        struct chan *c = make(4096, 16);
        for (int k = 0; k < 16; k++)
            chan_send(c, NULL);
        chan_free(c);
        if (i == 0)
            before = page_in_use();
    }
    ok(page_in_use() == before,
       "300 channels of 64 KiB, one after the other, need the memory of one");
}

/* ---- what blocks ---- */

static void test_blocks(void)
{
    struct chan *empty = make(sizeof(int), 0), *buffered = make(sizeof(int), 1);
    struct chan *full = make(sizeof(int), 1);
    int v[4] = {1, 2, 3, 4};
    struct call send = {.op = SEND, .c = empty, .elem = &v[0]},
                recv_empty = {.op = RECV, .c = buffered, .elem = &v[1]};
    struct call send_full = {.op = SEND, .c = full, .elem = &v[2]};
    static int nil_elem;
    static struct call nil_send = {.op = SEND, .c = NULL, .elem = &nil_elem},
                       nil_recv = {.op = RECV, .c = NULL, .elem = &nil_elem};

    chan_send(full, &v[3]);
    ok(parks(&send), "a send without a receiver waits");
    ok(parks(&recv_empty), "a receive from an empty buffer waits");
    ok(parks(&send_full), "a send into a full buffer waits");
    ok(chan_len(empty) == 0 && chan_len(buffered) == 0 && chan_len(full) == 1,
       "waiting senders are not counted in the length");
    ok(parks(&nil_send) && atomic_load(&nil_send.g)->waitreason == WAIT_CHAN_SEND_NIL,
       "a send to NULL waits for ever");
    ok(parks(&nil_recv) && atomic_load(&nil_recv.g)->waitreason == WAIT_CHAN_RECEIVE_NIL,
       "a receive from NULL waits for ever");

    chan_recv(empty, &v[0]);
    chan_send(buffered, &v[3]);
    chan_recv(full, NULL);
    join(3);
    ok(send.result == 0 && recv_empty.result == 0 && send_full.result == 0,
       "each returns when it can");
    ok(v[1] == 4 && chan_recv(full, &v[0]) == 0 && v[0] == 3, "with its element");
    ok(!atomic_load(&nil_send.returned) && !atomic_load(&nil_recv.returned), "NULL still blocks");
    chan_free(empty);
    chan_free(buffered);
    chan_free(full);
}

static void test_try(void)
{
    struct chan *c = make(sizeof(int), 0), *b = make(sizeof(int), 2);
    int v = 5, got = -1, zero = -1;
    struct call recv = {.op = RECV, .c = c, .elem = &got}, send = {.op = SEND, .c = c, .elem = &v};

    ok(chan_try_send(NULL, &v) == -EAGAIN && chan_try_recv(NULL, &v) == -EAGAIN,
       "NULL is never ready");
    ok(chan_try_send(c, &v) == -EAGAIN && chan_try_recv(c, &v) == -EAGAIN && v == 5,
       "nobody there: -EAGAIN, and the element is not touched");
    ok(parks(&recv) && chan_try_send(c, &v) == 0, "try_send to a waiting receiver");
    join(1);
    ok(recv.result == 0 && got == 5, "which has the element");
    ok(parks(&send) && chan_try_recv(c, &got) == 0, "try_recv from a waiting sender");
    join(1);
    ok(send.result == 0 && got == 5, "which is told");
    ok(chan_try_send(c, &v) == -EAGAIN && chan_try_recv(c, &v) == -EAGAIN,
       "then nobody is there again");

    ok(chan_try_recv(b, &v) == -EAGAIN, "try_recv from an empty buffer");
    ok(chan_try_send(b, &v) == 0 && chan_try_send(b, &got) == 0, "try_send while there is room");
    ok(chan_try_send(b, &v) == -EAGAIN && chan_len(b) == 2, "try_send into a full buffer");
    chan_close(b);
    ok(chan_try_send(b, &v) == -EPIPE, "try_send to a closed channel");
    ok(chan_try_recv(b, &v) == 0 && chan_try_recv(b, &v) == 0, "try_recv gets what is buffered");
    ok(chan_try_recv(b, &zero) == -EPIPE && zero == 0, "then -EPIPE and a zeroed element");
    chan_free(c);
    chan_free(b);
}

/* ---- Go's TestChan, for each capacity ---- */

struct stream {
    struct chan *c;
    int n;
    atomic_int seen[EACH_VALUE];
};

static void send_stream(void *arg)
{
    struct stream *st = arg;

    for (int v = 0; v < st->n; v++)
        chan_send(st->c, &v);
    chan_send(finished, NULL);
}

static void recv_stream(void *arg)
{
    struct stream *st = arg;

    for (int i = 0, v; i < st->n; i++)
        if (chan_recv(st->c, &v) == 0)
            atomic_fetch_add(&st->seen[v], 1);
    chan_send(finished, NULL);
}

/* One stream in order; then of four that are mixed each value four times. */
static int count_bad_streams(struct chan *c)
{
    struct stream st = {.c = c, .n = EACH_VALUE};
    int bad = 0, v;

    start(send_stream, &st);
    for (int i = 0; i < EACH_VALUE; i++)
        bad += chan_recv(c, &v) != 0 || v != i;
    for (int i = 0; i < 4; i++) {
        start(send_stream, &st);
        start(recv_stream, &st);
    }
    join(1 + 8);
    for (int i = 0; i < EACH_VALUE; i++)
        bad += atomic_load(&st.seen[i]) != 4;
    return bad;
}

/* Empty, then full: who comes waits, who tries is told so. */
static int count_bad_blocks(struct chan *c, int cap)
{
    int v = 7, got = 0, bad = 0;
    struct call recv = {.op = RECV, .c = c, .elem = &got}, send = {.op = SEND, .c = c, .elem = &v};

    bad += !parks(&recv) || chan_try_recv(c, NULL) != -EAGAIN;
    bad += chan_send(c, &v) != 0;
    join(1);
    bad += got != 7 || chan_len(c) != 0;
    for (int i = 0; i < cap; i++)
        bad += chan_send(c, &i) != 0;
    bad += chan_len(c) != (size_t)cap || chan_cap(c) != (size_t)cap;
    bad += !parks(&send) || chan_try_send(c, &v) != -EAGAIN;
    for (int i = 0; i <= cap; i++)
        bad += chan_recv(c, &got) != 0 || got != (i < cap ? i : 7);
    join(1);
    return bad;
}

/* Closed while it is full, or while somebody waits for what does not come any more. */
static int count_bad_closes(struct chan *full, struct chan *empty, int cap)
{
    int got = 1, bad = 0;
    struct call recv = {.op = RECV, .c = empty, .elem = &got};

    bad += !parks(&recv) || chan_close(empty) != 0;
    join(1);
    bad += recv.result != -EPIPE || got != 0;
    for (int i = 0; i < cap; i++)
        chan_send(full, &i);
    chan_close(full);
    for (int i = 0; i < cap; i++)
        bad += chan_recv(full, &got) != 0 || got != i;
    for (int i = 0; i < 2; i++, got = 1)
        bad += chan_recv(full, &got) != -EPIPE || got != 0;
    return bad;
}

static void test_capacities(void)
{
    enum { CAPS = 40 };
    int bad = 0;

    for (int cap = 0; cap < CAPS; cap++) {
        struct chan *c = make(sizeof(int), (size_t)cap), *other = make(sizeof(int), (size_t)cap);
        int wrong = count_bad_blocks(c, cap) + count_bad_streams(c);
        wrong += count_bad_closes(c, other, cap);
        check(wrong == 0, "capacity %d: %d wrong", cap, wrong);
        bad += wrong;
        chan_free(c);
        chan_free(other);
    }
    ok(bad == 0, "capacities 0 to %d: blocking, order, every value, closing", CAPS - 1);
}

/* ---- order ---- */

enum { NWAITER = 20 };

/* NWAITER receivers wait, one after the other. */
static void test_fifo_receivers(void)
{
    struct chan *c = make(sizeof(int), 0);
    struct call calls[NWAITER];
    int got[NWAITER];
    bool parked = true, in_order = true;

    for (int i = 0; i < NWAITER; i++) {
        got[i] = -1;
        calls[i] = (struct call){.op = RECV, .c = c, .elem = &got[i]};
        parked &= parks(&calls[i]);
    }
    for (int i = 0; i < NWAITER; i++)
        chan_send(c, &i);
    join(NWAITER);
    for (int i = 0; i < NWAITER; i++)
        in_order &= got[i] == i && calls[i].result == 0;
    ok(parked && in_order, "%d waiting receivers are served in the order of their coming", NWAITER);
    chan_free(c);
}

static void test_fifo_senders(size_t cap)
{
    struct chan *c = make(sizeof(int), cap);
    struct call calls[NWAITER];
    int value[NWAITER];
    bool parked = true, in_order = true;

    for (int i = 0; i < (int)cap; i++)
        chan_send(c, &i);
    for (int i = 0; i < NWAITER; i++) {
        value[i] = (int)cap + i;
        calls[i] = (struct call){.op = SEND, .c = c, .elem = &value[i]};
        parked &= parks(&calls[i]);
    }
    for (int i = 0; i < (int)cap + NWAITER; i++) {
        int v = -1;
        in_order &= chan_recv(c, &v) == 0 && v == i;
    }
    join(NWAITER);
    for (int i = 0; i < NWAITER; i++)
        in_order &= calls[i].result == 0;
    ok(parked && in_order && chan_try_recv(c, NULL) == -EAGAIN,
       "%d waiting senders are served in order, after a buffer of %zu", NWAITER, cap);
    /* The ring's two ends still agree. */
    for (int i = 0; i < (int)cap; i++)
        chan_send(c, &i);
    for (int i = 0, v = -1; i < (int)cap; i++)
        check(chan_recv(c, &v) == 0 && v == i, "then element %d of the buffer is %d", i, v);
    chan_free(c);
}

/* A send that returned has met its receiver; the sender's next step comes after. */
struct rendezvous {
    struct chan *c;
    atomic_int step;
    int late;
};

static void meet(void *arg)
{
    struct rendezvous *r = arg;

    for (int i = 0; i < 100; i++) {
        atomic_store(&r->step, i + 1);
        chan_send(r->c, &i);
    }
    chan_send(finished, NULL);
}

static void test_rendezvous(void)
{
    struct rendezvous r = {.c = make(sizeof(int), 0)};
    int v;

    start(meet, &r);
    for (int i = 0; i < 100; i++) {
        /* However often the sender may run, it can't be more than one step ahead. */
        gosched();
        r.late += atomic_load(&r.step) > i + 1;
        chan_recv(r.c, &v);
        r.late += v != i;
    }
    join(1);
    ok(r.late == 0, "an unbuffered sender is never ahead of its receiver: %d", r.late);
    chan_free(r.c);
}

/* Random tries against a model, in which the ring wraps at every offset. */
static void test_ring(size_t elem_bytes, size_t cap)
{
    struct chan *c = make(elem_bytes, cap);
    uint8_t *elem = elem_new(elem_bytes);
    unsigned sent = 0, received = 0, random = 12345;
    bool good = true;

    for (int i = 0; i < 2000 && good; i++) {
        random = random * 1103515245 + 12345;
        if (random >> 16 & 1) {
            bool room = sent - received < cap;
            good &= chan_try_send(c, elem_fill(elem, elem_bytes, sent)) == (room ? 0 : -EAGAIN);
            sent += room;
        } else {
            bool any = sent != received;
            memset(elem, 0, elem_bytes);
            good &= chan_try_recv(c, elem) == (any ? 0 : -EAGAIN);
            good &= any ? elem_is(elem, elem_bytes, received) : elem_is_zero(elem, elem_bytes);
            received += any;
        }
        good &= chan_len(c) == sent - received && canaries_live(elem, elem_bytes);
    }
    ok(good, "a ring of %zu x %zu bytes wraps: %u in, %u out", cap, elem_bytes, sent, received);
    elem_free(elem);
    chan_free(c);
}

/* ---- elements ---- */

static void test_elem_bytes(size_t bytes)
{
    struct chan *c = make(bytes, 0), *b = make(bytes, 2);
    uint8_t *theirs = elem_new(bytes), *mine = elem_new(bytes);
    struct call recv = {.op = RECV, .c = c, .elem = theirs},
                send = {.op = SEND, .c = c, .elem = theirs},
                send_full = {.op = SEND, .c = b, .elem = theirs};
    bool good = parks(&recv);

    good &= chan_send(c, elem_fill(mine, bytes, 1)) == 0;
    join(1);
    ok(good && elem_is(theirs, bytes, 1), "%zu bytes: to a waiting receiver", bytes);

    elem_fill(theirs, bytes, 2);
    good = parks(&send);
    good &= chan_recv(c, mine) == 0;
    join(1);
    ok(good && elem_is(mine, bytes, 2), "%zu bytes: from a waiting sender", bytes);

    good = chan_send(b, elem_fill(mine, bytes, 3)) == 0 &&
           chan_send(b, elem_fill(mine, bytes, 4)) == 0;
    elem_fill(theirs, bytes, 5);
    good &= parks(&send_full);
    for (unsigned seed = 3; seed <= 5; seed++)
        good &= chan_recv(b, mine) == 0 && elem_is(mine, bytes, seed);
    join(1);
    ok(good, "%zu bytes: through a buffer, and from a sender that waits behind it", bytes);

    chan_close(c);
    ok(chan_recv(c, mine) == -EPIPE && elem_is_zero(mine, bytes), "%zu bytes: zeroed at the end",
       bytes);
    elem_free(mine);
    elem_free(theirs);
    chan_free(c);
    chan_free(b);
}

/* Go's nonblock: who tries meets who waits, or the buffer. */
static void test_try_bytes(size_t bytes, size_t cap)
{
    struct chan *c = make(bytes, cap);
    uint8_t *theirs = elem_new(bytes), *mine = elem_fill(elem_new(bytes), bytes, 1);
    struct call recv = {.op = RECV, .c = c, .elem = theirs},
                send = {.op = SEND, .c = c, .elem = theirs};
    bool good = chan_try_recv(c, mine) == -EAGAIN && elem_is(mine, bytes, 1);

    good &= parks(&recv) && chan_try_send(c, mine) == 0;
    join(1);
    good &= recv.result == 0 && elem_is(theirs, bytes, 1);
    for (size_t i = 0; i < cap; i++)
        good &= chan_try_send(c, elem_fill(mine, bytes, 2)) == 0;
    elem_fill(theirs, bytes, cap ? 3 : 2);
    good &= parks(&send) && chan_try_recv(c, mine) == 0 && elem_is(mine, bytes, 2);
    join(1);
    for (size_t i = 0; i < cap; i++)
        good &= chan_try_recv(c, mine) == 0 && elem_is(mine, bytes, i + 1 < cap ? 2 : 3);
    ok(good && chan_try_recv(c, mine) == -EAGAIN, "%zu bytes, capacity %zu: tries", bytes, cap);
    elem_free(mine);
    elem_free(theirs);
    chan_free(c);
}

static void test_null_elem(void)
{
    struct chan *c = make(16, 0), *b = make(16, 2);
    uint8_t *theirs = elem_fill(elem_new(16), 16, 1), *mine = elem_fill(elem_new(16), 16, 2);
    struct call recv = {.op = RECV, .c = c, .elem = theirs},
                drop = {.op = RECV, .c = c, .elem = NULL},
                send_null = {.op = SEND, .c = c, .elem = NULL};
    bool good = parks(&recv);

    good &= chan_send(c, NULL) == 0;
    join(1);
    ok(good && elem_is_zero(theirs, 16), "a NULL element arrives as zeros at a waiting receiver");
    good = parks(&drop);
    good &= chan_send(c, mine) == 0;
    join(1);
    ok(good && drop.result == 0 && elem_is(mine, 16, 2), "a waiting receiver may drop the element");
    good = parks(&send_null);
    good &= chan_recv(c, mine) == 0;
    join(1);
    ok(good && elem_is_zero(mine, 16), "a waiting sender may send NULL");
    elem_fill(mine, 16, 3);
    ok(chan_send(b, mine) == 0 && chan_send(b, NULL) == 0 && chan_recv(b, NULL) == 0 &&
           chan_recv(b, mine) == 0 && elem_is_zero(mine, 16),
       "both through a buffer");
    elem_free(mine);
    elem_free(theirs);
    chan_free(c);
    chan_free(b);
}

/* ---- close ---- */

static void test_close(void)
{
    struct chan *c = make(sizeof(int), 3);
    int v = 41, zero = 42;

    ok(chan_close(NULL) == -EINVAL, "close of NULL is refused");
    chan_send(c, &v);
    v++;
    chan_send(c, &v);
    ok(chan_close(c) == 0 && chan_close(c) == -EPIPE, "closed once, and only once");
    ok(chan_send(c, &v) == -EPIPE && chan_len(c) == 2, "a send to a closed channel is refused");
    ok(chan_recv(c, &v) == 0 && v == 41 && chan_recv(c, &v) == 0 && v == 42,
       "what is buffered arrives");
    for (int i = 0; i < 3; i++, zero = 42)
        ok(chan_recv(c, &zero) == -EPIPE && zero == 0, "then -EPIPE and zeros, as often as asked");
    ok(chan_recv(c, NULL) == -EPIPE, "also with a NULL element");
    ok(chan_close(c) == -EPIPE, "drained, it is still closed");
    chan_free(c);
}

static void test_close_wakes_receivers(void)
{
    struct chan *c = make(24, 0);
    struct call calls[NWAITER];
    uint8_t *elems[NWAITER];
    bool good = true;

    for (unsigned i = 0; i < NWAITER; i++) {
        elems[i] = elem_fill(elem_new(24), 24, i);
        calls[i] = (struct call){.op = RECV, .c = c, .elem = i % 4 == 3 ? NULL : elems[i]};
        good &= parks(&calls[i]);
    }
    good &= chan_close(c) == 0;
    join(NWAITER);
    for (unsigned i = 0; i < NWAITER; i++) {
        good &= calls[i].result == -EPIPE;
        good &= i % 4 == 3 ? elem_is(elems[i], 24, i) : elem_is_zero(elems[i], 24);
        elem_free(elems[i]);
    }
    ok(good, "close wakes %d waiting receivers with -EPIPE and zeros", NWAITER);
    chan_free(c);
}

static void test_close_wakes_senders(size_t cap)
{
    struct chan *c = make(sizeof(int), cap);
    struct call calls[NWAITER];
    int value = 1000, v;
    bool good = true;

    for (int i = 0; i < (int)cap; i++)
        chan_send(c, &i);
    for (int i = 0; i < NWAITER; i++) {
        calls[i] = (struct call){.op = SEND, .c = c, .elem = &value};
        good &= parks(&calls[i]);
    }
    good &= chan_close(c) == 0;
    join(NWAITER);
    for (int i = 0; i < NWAITER; i++)
        good &= calls[i].result == -EPIPE;
    ok(good, "close wakes %d waiting senders with -EPIPE, cap %zu", NWAITER, cap);
    for (int i = 0; i < (int)cap; i++)
        check(chan_recv(c, &v) == 0 && v == i, "element %d of %zu before the close", i, cap);
    ok(chan_recv(c, &v) == -EPIPE && v == 0, "and only what was buffered is received");
    chan_free(c);
}

/* ---- close against everybody ---- */

struct melee {
    struct chan *c;
    atomic_int sent, received, closed, wrong, started;
};

static void melee_send(void *arg)
{
    struct melee *x = arg;
    int v = 1, err;

    while ((err = chan_send(x->c, &v)) == 0)
        atomic_fetch_add(&x->sent, 1);
    if (err != -EPIPE)
        atomic_fetch_add(&x->wrong, 1);
    chan_send(finished, NULL);
}

static void melee_recv(void *arg)
{
    struct melee *x = arg;
    int v, err;

    for (; (err = chan_recv(x->c, &v)) == 0; v = 0) {
        if (v != 1)
            atomic_fetch_add(&x->wrong, 1);
        atomic_fetch_add(&x->received, 1);
    }
    if (err != -EPIPE || v != 0)
        atomic_fetch_add(&x->wrong, 1);
    chan_send(finished, NULL);
}

static void melee_close(void *arg)
{
    struct melee *x = arg;

    while (atomic_load(&x->received) < 20)
        gosched();
    int err = chan_close(x->c);
    if (err == 0)
        atomic_fetch_add(&x->closed, 1);
    else if (err != -EPIPE)
        atomic_fetch_add(&x->wrong, 1);
    chan_send(finished, NULL);
}

static void test_close_race(void)
{
    enum { ROUNDS = 150, EACH = 3 };
    int lost = 0, wrong = 0, not_one = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct melee x = {.c = make(sizeof(int), (size_t)i % 3)};
        for (int k = 0; k < EACH; k++) {
            start(melee_send, &x);
            start(melee_recv, &x);
            start(melee_close, &x);
        }
        join(3 * EACH);
        lost += atomic_load(&x.sent) != atomic_load(&x.received);
        wrong += atomic_load(&x.wrong);
        not_one += atomic_load(&x.closed) != 1;
        chan_free(x.c);
    }
    ok(lost == 0,
       "%d times closed under senders and receivers: every send that returned 0 was received",
       ROUNDS);
    ok(wrong == 0, "no other answers: %d", wrong);
    ok(not_one == 0, "of three that close at once, one does");
}

static atomic_int not_ready;

static void must_be_ready(void *arg)
{
    int v, err = chan_try_recv(arg, &v);

    if (err == -EAGAIN)
        atomic_fetch_add(&not_ready, 1);
    chan_send(finished, NULL);
}

/* The element, or the close: one of them is there at any moment. */
static void test_try_recv_race(void)
{
    enum { ROUNDS = 1000 };

    for (int i = 0; i < ROUNDS; i++) {
        struct chan *c = make(sizeof(int), 1);
        chan_send(c, &i);
        start(must_be_ready, c);
        chan_close(c);
        chan_recv(c, NULL);
        join(1);
        chan_free(c);
    }
    ok(atomic_load(&not_ready) == 0,
       "%d times: a channel that is full, then closed, is always ready", ROUNDS);
}

/* ---- other goroutines' stacks ---- */

struct hand_off {
    struct chan *c;
    struct chan *ack;
    atomic_int wrong;
};

struct on_stack {
    uint64_t before;
    uint32_t elem[6];
    uint64_t after;
};

#define GUARD UINT64_C(0x5ca1ab1e0ddba115)

/* Waits at the bottom of 30 frames of 1 KiB; the frames are checked on the way back. */
static __attribute__((noinline)) void recv_deep(struct hand_off *h, int depth, uint32_t expected)
{
    volatile uint32_t frame[256];

    for (uint32_t i = 0; i < 256; i++)
        frame[i] = i * (uint32_t)depth;
    if (depth > 0) {
        recv_deep(h, depth - 1, expected);
    } else {
        struct on_stack s = {.before = GUARD, .after = GUARD};
        chan_recv(h->c, s.elem);
        for (uint32_t i = 0; i < 6; i++)
            if (s.elem[i] != expected * 6 + i || s.before != GUARD || s.after != GUARD)
                atomic_fetch_add(&h->wrong, 1);
    }
    for (uint32_t i = 0; i < 256; i++)
        if (frame[i] != i * (uint32_t)depth)
            atomic_fetch_add(&h->wrong, 1);
}

static void recv_on_stack(void *arg)
{
    for (uint32_t i = 0; i < 100; i++)
        recv_deep(arg, i % 30, i);
    chan_send(finished, NULL);
}

static void send_from_stack(void *arg)
{
    struct hand_off *h = arg;

    for (uint32_t i = 0; i < 100; i++) {
        uint32_t elem[6];
        for (uint32_t k = 0; k < 6; k++)
            elem[k] = i * 6 + k;
        chan_send(h->c, elem);
        memset(elem, 0xee, sizeof elem);
        __asm__ volatile("" : : "r"(elem) : "memory");
    }
    chan_send(finished, NULL);
}

/* A pointer to a local variable, written by the one who gets it. */
static void lend_local(void *arg)
{
    struct hand_off *h = arg;

    for (int i = 0; i < 100; i++) {
        volatile int local = i;
        volatile int *at = &local;
        chan_send(h->c, &at);
        chan_recv(h->ack, NULL);
        if (local != i * 2 + 1)
            atomic_fetch_add(&h->wrong, 1);
    }
    chan_send(finished, NULL);
}

static void use_loan(void *arg)
{
    struct hand_off *h = arg;

    for (int i = 0; i < 100; i++) {
        volatile int *at;
        chan_recv(h->c, &at);
        *at = *at * 2 + 1;
        chan_send(h->ack, NULL);
    }
    chan_send(finished, NULL);
}

static void test_stacks(void)
{
    struct hand_off h = {.c = make(6 * sizeof(uint32_t), 0)};

    start(recv_on_stack, &h);
    start(send_from_stack, &h);
    join(2);
    ok(atomic_load(&h.wrong) == 0, "100 elements from stack to stack, at any depth");
    chan_free(h.c);

    struct hand_off l = {.c = make(sizeof(int *), 0), .ack = make(0, 0)};
    start(lend_local, &l);
    start(use_loan, &l);
    join(2);
    ok(atomic_load(&l.wrong) == 0, "100 locals written through a pointer that went over a channel");
    chan_free(l.c);
    chan_free(l.ack);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {0, 1, 3, 4, 8, 16, 4096, CHAN_ELEM_MAX};

    int ncore = argc > 1 ? atoi(argv[1]) : numcpu();

    finished = make(0, 0);
    ok(numcpu() == ncore, "%d cores", numcpu());
    test_make();
    test_make_refuses();
    test_free();
    test_blocks();
    test_try();
    test_capacities();
    test_fifo_receivers();
    test_fifo_senders(0);
    test_fifo_senders(3);
    test_rendezvous();
    for (size_t cap = 1; cap <= 7; cap += 2)
        test_ring(12, cap);
    test_ring(0, 4);
    test_ring(1, 64);
    for (size_t i = 0; i < LENGTH(sizes); i++)
        test_elem_bytes(sizes[i]);
    for (size_t cap = 0; cap < 2; cap++)
        for (size_t i = 0; i < LENGTH(sizes); i++)
            test_try_bytes(sizes[i], cap);
    test_null_elem();
    test_close();
    test_close_wakes_receivers();
    test_close_wakes_senders(0);
    test_close_wakes_senders(3);
    test_close_race();
    test_try_recv_race();
    test_stacks();
    return done();
}
