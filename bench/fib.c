/*
 * fib.c - fork and join: Fibonacci numbers by goroutines.
 *
 * fib25        fib(25) with a goroutine for every call but the leaves, 121,392 of them, each with a channel on which
 *              those that it starts answer: per goroutine
 * fib25_cut12  the same, but one call for fib(12) and all below it: 609 goroutines, and work in them
 */
#include "bench/bench.h"

enum { N = 25, FIB_N = 75025 };

struct call {
    int n;
    struct chan *answer;
};

static int cut; // up to here by calls

static NOINLINE long called(int n)
{
    return n < 2 ? n : called(n - 1) + called(n - 2);
}

static void fib(void *arg)
{
    struct call *own = arg, below[2];
    struct chan *answers = chan_make(sizeof(long), 0);
    long sum = 0, part;
    int started = 0;

    bench_require(answers != NULL);
    for (int n = own->n - 2; n < own->n; n++) {
        if (n <= cut) {
            sum += called(n);
            continue;
        }
        below[started] = (struct call){n, answers};
        bench_require(go(fib, &below[started++]) == 0);
    }
    while (started-- > 0) {
        bench_require(chan_recv(answers, &part) == 0);
        sum += part;
    }
    chan_free(answers);
    bench_require(chan_send(own->answer, &sum) == 0);
}

/* How many calls fib(n) is, without those up to the cut. */
static long goroutines(int n)
{
    return n <= cut ? 0 : 1 + goroutines(n - 1) + goroutines(n - 2);
}

static double fib25(int cut_at)
{
    struct call first = {N, chan_make(sizeof(long), 0)};
    long sum;

    cut = cut_at;
    int64_t start = nanotime();
    bench_require(go(fib, &first) == 0 && chan_recv(first.answer, &sum) == 0);
    int64_t ns = nanotime() - start;
    bench_require(sum == FIB_N);
    chan_free(first.answer);
    return (double)ns / (double)goroutines(N);
}

static double fib25_full(void)
{
    return fib25(1);
}

static double fib25_cut12(void)
{
    return fib25(12);
}

static const struct bench benches[] = {
    {"fib25", .sample = fib25_full},
    {"fib25_cut12", .sample = fib25_cut12},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
