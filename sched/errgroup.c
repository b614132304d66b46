/*
 * errgroup.c - a wait group, a cancel and a first error, put together.
 *
 * Protocol:  who sets `err` from 0 is the first, and fires the cancel. That it has done so before waitgroup_done()
 *            makes both seen by errgroup_wait().
 */
#include "rt0/errgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rt0/go.h"

struct task {
    struct errgroup *g;
    int (*fn)(void *arg);
    void *arg;
};

void errgroup_init(struct errgroup *g, struct cancel *parent, unsigned limit)
{
    *g = (struct errgroup){.room = SEMA_INIT(limit < INT_MAX ? limit : INT_MAX),
                           .limited = limit > 0};
    cancel_init(&g->cancel, parent, DEADLINE_NONE); // without a deadline it can't fail
}

static void leave(struct errgroup *g)
{
    if (g->limited)
        sema_release(&g->room);
    waitgroup_done(&g->running);
}

static void run(void *arg)
{
    struct task *task = arg;
    struct errgroup *g = task->g;
    int err = task->fn(task->arg), none = 0;

    free(task);
    if (err && atomic_compare_exchange_strong_explicit(&g->err, &none, err, memory_order_relaxed,
                                                       memory_order_relaxed))
        cancel_fire(&g->cancel);
    leave(g);
}

/* There is room for it. */
static int start(struct errgroup *g, int (*fn)(void *arg), void *arg)
{
    struct task *task = malloc(sizeof *task);
    int err = task ? 0 : -ENOMEM;

    waitgroup_add(&g->running, 1);
    if (task) {
        *task = (struct task){g, fn, arg};
        err = go(run, task);
    }
    if (err) {
        free(task);
        leave(g);
    }
    return err;
}

int errgroup_go(struct errgroup *g, int (*fn)(void *arg), void *arg)
{
    if (!fn)
        return -EINVAL;
    if (g->limited)
        sema_acquire(&g->room);
    return start(g, fn, arg);
}

int errgroup_try_go(struct errgroup *g, int (*fn)(void *arg), void *arg)
{
    if (!fn)
        return -EINVAL;
    if (g->limited && sema_tryacquire(&g->room))
        return -EAGAIN;
    return start(g, fn, arg);
}

struct cancel *errgroup_cancel(struct errgroup *g)
{
    return &g->cancel;
}

int errgroup_wait(struct errgroup *g)
{
    waitgroup_wait(&g->running);
    int err = atomic_load_explicit(&g->err, memory_order_relaxed);
    cancel_end(&g->cancel);
    return err;
}
