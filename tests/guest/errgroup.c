/*
 * errgroup.c - groups of goroutines with one error.
 *
 * Goal:   the first error is the group's, and calls the others off; never more run than the limit says; refusals leave
 *         nothing behind.
 * Method: what runs at once is counted; the rest is seen from what the calls return.
 * Budget: 3 s.
 * Source: some cases are those of golang.org/x/sync/errgroup's tests, written anew for this API.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/errgroup.h"
#include "sched/chan.h"
#include "tests/guest/hoard.h"
#include "tests/guest/parks.h"

static struct errgroup group;
static atomic_int ran;

static int succeed(void *arg)
{
    (void)arg;
    gosched();
    atomic_fetch_add(&ran, 1);
    return 0;
}

static int fails(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return -(int)(intptr_t)arg;
}

static int until_called_off(void *arg)
{
    int r = chan_recv_cancel(arg, NULL, DEADLINE_NONE, errgroup_cancel(&group));

    atomic_fetch_add(&ran, 1);
    return r;
}

static void test_results(void)
{
    struct chan *never = make(0, 0);
    struct cancel parent = {0};

    errgroup_init(&group, NULL, 0);
    ok(errgroup_wait(&group) == 0, "an empty group: 0");
    errgroup_init(&group, NULL, 0);
    ok(errgroup_go(&group, NULL, NULL) == -EINVAL && errgroup_try_go(&group, NULL, NULL) == -EINVAL,
       "no function: -EINVAL");
    for (int i = 0; i < 100; i++)
        check(errgroup_go(&group, succeed, NULL) == 0, "go");
    ok(errgroup_wait(&group) == 0 && atomic_load(&ran) == 100, "100 succeed");

    atomic_store(&ran, 0);
    errgroup_init(&group, NULL, 0);
    for (int i = 0; i < 50; i++)
        errgroup_go(&group, until_called_off, never);
    gosched();
    errgroup_go(&group, fails, (void *)EIO);
    ok(errgroup_wait(&group) == -EIO && atomic_load(&ran) == 51,
       "one fails: 50 are called off, and its error is the group's");

    atomic_store(&ran, 0);
    errgroup_init(&group, &parent, 0);
    for (int i = 0; i < 10; i++)
        errgroup_go(&group, until_called_off, never);
    cancel_fire(&parent);
    ok(errgroup_wait(&group) == -ECANCELED && atomic_load(&ran) == 10 && !parent.children,
       "a parent calls all of them off");
    cancel_end(&parent);
    chan_free(never);
}

/* ---- the limit ---- */

static atomic_int inside, most;

static int enter(void *arg)
{
    int n = atomic_fetch_add(&inside, 1) + 1, m = atomic_load(&most);

    (void)arg;
    while (n > m && !atomic_compare_exchange_weak(&most, &m, n))
        ;
    gosched();
    atomic_fetch_sub(&inside, 1);
    atomic_fetch_add(&ran, 1);
    return 0;
}

static int receive(void *c)
{
    return chan_recv(c, NULL);
}

static int go_enter(struct call *call)
{
    return errgroup_go(call->on, enter, NULL);
}

static void test_limit(void)
{
    struct chan *c = make(0, 0);
    struct call call = {.fn = go_enter, .on = &group};

    atomic_store(&ran, 0);
    errgroup_init(&group, NULL, 3);
    for (int i = 0; i < 200; i++)
        errgroup_go(&group, enter, NULL);
    ok(errgroup_wait(&group) == 0 && atomic_load(&ran) == 200 && atomic_load(&most) <= 3,
       "200 in a group for 3: at most %d at a time", atomic_load(&most));

    errgroup_init(&group, NULL, 1);
    ok(errgroup_try_go(&group, receive, c) == 0 && errgroup_try_go(&group, enter, NULL) == -EAGAIN,
       "at the limit: -EAGAIN");
    ok(parks(&call, WAIT_SEMA), "or it waits");
    chan_send(c, NULL);
    join(1);
    ok(call.result == 0 && errgroup_wait(&group) == 0, "until one ends");
    chan_free(c);
}

/* On one P, so that no other one's cache has any, when all others have ended. */
static void test_no_memory(void)
{
    int procs = gomaxprocs(1);

    while (numgoroutine() > 1)
        gosched();
    errgroup_init(&group, NULL, 2);
    struct hoard *all = hoard_take();
    int first = errgroup_go(&group, fails, (void *)EIO), second = errgroup_go(&group, fails, NULL),
        third = errgroup_try_go(&group, fails, NULL);
    hoard_give_back(all);
    ok(first == -ENOMEM && second == -ENOMEM && third == -ENOMEM,
       "without memory: -ENOMEM, and no room is used up");
    ok(!cancel_err(errgroup_cancel(&group)) && errgroup_wait(&group) == 0,
       "and nothing is cancelled");
    gomaxprocs(procs);
}

int main(void)
{
    finished = make(0, 0);
    test_results();
    test_limit();
    test_no_memory();
    return done();
}
