/*
 * ratelimit.c - requests that may come in a burst, but not faster than a ticker in the long run.
 *
 * A channel with room for BURST tokens is the bucket: full at first, then one token more with each tick, unless it
 * is full. A request takes a token and waits while there is none.
 */
#include <stdbool.h>
#include <stdio.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"

#define MS INT64_C(1000000)

enum { BURST = 3, REQUESTS = 10 };
static const int64_t period_ns = 5 * MS;

static struct chan *bucket;

/* A token that does not fit is dropped. */
static void fill(void *ticks)
{
    while (chan_recv(ticks, NULL) == 0)
        chan_try_send(bucket, NULL);
}

int main(void)
{
    bucket = chan_make(0, BURST);
    for (int i = 0; i < BURST; i++)
        chan_send(bucket, NULL);
    int64_t start = nanotime();
    go(fill, ticker(period_ns));

    for (int i = 1; i <= REQUESTS; i++) {
        chan_recv(bucket, NULL);
        printf("request %d\n", i);
    }
    int64_t least_ns = (REQUESTS - BURST) * period_ns;
    bool kept = nanotime() - start >= least_ns;
    printf("%d requests, a burst of %d, then one in %lld ms: %lld ms at least: %s\n", REQUESTS,
           BURST, (long long)(period_ns / MS), (long long)(least_ns / MS),
           kept ? "kept" : "NOT KEPT");
    return !kept;
}
