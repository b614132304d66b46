/*
 * prog_misuse.c - misuses wait groups, semaphores and timers in the way that its argument names;
 * tests/check/misuse looks at the report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/sched.h"

#define NOINLINE __attribute__((noinline, noclone))

static struct waitgroup wg;
static struct sema sema;
static struct chan *chan;
static struct timer timer;

static void wait_here(void *arg)
{
    (void)arg;
    waitgroup_wait(&wg);
}

static NOINLINE void wg_negative(void)
{
    waitgroup_add(&wg, 1);
    waitgroup_done(&wg);
    waitgroup_done(&wg);
}

static NOINLINE void wg_negative_waited(void)
{
    waitgroup_add(&wg, 1);
    go(wait_here, NULL);
    while (!(uint32_t)atomic_load(&wg.state))
        gosched();
    waitgroup_add(&wg, -2);
}

static NOINLINE void wg_overflow(void)
{
    waitgroup_add(&wg, INT32_MAX);
    waitgroup_add(&wg, 1);
}

/* Between the last done and the next add the goroutine that waits can't run: this one keeps the
 * only core. */
static NOINLINE void wg_reused(void)
{
    waitgroup_add(&wg, 1);
    go(wait_here, NULL);
    while (!(uint32_t)atomic_load(&wg.state))
        gosched();
    struct m *mp = acquirem();
    waitgroup_done(&wg);
    waitgroup_add(&wg, 1);
    releasem(mp);
    gosched();
}

/* What the word is while the last done lets those go on who wait. */
static NOINLINE void wg_concurrent(void)
{
    atomic_store(&wg.state, 1);
    waitgroup_add(&wg, 1);
}

static NOINLINE void sema_overflow(void)
{
    sema = (struct sema)SEMA_INIT(INT32_MAX);
    sema_release(&sema);
}

/* ---- functions of timers that block ---- */

static NOINLINE void in_timer(void (*fn)(void *))
{
    timer_start(&timer, 0, 0, fn, NULL);
    for (;;)
        gosched();
}

static void sleeps(void *arg)
{
    (void)arg;
    sleep_ns(1);
}

static void receives(void *arg)
{
    (void)arg;
    chan_recv(chan, NULL);
}

static void waits(void *arg)
{
    (void)arg;
    waitgroup_add(&wg, 1);
    waitgroup_wait(&wg);
}

static void acquires(void *arg)
{
    (void)arg;
    sema_acquire(&sema);
}

static void yields(void *arg)
{
    (void)arg;
    gosched();
}

static void timer_sleeps(void)
{
    in_timer(sleeps);
}

static void timer_receives(void)
{
    chan = chan_make(0, 0);
    in_timer(receives);
}

static void timer_waits(void)
{
    in_timer(waits);
}

static void timer_acquires(void)
{
    in_timer(acquires);
}

static void timer_yields(void)
{
    in_timer(yields);
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"wg_negative", wg_negative},     {"wg_negative_waited", wg_negative_waited},
    {"wg_overflow", wg_overflow},     {"wg_reused", wg_reused},
    {"wg_concurrent", wg_concurrent}, {"sema_overflow", sema_overflow},
    {"timer_sleeps", timer_sleeps},   {"timer_receives", timer_receives},
    {"timer_waits", timer_waits},     {"timer_acquires", timer_acquires},
    {"timer_yields", timer_yields},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].fn();
    printf("went on\n");
    return 1;
}
