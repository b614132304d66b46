/*
 * cancel.c - trees of cancels.
 *
 *      root ── tree_lock: parent, children, next, prev of all in the tree
 *       ├── child ── lock: err, and the list of who waits with it
 *       │    └── child
 *       └── child
 *
 * Protocol:  a waiter enters the list under c->lock if c->err is 0 (cancel_join()), and leaves it under the same
 *            (cancel_leave()). cancel_fire() holds the tree's lock, goes through c and all below, and of each one sets
 *            err and empties the list under its lock; waiters that it could claim (wait.h) it chains up, and readies
 *            them when all locks are released: they are parked until then, and so their memory is there.
 * Invariant: a cancel's err is set: so are those of all below it. Whoever comes new looks at its parent's under the
 *            tree's lock. So a subtree that was fired need not be gone through again.
 *            err set, and c->lock free: the list is empty.
 * Why two locks: goroutines that wait with different cancels of one tree do not meet at the root.
 * Source:    Go's context.go. There a parent's lock is held while its children's are taken, however deep.
 */
#include "rt0/cancel.h"

#include <errno.h>

#include "rt0/go.h"
#include "sched/wait.h"

_Static_assert(sizeof(struct spinlock) == sizeof(uint64_t), "rt0/cancel.h");
_Static_assert(RANK_SYNC == 0, "zero bytes are ready to use");

static struct spinlock *tree_lock(struct cancel *c)
{
    return (struct spinlock *)(c->root ? &c->root->tree_lock : &c->tree_lock);
}

/* Taken under the tree's lock, which zero bytes make one of rank 0. */
static struct spinlock *own_lock(struct cancel *c)
{
    struct spinlock *l = (struct spinlock *)&c->lock;

    __atomic_store_n(&l->rank, RANK_CANCEL, __ATOMIC_RELAXED);
    return l;
}

int cancel_err(const struct cancel *c)
{
    /* Acquire: pairs with the release in fire_one(). */
    return atomic_load_explicit(&c->err, memory_order_acquire);
}

int64_t cancel_deadline(const struct cancel *c)
{
    return c->deadline_ns ? c->deadline_ns : DEADLINE_NONE;
}

/* ---- waiters --------------------------------------------------------------------------------- */

static void list_remove_locked(struct cancel *c, struct waiter *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        c->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        c->last = w->prev;
    w->linked = false;
}

int cancel_join(struct cancel *c, struct waiter *w)
{
    int err;

    w->linked = false;
    lock(own_lock(c));
    err = atomic_load_explicit(&c->err, memory_order_relaxed);
    if (!err) {
        w->next = NULL;
        w->prev = c->last;
        if (c->last)
            c->last->next = w;
        else
            c->first = w;
        c->last = w;
        w->linked = true;
    }
    unlock(own_lock(c));
    return err;
}

void cancel_leave(struct cancel *c, struct waiter *w)
{
    lock(own_lock(c));
    if (w->linked)
        list_remove_locked(c, w);
    unlock(own_lock(c));
}

/* Whether w, which is in no list any more, is the caller's to ready. Acquire-release: pairs with commit() (wait.c). */
static bool claim(struct waiter *w)
{
    uint32_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

    while (state <= WAITER_PARKED)
        if (atomic_compare_exchange_weak_explicit(&w->state, &state, WAITER_CANCELED,
                                                  memory_order_acq_rel, memory_order_relaxed))
            return state == WAITER_PARKED;
    return false;
}

/* ---- firing ---------------------------------------------------------------------------------- */

/* Waiters that were claimed, through their `next`. */
struct claimed {
    struct waiter *first, **end;
};

/* False: it was fired before, and so was all below. Ctx: the tree's lock held. */
static bool fire_one_locked(struct cancel *c, int err, struct claimed *claimed)
{
    struct waiter *w;

    lock(own_lock(c));
    bool first = !atomic_load_explicit(&c->err, memory_order_relaxed);
    if (first)
        atomic_store_explicit(&c->err, err, memory_order_release);
    while ((w = c->first) != NULL) {
        list_remove_locked(c, w);
        if (claim(w)) {
            w->next = NULL;
            *claimed->end = w;
            claimed->end = &w->next;
        }
    }
    unlock(own_lock(c));
    return first;
}

/* What comes after c below top: its children if deeper, else what is beside it or beside one above it. */
static struct cancel *next_below(const struct cancel *top, struct cancel *c, bool deeper)
{
    if (deeper && c->children)
        return c->children;
    while (c != top && !c->next)
        c = c->parent;
    return c == top ? NULL : c->next;
}

static void fire(struct cancel *top, int err)
{
    struct claimed claimed = {.end = &claimed.first};
    struct cancel *c = top;

    lock(tree_lock(top));
    while (c)
        c = next_below(top, c, fire_one_locked(c, err, &claimed));
    unlock(tree_lock(top));
    /* The cancels are not touched any more. */
    for (struct waiter *w = claimed.first, *next; w; w = next) {
        next = w->next;
        waiter_ready(w);
    }
}

void cancel_fire(struct cancel *c)
{
    if (!cancel_err(c))
        fire(c, -ECANCELED);
}

/* The timer's function. Release: pairs with acquire in stop_timer(). */
static void deadline_passed(void *arg)
{
    struct cancel *c = arg;

    fire(c, -ETIMEDOUT);
    atomic_store_explicit(&c->timer_over, 1, memory_order_release);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void link_to_parent(struct cancel *c, struct cancel *parent)
{
    c->root = parent->root ? parent->root : parent;
    lock(tree_lock(c));
    atomic_store_explicit(&c->err, cancel_err(parent), memory_order_relaxed);
    c->parent = parent;
    c->next = parent->children;
    if (c->next)
        c->next->prev = c;
    parent->children = c;
    unlock(tree_lock(c));
}

/* The tree's lock is the root's, and gone once c has left it: nobody may know c any more. */
static void leave_parent(struct cancel *c)
{
    struct spinlock *tree = tree_lock(c);

    lock(tree);
    if (c->children)
        throw("cancel_end: cancel %p still has children", (void *)c);
    if (c->prev)
        c->prev->next = c->next;
    else if (c->parent)
        c->parent->children = c->next;
    if (c->next)
        c->next->prev = c->prev;
    unlock(tree);
}

static void stop_timer(struct cancel *c)
{
    if (!c->timer.fn || timer_stop(&c->timer))
        return;
    while (!atomic_load_explicit(&c->timer_over, memory_order_acquire)) {
        gosched();
        cpu_relax(); // on a host with fewer cores the other one needs this one's
    }
}

int cancel_init(struct cancel *c, struct cancel *parent, int64_t deadline_ns)
{
    int64_t above = parent ? cancel_deadline(parent) : DEADLINE_NONE;

    *c = (struct cancel){.deadline_ns = deadline_ns < above ? deadline_ns : above};
    if (parent)
        link_to_parent(c, parent);
    if (deadline_ns >= above || cancel_err(c))
        return 0;
    int64_t left = deadline_ns - nanotime();
    if (left <= 0) {
        fire(c, -ETIMEDOUT);
        return 0;
    }
    int err = timer_start(&c->timer, left, 0, deadline_passed, c);
    if (err) {
        c->timer.fn = NULL;
        cancel_end(c);
    }
    return err;
}

void cancel_end(struct cancel *c)
{
    stop_timer(c);
    leave_parent(c);
    lock(own_lock(c));
    if (c->first)
        throw("cancel_end: goroutines wait with cancel %p", (void *)c);
    unlock(own_lock(c));
    *c = (struct cancel){.err = -ECANCELED};
}
