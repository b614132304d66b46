/*
 * wait.c - waits that can end for more than one reason.
 *
 * Protocol:  wait.h draws it. The timer and the cancel may come as soon as wait_begin() has set them up, before the
 *            goroutine has parked: then `state` is no longer RUNNING when commit(), on g0, would make it PARKED,
 *            and the goroutine goes on instead. Between that and the claim of a parked one no G is readied that does
 *            not wait.
 * Lifetime:  w lies on a stack that its goroutine leaves after wait_end(). Who may still touch it then?
 *            - who claimed it: no. He reads w->g before he readies the G, and nothing after. Who claims it while it is
 *              RUNNING touches nothing after the compare-exchange.
 *            - who dequeued a sudog and lost: no. He did so under the queue's lock, which the goroutine took since.
 *            - the cancel: only under its lock, and only what is in its list; cancel_leave() takes that lock.
 *            - the timer's function, if it was called and lost: it sets WAITER_TIMER_OVER last, and wait_end() waits
 *              for that if timer_stop() says that the timer did not run any more.
 *            - commit(), on the g0 that parked it: until it releases the last queue's lock (wait_park()).
 * Invariant: a sudog is queued, and its queue's lock free, only while its waiter is not RUNNING.
 * Source:    the claim is Go's g.selectDone (select.go).
 */
#include "sched/wait.h"

#include <errno.h>

#include "rt0/cancel.h"
#include "rt0/go.h"

/* The timer's function. Acquire-release: pairs with commit(), and with timer_is_over(). */
static void time_out(void *arg)
{
    struct waiter *w = arg;
    struct g *gp = w->g;
    uint32_t state = atomic_load_explicit(&w->state, memory_order_relaxed), to;

    do {
        to = state <= WAITER_PARKED ? WAITER_TIMED_OUT : state | WAITER_TIMER_OVER;
    } while (!atomic_compare_exchange_weak_explicit(&w->state, &state, to, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (state == WAITER_PARKED)
        goready(gp);
}

static bool timer_is_over(struct waiter *w)
{
    uint32_t state = atomic_load_explicit(&w->state, memory_order_acquire);

    return state == WAITER_TIMED_OUT || state & WAITER_TIMER_OVER;
}

int wait_begin(struct waiter *w, int64_t deadline_ns, struct cancel *cancel)
{
    int64_t now = 0;
    int err;

    wait_begin_plain(w);
    if (deadline_ns == DEADLINE_NONE && !cancel)
        return 0;
    if (deadline_ns != DEADLINE_NONE && deadline_ns <= (now = nanotime()))
        return deadline_ns == DEADLINE_NOW ? -EAGAIN : -ETIMEDOUT;
    atomic_store_explicit(&w->state, WAITER_RUNNING, memory_order_relaxed);
    w->deadline_ns = deadline_ns;
    if (cancel && (err = cancel_join(cancel, w)) != 0)
        return err;
    w->cancel = cancel;
    if (deadline_ns == DEADLINE_NONE)
        return 0;
    atomic_store_explicit(&w->ready, false, memory_order_relaxed);
    w->timer = (struct timer){0};
    w->timed = timer_start(&w->timer, deadline_ns - now, 0, time_out, w) == 0;
    w->polls = !w->timed;
    return 0;
}

/* Release: pairs with sudog_claim(), time_out() and cancel_fire(). False: it was claimed before it could park. */
static bool begin_wait(struct waiter *w)
{
    uint32_t running = WAITER_RUNNING;

    return atomic_compare_exchange_strong_explicit(&w->state, &running, WAITER_PARKED,
                                                   memory_order_release, memory_order_acquire);
}

/* gopark()'s callback. */
static bool commit(struct g *gp, void *arg)
{
    struct waiter *w = arg;
    bool (*unlockf)(struct g * gp, void *arg) = w->unlockf;
    void *unlock_arg = w->arg;
    bool waits = begin_wait(w);

    if (unlockf)
        unlockf(gp, unlock_arg);
    return waits;
}

/* Without a timer: the goroutine stays runnable. */
static void poll(struct waiter *w)
{
    bool waits = begin_wait(w);

    if (w->unlockf)
        w->unlockf(w->g, w->arg);
    while (waits && !atomic_load_explicit(&w->ready, memory_order_acquire)) {
        uint32_t parked = WAITER_PARKED;
        if (nanotime() >= w->deadline_ns &&
            atomic_compare_exchange_strong_explicit(&w->state, &parked, WAITER_TIMED_OUT,
                                                    memory_order_relaxed, memory_order_relaxed))
            return;
        gosched();
        cpu_relax();
    }
}

void wait_park(struct waiter *w, bool (*unlockf)(struct g *gp, void *arg), void *arg,
               enum waitreason reason)
{
    if (!w->timed && !w->polls && !w->cancel) {
        gopark(unlockf, arg, reason);
        return;
    }
    w->unlockf = unlockf;
    w->arg = arg;
    if (w->polls)
        poll(w);
    else
        gopark(commit, w, reason);
}

int wait_end(struct waiter *w)
{
    if (w->cancel)
        cancel_leave(w->cancel, w);
    if (w->timed && !timer_stop(&w->timer))
        while (!timer_is_over(w)) {
            gosched();
            cpu_relax(); // on a host with fewer cores the other one needs this one's
        }
    switch (atomic_load_explicit(&w->state, memory_order_relaxed) & ~(uint32_t)WAITER_TIMER_OVER) {
    case WAITER_TIMED_OUT:
        return -ETIMEDOUT;
    case WAITER_CANCELED:
        return cancel_err(w->cancel);
    default:
        return 0;
    }
}
