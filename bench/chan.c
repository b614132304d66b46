/*
 * chan.c - channels between goroutines of one P. Elements are of 8 bytes.
 *
 * chan_pingpong_unbuf            one message one way, unbuffered: two goroutines answer each other
 * chan_buffered128               one item from a producer to a consumer through a buffer of 128
 * chan_buffered_nowait_sendrecv  a send and a receive that never wait, one goroutine
 */
#include "bench/bench.h"
#include "rt0/sync.h"

enum { TRIPS = 20000, ITEMS = 100000 };

static struct chan *there, *back;
static struct waitgroup ended;

static struct chan *make(size_t cap)
{
    struct chan *c = chan_make(sizeof(int64_t), cap);

    bench_require(c);
    return c;
}

/* ---- ping-pong ---- */

static void pong(void *arg)
{
    int64_t v;

    (void)arg;
    for (int i = 0; i < TRIPS; i++) {
        chan_recv(there, &v);
        chan_send(back, &v);
    }
    waitgroup_done(&ended);
}

static void ping(void *arg)
{
    int64_t v;

    (void)arg;
    waitgroup_add(&ended, 1);
    bench_require(go(pong, NULL) == 0);
    for (int64_t i = 0; i < TRIPS; i++) {
        chan_send(there, &i);
        chan_recv(back, &v);
        bench_require(v == i);
    }
    waitgroup_wait(&ended);
}

static double chan_pingpong_unbuf(void)
{
    there = make(0);
    back = make(0);
    double ns = bench_time(ping, NULL, 2 * TRIPS);
    chan_free(there);
    chan_free(back);
    return ns;
}

/* ---- a buffer ---- */

static void produce(void *arg)
{
    (void)arg;
    for (int64_t i = 0; i < ITEMS; i++)
        chan_send(there, &i);
    chan_close(there);
}

static void consume(void *arg)
{
    int64_t v, n = 0;

    (void)arg;
    bench_require(go(produce, NULL) == 0);
    while (chan_recv(there, &v) == 0) {
        bench_require(v == n);
        n++;
    }
    bench_require(n == ITEMS);
}

static double chan_buffered128(void)
{
    there = make(128);
    double ns = bench_time(consume, NULL, ITEMS);
    chan_free(there);
    return ns;
}

static void send_receive(void *arg)
{
    int64_t v;

    (void)arg;
    for (int64_t i = 0; i < ITEMS; i++) {
        chan_send(there, &i);
        chan_recv(there, &v);
        bench_require(v == i);
    }
}

static double chan_buffered_nowait_sendrecv(void)
{
    there = make(128);
    double ns = bench_time(send_receive, NULL, ITEMS);
    chan_free(there);
    return ns;
}

static const struct bench benches[] = {
    {"chan_pingpong_unbuf", .sample = chan_pingpong_unbuf},
    {"chan_buffered128", .sample = chan_buffered128},
    {"chan_buffered_nowait_sendrecv", .sample = chan_buffered_nowait_sendrecv},
};

int main(int argc, char **argv)
{
    gomaxprocs(1);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
