/*
 * rt0/cancel.h - calling off what goroutines wait for.
 *
 * A struct cancel is given to blocking calls (chan_recv_cancel() and the like). Once it is fired, by anybody, or its
 * deadline has passed, each of these calls that waits returns -ECANCELED, or -ETIMEDOUT if it was the deadline, and
 * each one that comes later returns so at once. It is fired once and stays so.
 *
 * Cancels form trees: what is fired fires its children, too, and theirs, with the same reason.
 *
 *      struct cancel request;
 *
 *      cancel_init(&request, &server, nanotime() + SECOND);
 *      err = chan_recv_cancel(c, &v, DEADLINE_NONE, &request);       0, -EPIPE, -ECANCELED, -ETIMEDOUT
 *      cancel_end(&request);
 *
 * Zero bytes are a cancel without parent and deadline, ready to use. The object may not be moved or copied while it
 * is in use.
 */
#ifndef RT0_CANCEL_H
#define RT0_CANCEL_H

#include <stdint.h>

#include "rt0/time.h"

struct waiter;

/* The fields are the scheduler's. */
struct cancel {
    _Atomic(int) err;
    _Atomic(uint32_t) timer_over;
    uint64_t lock, tree_lock;
    struct waiter *first, *last;
    struct cancel *root, *parent, *children, *next, *prev;
    int64_t deadline_ns;
    struct timer timer;
};

/*
 * cancel_init - make c ready for use.
 * parent       NULL: none. It has to live until cancel_end(c). If it has been fired, so is c.
 * deadline_ns  absolute nanotime() when c is fired; DEADLINE_NONE: never. A parent's earlier one goes for c, too.
 * Returns 0; -ENOMEM: no memory for the deadline's timer, and c is not to be used.
 * Ctx: goroutine. Does not park.
 * Source: Go's context.WithDeadline.
 */
int cancel_init(struct cancel *c, struct cancel *parent, int64_t deadline_ns);

/*
 * cancel_fire - call off what waits with c and its descendants, unless that has been done.
 * Ctx: goroutine or timer function. Does not park.
 */
void cancel_fire(struct cancel *c);

/* cancel_err - 0 while c has not been fired; -ECANCELED; -ETIMEDOUT: its deadline, or that of one above it, passed.
 * What was done before cancel_fire() is seen by who sees this. Ctx: any. */
int cancel_err(const struct cancel *c);

/* cancel_deadline - when c is fired at the latest; DEADLINE_NONE: no time is set. Ctx: any. */
int64_t cancel_deadline(const struct cancel *c);

/*
 * cancel_end - c is needed no more: it leaves its parent, and its memory is the caller's. Calls that are given it
 * from now on return -ECANCELED. If a child of it has not ended, or a goroutine still waits with it, that is a fatal
 * error: fire it and wait for them first.
 * Ctx: goroutine. Does not park.
 */
void cancel_end(struct cancel *c);

/* sleep_cancel - sleep_ns() that can be called off: 0, or what cancel_err(c) says. INT64_MAX: until then.
 * Ctx: goroutine. May park. */
int sleep_cancel(int64_t ns, struct cancel *c);

#endif
