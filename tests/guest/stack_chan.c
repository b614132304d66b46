/*
 * stack_chan.c - stacks grow inside channel operations, with elements on stacks that are not
 * mapped yet.
 *
 * Goal:   an element of any size may lie anywhere on a stack, of the sender, the receiver or
 *         both, running or parked; channel functions may meet the edge at any instruction, the
 *         channel's lock held.
 * Method: elements are local arrays that are not probed, at each 64 bytes of a page above the
 *         edge (deep.h), in every pairing of who waits and whose element is copied.
 * Budget: 8 s.
 */
#include <errno.h>
#include <string.h>

#include "rt0/mem.h"
#include "tests/guest/deep.h"

static atomic_int wrong;

static uint8_t pattern(size_t i, unsigned seed)
{
    return (uint8_t)(i * 7 + (i >> 8) + seed);
}

static void fill(uint8_t *elem, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        elem[i] = pattern(i, seed);
}

static bool filled(const uint8_t *elem, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        if (elem[i] != pattern(i, seed))
            return false;
    return true;
}

/* ---- one goroutine's operation, at the edge ---- */

enum kind {
    RECV,       // into an array that nobody has touched
    SEND,       // out of an array that is filled
    SEND_RAW,   // out of an array that nobody has touched: any bytes
    RECV_CLOSE, // the same as RECV, but a close zeroes the array
    SELECT,     // the same as RECV, by a select in which the channel comes twice
};

struct op {
    enum kind kind;
    size_t bytes;
    struct chan *c;
    unsigned seed;
    _Atomic(struct g *) g;
};

static NO_PROBES void recv_into_array(struct op *op)
{
    uint8_t elem[op->bytes + 1];

    int got = chan_recv(op->c, elem);
    if (got || !filled(elem, op->bytes, op->seed))
        atomic_fetch_add(&wrong, 1);
}

static NO_PROBES void select_into_array(struct op *op)
{
    uint8_t elem[op->bytes + 1], *at = elem;
    struct select_case cases[3] = {
        {SELECT_RECV, op->c, at, 1}, {SELECT_SEND, NULL, at, 1}, {SELECT_RECV, op->c, at, 1}};

    int got = chan_select(cases, 3, DEADLINE_NONE);
    if (got % 2 || cases[got].result || !filled(elem, op->bytes, op->seed))
        atomic_fetch_add(&wrong, 1);
}

static NO_PROBES void recv_close_array(struct op *op)
{
    uint8_t elem[op->bytes + 1];

    int got = chan_recv(op->c, elem);
    if (got != -EPIPE)
        atomic_fetch_add(&wrong, 1);
    for (size_t i = 0; i < op->bytes; i++)
        if (elem[i])
            atomic_fetch_add(&wrong, 1);
}

static NO_PROBES void send_array(struct op *op)
{
    uint8_t elem[op->bytes + 1], *at = elem;

    if (op->kind == SEND)
        fill(elem, op->bytes, op->seed);
    __asm__("" : "+r"(at)); // or the compiler sees that some of it was never written
    if (chan_send(op->c, at))
        atomic_fetch_add(&wrong, 1);
}

static NOINLINE void operate(void *arg)
{
    struct op *op = arg;

    atomic_store(&op->g, getg());
    switch (op->kind) {
    case RECV:
        recv_into_array(op);
        break;
    case SELECT:
        select_into_array(op);
        break;
    case RECV_CLOSE:
        recv_close_array(op);
        break;
    case SEND:
    case SEND_RAW:
        send_array(op);
        break;
    }
}

/* ---- pairings ---- */

struct side {
    struct edge_case edge;
    struct op op;
};

static void start_side(struct side *s, enum kind kind, size_t bytes, struct chan *c, size_t gap)
{
    s->op = (struct op){.kind = kind, .bytes = bytes, .c = c, .seed = (unsigned)(gap + bytes)};
    s->edge = (struct edge_case){operate, &s->op, gap, false};
    edge_start(&s->edge, gap / EDGE_STEP % 2);
}

static void wait_until_parked(struct side *s)
{
    struct g *gp;

    while (!(gp = atomic_load(&s->op.g)) || atomic_load(&gp->status) != GWAITING)
        gosched();
}

enum { FIRST_WAITS, BOTH_RUN };

/* Both ends of a channel of `cap`, the second started when the first waits, or at once. */
static int pair(enum kind first, enum kind second, size_t bytes, size_t cap, size_t gap, int how)
{
    struct side a, b;
    struct chan *c = make(bytes, cap);

    start_side(&a, first, bytes, c, gap);
    if (how == FIRST_WAITS && (cap == 0 || first == RECV || first == SELECT))
        wait_until_parked(&a);
    start_side(&b, second, bytes, c, gap);
    join(2);
    chan_free(c);
    return a.edge.crossed + b.edge.crossed;
}

static const size_t sizes[] = {1, 64, 1000, 4096, 5000, CHAN_ELEM_MAX};

static void test_pairs(const char *name, enum kind first, enum kind second, size_t cap, int how)
{
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        int crossed = 0;
        atomic_store(&wrong, 0);
        memreclaim();
        /* Those larger than a page cross wherever they begin: fewer places will do. */
        size_t step = sizes[s] <= PAGE_SIZE ? 1 : 7, n = EDGE_CASES / step;
        for (size_t i = 0; i < n; i++)
            crossed += pair(first, second, sizes[s], cap, 32 + i * step * EDGE_STEP, how);
        ok(atomic_load(&wrong) == 0 && crossed > 0,
           "%s, %zu bytes: %d wrong, %d of %zu crossed the edge", name, sizes[s],
           atomic_load(&wrong), crossed, 2 * n);
    }
}

static void test_close(void)
{
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        int crossed = 0;
        atomic_store(&wrong, 0);
        memreclaim();
        for (size_t i = 0; i < EDGE_CASES; i++) {
            struct side a;
            struct chan *c = make(sizes[s], 0);
            start_side(&a, RECV_CLOSE, sizes[s], c, 32 + i * EDGE_STEP);
            if (i % 2)
                wait_until_parked(&a);
            chan_close(c);
            join(1);
            crossed += a.edge.crossed;
            chan_free(c);
        }
        ok(atomic_load(&wrong) == 0 && crossed > 0,
           "close zeroes an array of %zu bytes: %d wrong, %d crossed the edge", sizes[s],
           atomic_load(&wrong), crossed);
    }
}

/* Parked with a large array, shrunk meanwhile: what lies above the stack pointer is not touched. */
static void test_shrunk_while_parked(enum kind kind, const char *name)
{
    enum { N = 8 };
    struct side sides[N];
    struct chan *c = make(CHAN_ELEM_MAX, 0);
    static uint8_t elem[CHAN_ELEM_MAX];

    atomic_store(&wrong, 0);
    for (int i = 0; i < N; i++)
        start_side(&sides[i], kind, CHAN_ELEM_MAX, c, 32);
    for (int i = 0; i < N; i++)
        wait_until_parked(&sides[i]);
    fill(elem, CHAN_ELEM_MAX, 32 + CHAN_ELEM_MAX);
    for (int i = 0; i < N; i++) {
        memreclaim();
        chan_send(c, elem);
    }
    join(N);
    chan_free(c);
    ok(atomic_load(&wrong) == 0, "arrays of parked %s, whose stacks are shrunk: %d wrong", name,
       atomic_load(&wrong));
}

/* Go's ShrinkStackDuringBlockedSend and NoShrinkStackWhileParking: who blocks again and again, and goes deep in between,
 * is shrunk before it blocks, while it does, and after that. */
static void send_and_dive(void *c)
{
    for (int i = 0; i < 20; i++) {
        if (chan_send(c, &i) || !deep(40 * KIB))
            atomic_fetch_add(&wrong, 1);
    }
    chan_send(finished, NULL);
}

static void test_shrunk_while_blocking(void)
{
    enum { PAIRS = 20 };
    struct chan *c = make(sizeof(int), 0);
    int sum = 0, v;

    atomic_store(&wrong, 0);
    for (int i = 0; i < PAIRS; i++)
        start(send_and_dive, c);
    for (int i = 0; i < PAIRS * 20; i++) {
        memreclaim();
        if (i % 3 == 0)
            gosched();
        sum += chan_recv(c, &v) == 0 ? v : -1;
    }
    join(PAIRS);
    chan_free(c);
    ok(atomic_load(&wrong) == 0 && sum == PAIRS * 190, "senders that block, shrunk all the time");
}

int main(void)
{
    finished = chan_make(0, 0);
    test_pairs("a receiver waits", RECV, SEND, 0, FIRST_WAITS);
    test_pairs("a sender waits", SEND, RECV, 0, FIRST_WAITS);
    test_pairs("nobody waits", SEND, RECV, 0, BOTH_RUN);
    test_pairs("a receiver waits at a buffer", RECV, SEND, 1, FIRST_WAITS);
    test_pairs("through a buffer", SEND, RECV, 1, BOTH_RUN);
    test_pairs("a select waits", SELECT, SEND, 0, FIRST_WAITS);
    test_pairs("a select finds a sender", SEND, SELECT, 0, FIRST_WAITS);
    test_close();
    test_shrunk_while_parked(RECV, "receivers");
    test_shrunk_while_parked(SELECT, "selects");
    test_shrunk_while_blocking();
    return done();
}
