/*
 * sieve.c - the concurrent prime sieve: a goroutine for every prime found.
 *
 * Arguments: how many primes (default 100).
 *
 * generate -> filter 2 -> filter 3 -> filter 5 -> ... -> main. Each filter passes on what its prime does
 * not divide, so what comes out at the end is the next prime, and gets a filter of its own.
 * Source: the idea is C. A. R. Hoare's and D. McIlroy's; the example is known from Go's test/chan/sieve1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"

struct filter {
    struct chan *in;
    struct chan *out;
    int prime;
};

static void generate(void *arg)
{
    struct chan *out = arg;

    for (int i = 2;; i++)
        chan_send(out, &i);
}

static void filter(void *arg)
{
    struct filter f = *(struct filter *)arg;
    int n;

    free(arg);
    for (;;) {
        chan_recv(f.in, &n);
        if (n % f.prime != 0)
            chan_send(f.out, &n);
    }
}

/* The channel behind a new filter for `prime`, or NULL. */
static struct chan *add_filter(struct chan *in, int prime)
{
    struct filter *f = malloc(sizeof *f);
    struct chan *out = chan_make(sizeof(int), 0);

    if (!f || !out)
        return NULL;
    *f = (struct filter){in, out, prime};
    return go(filter, f) ? NULL : out;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long count = argc > 1 ? strtol(argv[1], &end, 10) : 100;

    if (argc > 2 || (end && *end) || count < 1 || count > 1000000) {
        printf("usage: sieve [COUNT], COUNT from 1 to 1000000\n");
        return 1;
    }
    struct chan *ch = chan_make(sizeof(int), 0);
    if (!ch || go(generate, ch))
        return 1;
    for (long i = 0; i < count; i++) {
        int prime;
        chan_recv(ch, &prime);
        printf("%d%c", prime, i % 10 == 9 || i == count - 1 ? '\n' : ' ');
        ch = add_filter(ch, prime);
        if (!ch) {
            printf("\nout of memory after %ld primes\n", i + 1);
            return 1;
        }
    }
}
