/*
 * wait.h - waits that can end for more than one reason: one of several channels, a deadline, a cancel.
 *
 * The goroutine has a struct waiter on its stack, and each of its sudogs points to it. Of all who would end the
 * wait one may: who brings `state` from PARKED to his own value.
 *
 *                  wait_park()                who dequeued a sudog, under its queue's lock
 *      RUNNING ──────────────────> PARKED ──> OBJECT
 *         │                          │ ├────> TIMED_OUT     its timer
 *         ├──> TIMED_OUT, CANCELED   │ └────> CANCELED      its cancel
 *         (it will not park then)    │
 *
 * A call looks like this (object->q is guarded by object->lock):
 *
 *      struct waiter w;
 *      struct sudog sg = {.g = getg(), .waiter = &w};
 *      int err = wait_begin(&w, deadline_ns, cancel);
 *
 *      if (err)                                        past, or cancelled already: nothing was begun
 *          return err;
 *      lock(&object->lock);
 *      if (there is no need to wait any more) {
 *          ...
 *          unlock(&object->lock);
 *          wait_end(&w);
 *          return 0;
 *      }
 *      waitq_push(&object->q, &sg);
 *      wait_park(&w, unlock_after_park, &object->lock, WAIT_...);
 *      if (!w.by) {                                    time or cancel: sg may still be queued
 *          lock(&object->lock);
 *          waitq_remove(&object->q, &sg);
 *          unlock(&object->lock);
 *      }
 *      return wait_end(&w);                            0: what it waited for has come
 *
 * and who brings what it waits for:
 *
 *      lock(&object->lock);
 *      sg = waitq_dequeue(&object->q);                 the first whose wait is ours to end
 *      ... the element, sg->result
 *      unlock(&object->lock);
 *      if (sg)
 *          sudog_ready(sg);
 *
 * A plain sudog (waiter == NULL) may be in the same queue: its owner uses gopark() and nothing of this.
 */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H

#include "rt0/time.h"
#include "sched/waitq.h"

struct cancel;

enum waiter_state {
    WAITER_RUNNING = 0, // does not wait yet
    WAITER_PARKED,      // waits: it can be claimed
    WAITER_OBJECT,      // claimed, by: ...
    WAITER_TIMED_OUT,
    WAITER_CANCELED,
    WAITER_TIMER_OVER = 1 << 8, // a bit: its timer came too late, and is done with it
};

struct waiter {
    struct g *g;             // c
    struct sudog *by;        // who claimed it writes, before readying: the sudog that he dequeued
    _Atomic(uint32_t) state; // a  enum waiter_state
    bool timed;              // c  its timer was started
    bool polls;              // c  there was no memory for its timer: it does not park, but looks
    _Atomic(bool) ready;     // a  instead of goready(), if it polls. Release, acquire in poll()
    bool linked;             // cancel's lock: in its list
    int64_t deadline_ns;     // c
    struct cancel *cancel;   // c
    struct waiter *next, *prev;               // cancel's lock; its list of waiters
    bool (*unlockf)(struct g *gp, void *arg); // wait_park()'s, for commit()
    void *arg;
    struct timer timer;
};

/*
 * wait_begin - from now on w's time or cancel can end it.
 * deadline_ns  as in rt0/time.h. Without memory for a timer the goroutine will let others run and look at the
 *              clock instead of parking: a deadline can't fail.
 * cancel       NULL: none.
 * Returns 0, and wait_end() must follow; or, with nothing begun, -EAGAIN (DEADLINE_NOW), -ETIMEDOUT, or what
 * cancel_err() says.
 * Ctx: G, no locks held.
 */
int wait_begin(struct waiter *w, int64_t deadline_ns, struct cancel *cancel);

/* For a wait that only who dequeues a sudog can end, but of several sudogs. No wait_end() is needed. */
ALWAYS_INLINE void wait_begin_plain(struct waiter *w)
{
    w->g = getg();
    w->by = NULL;
    atomic_store_explicit(&w->state, WAITER_PARKED, memory_order_relaxed);
    w->timed = w->polls = false;
    w->cancel = NULL;
}

/*
 * wait_park - parks until somebody has claimed w. Its sudogs are queued, their locks held; unlockf(arg) releases
 * them. w->by says which sudog was dequeued, NULL: none (see wait_end()).
 * unlockf may use what is on the G's stack until it releases the last lock of a queue that has a sudog of w: the
 * goroutine takes these locks before it goes on. Where no sudog is queued it has to be NULL.
 * Ctx: G.
 */
void wait_park(struct waiter *w, bool (*unlockf)(struct g *gp, void *arg), void *arg,
               enum waitreason reason);

/*
 * wait_end - nobody touches w any more. Its sudogs are in no queue.
 * Returns 0 if an object ended it, or nobody; -ETIMEDOUT; what cancel_err() says. Who did not park and got what he
 * wanted takes no notice of that.
 * Ctx: G, no locks held.
 */
int wait_end(struct waiter *w);

/* After wait_park(): its own time ended it (its cancel may have had one, too). */
ALWAYS_INLINE bool waiter_timed_out(const struct waiter *w)
{
    return atomic_load_explicit(&w->state, memory_order_relaxed) == WAITER_TIMED_OUT;
}

/* sg was taken out of its queue: whether that ends its wait. Acquire: pairs with the release in commit(). */
ALWAYS_INLINE bool sudog_claim(struct sudog *sg)
{
    struct waiter *w = sg->waiter;
    uint32_t parked = WAITER_PARKED;

    if (!w)
        return true;
    if (!atomic_compare_exchange_strong_explicit(&w->state, &parked, WAITER_OBJECT,
                                                 memory_order_acquire, memory_order_relaxed))
        return false;
    w->by = sg;
    return true;
}

/* The first whose wait the caller ends. Those that others have claimed are dropped on the way: they look for
 * their sudogs themselves, by waitq_remove(). Ctx: the queue's lock held. */
ALWAYS_INLINE struct sudog *waitq_dequeue(struct waitq *q)
{
    struct sudog *sg;

    while ((sg = waitq_pop(q)) != NULL && !sudog_claim(sg))
        ;
    return sg;
}

/* w was claimed by the caller, who does not touch it or its sudogs after this. Ctx: as goready(), no locks. */
ALWAYS_INLINE void waiter_ready(struct waiter *w)
{
    if (__builtin_expect(w->polls, 0))
        atomic_store_explicit(&w->ready, true, memory_order_release);
    else
        goready(w->g);
}

/* The same for a sudog that waitq_dequeue() gave. */
ALWAYS_INLINE void sudog_ready(struct sudog *sg)
{
    if (sg->waiter)
        waiter_ready(sg->waiter);
    else
        goready(sg->g);
}

/* ---- cancel.c ---- */

/* w waits with c: 0, or cancel_err(). Ctx: G, no locks. */
int cancel_join(struct cancel *c, struct waiter *w);
/* Whoever cancels c has nothing to do with w any more. */
void cancel_leave(struct cancel *c, struct waiter *w);

#endif
