/*
 * prog_balloon.c - uses much memory, frees it, sees it given back to the host, and uses it again;
 * for tests/check/balloon.
 *
 * Arguments: WAY MIB
 *
 *   now    memreclaim() gives it back; then it is used again, and given back again
 *   idle   idle cores give it back while main is busy, not before an epoch has passed
 *   never  memreclaim() gives nothing back, since nobody takes it
 *
 * With "now" and "idle" it then prints "holding" and runs until it is stopped, so that somebody
 * outside can look at what the host still backs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/page.h"
#include "rt0/go.h"
#include "rt0/mem.h"
#include "rt0/time.h"
#include "tests/guest/tap.h"

#define RUN_BYTES (2 << 20)
#define RUN_PAGES (RUN_BYTES >> PAGE_SHIFT)
#define RUNS_MAX  4096

/* A word is written and checked in every so many bytes. */
#define STRIDE 256

/* Of what is freed, so much has to go back: some of it is kept for the next allocation. */
#define ENOUGH(pages) ((pages) / 100 * 85)

#define SECOND INT64_C(1000000000)

static uint64_t run[RUNS_MAX];
static size_t nrun;

static void alloc_on_g0(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < nrun; i++)
        run[i] = page_alloc(RUN_PAGES);
}

static void free_on_g0(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < nrun; i++)
        page_free(run[i], RUN_PAGES);
}

/* Backwards and forwards the words differ, so what was there before is no proof. */
static uint64_t word_at(uint64_t pa, unsigned round)
{
    return (pa + 1) * (round + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(uint64_t pa, unsigned round)
{
    for (uint64_t at = pa; at < pa + RUN_BYTES; at += STRIDE)
        *(uint64_t *)phys_to_virt(at) = word_at(at, round);
}

static size_t count_wrong(uint64_t pa, unsigned round)
{
    size_t wrong = 0;

    for (uint64_t at = pa; at < pa + RUN_BYTES; at += STRIDE)
        wrong += *(uint64_t *)phys_to_virt(at) != word_at(at, round);
    return wrong;
}

static size_t scavenged(void)
{
    struct pagestats st;

    page_stats(&st);
    return st.scavenged;
}

/* Takes all runs, writes to all of them, then reads all, and frees them. */
static void use(unsigned round)
{
    size_t got = 0, wrong = 0;

    systemstack(alloc_on_g0, NULL);
    for (size_t i = 0; i < nrun; i++)
        got += run[i] != PAGE_NONE;
    if (!ok(got == nrun, "round %u: %zu of %zu runs of 2 MiB", round, got, nrun))
        exit(done());
    for (size_t i = 0; i < nrun; i++)
        fill(run[i], round);
    for (size_t i = 0; i < nrun; i++)
        wrong += count_wrong(run[i], round);
    ok(wrong == 0, "round %u: they hold what was written (%zu wrong words)", round, wrong);
    systemstack(free_on_g0, NULL);
}

static void give_back_now(void)
{
    for (unsigned round = 0; round < 3; round++) {
        use(round);
        memreclaim();
        ok(scavenged() >= ENOUGH(nrun * RUN_PAGES), "round %u: memreclaim: %zu pages given back",
           round, scavenged());
    }
}

static void give_back_idle(void)
{
    size_t before = scavenged(), want = ENOUGH(nrun * RUN_PAGES);
    int64_t start, first;

    use(0);
    start = nanotime();
    while (scavenged() <= before && nanotime() - start < 10 * SECOND)
        ;
    first = nanotime() - start;
    ok(first >= SECOND && first < 10 * SECOND, "the first pages after %lld ms, not before an epoch",
       (long long)(first / 1000000));
    while (scavenged() < want && nanotime() - start < 60 * SECOND)
        ;
    ok(scavenged() >= want, "idle cores: %zu pages given back after %lld ms", scavenged(),
       (long long)((nanotime() - start) / 1000000));
}

static void give_back_never(void)
{
    use(0);
    memreclaim();
    use(1);
    memreclaim();
    ok(scavenged() == 0, "%zu pages given back", scavenged());
}

int main(int argc, char **argv)
{
    const char *way = argc == 3 ? argv[1] : "";

    nrun = argc == 3 ? (size_t)atoi(argv[2]) / 2 : 0;
    if (nrun == 0 || nrun > RUNS_MAX) {
        printf("usage: prog_balloon now|idle|never MIB\n");
        return 99;
    }
    if (strcmp(way, "now") == 0)
        give_back_now();
    else if (strcmp(way, "idle") == 0)
        give_back_idle();
    else
        give_back_never();
    int status = done();
    if (status != 0 || strcmp(way, "never") == 0)
        return status;
    printf("holding\n");
    for (;;)
        ;
}
