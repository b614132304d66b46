/*
 * prog_latency.c - how long main waits for its turn while loops keep the only core; tests/check/preempt_latency judges
 * it.
 *
 * Arguments: the loop; how many samples of each kind.
 *
 * Prints a line for each kind: KIND LOOP: N samples, LEAST to WORST ns. "behind_one" is main's wait when it gives way
 * to one loop; "asleep" how late main wakes while one runs; "behind_two" its wait behind two. With the loop "none" there
 * is "alone" only, how late main wakes when nothing else runs, and how often it was preempted meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sched.h"
#include "rt0/time.h"
#include "sched/sched.h"

/* ---- loops ---- */

static void empty(void *arg)
{
    (void)arg;
    for (;;)
        ;
}

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void recursing(void *arg)
{
    (void)arg;
    for (;;)
        fib(10);
}

/* A lock is held most of the time: preemption is put off then, and made up for when it is released. */
static void hold(void *arg)
{
    static struct spinlock l = SPINLOCK_INIT(RANK_CHAN);

    (void)arg;
    for (;;) {
        lock(&l);
        unlock(&l);
    }
}

/* Nearly all of the time is in a function that can't be preempted. */
static void receive(void *arg)
{
    struct chan *c = chan_make(0, 0);

    (void)arg;
    for (;;)
        chan_try_recv(c, NULL);
}

static void allocate(void *arg)
{
    (void)arg;
    for (;;) {
        void *p = malloc(64);
        __asm__ volatile("" : "+r"(p)); // else the compiler leaves both out
        free(p);
    }
}

static const struct {
    const char *name;
    void (*fn)(void *);
} loops[] = {{"empty", empty},
             {"recursing", recursing},
             {"lock", hold},
             {"try_recv", receive},
             {"malloc", allocate}};

/* ---- samples ---- */

struct samples {
    int n;
    int64_t least, worst;
};

static void add(struct samples *s, int64_t ns)
{
    if (s->n == 0 || ns < s->least)
        s->least = ns;
    if (ns > s->worst)
        s->worst = ns;
    s->n++;
}

static void print(const char *kind, const char *loop, const struct samples *s)
{
    printf("%s %s: %d samples, %lld to %lld ns\n", kind, loop, s->n, (long long)s->least,
           (long long)s->worst);
}

/* When the loops are in the global queue and it is not that one's turn, main goes on at once: no sample. */
static struct samples giving_way(int n)
{
    enum { NO_WAIT_NS = 10000 };
    struct samples s = {0};

    while (s.n < n) {
        int64_t before = nanotime();
        gosched();
        int64_t ns = nanotime() - before;
        if (ns > NO_WAIT_NS)
            add(&s, ns);
    }
    return s;
}

/* Sleeps of many lengths, so that they end anywhere in a slice. */
static struct samples sleeping(int n)
{
    struct samples s = {0};

    for (int i = 0; i < n; i++) {
        int64_t ns = 1000 + i * 7919 % 200000, until = nanotime() + ns;
        sleep_ns(ns);
        add(&s, nanotime() - until);
    }
    return s;
}

static void measure(const char *name, void (*loop)(void *), int n)
{
    go(loop, NULL);
    struct samples one = giving_way(n), asleep = sleeping(n);
    go(loop, NULL);
    struct samples two = giving_way(n);
    print("behind_one", name, &one);
    print("asleep", name, &asleep);
    print("behind_two", name, &two);
}

static void measure_alone(int n)
{
    struct schedstats before, after;

    sleep_ns(1000); // the first timer of a core makes room for more
    schedstats_read(&before);
    struct samples alone = sleeping(n);
    schedstats_read(&after);
    print("alone", "none", &alone);
    printf("preempted %llu times\n",
           (unsigned long long)(after.all.preempted - before.all.preempted));
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "none") == 0) {
        measure_alone(atoi(argv[2]));
        return 0;
    }
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
        if (argc > 2 && strcmp(argv[1], loops[i].name) == 0) {
            measure(argv[1], loops[i].fn, atoi(argv[2]));
            return 0;
        }
    return 98;
}
