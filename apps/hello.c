/*
 * hello.c - a line from every core.
 *
 * As many goroutines as there are cores meet: each takes a place, then spins until all have one. A
 * goroutine that spins keeps its core, so no two of them can be on the same, and the lines show every M
 * at work.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "rt0/chan.h"
#include "rt0/go.h"

struct line {
    int core;
    uint64_t goid;
};

static struct chan *lines;
static atomic_int arrived;

static void say_where(void *arg)
{
    (void)arg;
    struct line line = {gocpu(), goid()};
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < numcpu())
        ;
    chan_send(lines, &line);
}

int main(void)
{
    int n = numcpu();

    printf("hello, world: rt0 on %d core%s\n", n, n == 1 ? "" : "s");
    lines = chan_make(sizeof(struct line), 0);
    for (int i = 0; i < n; i++)
        go(say_where, NULL);
    for (int i = 0; i < n; i++) {
        struct line line;
        chan_recv(lines, &line);
        printf("M%d runs goroutine %llu\n", line.core, (unsigned long long)line.goid);
    }
}
