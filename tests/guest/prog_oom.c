/*
 * prog_oom.c - uses up the memory of a small machine; tests/check/oom looks at the outcome.
 *
 *   prog_oom go        go() until it refuses, on one core; then those that were queued run, and
 *                      more
 *   prog_oom malloc    malloc() of several sizes until it gives NULL, then all is freed and used
 *                      again
 *   prog_oom recurse   a recursion that needs more than there is
 *   prog_oom first     memory runs out before a queued goroutine runs for the first time
 *   prog_oom thread    the state of a POSIX thread is wanted when there is no memory
 *   prog_oom timers    a core goes, and for its timers there is no room elsewhere
 *   prog_oom reclaim   malloc(), go() and a recursion that can only succeed with the memory that
 *                      parked goroutines' deep stacks hold
 *
 * It prints "done" when all was as expected.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/mem.h"
#include "tests/guest/deep.h"

static void expect(bool cond, const char *what)
{
    if (cond)
        return;
    printf("failed: %s\n", what);
    exit(1);
}

static size_t free_bytes(void)
{
    struct memstats st;

    memstats_read(&st);
    return (st.pages - st.pages_in_use) * PAGE_SIZE;
}

/* ---- lists of blocks ---- */

struct block {
    struct block *next;
};

/* Until there is no more; how many. */
static size_t take_all(struct block **list, size_t bytes)
{
    size_t n = 0;

    for (struct block *b; (b = malloc(bytes)) != NULL; n++) {
        memset(b, 0x77, bytes);
        b->next = *list;
        *list = b;
    }
    return n;
}

static void give_all(struct block **list)
{
    while (*list) {
        struct block *b = *list;
        *list = b->next;
        free(b);
    }
}

/* ---- go() ---- */

static atomic_size_t ran;

static void run_once(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

static size_t go_until_refused(void)
{
    size_t n = 0;
    int err;

    while ((err = go(run_once, NULL)) == 0)
        n++;
    expect(err == -ENOMEM, "go() gives -ENOMEM");
    return n;
}

/* A goroutine's first run needs a page, and main's recursion some: a block is kept for that. */
static void use_up_go(void)
{
    void *reserve = must(malloc(MIB));
    /* Preemption off: none of them runs, and ends, before all are there. */
    struct m *mp = acquirem();
    size_t first = go_until_refused();
    int counted = numgoroutine();

    releasem(mp);
    printf("go() refused after %zu goroutines\n", first);
    expect(first > 1000, "many goroutines fit");
    expect(counted == (int)first + 1, "what was refused is not counted");
    free(reserve);
    while (numgoroutine() > 1)
        gosched();
    expect(atomic_load(&ran) == first, "all that were queued have run");
    for (int i = 0; i < 1000; i++)
        expect(go(run_once, NULL) == 0, "go() works again");
    while (numgoroutine() > 1)
        gosched();
    expect(atomic_load(&ran) == first + 1000, "and they run");
    expect(deep(100 * KIB), "main goes on");
}

/* ---- malloc() ---- */

static void use_up_malloc(void)
{
    static const size_t sizes[] = {1000000, 100000, 4096, 64};
    struct block *list = NULL;
    size_t n = 0, again = 0;

    for (size_t i = 0; i < LENGTH(sizes); i++)
        n += take_all(&list, sizes[i]);
    errno = 0;
    expect(malloc(MIB) == NULL && errno == ENOMEM, "errno is ENOMEM");
    expect(calloc(1024, KIB) == NULL && realloc(NULL, MIB) == NULL,
           "calloc() and realloc() as well");
    printf("%zu blocks, the last of 64 bytes\n", n);
    give_all(&list);
    for (size_t i = 0; i < LENGTH(sizes); i++)
        again += take_all(&list, sizes[i]);
    give_all(&list);
    printf("%zu blocks the second time\n", again);
    expect(again > n / 2, "what was freed can be allocated again");
}

/* ---- ends in a report ---- */

static void recurse_far(void *arg)
{
    (void)arg;
    printf("came back: %d\n", deep(900 * MIB));
}

static void use_up_stack(void)
{
    struct go_attr attr = {.stack_max_bytes = GO_STACK_MAX};

    expect(go_with(&attr, recurse_far, NULL) == 0, "go_with() of 1 GiB needs none of it");
    chan_recv(NULL, NULL);
}

static void use_up_before_first_run(void)
{
    struct block *list = NULL;

    expect(go(run_once, NULL) == 0, "go()");
    take_all(&list, MIB);
    take_all(&list, 4096);
    take_all(&list, 64);
    gosched();
    printf("ran: %zu\n", atomic_load(&ran));
}

static void use_up(void)
{
    struct block *list = NULL;

    for (size_t bytes = MIB; bytes >= sizeof *list; bytes /= 2)
        take_all(&list, bytes);
}

static void use_up_before_self(void)
{
    use_up();
    printf("ran: %lu\n", (unsigned long)pthread_self());
}

/* More than the other P's array holds; in this one's there is no room for any. */
enum { NTIMER = 3000 };
static struct timer timers[NTIMER];
static atomic_int started;

static void do_nothing(void *arg)
{
    (void)arg;
}

static void start_timers(void *arg)
{
    (void)arg;
    for (int i = 0; i < NTIMER; i++)
        expect(timer_start(&timers[i], INT64_MAX, 0, do_nothing, NULL) == 0, "timer_start()");
    atomic_fetch_add(&started, 1);
}

static void stop_other_core(void *arg)
{
    (void)arg;
    use_up();
    gomaxprocs(1);
    printf("ran: on one core\n");
    exit(1);
}

static void use_up_before_move(void)
{
    struct go_attr first = {.affinity = 1}, second = {.affinity = 2};

    expect(go_with(&second, start_timers, NULL) == 0, "go_with() on the second core");
    while (!atomic_load(&started))
        gosched();
    expect(go_with(&first, stop_other_core, NULL) == 0, "go_with() on the first core");
    chan_recv(NULL, NULL);
}

/* ---- memory that has to be won back ---- */

enum { SLEEPERS = 20, SLEEPER_BYTES = 2 * 1024 * 1024 };

static struct chan *wake;
static atomic_int asleep;

static void sleeper(void *arg)
{
    expect(deep(SLEEPER_BYTES), "the sleeper's frames");
    atomic_fetch_add(&asleep, 1);
    chan_recv(wake, NULL);
    /* There may be too little for all at once. */
    expect(deep(SLEEPER_BYTES / 20), "the sleeper's frames again");
    chan_send(finished, NULL);
    (void)arg;
}

static void sleepers_start(void)
{
    struct go_attr attr = {.stack_max_bytes = 2 * SLEEPER_BYTES};

    wake = make(0, 0);
    atomic_store(&asleep, 0);
    for (int i = 0; i < SLEEPERS; i++)
        expect(go_with(&attr, sleeper, NULL) == 0, "go_with()");
    while (atomic_load(&asleep) < SLEEPERS)
        gosched();
}

static void sleepers_end(void)
{
    chan_close(wake);
    join(SLEEPERS);
    chan_free(wake);
    while (numgoroutine() > 1)
        gosched();
}

static void won_by_malloc(void)
{
    struct block *list = NULL;
    size_t have, bytes = 0;

    sleepers_start();
    have = free_bytes();
    for (; bytes < have + 20 * MIB; bytes += 64 * KIB) {
        struct block *b = malloc(64 * KIB);
        expect(b != NULL, "malloc() of more than was free");
        memset(b, 0x77, 64 * KIB);
        b->next = list;
        list = b;
    }
    printf("%zu KiB were free, %zu KiB allocated\n", have / KIB, bytes / KIB);
    give_all(&list);
    sleepers_end();
}

static void recurse_further(void *bytes)
{
    expect(deep(*(size_t *)bytes), "frames of the recursion");
    chan_send(finished, NULL);
}

static void won_by_recursion(void)
{
    struct go_attr attr = {.stack_max_bytes = 512 * MIB};
    size_t bytes;

    sleepers_start();
    bytes = free_bytes() + 20 * MIB;
    expect(go_with(&attr, recurse_further, &bytes) == 0, "go_with()");
    join(1);
    printf("a recursion of %zu KiB, more than was free\n", bytes / KIB);
    sleepers_end();
}

static void won_by_go(void)
{
    size_t have, n = 0;

    atomic_store(&ran, 0);
    sleepers_start();
    have = free_bytes();
    for (; n * sizeof(struct g) < have + 10 * MIB; n++)
        expect(go(run_once, NULL) == 0, "go() of more than there was room for");
    printf("%zu KiB were free, %zu goroutines queued\n", have / KIB, n);
    while (atomic_load(&ran) < n)
        gosched();
    sleepers_end();
}

static void win_back(void)
{
    won_by_malloc();
    won_by_recursion();
    won_by_go();
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"go", use_up_go},
    {"malloc", use_up_malloc},
    {"recurse", use_up_stack},
    {"first", use_up_before_first_run},
    {"reclaim", win_back},
    {"thread", use_up_before_self},
    {"timers", use_up_before_move},
};

int main(int argc, char **argv)
{
    finished = make(0, 0);
    for (size_t i = 0; i < LENGTH(ways); i++) {
        if (argc < 2 || strcmp(argv[1], ways[i].name))
            continue;
        /* The first line also takes what the libc needs to print. */
        printf("prog_oom %s\n", argv[1]);
        ways[i].fn();
        printf("done\n");
        return 0;
    }
    printf("usage: prog_oom go | malloc | recurse | first | thread | timers | reclaim\n");
    return 98;
}
