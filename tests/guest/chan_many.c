/*
 * chan_many.c - programs of many goroutines that hold together by channels.
 *
 * Goal:   no element is lost, doubled or out of order, and no wake-up is missed, when hundreds of
 *         goroutines on all cores send and receive.
 * Method: networks whose result is known: a chain, the prime sieve, a market of producers and
 *         consumers, workers between two queues, a tree that merges, ping-pong, servers with a
 *         channel in each request.
 * Budget: 5 s.
 * Source: the programs are those of Go's test/chan and chan_test.go, written anew for this API.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/many.h"

static int ncore;

/* ---- a chain and a sieve ---- */

struct link {
    struct chan *left, *right;
};

static void add_one(void *arg)
{
    struct link l = *(struct link *)arg;
    int v;

    chan_recv(l.right, &v);
    v++;
    chan_send(l.left, &v);
    chan_send(finished, NULL);
}

static void test_chain(void)
{
    enum { N = 10000 };
    struct link *links = must(calloc(N, sizeof *links));
    struct chan **c = must(calloc(N + 1, sizeof(struct chan *)));
    int v = 0;

    for (int i = 0; i <= N; i++)
        c[i] = make(sizeof(int), 0);
    for (int i = 0; i < N; i++) {
        links[i] = (struct link){c[i], c[i + 1]};
        start(add_one, &links[i]);
    }
    chan_send(c[N], &v);
    chan_recv(c[0], &v);
    join(N);
    ok(v == N, "a chain of %d goroutines adds up to %d", N, v);
    for (int i = 0; i <= N; i++)
        chan_free(c[i]);
    free(c);
    free(links);
}

enum { NPRIME = 200, LAST_PRIME = 1223 };

struct filter {
    struct chan *in, *out;
    int prime;
};

static void generate(void *arg)
{
    for (int i = 2; i <= LAST_PRIME; i++)
        chan_send(arg, &i);
    chan_close(arg);
    chan_send(finished, NULL);
}

static void filter(void *arg)
{
    struct filter *f = arg;
    int n;

    while (chan_recv(f->in, &n) == 0)
        if (n % f->prime)
            chan_send(f->out, &n);
    chan_close(f->out);
    chan_send(finished, NULL);
}

static bool is_prime(int n)
{
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

static void test_sieve(void)
{
    static struct filter filters[NPRIME];
    struct chan *c = make(sizeof(int), 0);
    int n = 0, prime, expected = 2, wrong = 0;

    start(generate, c);
    for (; n < NPRIME && chan_recv(c, &prime) == 0; n++) {
        while (!is_prime(expected))
            expected++;
        wrong += prime != expected++;
        filters[n] = (struct filter){c, make(sizeof(int), 0), prime};
        start(filter, &filters[n]);
        c = filters[n].out;
    }
    ok(n == NPRIME && prime == LAST_PRIME && wrong == 0,
       "the sieve's first %d primes, the last is %d", n, prime);
    ok(chan_recv(c, &prime) == -EPIPE, "the end of the numbers goes through all filters");
    join(n + 1);
    for (int i = 0; i < n; i++)
        chan_free(filters[i].in);
    chan_free(c);
}

/* ---- every value exactly once ---- */

enum { NVALUE = 6000, MAX_PRODUCER = 24 };

struct market {
    struct chan *c;
    int nproducer;
    atomic_int next_producer, next_consumer, disorder;
    atomic_uchar seen[NVALUE];
};

static void produce(void *arg)
{
    struct market *x = arg;
    int me = atomic_fetch_add(&x->next_producer, 1);

    for (int v = me; v < NVALUE; v += x->nproducer)
        chan_send(x->c, &v);
    chan_send(finished, NULL);
}

/* Each second consumer tries and yields instead of waiting. */
static void consume(void *arg)
{
    struct market *x = arg;
    bool tries = atomic_fetch_add(&x->next_consumer, 1) % 2;
    int last[MAX_PRODUCER], v, err;

    memset(last, -1, sizeof last);
    while ((err = tries ? chan_try_recv(x->c, &v) : chan_recv(x->c, &v)) != -EPIPE) {
        if (err == -EAGAIN) {
            gosched();
            continue;
        }
        /* What one producer sent and one consumer got is in order. */
        if (v <= last[v % x->nproducer])
            atomic_fetch_add(&x->disorder, 1);
        last[v % x->nproducer] = v;
        atomic_fetch_add(&x->seen[v], 1);
    }
    chan_send(finished, NULL);
}

static void test_market(size_t cap)
{
    static struct market x;
    int n = 2 * ncore + 1, wrong = 0;

    memset(&x, 0, sizeof x);
    x.c = make(sizeof(int), cap);
    x.nproducer = n < MAX_PRODUCER ? n : MAX_PRODUCER;
    for (int i = 0; i < x.nproducer; i++)
        start(consume, &x);
    for (int i = 0; i < x.nproducer; i++)
        start(produce, &x);
    join(x.nproducer);
    chan_close(x.c);
    join(x.nproducer);
    for (int v = 0; v < NVALUE; v++)
        wrong += atomic_load(&x.seen[v]) != 1;
    ok(wrong == 0, "cap %zu: %d values from %d producers to as many consumers, each once", cap,
       NVALUE, x.nproducer);
    ok(atomic_load(&x.disorder) == 0, "cap %zu: what one producer sends stays in order", cap);
    chan_free(x.c);
}

/* Go's MultiConsumer: many take from one queue what they put into another; closing the first ends all of it. */
enum { NWORK = 23, NTASK = 20000 };
static const int weights[] = {2, 3, 7, 11, 13, 17, 19, 23, 27, 31};

static struct {
    struct chan *tasks, *results, *worker_done;
    atomic_int next_worker;
    long sent;
} factory;

static void work(void *arg)
{
    int me = atomic_fetch_add(&factory.next_worker, 1), v;

    (void)arg;
    while (chan_recv(factory.tasks, &v) == 0) {
        if (v == weights[(size_t)me % LENGTH(weights)]) // they overtake one another
            gosched();
        chan_send(factory.results, &v);
    }
    chan_send(factory.worker_done, NULL);
}

static void feed(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < NTASK; i++) {
        factory.sent += weights[i % LENGTH(weights)];
        chan_send(factory.tasks, &weights[i % LENGTH(weights)]);
    }
    chan_close(factory.tasks);
    for (int i = 0; i < NWORK; i++)
        chan_recv(factory.worker_done, NULL);
    chan_close(factory.results);
    chan_send(finished, NULL);
}

static void test_multi_consumer(void)
{
    long n = 0, sum = 0;
    int v;

    factory.tasks = make(sizeof(int), 3 * NWORK);
    factory.results = make(sizeof(int), 3 * NWORK);
    factory.worker_done = make(0, 0);
    for (int i = 0; i < NWORK; i++)
        start(work, NULL);
    start(feed, NULL);
    for (; chan_recv(factory.results, &v) == 0; n++)
        sum += v;
    join(1);
    ok(n == NTASK && sum == factory.sent, "MultiConsumer: %ld of %d through %d, sum %ld", n, NTASK,
       NWORK, sum);
    chan_free(factory.tasks);
    chan_free(factory.results);
    chan_free(factory.worker_done);
}

struct table {
    struct chan *ping, *pong;
};

static void return_ball(void *arg)
{
    struct table *t = arg;
    int ball;

    while (chan_recv(t->ping, &ball) == 0) {
        ball = -ball;
        chan_send(t->pong, &ball);
    }
    chan_send(finished, NULL);
}

static void test_ping_pong(size_t cap)
{
    enum { ROUNDS = 10000 };
    struct table t = {make(sizeof(int), cap), make(sizeof(int), cap)};
    int wrong = 0;

    start(return_ball, &t);
    for (int i = 0; i < ROUNDS; i++) {
        int ball = i;
        chan_send(t.ping, &ball);
        chan_recv(t.pong, &ball);
        wrong += ball != -i;
    }
    chan_close(t.ping);
    join(1);
    ok(wrong == 0, "cap %zu: %d times there and back", cap, ROUNDS);
    chan_free(t.ping);
    chan_free(t.pong);
}

/* ---- channels of channels ---- */

struct request {
    int v;
    struct chan *reply;
};

static void serve(void *arg)
{
    struct request r;

    while (chan_recv(arg, &r) == 0) {
        int square = r.v * r.v;
        chan_send(r.reply, &square);
    }
    chan_send(finished, NULL);
}

struct client {
    struct chan *server;
    int first;
    atomic_int *wrong;
};

static void ask(void *arg)
{
    struct client *cl = arg;
    struct chan *reply = make(sizeof(int), 0);

    for (int v = cl->first; v < cl->first + 50; v++) {
        struct request r = {v, reply};
        int square;
        chan_send(cl->server, &r);
        chan_recv(reply, &square);
        if (square != v * v)
            atomic_fetch_add(cl->wrong, 1);
    }
    chan_free(reply);
    chan_send(finished, NULL);
}

static void test_reply_channels(void)
{
    enum { NCLIENT = 20, NSERVER = 3 };
    struct chan *server = make(sizeof(struct request), 2);
    struct client clients[NCLIENT];
    atomic_int wrong = 0;

    for (int i = 0; i < NSERVER; i++)
        start(serve, server);
    for (int i = 0; i < NCLIENT; i++) {
        clients[i] = (struct client){server, i * 1000, &wrong};
        start(ask, &clients[i]);
    }
    join(NCLIENT);
    chan_close(server);
    join(NSERVER);
    ok(atomic_load(&wrong) == 0,
       "%d clients get each their own answers through a channel in the request", NCLIENT);
    chan_free(server);
}

/* A tree: leaves send sorted streams, inner nodes merge two. */
enum { LEAVES = 64, PER_LEAF = 20 };

struct node {
    int index; // 1 is the root, 2i and 2i + 1 the children of i; leaves from LEAVES on
    struct chan *out;
};

static struct node tree[2 * LEAVES];

static void leaf(void *arg)
{
    struct node *n = arg;

    for (int i = 0; i < PER_LEAF; i++) {
        int v = i * LEAVES + n->index - LEAVES;
        chan_send(n->out, &v);
    }
    chan_close(n->out);
    chan_send(finished, NULL);
}

static void merge(void *arg)
{
    struct node *n = arg;
    struct chan *a = tree[2 * n->index].out, *b = tree[2 * n->index + 1].out;
    int x, y;
    bool has_x = chan_recv(a, &x) == 0, has_y = chan_recv(b, &y) == 0;

    while (has_x || has_y) {
        if (has_x && (!has_y || x < y)) {
            chan_send(n->out, &x);
            has_x = chan_recv(a, &x) == 0;
        } else {
            chan_send(n->out, &y);
            has_y = chan_recv(b, &y) == 0;
        }
    }
    chan_close(n->out);
    chan_send(finished, NULL);
}

static void test_tree(void)
{
    int n = 0, v, wrong = 0;

    for (int i = 1; i < 2 * LEAVES; i++)
        tree[i] = (struct node){i, make(sizeof(int), (size_t)i % 2)};
    for (int i = 1; i < 2 * LEAVES; i++)
        start(i < LEAVES ? merge : leaf, &tree[i]);
    for (; chan_recv(tree[1].out, &v) == 0; n++)
        wrong += v != n;
    join(2 * LEAVES - 1);
    ok(n == LEAVES * PER_LEAF && wrong == 0,
       "a tree of %d goroutines merges %d sorted streams into one", 2 * LEAVES - 1, LEAVES);
    for (int i = 1; i < 2 * LEAVES; i++)
        chan_free(tree[i].out);
}

/* A buffer of elements without bytes is a counting semaphore. */
static struct chan *permits;
static atomic_int inside, too_many;

static void enter(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        chan_send(permits, NULL);
        if (atomic_fetch_add(&inside, 1) >= 3)
            atomic_fetch_add(&too_many, 1);
        gosched();
        atomic_fetch_sub(&inside, 1);
        chan_recv(permits, NULL);
    }
    chan_send(finished, NULL);
}

static void test_semaphore(void)
{
    enum { N = 30 };

    permits = make(0, 3);
    for (int i = 0; i < N; i++)
        start(enter, NULL);
    join(N);
    ok(atomic_load(&too_many) == 0 && chan_len(permits) == 0,
       "a buffer of three empty elements lets three of %d in at a time", N);
    chan_free(permits);
}

int main(int argc, char **argv)
{
    static const size_t caps[] = {0, 1, 10, 100};

    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = make(0, 0);
    test_chain();
    test_sieve();
    for (size_t i = 0; i < LENGTH(caps); i++)
        test_market(caps[i]);
    test_multi_consumer();
    test_ping_pong(0);
    test_ping_pong(1);
    test_reply_channels();
    test_tree();
    test_semaphore();
    return done();
}
