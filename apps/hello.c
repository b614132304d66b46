/*
 * hello.c - a line from every core.
 *
 * Each of as many goroutines as there are cores may run on one core only (its affinity), and they meet: who has come
 * spins until all have. So the lines show every M at work.
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
    for (int i = 0; i < n; i++) {
        /* The mask has 64 bits: where there are more cores, the others run anywhere. */
        struct go_attr attr = {.affinity = i < 64 ? UINT64_C(1) << i : 0};
        go_with(&attr, say_where, NULL);
    }
    for (int i = 0; i < n; i++) {
        struct line line;
        chan_recv(lines, &line);
        printf("M%d runs goroutine %llu\n", line.core, (unsigned long long)line.goid);
    }
}
