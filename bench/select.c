/*
 * select.c - a choice of two channels, on one P. Elements are of 8 bytes.
 *
 * select_2way.blocking  one item from one of two producers, unbuffered: who selects waits for it
 * select_2way.ready     a send to a buffer, and a select that finds the item
 * select_2way.default   a select that finds nothing and may not wait
 */
#include "bench/bench.h"
#include "rt0/sync.h"

enum { ITEMS = 20000, TRIES = 100000 };

static struct chan *c[2];
static struct waitgroup ended;

static void produce(void *arg)
{
    struct chan *to = arg;

    for (int64_t i = 0; i < ITEMS / 2; i++)
        chan_send(to, &i);
    waitgroup_done(&ended);
}

static int64_t v[2];

static void begin(size_t cap, struct select_case *cases)
{
    for (int i = 0; i < 2; i++) {
        c[i] = chan_make(sizeof(int64_t), cap);
        bench_require(c[i]);
        cases[i] = (struct select_case){SELECT_RECV, c[i], &v[i], 0};
    }
}

static void end(void)
{
    for (int i = 0; i < 2; i++)
        chan_free(c[i]);
}

static void blocking(void *arg)
{
    struct select_case *cases = arg;

    waitgroup_add(&ended, 2);
    for (int i = 0; i < 2; i++)
        bench_require(go(produce, c[i]) == 0);
    for (int i = 0; i < ITEMS; i++)
        bench_require(chan_select(cases, 2, DEADLINE_NONE) >= 0);
    waitgroup_wait(&ended);
}

static void ready(void *arg)
{
    struct select_case *cases = arg;

    for (int64_t i = 0; i < TRIES; i++) {
        chan_send(c[0], &i);
        bench_require(chan_select(cases, 2, DEADLINE_NONE) == 0 && v[0] == i);
    }
}

static void none(void *arg)
{
    struct select_case *cases = arg;

    for (int i = 0; i < TRIES; i++)
        bench_require(chan_select(cases, 2, DEADLINE_NOW) < 0);
}

static void run(const char *name, const char *suffix, void (*fn)(void *), size_t cap, int ops)
{
    struct select_case cases[2];
    double ns[BENCH_REPETITIONS];
    char full[64];

    snprintf(full, sizeof full, "%s%s", name, suffix);
    for (int i = -1; i < BENCH_REPETITIONS; i++) {
        begin(cap, cases);
        double t = bench_time(fn, cases, ops);
        end();
        if (i >= 0) // the first only warms up
            ns[i] = t;
    }
    bench_print_values(full, ns, BENCH_REPETITIONS, "ns");
}

static void select_2way(const char *name)
{
    run(name, ".blocking", blocking, 0, ITEMS);
    run(name, ".ready", ready, 128, TRIES);
    run(name, ".default", none, 0, TRIES);
}

static const struct bench benches[] = {
    {"select_2way", .run = select_2way},
};

int main(int argc, char **argv)
{
    gomaxprocs(1);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
