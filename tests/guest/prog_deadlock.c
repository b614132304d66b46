/*
 * prog_deadlock.c - programs in which nobody can go on, or only seems unable to; tests/check/deadlock looks at what is
 * reported.
 *
 * Arguments: the way.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"
#include "rt0/time.h"

#define NOINLINE __attribute__((noinline, noclone))

int main(int argc, char **argv);

static struct chan *c;
static struct sema none;
static struct waitgroup some;

static NOINLINE void wait_for_ever(void)
{
    chan_recv(c, NULL);
}

/* ---- every reason to wait ---- */

static void receives(void *arg)
{
    (void)arg;
    chan_recv(c, NULL);
}

static void sends(void *arg)
{
    (void)arg;
    chan_send(chan_make(4, 0), "abc");
}

static void receives_nil(void *arg)
{
    (void)arg;
    chan_recv(NULL, NULL);
}

static void sends_nil(void *arg)
{
    (void)arg;
    chan_send(NULL, NULL);
}

static void acquires(void *arg)
{
    (void)arg;
    sema_acquire(&none);
}

static void waits(void *arg)
{
    (void)arg;
    waitgroup_wait(&some);
}

static NOINLINE void start_waiters(void)
{
    waitgroup_add(&some, 1);
    go(receives, NULL);
    go(sends, NULL);
    go(receives_nil, NULL);
    go(sends_nil, NULL);
    go(acquires, NULL);
    go(waits, NULL);
}

static void reasons(void)
{
    start_waiters();
    wait_for_ever();
}

/* ---- locked to a core, pinned ---- */

static void receives_locked(void *arg)
{
    lockosthread();
    chan_recv(c, arg);
}

static void locked(void)
{
    struct go_attr last = {.affinity = UINT64_C(1) << (numcpu() - 1)};

    go(receives_locked, NULL);
    go_with(&last, receives, NULL);
    lockosthread();
    wait_for_ever();
}

/* ---- with fewer Ps ---- */

static void fewer(void)
{
    start_waiters();
    gomaxprocs(1);
    locked();
}

static void fewer_and_more(void)
{
    gomaxprocs(1);
    start_waiters();
    sleep_ns(1000000);
    gomaxprocs(numcpu());
    wait_for_ever();
}

/* ---- main ends ---- */

static void yields(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        gosched();
}

static void goexit_last(void)
{
    for (int i = 0; i < 10; i++)
        go(yields, NULL);
    goexit();
}

static void goexit_others_wait(void)
{
    go(receives, NULL);
    go(yields, NULL);
    goexit();
}

/* ---- after much has been going on ---- */

static void pass_on(void *arg)
{
    int v;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        chan_recv(c, &v);
        chan_send(c, &v);
    }
    for (int i = 0; i < 4; i++)
        chan_recv(c, &v); // there are three
}

static void busy(void)
{
    int v = 0;

    c = chan_make(sizeof v, 3);
    for (int i = 0; i < 200; i++)
        go(pass_on, NULL);
    for (int i = 0; i < 3; i++)
        chan_send(c, &v);
    sema_acquire(&none);
}

/* All that is left of a timer is that it does not run. */
static void nothing(void *arg)
{
    (void)arg;
}

static void timer_stopped(void)
{
    static struct timer t[20];

    for (int i = 0; i < 20; i++)
        timer_start(&t[i], INT64_C(3600000000000), i % 2 * INT64_C(1000000), nothing, NULL);
    sleep_ns(1000000);
    for (int i = 0; i < 20; i++)
        timer_stop(&t[i]);
    wait_for_ever();
}

static void sleeps_once(void *arg)
{
    sleep_ns(20000000);
    printf("slept\n");
    receives(arg);
}

static void slept(void)
{
    go(sleeps_once, NULL);
    wait_for_ever();
}

static void nest(void)
{
    for (int i = 0; i <= UINT16_MAX; i++)
        lockosthread();
}

/* ---- no deadlock: something will come ---- */

static void sleeps_and_ends(void *arg)
{
    for (int i = 0; i < 20; i++)
        sleep_ns(10000000);
    chan_send(c, arg);
}

static void sleeper(void)
{
    go(sleeps_and_ends, NULL);
    wait_for_ever();
}

static void sleepers(void)
{
    go(sleeps_and_ends, NULL);
    go(sleeps_and_ends, NULL);
    go(receives, NULL);
    gomaxprocs(1);
    sleep_ns(1000000);
    gomaxprocs(numcpu());
    chan_recv(c, NULL);
}

static void releases(void *s)
{
    sema_release(s);
}

static void timer_pending(void)
{
    static struct timer t;

    timer_start(&t, 200000000, 0, releases, &none);
    sema_acquire(&none);
}

static void times_ten(void *n)
{
    if (++*(int *)n == 10)
        sema_release(&none);
}

static void timer_periodic(void)
{
    static struct timer t;
    static int n;

    timer_start(&t, 1000000, 20000000, times_ten, &n);
    sema_acquire(&none);
}

/* A timer on a core whose P dies. */
static void sets_timer(void *t)
{
    timer_start(t, 200000000, 0, releases, &none);
}

static void timer_moved(void)
{
    static struct timer t;
    struct go_attr last = {.affinity = UINT64_C(1) << (numcpu() - 1)};

    go_with(&last, sets_timer, &t);
    while (numgoroutine() > 1)
        gosched();
    gomaxprocs(1);
    sema_acquire(&none);
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"reasons", reasons},
    {"locked", locked},
    {"fewer", fewer},
    {"fewer_and_more", fewer_and_more},
    {"goexit_last", goexit_last},
    {"goexit_others_wait", goexit_others_wait},
    {"busy", busy},
    {"timer_stopped", timer_stopped},
    {"slept", slept},
    {"nest", nest},
    {"sleeper", sleeper},
    {"sleepers", sleepers},
    {"timer_pending", timer_pending},
    {"timer_periodic", timer_periodic},
    {"timer_moved", timer_moved},
};

int main(int argc, char **argv)
{
    c = chan_make(0, 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (argc > 1 && strcmp(argv[1], ways[i].name) == 0) {
            ways[i].fn();
            printf("went on\n");
            return 0;
        }
    printf("usage: prog_deadlock WAY\n");
    return 98;
}
