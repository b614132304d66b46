/*
 * rt0/errgroup.h - goroutines with one task in common: the first that fails calls the others off.
 *
 *      struct errgroup g;
 *
 *      errgroup_init(&g, NULL, 4);                     four at a time
 *      for (int i = 0; i < n; i++)
 *          errgroup_go(&g, fetch, &pages[i]);          which gives errgroup_cancel(&g) to what it waits for
 *      err = errgroup_wait(&g);
 */
#ifndef RT0_ERRGROUP_H
#define RT0_ERRGROUP_H

#include <stdbool.h>

#include "rt0/cancel.h"
#include "rt0/sync.h"

/* The fields are errgroup.c's. */
struct errgroup {
    struct cancel cancel;
    struct waitgroup running;
    struct sema room;
    bool limited;
    _Atomic(int) err;
};

/*
 * errgroup_init - make g ready for use, once, up to errgroup_wait().
 * parent  what calls the group off from outside; NULL: nothing.
 * limit   so many goroutines at a time; 0: any number.
 * Ctx: goroutine. Does not park.
 * Source: Go's golang.org/x/sync/errgroup (WithContext, SetLimit).
 */
void errgroup_init(struct errgroup *g, struct cancel *parent, unsigned limit);

/*
 * errgroup_go - run fn(arg) in a goroutine of the group; park while the limit is reached. If it returns anything but 0
 * and is the first, that is what errgroup_wait() will return, and the group's cancel is fired.
 * Returns 0, -EINVAL if fn is NULL, -ENOMEM: then fn is not run, and nothing is cancelled.
 * Ctx: goroutine. May park.
 */
int errgroup_go(struct errgroup *g, int (*fn)(void *arg), void *arg);

/* errgroup_try_go - the same, but -EAGAIN instead of parking. */
int errgroup_try_go(struct errgroup *g, int (*fn)(void *arg), void *arg);

/* errgroup_cancel - what is fired by the first error, and by the parent. It is valid until errgroup_wait() returns. */
struct cancel *errgroup_cancel(struct errgroup *g);

/* errgroup_wait - wait until all have returned; 0, or the first error. g is not in use any more.
 * Ctx: goroutine. May park. */
int errgroup_wait(struct errgroup *g);

#endif
