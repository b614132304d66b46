/*
 * sema.c - semaphores, first come, first served.
 *
 * Protocol:  one atomic word: how many wait above, tokens below. Where nobody waits it is changed by one atomic
 *            operation. The number of waiters grows and shrinks under the waiters' lock only, together with their
 *            queue, by whoever puts a sudog in or takes it out; so whoever sees that somebody waits, and takes the
 *            lock, finds him in it, parked: gopark() releases the lock on g0.
 * Invariant: while the lock is free, as many are in the queue as the word says.
 *            tokens > 0 implies that nobody waits.
 * Fairness:  who wakes somebody has done all that he waited for. Nobody competes after waking, so
 *            nobody can be overtaken. The price is a switch for each hand-over of a contended
 *            token; where that matters there are mutexes.
 * Lifetime:  a token is the last that a release has to do with the semaphore: it is added by a compare-exchange, with
 *            no lock held, or given away under the lock to a waiter, who is readied after it.
 * Source:    Go's runtime/sema.go. Go finds a semaphore's waiters in a table by address; here the queue is in the
 *            object, which costs 24 bytes and saves the table and its lock.
 */
#include <errno.h>

#include "rt0/cancel.h"
#include "rt0/go.h"
#include "sched/syncq.h"

#define WAITER ((uint64_t)1 << 32)

static uint32_t tokens_of(uint64_t state)
{
    return (uint32_t)state;
}

/* ---- acquiring --------------------------------------------------------------------------------- */

int sema_tryacquire(struct sema *s)
{
    uint64_t state = atomic_load_explicit(&s->state, memory_order_relaxed);

    /* Acquire: pairs with the release in sema_release(). */
    while (tokens_of(state))
        if (atomic_compare_exchange_weak_explicit(&s->state, &state, state - 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return 0;
    return -EAGAIN;
}

/* One more waits; false: there was a token, which is ours. Ctx: the lock held. */
static bool count_locked(struct sema *s)
{
    uint64_t state = atomic_load_explicit(&s->state, memory_order_relaxed), to;

    do {
        to = tokens_of(state) ? state - 1 : state + WAITER;
    } while (!atomic_compare_exchange_weak_explicit(&s->state, &state, to, memory_order_acquire,
                                                    memory_order_relaxed));
    return !tokens_of(state);
}

/* A sudog was taken out. Ctx: the lock held. */
static void uncount_locked(struct sema *s)
{
    atomic_fetch_sub_explicit(&s->state, WAITER, memory_order_relaxed);
}

static __attribute__((noinline)) int acquire_slow(struct sema *s, int64_t deadline_ns,
                                                  struct cancel *cancel)
{
    struct syncq *q = syncq_of(&s->waiters);
    struct sync_wait sw;
    int err = sync_wait_begin(&sw, deadline_ns, cancel);

    if (err)
        return err;
    lock(&q->lock);
    if (!count_locked(s)) {
        unlock(&q->lock);
        sync_wait_end(&sw);
        return 0;
    }
    waitq_push(&q->q, &sw.sg);
    if (!sync_wait_park(&sw, q, WAIT_SEMA)) {
        lock(&q->lock);
        if (waitq_remove(&q->q, &sw.sg))
            uncount_locked(s);
        unlock(&q->lock);
    }
    return sync_wait_end(&sw);
}

void sema_acquire(struct sema *s)
{
    if (sema_tryacquire(s))
        acquire_slow(s, DEADLINE_NONE, NULL);
}

int sema_acquire_cancel(struct sema *s, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || sema_tryacquire(s) == 0)
        return err;
    return acquire_slow(s, deadline_ns, cancel);
}

/* ---- releasing --------------------------------------------------------------------------------- */

/* Adds a token. False: somebody waits for it. */
static inline bool add_token(struct sema *s)
{
    uint64_t state = atomic_load_explicit(&s->state, memory_order_relaxed);

    /* Release: pairs with the acquire in sema_tryacquire() and count_locked(). */
    while (state < INT32_MAX)
        if (atomic_compare_exchange_weak_explicit(&s->state, &state, state + 1,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    if (tokens_of(state))
        throw("sync: semaphore has too many tokens");
    return false;
}

/* Who gets the token; NULL: nobody waits any more. */
static __attribute__((noinline)) struct sudog *grant(struct sema *s)
{
    struct syncq *q = syncq_of(&s->waiters);
    struct sudog *sg;

    lock(&q->lock);
    while ((sg = waitq_pop(&q->q)) != NULL) {
        uncount_locked(s);
        if (sudog_claim(sg))
            break;
    }
    unlock(&q->lock);
    return sg;
}

static inline struct sudog *release(struct sema *s)
{
    struct sudog *sg = NULL;

    while (!sg && !add_token(s))
        sg = grant(s);
    return sg;
}

void sema_release(struct sema *s)
{
    struct sudog *sg = release(s);

    if (sg)
        sudog_ready(sg);
}

/* sudog_ready() made it the next one of this P. */
void sema_release_handoff(struct sema *s)
{
    struct sudog *sg = release(s);

    if (!sg)
        return;
    sudog_ready(sg);
    gosched();
}
