/*
 * once.c - a function is called once, and everybody waits for it.
 *
 * Goal:   of many that want it one calls it; all others return when it has returned, and see what it did; who does
 *         not want to wait that long is told so.
 * Method: the function lets others run before and after it writes.
 * Budget: 2 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's once_test.go, written anew; not the one that panics, which C can't.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

static struct once once;
static int calls; // plain: that calls is seen is the once's doing
static atomic_bool go_on;

static void call_slowly(void *arg)
{
    gosched();
    calls += *(int *)arg;
    gosched();
}

static void do_one(void *arg)
{
    static int one = 1;

    (void)arg;
    once_do(&once, call_slowly, &one);
    fail_once(calls == 1);
    finish();
}

static void test_once(void)
{
    int bad = 0;

    for (int round = 0; round < 50; round++) {
        once = (struct once){0};
        calls = 0;
        bad += all_of(do_one, 10);
        bad += calls != 1;
    }
    ok(bad == 0, "50 times, of 10 goroutines one calls it, and all see it done");
}

static void wait_for_it(void *arg)
{
    (void)arg;
    while (!atomic_load(&go_on))
        gosched();
    calls++;
}

static int do_it(struct call *call)
{
    once_do(call->on, wait_for_it, NULL);
    return 0;
}

static int do_limited(struct call *call)
{
    return once_do_cancel(call->on, wait_for_it, NULL, call->deadline_ns, call->cancel);
}

static void test_limited(void)
{
    struct cancel fired = {0};
    struct call first = {.fn = do_it, .on = &once}, second = {.fn = do_it, .on = &once};
    struct call timed = {.fn = do_limited, .on = &once, .deadline_ns = nanotime() + 3600000 * MS};

    cancel_fire(&fired);
    once = (struct once){0};
    calls = 0;
    atomic_store(&go_on, false);
    ok(once_do_cancel(&once, wait_for_it, NULL, DEADLINE_NONE, &fired) == -ECANCELED && calls == 0,
       "a cancel that was fired: it is not called");
    start(make_call, &first);
    while (!atomic_load(&once.mutex.state))
        gosched();
    bool parked = parks(&second, WAIT_SYNC_MUTEX_LOCK);
    parked &= parks(&timed, WAIT_SYNC_MUTEX_LOCK);
    ok(parked && !atomic_load(&first.returned), "while one calls it others wait");
    test_limits("once_do", do_limited, &once, WAIT_SYNC_MUTEX_LOCK);
    atomic_store(&go_on, true);
    join(3);
    ok(calls == 1 && timed.result == 0 && !atomic_load(&once.mutex.state),
       "when it has returned they all go on");
    ok(once_do_until(&once, wait_for_it, NULL, DEADLINE_NOW) == 0 &&
           once_do_until(&once, wait_for_it, NULL, 1) == 0 && calls == 1,
       "what is done is waited for by nobody");
    once = (struct once){0};
    ok(once_do_until(&once, wait_for_it, NULL, 1) == 0 && calls == 2,
       "who need not wait calls it, however late");
}

int main(void)
{
    finished = make(0, 0);
    test_once();
    test_limited();
    return done();
}
