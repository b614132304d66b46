/*
 * cond.c - waiting for something that a mutex guards.
 *
 * Protocol:  who waits queues itself while it still has the mutex, and parks; the mutex is unlocked on g0, by
 *            gopark()'s callback, after the queue's lock. So a waker that has locked the mutex finds it in the queue,
 *            and who finds it there finds a G that can be readied. It may be readied before the mutex is unlocked;
 *            then it waits for that like others.
 *            `waiting` counts the queue, under its lock, so that a signal for nobody takes no lock: who has begun
 *            to wait before the mutex was locked is seen, by the mutex; no other is promised anything.
 * Lifetime:  the callback reads what is on the waiter's stack before it releases the lock, and of the objects
 *            touches only the mutex after that, for which the waiter comes back. A waker touches no more than the
 *            waiters that it took out after it has released the lock.
 * Why no tickets, as Go's notifyList has: there the mutex is unlocked before the waiter is queued, and a ticket keeps
 *            its place; a ticket of one that gives up would have to be found by the waker.
 * Source:    Go's sync/cond.go; the order is that of its notifyList.
 */
#include <errno.h>

#include "rt0/cancel.h"
#include "sched/syncq.h"

/* Once it is used its address is its own. */
static void check_copied(struct cond *c)
{
    uintptr_t self = atomic_load_explicit(&c->self, memory_order_relaxed);

    if (__builtin_expect(self == (uintptr_t)c, 1))
        return;
    if (self || (!atomic_compare_exchange_strong_explicit(
                     &c->self, &self, (uintptr_t)c, memory_order_relaxed, memory_order_relaxed) &&
                 self != (uintptr_t)c))
        throw("sync.Cond is copied");
}

/* Ctx: the queue's lock held. */
static void count_locked(struct cond *c, uint64_t n)
{
    uint64_t waiting = atomic_load_explicit(&c->waiting, memory_order_relaxed);

    atomic_store_explicit(&c->waiting, waiting + n, memory_order_relaxed);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

struct unlocking {
    struct syncq *q;
    struct mutex *mutex;
};

static bool unlock_both(struct g *gp, void *arg)
{
    struct unlocking u = *(
        struct unlocking *)arg; // from the waiter's stack, which may be gone soon

    (void)gp;
    unlock(&u.q->lock);
    mutex_unlock(u.mutex);
    return true;
}

/* The time has passed before it began: who waits in a loop still lets others change what it looks at. */
static void let_others(struct mutex *m)
{
    mutex_unlock(m);
    mutex_lock(m);
}

int cond_wait_cancel(struct cond *c, struct mutex *m, int64_t deadline_ns, struct cancel *cancel)
{
    struct syncq *q = syncq_of(&c->waiters);
    struct unlocking u = {q, m};
    struct sync_wait sw;
    int err = cancel ? cancel_err(cancel) : 0;

    check_copied(c);
    if (!(atomic_load_explicit(&m->state, memory_order_relaxed) & MUTEX_LOCKED))
        throw(
            "sync: unlock of unlocked mutex"); // here rather than on g0, where nobody knows whose fault it is
    if (err)
        return err;
    err = sync_wait_begin(&sw, deadline_ns, cancel);
    if (err) {
        let_others(m);
        return err;
    }
    lock(&q->lock);
    waitq_push(&q->q, &sw.sg);
    count_locked(c, 1);
    if (!sync_wait_park_by(&sw, unlock_both, &u, WAIT_SYNC_COND_WAIT)) {
        lock(&q->lock);
        if (waitq_remove(&q->q, &sw.sg))
            count_locked(c, (uint64_t)-1);
        unlock(&q->lock);
    }
    err = sync_wait_end(&sw);
    mutex_lock(m);
    return err;
}

void cond_wait(struct cond *c, struct mutex *m)
{
    cond_wait_cancel(c, m, DEADLINE_NONE, NULL);
}

/* ---- waking ------------------------------------------------------------------------------------ */

static bool nobody_waits(struct cond *c)
{
    check_copied(c);
    return !atomic_load_explicit(&c->waiting, memory_order_relaxed);
}

/* The first whose wait the caller ends. Ctx: the queue's lock held. */
static struct sudog *dequeue_locked(struct cond *c)
{
    struct sudog *sg;

    while ((sg = waitq_pop(&syncq_of(&c->waiters)->q)) != NULL) {
        count_locked(c, (uint64_t)-1);
        if (sudog_claim(sg))
            break;
    }
    return sg;
}

void cond_signal(struct cond *c)
{
    struct syncq *q = syncq_of(&c->waiters);

    if (nobody_waits(c))
        return;
    lock(&q->lock);
    struct sudog *sg = dequeue_locked(c);
    unlock(&q->lock);
    if (sg)
        sudog_ready(sg);
}

void cond_broadcast(struct cond *c)
{
    struct syncq *q = syncq_of(&c->waiters);
    struct readylist l = {0};
    struct sudog *sg;

    if (nobody_waits(c))
        return;
    lock(&q->lock);
    while ((sg = dequeue_locked(c)) != NULL)
        readylist_add(&l, sg);
    unlock(&q->lock);
    readylist_ready(&l);
}
