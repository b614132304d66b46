/*
 * parked.c - a million goroutines that wait: what one costs in memory, and to make and wake.
 *
 * parked_1m.bytes    RAM for each of them while it waits to receive from one channel, page tables
 *                    and caches included
 * parked_1m.create   go() until it waits there
 * parked_1m.wake     chan_close() until it has answered
 * parked_1m.answers  how many did; each once (the sum of their numbers is checked)
 *
 * Once only: a second million would find the memory of the first.
 *
 * Machine: MEM=6G
 */
#include "bench/million.h"

static struct chan *gate;
static atomic_uint arrived;

static void wait_at_gate(void *arg)
{
    count_to_all(&arrived);
    int got = chan_recv(gate, NULL);
    bench_require(got < 0);
    answer((uintptr_t)arg);
}

static void parked(const char *name)
{
    size_t before = bytes_in_use();
    int64_t start = nanotime();

    start_all(wait_at_gate);
    chan_recv(all_there, NULL);
    int64_t parked_at = nanotime();
    size_t bytes = bytes_in_use() - before;
    bench_require(numgoroutine() == GOROUTINES + 1);

    int64_t wake = nanotime();
    chan_close(gate);
    chan_recv(all_there, NULL);
    int64_t woken_at = nanotime();
    expect_all_numbers();

    bench_print(name, ".bytes", (double)bytes / GOROUTINES, "bytes");
    bench_print(name, ".create", (double)(parked_at - start) / GOROUTINES, "ns");
    bench_print(name, ".wake", (double)(woken_at - wake) / GOROUTINES, "ns");
    bench_print(name, ".answers", atomic_load(&answered), "goroutines");
}

static const struct bench benches[] = {
    {"parked_1m", .run = parked},
};

int main(int argc, char **argv)
{
    gate = chan_make(0, 0);
    all_there = chan_make(0, 0);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
