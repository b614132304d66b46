/*
 * sync.c - wait groups and semaphores.
 *
 * Protocol:  one atomic word tells it all: a counter or tokens in one half, how many wait in the
 *            other. Where nobody waits it is changed by one atomic operation. The number of waiters
 *            grows and shrinks under the waiters' lock only, together with their queue; so whoever
 *            sees that somebody waits, and takes the lock, finds him in it, parked: gopark()
 *            releases the lock on g0.
 * Invariant: while the lock is free, as many are in the queue as the word says.
 *            Semaphore: tokens > 0 implies that nobody waits.
 * Fairness:  who wakes somebody has done all that he waited for. Nobody competes after waking, so
 *            nobody can be overtaken. The price is a switch for each hand-over of a contended
 *            token; where that matters (mutexes) it is the business of what is built on top.
 * Source:    Go's sync/waitgroup.go and runtime/sema.go. Go finds a semaphore's waiters in a table
 *            by address; here the queue is in the object, which costs 24 bytes and saves the table
 *            and its lock.
 */
#include "rt0/sync.h"

#include <errno.h>

#include "rt0/go.h"
#include "sched/sched.h"
#include "sched/waitq.h"

/* What a struct sync_waiters is. Zero bytes are a lock of rank 0. */
struct waiters {
    struct spinlock lock;
    struct waitq q; // lock
};
_Static_assert(sizeof(struct waiters) == sizeof(struct sync_waiters), "rt0/sync.h");
_Static_assert(_Alignof(struct waiters) == _Alignof(struct sync_waiters), "rt0/sync.h");
_Static_assert(RANK_SYNC == 0, "zero bytes are ready to use");

static struct waiters *waiters_of(struct sync_waiters *w)
{
    return (struct waiters *)w;
}

/* The current G waits, until somebody has taken it out of the queue. Releases the lock. */
static void wait_locked(struct waiters *w, enum waitreason reason)
{
    struct sudog sg = {.g = getg()};

    waitq_push(&w->q, &sg);
    gopark(unlock_after_park, &w->lock, reason);
}

/* ---- wait groups ----------------------------------------------------------------------------- */

#define WG_ONE ((uint64_t)1 << 32)

static int32_t counter_of(uint64_t state)
{
    return (int32_t)(state >> 32);
}

static uint32_t nwaiters_of(uint64_t state)
{
    return (uint32_t)state;
}

/* The counter came to zero, and the word was `state` then. Once the lock is released the memory is
 * the waiters'. */
static void release_all(struct waitgroup *wg, uint64_t state)
{
    struct waiters *w = waiters_of(&wg->waiters);

    lock(&w->lock);
    if (!atomic_compare_exchange_strong_explicit(&wg->state, &state, 0, memory_order_relaxed,
                                                 memory_order_relaxed))
        throw("sync: WaitGroup misuse: Add called concurrently with Wait");
    struct sudog *sg = w->q.first;
    w->q = (struct waitq){0};
    unlock(&w->lock);
    while (sg) {
        struct sudog *next = sg->next; // sg is on the stack of a goroutine that may now run
        goready(sg->g);
        sg = next;
    }
}

/* waitgroup_add(wg, n) made `state` of the word: it is over, or counts up from zero while somebody waits. */
static __attribute__((noinline)) void add_slow(struct waitgroup *wg, int n, uint64_t state)
{
    if (counter_of(state) < 0)
        throw("sync: negative WaitGroup counter");
    if (n > 0 && counter_of(state) == n)
        throw("sync: WaitGroup misuse: Add called concurrently with Wait");
    if (counter_of(state) == 0)
        release_all(wg, state);
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
    return (int64_t)state < (int64_t)WG_ONE && state;
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

static __attribute__((noinline)) void wait_slow(struct waitgroup *wg)
{
    struct waiters *w = waiters_of(&wg->waiters);

    lock(&w->lock);
    uint64_t state = atomic_load_explicit(&wg->state, memory_order_acquire);
    while (counter_of(state) &&
           !atomic_compare_exchange_weak_explicit(&wg->state, &state, state + 1,
                                                  memory_order_acquire, memory_order_acquire))
        ;
    if (!counter_of(state)) {
        unlock(&w->lock);
        return;
    }
    wait_locked(w, WAIT_WAITGROUP);
    if (atomic_load_explicit(&wg->state, memory_order_relaxed))
        throw("sync: WaitGroup is reused before previous Wait has returned");
}

/* Acquire: pairs with the release in add(). */
void waitgroup_wait(struct waitgroup *wg)
{
    if (counter_of(atomic_load_explicit(&wg->state, memory_order_acquire)))
        wait_slow(wg);
}

/* ---- semaphores ------------------------------------------------------------------------------ */

#define SEMA_WAITER ((uint64_t)1 << 32)

static uint32_t tokens_of(uint64_t state)
{
    return (uint32_t)state;
}

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

static __attribute__((noinline)) void acquire_slow(struct sema *s)
{
    struct waiters *w = waiters_of(&s->waiters);
    uint64_t state, to;

    lock(&w->lock);
    state = atomic_load_explicit(&s->state, memory_order_relaxed);
    do {
        to = tokens_of(state) ? state - 1 : state + SEMA_WAITER;
    } while (!atomic_compare_exchange_weak_explicit(&s->state, &state, to, memory_order_acquire,
                                                    memory_order_relaxed));
    if (tokens_of(state))
        unlock(&w->lock);
    else
        wait_locked(w, WAIT_SEMA);
}

void sema_acquire(struct sema *s)
{
    if (sema_tryacquire(s))
        acquire_slow(s);
}

/* Adds a token. False: somebody waits for it. */
static inline bool add_token(struct sema *s)
{
    uint64_t state = atomic_load_explicit(&s->state, memory_order_relaxed);

    /* Release: pairs with the acquire in sema_tryacquire() and acquire_slow(). */
    while (state < INT32_MAX)
        if (atomic_compare_exchange_weak_explicit(&s->state, &state, state + 1,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    if (tokens_of(state))
        throw("sync: semaphore has too many tokens");
    return false;
}

/* Who gets the token; NULL: nobody waits any more, so it was added. */
static __attribute__((noinline)) struct g *grant(struct sema *s)
{
    struct waiters *w = waiters_of(&s->waiters);

    lock(&w->lock);
    struct sudog *sg = waitq_pop(&w->q);
    struct g *gp = sg ? sg->g : NULL;
    if (sg)
        atomic_fetch_sub_explicit(&s->state, SEMA_WAITER, memory_order_relaxed);
    else
        add_token(s);
    unlock(&w->lock);
    return gp;
}

static inline struct g *release(struct sema *s)
{
    return add_token(s) ? NULL : grant(s);
}

void sema_release(struct sema *s)
{
    struct g *gp = release(s);

    if (gp)
        goready(gp);
}

/* goready() made it the next one of this P. */
void sema_release_handoff(struct sema *s)
{
    struct g *gp = release(s);

    if (!gp)
        return;
    goready(gp);
    gosched();
}
