/*
 * queued.c - a million goroutines that have not run yet: what one costs in memory, and to make.
 *
 * queued_1m.bytes    RAM for each while it is queued; all other cores are kept busy meanwhile
 * queued_1m.create   go() alone
 * queued_1m.answers  how many ran in the end; each once (the sum of their numbers is checked)
 *
 * Once only: a second million would find the memory of the first.
 *
 * Machine: MEM=6G
 */
#include "bench/million.h"
#include "sched/sched.h"

static atomic_uint nhogs;
static atomic_bool hogs_end;

/* No preemption between acquirem() and releasem(), here and in queued(). */
static void hog(void *arg)
{
    struct m *mp = acquirem();

    (void)arg;
    atomic_fetch_add(&nhogs, 1);
    while (!atomic_load(&hogs_end))
        cpu_relax();
    releasem(mp);
}

static void hogs_start(void)
{
    for (int i = 1; i < numcpu(); i++)
        bench_require(go(hog, NULL) == 0);
    while ((int)atomic_load(&nhogs) < numcpu() - 1)
        gosched();
}

static void run_at_last(void *arg)
{
    answer((uintptr_t)arg);
}

static void queued(const char *name)
{
    hogs_start();
    size_t before = bytes_in_use();
    int64_t start = nanotime();

    struct m *mp = acquirem();
    start_all(run_at_last);
    int64_t end = nanotime();
    size_t bytes = bytes_in_use() - before;
    bench_require(atomic_load(&answered) == 0);
    releasem(mp);
    atomic_store(&hogs_end, true);
    chan_recv(all_there, NULL);
    expect_all_numbers();

    bench_print(name, ".bytes", (double)bytes / GOROUTINES, "bytes");
    bench_print(name, ".create", (double)(end - start) / GOROUTINES, "ns");
    bench_print(name, ".answers", atomic_load(&answered), "goroutines");
}

static const struct bench benches[] = {
    {"queued_1m", .run = queued},
};

int main(int argc, char **argv)
{
    all_there = chan_make(0, 0);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
