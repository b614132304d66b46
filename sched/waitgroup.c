/*
 * waitgroup.c - waiting for a number of goroutines to end.
 *
 * Protocol:  one atomic word: the counter above, how many wait below. Where nobody waits it is changed by one atomic
 *            operation. The number of waiters grows and shrinks under the waiters' lock only, together with their
 *            queue; so whoever sees that somebody waits, and takes the lock, finds him in it, parked: gopark()
 *            releases the lock on g0.
 *            Who brings the counter to zero while the word says that somebody waits comes for the lock, and empties
 *            queue and word. One that gives up in between finds the counter at zero and itself still queued:
 *            it waits for that call, which is on its way, and has what it waited for.
 * Invariant: while the lock is free, as many are in the queue as the word says.
 * Lifetime:  once the lock is released by who empties the queue, he touches the waiters only; none of them, nor one
 *            that gave up, has returned without having been taken out under the lock.
 * Source:    Go's sync/waitgroup.go.
 */
#include "rt0/cancel.h"
#include "sched/syncq.h"

#define ONE ((uint64_t)1 << 32)

static int32_t counter_of(uint64_t state)
{
    return (int32_t)(state >> 32);
}

static uint32_t nwaiters_of(uint64_t state)
{
    return (uint32_t)state;
}

/* ---- counting ---------------------------------------------------------------------------------- */

/* The counter came to zero while somebody waited. Once the lock is released the memory is the waiters'. */
static void release_all(struct waitgroup *wg)
{
    struct syncq *q = syncq_of(&wg->waiters);
    struct readylist l = {0};
    struct sudog *sg;

    lock(&q->lock);
    uint64_t state = atomic_load_explicit(&wg->state, memory_order_relaxed);
    if (counter_of(state) || !atomic_compare_exchange_strong_explicit(
                                 &wg->state, &state, 0, memory_order_relaxed, memory_order_relaxed))
        throw("sync: WaitGroup misuse: Add called concurrently with Wait");
    while ((sg = waitq_dequeue(&q->q)) != NULL)
        readylist_add(&l, sg);
    unlock(&q->lock);
    readylist_ready(&l);
}

/* waitgroup_add(wg, n) made `state` of the word: it is over, or counts up from zero while somebody waits. */
static __attribute__((noinline)) void add_slow(struct waitgroup *wg, int n, uint64_t state)
{
    if (counter_of(state) < 0)
        throw("sync: negative WaitGroup counter");
    if (n > 0 && counter_of(state) == n)
        throw("sync: WaitGroup misuse: Add called concurrently with Wait");
    if (counter_of(state) == 0)
        release_all(wg);
}

/* Acquire-release: all who count down are before those who wait. */
static inline uint64_t add(struct waitgroup *wg, int n)
{
    uint64_t delta = (uint64_t)(int64_t)n << 32;

    return atomic_fetch_add_explicit(&wg->state, delta, memory_order_acq_rel) + delta;
}

/* The counter is below zero, or is zero and somebody waits. */
static inline bool is_over(uint64_t state)
{
    return (int64_t)state < (int64_t)ONE && state;
}

void waitgroup_add(struct waitgroup *wg, int n)
{
    uint64_t state = add(wg, n);

    if (is_over(state) || (nwaiters_of(state) && counter_of(state) == n))
        add_slow(wg, n, state);
}

void waitgroup_done(struct waitgroup *wg)
{
    uint64_t state = add(wg, -1);

    if (__builtin_expect(is_over(state), 0))
        add_slow(wg, -1, state);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

/* One more waits; false: the counter is zero. Ctx: the lock held. */
static bool count_locked(struct waitgroup *wg)
{
    uint64_t state = atomic_load_explicit(&wg->state, memory_order_acquire);

    while (counter_of(state))
        if (atomic_compare_exchange_weak_explicit(&wg->state, &state, state + 1,
                                                  memory_order_acquire, memory_order_acquire))
            return true;
    return false;
}

/* The word with one that waits less; false: the counter is zero, so it stays. Ctx: the lock held. */
static bool uncount_locked(struct waitgroup *wg)
{
    uint64_t state = atomic_load_explicit(&wg->state, memory_order_acquire);

    while (counter_of(state))
        if (atomic_compare_exchange_weak_explicit(&wg->state, &state, state - 1,
                                                  memory_order_acquire, memory_order_acquire))
            return true;
    return false;
}

/* Its time is over. True: nevertheless the counter came to zero. */
static bool leave(struct waitgroup *wg, struct syncq *q, struct sudog *old)
{
    struct sudog sg = {.g = getg()};

    lock(&q->lock);
    bool queued = waitq_remove(&q->q, old);
    if (!queued || uncount_locked(wg)) {
        unlock(&q->lock);
        return !queued;
    }
    waitq_push(&q->q, &sg);
    gopark(unlock_after_park, &q->lock, WAIT_WAITGROUP);
    return true;
}

static __attribute__((noinline)) int wait_slow(struct waitgroup *wg, int64_t deadline_ns,
                                               struct cancel *cancel)
{
    struct syncq *q = syncq_of(&wg->waiters);
    struct sync_wait sw;
    bool over = true;
    int err = sync_wait_begin(&sw, deadline_ns, cancel);

    if (err)
        return err;
    lock(&q->lock);
    if (!count_locked(wg)) {
        unlock(&q->lock);
        sync_wait_end(&sw);
        return 0;
    }
    waitq_push(&q->q, &sw.sg);
    if (!sync_wait_park(&sw, q, WAIT_WAITGROUP))
        over = leave(wg, q, &sw.sg);
    err = sync_wait_end(&sw);
    if (!over)
        return err;
    if (atomic_load_explicit(&wg->state, memory_order_relaxed))
        throw("sync: WaitGroup is reused before previous Wait has returned");
    return 0;
}

/* Acquire: pairs with the release in add(). */
void waitgroup_wait(struct waitgroup *wg)
{
    if (counter_of(atomic_load_explicit(&wg->state, memory_order_acquire)))
        wait_slow(wg, DEADLINE_NONE, NULL);
}

int waitgroup_wait_cancel(struct waitgroup *wg, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || !counter_of(atomic_load_explicit(&wg->state, memory_order_acquire)))
        return err;
    return wait_slow(wg, deadline_ns, cancel);
}
