/*
 * once.c - doing something once.
 *
 * Protocol:  who calls fn has the mutex; `done` is set after it, so that whoever sees it sees what fn did.
 * Source:    Go's sync/once.go.
 */
#include "rt0/cancel.h"
#include "rt0/sync.h"
#include "sched/sched.h"

int once_do_slow(struct once *o, void (*fn)(void *), void *arg, int64_t deadline_ns,
                 struct cancel *cancel)
{
    int err = mutex_lock_cancel(&o->mutex, deadline_ns, cancel);

    if (err) /* Acquire: as in once_do(). It may just be done. */
        return atomic_load_explicit(&o->done, memory_order_acquire) ? 0 : err;
    if (!atomic_load_explicit(&o->done, memory_order_relaxed)) {
        fn(arg);
        atomic_store_explicit(&o->done, 1, memory_order_release);
    }
    mutex_unlock(&o->mutex);
    return 0;
}

int once_do_cancel(struct once *o, void (*fn)(void *), void *arg, int64_t deadline_ns,
                   struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || atomic_load_explicit(&o->done, memory_order_acquire))
        return err;
    return once_do_slow(o, fn, arg, deadline_ns, cancel);
}
