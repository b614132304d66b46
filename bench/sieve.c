/*
 * sieve.c - a chain of goroutines, each of which passes on what its prime does not divide.
 *
 * sieve2000  the numbers from 2 to the 2000th prime through the chain, which grows by a goroutine for each prime, over
 *            unbuffered channels: the whole
 */
#include <errno.h>

#include "bench/bench.h"

enum { PRIMES = 2000, LAST = 17389 };

struct filter {
    int prime;
    struct chan *in, *out;
};

static void generate(void *out)
{
    for (int i = 2; i <= LAST; i++)
        bench_require(chan_send(out, &i) == 0);
    chan_close(out);
}

static void filter(void *arg)
{
    struct filter *f = arg;
    int i;

    while (chan_recv(f->in, &i) == 0)
        if (i % f->prime)
            bench_require(chan_send(f->out, &i) == 0);
    chan_close(f->out);
}

static struct chan *new_chan(void)
{
    struct chan *c = chan_make(sizeof(int), 0);

    bench_require(c != NULL);
    return c;
}

static double sieve2000(void)
{
    static struct filter filters[PRIMES];
    int64_t start = nanotime();
    struct chan *c = new_chan();
    int last = 0;

    bench_require(go(generate, c) == 0);
    for (int i = 0; i < PRIMES; i++) {
        struct filter *f = &filters[i];
        bench_require(chan_recv(c, &last) == 0);
        *f = (struct filter){last, c, new_chan()};
        bench_require(go(filter, f) == 0);
        c = f->out;
    }
    bench_require(last == LAST && chan_recv(c, NULL) == -EPIPE);
    int64_t ns = nanotime() - start;
    for (int i = 0; i < PRIMES; i++)
        chan_free(filters[i].in);
    chan_free(c);
    return (double)ns;
}

static const struct bench benches[] = {
    {"sieve2000", .sample = sieve2000},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
