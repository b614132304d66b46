/*
 * prog_misuse_chan.c - misuses channels, cancels and tickers in the way that its argument names;
 * tests/check/misuse_chan looks at the report.
 */
#include <stdio.h>
#include <string.h>

#include "rt0/cancel.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"

#define NOINLINE __attribute__((noinline, noclone))
#define HOUR     INT64_C(3600000000000)

static struct cancel cancel, child;
static struct chan *chan;
static struct timer timer;

/* It waits once everybody else has run. */
static void receive(void *c)
{
    chan_recv_cancel(c, NULL, DEADLINE_NONE, &cancel);
}

static void start_and_wait(void)
{
    go(receive, chan);
    for (int i = 0; i < 10; i++)
        gosched();
}

static NOINLINE void free_waited(void)
{
    start_and_wait();
    chan_free(chan);
}

static NOINLINE void cancel_waited(void)
{
    start_and_wait();
    cancel_end(&cancel);
}

static NOINLINE void cancel_children(void)
{
    cancel_init(&child, &cancel, DEADLINE_NONE);
    cancel_end(&cancel);
}

static NOINLINE void stop_plain(void)
{
    ticker_stop(chan);
}

static NOINLINE void reset_plain(void)
{
    ticker_reset(chan, 1);
}

/* ---- functions of timers that block ---- */

static NOINLINE void in_timer(void (*fn)(void *))
{
    timer_start(&timer, 0, 0, fn, NULL);
    for (;;)
        gosched();
}

static void selects(void *arg)
{
    struct select_case cases[2] = {{.dir = SELECT_RECV, .c = chan}, {.dir = SELECT_RECV}};

    (void)arg;
    chan_select(cases, 2, DEADLINE_NONE);
}

static void selects_two(void *arg)
{
    struct select_case cases[2] = {{.dir = SELECT_RECV, .c = chan},
                                   {.dir = SELECT_RECV, .c = chan_make(8, 0)}};

    (void)arg;
    chan_select(cases, 2, DEADLINE_NONE);
}

static void receives_until(void *arg)
{
    (void)arg;
    chan_recv_until(chan, NULL, nanotime() + HOUR);
}

static void sends(void *arg)
{
    int64_t v = 1;

    (void)arg;
    chan_send(chan, &v);
}

static void sleeps(void *arg)
{
    (void)arg;
    sleep_cancel(HOUR, &cancel);
}

static void timer_selects(void)
{
    in_timer(selects);
}

static void timer_selects_two(void)
{
    in_timer(selects_two);
}

static void timer_receives_until(void)
{
    in_timer(receives_until);
}

static void timer_sends(void)
{
    in_timer(sends);
}

static void timer_sleeps(void)
{
    in_timer(sleeps);
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"free_waited", free_waited},
    {"cancel_waited", cancel_waited},
    {"cancel_children", cancel_children},
    {"stop_plain", stop_plain},
    {"reset_plain", reset_plain},
    {"timer_selects", timer_selects},
    {"timer_selects_two", timer_selects_two},
    {"timer_receives_until", timer_receives_until},
    {"timer_sends", timer_sends},
    {"timer_sleeps", timer_sleeps},
};

int main(int argc, char **argv)
{
    chan = chan_make(sizeof(int64_t), 0);
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].fn();
    printf("went on\n");
    return 1;
}
