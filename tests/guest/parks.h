/*
 * parks.h - a call in a goroutine of its own, of which a test wants to know that it waits; and a limit that comes
 * at the same time as what the call waits for.
 */
#ifndef TESTS_GUEST_PARKS_H
#define TESTS_GUEST_PARKS_H

#include <errno.h>

#include "rt0/cancel.h"
#include "sched/sched.h"
#include "tests/guest/all_of.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)

struct call {
    int (*fn)(struct call *);
    void *on, *elem;
    int64_t deadline_ns; // as fn uses them
    struct cancel *cancel;
    int number;
    int result;
    atomic_bool returned;
    _Atomic(struct g *) g;
};

static inline void make_call(void *arg)
{
    struct call *call = arg;

    atomic_store(&call->g, getg());
    call->result = call->fn(call);
    atomic_store(&call->returned, true);
    finish();
}

/* Until the call's goroutine waits for that reason; false: it has returned instead. */
static inline bool is_parked(struct call *call, enum waitreason reason)
{
    for (;;) {
        struct g *gp = atomic_load(&call->g);
        if (atomic_load(&call->returned))
            return false;
        if (gp && atomic_load(&gp->status) == GWAITING && gp->waitreason == reason)
            return true;
        gosched();
    }
}

/* Starts it. One that returns is joined by join(). */
static inline bool parks(struct call *call, enum waitreason reason)
{
    start(make_call, call);
    return is_parked(call, reason);
}

/* ---- random numbers, each goroutine with its own ---- */

static inline uint64_t draw(uint64_t *seed, uint64_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % n;
}

/* ---- what all limited calls have in common ---- */

/* limited(): mutex_lock_cancel() or one like it, of an object for which it has to wait. */
static inline void test_limits(const char *name, int (*limited)(struct call *), void *on,
                               enum waitreason reason)
{
    struct cancel fired = {0}, later = {0}, timed;
    int64_t now = nanotime();
    struct call call = {.fn = limited, .on = on, .deadline_ns = DEADLINE_NOW};

    ok(limited(&call) == -EAGAIN, "%s: DEADLINE_NOW does not wait", name);
    call.deadline_ns = 1;
    ok(limited(&call) == -ETIMEDOUT, "%s: a deadline that has passed", name);
    call.deadline_ns = now + 2 * MS;
    ok(limited(&call) == -ETIMEDOUT && nanotime() >= now + 2 * MS,
       "%s: a deadline is not met early", name);
    cancel_fire(&fired);
    call = (struct call){.fn = limited, .on = on, .deadline_ns = DEADLINE_NONE, .cancel = &fired};
    ok(limited(&call) == -ECANCELED, "%s: a cancel that was fired", name);
    call.cancel = &later;
    bool parked = parks(&call, reason);
    cancel_fire(&later);
    join(1);
    ok(parked && call.result == -ECANCELED, "%s: a cancel ends the wait", name);
    check(cancel_init(&timed, NULL, nanotime() + MS) == 0, "cancel_init");
    call.cancel = &timed;
    ok(limited(&call) == -ETIMEDOUT && nanotime() >= timed.deadline_ns,
       "%s: so does a cancel's deadline", name);
    cancel_end(&timed);
}

/* ---- a limit at the same time as what it limits ---- */

/* One gift; one that waits with a limit, in front; one without, behind. Exactly one of them has it: if the first
 * gave up, and the gift is lost, the second waits for ever. */
struct rivals {
    int (*limited)(struct call *);
    int (*plain)(struct call *);
    void (*give)(void *on);
    void *on;
    enum waitreason reason;
};

static inline void fire_and_finish(void *cancel)
{
    cancel_fire(cancel);
    finish();
}

/* The gift comes `lead` before the front one's deadline, or, less than 0, with a cancel. True: that one got it. */
static inline bool one_gift(const struct rivals *r, int64_t lead)
{
    struct cancel cancel = {0};
    struct call front = {.fn = r->limited, .on = r->on, .deadline_ns = DEADLINE_NONE};
    struct call back = {.fn = r->plain, .on = r->on};

    if (lead >= 0)
        front.deadline_ns = nanotime() + 200 * US;
    else
        front.cancel = &cancel;
    parks(&front, r->reason);
    parks(&back, r->reason);
    if (lead < 0)
        start(fire_and_finish, &cancel);
    while (lead >= 0 && nanotime() < front.deadline_ns - lead)
        ;
    r->give(r->on);
    while (!atomic_load(&front.returned))
        gosched();
    fail_once(front.result == 0 || front.result == (lead >= 0 ? -ETIMEDOUT : -ECANCELED));
    if (front.result == 0) {
        fail_once(is_parked(&back, r->reason));
        r->give(r->on);
    }
    join(lead >= 0 ? 2 : 3);
    return front.result == 0;
}

static inline void test_rivals(const char *name, const struct rivals *r)
{
    enum { ROUNDS = 150 };
    int timed = 0, cancelled = 0;

    atomic_store(&wrong, 0);
    for (int i = 0; i < ROUNDS; i++) {
        timed += one_gift(r, i % 30 * US);
        cancelled += one_gift(r, -1);
    }
    ok(atomic_load(&wrong) == 0,
       "%s: a limit at the same time: beside it the wait ended %d and %d times of %d", name, timed,
       cancelled, ROUNDS);
}

#endif
