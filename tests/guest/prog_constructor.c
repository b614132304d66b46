/*
 * prog_constructor.c - constructors that start goroutines; tests/check/constructor looks at what is printed.
 *
 * Arguments: "run": they do all that may be done before main(). "wait": one waits for a goroutine that it started.
 * "end": one calls goexit().
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/options.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"
#include "rt0/time.h"

enum { EACH = 100 };

static atomic_bool constructed; // by the last of the constructors, with its last step
static atomic_int ran, early, fired;
static struct chan *letters, *finished;
static struct timer ticks;

int main(int argc, char **argv);

/* There is no argv before main(). */
static bool way_is(const char *way)
{
    return options.main.argc > 1 && strcmp(options.main.argv[1], way) == 0;
}

static void note(void)
{
    if (!atomic_load(&constructed))
        atomic_fetch_add(&early, 1);
    atomic_fetch_add(&ran, 1);
}

static void run_and_finish(void *arg)
{
    (void)arg;
    note();
    chan_send(finished, NULL);
}

static void start_another(void *arg)
{
    note();
    go(run_and_finish, arg);
    chan_send(finished, NULL);
}

/* Longer than a slice, with others to run. */
static void spin(void)
{
    for (int64_t end = nanotime() + 30000000; nanotime() < end;)
        ;
}

static void count(void *n)
{
    atomic_fetch_add((atomic_int *)n, 1);
}

static __attribute__((constructor(200))) void first(void)
{
    letters = chan_make(1, 3);
    finished = chan_make(0, 0);
    for (int i = 0; i < EACH; i++)
        go(run_and_finish, NULL);
    for (const char *c = "abc"; *c; c++)
        chan_send(letters, c);
}

static __attribute__((constructor(201))) void second(void)
{
    struct go_attr anywhere = {.name = "second"}, here = {.affinity = 1};

    if (!way_is("run"))
        return;
    for (int i = 0; i < EACH; i++)
        go_with(i % 2 ? &anywhere : &here, start_another, NULL);
    for (int i = 0; i < 10; i++)
        gosched();
    spin();
    timer_start(&ticks, 0, 500000, count, &fired);
}

static void send_letter(void *arg)
{
    chan_send(letters, arg);
}

static __attribute__((constructor(202))) void wait_for_one(void)
{
    struct sema never = SEMA_INIT(0);
    char c;

    if (way_is("end"))
        goexit();
    if (!way_is("wait"))
        return;
    for (int i = 0; i < 3; i++)
        chan_recv(letters, &c);
    go(send_letter, "d");
    chan_recv(letters, &c);
    sema_acquire(&never);
}

static __attribute__((constructor)) void last(void)
{
    sleep_ns(3000000);
    gomaxprocs(1);
    spin();
    gomaxprocs(numcpu());
    atomic_store(&constructed, true);
}

int main(int argc, char **argv)
{
    int n = EACH * 3;
    char c[4] = "";

    (void)argc;
    (void)argv;
    for (int i = 0; i < n; i++)
        chan_recv(finished, NULL);
    for (int i = 0; i < 3; i++)
        chan_recv(letters, &c[i]);
    timer_stop(&ticks);
    printf("%d of %d ran, %d before main(), letters %s, timer %s\n", atomic_load(&ran), n,
           atomic_load(&early), c, atomic_load(&fired) ? "fired" : "did not fire");
    return 0;
}
