/*
 * syncq.h - the goroutines that wait in an object of rt0/sync.h, and how one of them waits.
 *
 * A call that can wait is written once for all its forms:
 *
 *      struct sync_wait sw;
 *      int err = sync_wait_begin(&sw, deadline_ns, cancel);
 *
 *      if (err)
 *          return err;
 *      lock(&q->lock);
 *      if (there is no need to wait) {
 *          unlock(&q->lock);
 *          sync_wait_end(&sw);
 *          return 0;
 *      }
 *      waitq_push(&q->q, &sw.sg);
 *      if (!sync_wait_park(&sw, q, WAIT_...)) {        time or cancel: sw.sg may still be queued
 *          lock(&q->lock);
 *          if (waitq_remove(&q->q, &sw.sg))
 *              ... it is not counted any more
 *          unlock(&q->lock);
 *      }
 *      return sync_wait_end(&sw);
 *
 * Without a limit the sudog has no waiter, and all this is a gopark().
 */
#ifndef SCHED_SYNCQ_H
#define SCHED_SYNCQ_H

#include "rt0/sync.h"
#include "sched/wait.h"

/* What a struct sync_waiters is. Zero bytes are a lock of rank 0. */
struct syncq {
    struct spinlock lock;
    struct waitq q; // lock
};
_Static_assert(sizeof(struct syncq) == sizeof(struct sync_waiters), "rt0/sync.h");
_Static_assert(_Alignof(struct syncq) == _Alignof(struct sync_waiters), "rt0/sync.h");
_Static_assert(RANK_SYNC == 0, "zero bytes are ready to use");

static inline struct syncq *syncq_of(struct sync_waiters *w)
{
    return (struct syncq *)w;
}

struct sync_wait {
    struct sudog sg;
    struct waiter w; // if sg.waiter
};

/* Returns as wait_begin() does. */
ALWAYS_INLINE int sync_wait_begin(struct sync_wait *sw, int64_t deadline_ns, struct cancel *cancel)
{
    sw->sg.g = getg();
    sw->sg.waiter = NULL;
    sw->sg.next = sw->sg.prev = NULL;
    if (deadline_ns == DEADLINE_NONE && !cancel)
        return 0;
    sw->sg.waiter = &sw->w;
    return wait_begin(&sw->w, deadline_ns, cancel);
}

/* Whether a sudog was dequeued for it, and not its limit reached. unlockf: as wait_park()'s. */
ALWAYS_INLINE bool sync_wait_park_by(struct sync_wait *sw, bool (*unlockf)(struct g *gp, void *arg),
                                     void *arg, enum waitreason reason)
{
    if (!sw->sg.waiter) {
        gopark(unlockf, arg, reason);
        return true;
    }
    wait_park(&sw->w, unlockf, arg, reason);
    return sw->w.by != NULL;
}

/* The same, with nothing to release but q's lock. */
ALWAYS_INLINE bool sync_wait_park(struct sync_wait *sw, struct syncq *q, enum waitreason reason)
{
    return sync_wait_park_by(sw, unlock_after_park, &q->lock, reason);
}

ALWAYS_INLINE int sync_wait_end(struct sync_wait *sw)
{
    return sw->sg.waiter ? wait_end(&sw->w) : 0;
}

/* Those that a call wakes at once: a list through sudog.next, which is theirs again once they are readied. */
struct readylist {
    struct sudog *first, *last;
};

ALWAYS_INLINE void readylist_add(struct readylist *l, struct sudog *sg)
{
    sg->next = NULL;
    if (l->last)
        l->last->next = sg;
    else
        l->first = sg;
    l->last = sg;
}

/* In the order of their coming. Ctx: no locks. */
static inline void readylist_ready(struct readylist *l)
{
    for (struct sudog *sg = l->first, *next; sg; sg = next) {
        next = sg->next; // sg is on the stack of a goroutine that may now run
        sudog_ready(sg);
    }
}

#endif
