/*
 * chan.c - channels.
 *
 * Protocol:  c->lock guards everything. A sender that finds a waiting receiver copies straight into the
 *            receiver's memory (and the other way round), takes its sudog off the queue and readies it
 *            after the lock is released. A goroutine that must wait is in the queue before it parks;
 *            the lock is released when its registers are saved, so a waker can't meet a G that still runs.
 *            Waits with a deadline or a cancel, and those of a select, are claimed first (wait.h).
 * Short ways: chan_send(), chan_recv() and the try forms are NOPREEMPT: if the lock is free and the channel an
 *            open one of small elements, they do all of it, parking included, without counting the lock.
 *            Whatever is not so, and any contention, is left to the functions that they end with, which begin anew.
 * Why the lock may be released on another stack than it was taken on: it belongs to the M, and G and
 *            g0 are on the same one (m->locks stays above zero throughout).
 * Source:    the protocol is that of Go's chan.go (chansend, chanrecv, closechan).
 */
#include "rt0/chan.h"

#include <stdlib.h>

#include "rt0/cancel.h"
#include "sched/chan.h"

/* ---- life ------------------------------------------------------------------------------------ */

struct chan *chan_make(size_t elem_bytes, size_t cap)
{
    size_t bytes;

    if (elem_bytes > CHAN_ELEM_MAX || __builtin_mul_overflow(elem_bytes, cap, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct chan), &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    struct chan *c = malloc(bytes);
    if (c)
        chan_init(c, elem_bytes, cap);
    return c;
}

void chan_free(struct chan *c)
{
    if (!c)
        return;
    lock(&c->lock);
    bool waited_for = c->recvq.first || c->sendq.first, timed = c->kind & CHAN_TIMED;
    unlock(&c->lock);
    if (waited_for)
        throw("chan_free: goroutines wait on channel %p", (void *)c);
    if (timed)
        ticker_free(c);
    else
        free(c);
}

size_t chan_len(const struct chan *c)
{
    return c ? __atomic_load_n(&c->count, __ATOMIC_RELAXED) : 0;
}

size_t chan_cap(const struct chan *c)
{
    return c ? c->cap : 0;
}

/* ---- any case -------------------------------------------------------------------------------- */

/* What one operation is; chan_put() or chan_take() is the rest. */
struct op {
    struct chan *c;
    void *elem; // of a send it is only read
    bool sends;
};

static struct waitq *queue_of(const struct op *op)
{
    return op->sends ? &op->c->sendq : &op->c->recvq;
}

static enum waitreason reason_of(const struct op *op)
{
    if (op->sends)
        return op->c ? WAIT_CHAN_SEND : WAIT_CHAN_SEND_NIL;
    return op->c ? WAIT_CHAN_RECEIVE : WAIT_CHAN_RECEIVE_NIL;
}

/* Without waiting. The lock is held afterwards if that gives -EAGAIN. */
static int try_or_lock(const struct op *op)
{
    struct chan *c = op->c;
    struct sudog *wake = NULL;

    lock(&c->lock);
    int r = op->sends ? chan_put(c, op->elem, &wake, KNOWN_NOTHING)
                      : chan_take(c, op->elem, &wake, KNOWN_NOTHING);
    if (r == -EAGAIN)
        return r;
    unlock(&c->lock);
    if (wake)
        sudog_ready(wake);
    return r;
}

static __attribute__((noinline)) int try_any(const struct op *op)
{
    int r = op->c ? try_or_lock(op) : -EAGAIN;

    if (r == -EAGAIN && op->c)
        unlock(&op->c->lock);
    return r;
}

static __attribute__((noinline)) int wait_any(const struct op *op)
{
    struct sudog sg = {.g = getg(), .elem = op->elem};
    int r;

    if (!op->c)
        gopark(NULL, NULL, reason_of(op));
    if ((r = try_or_lock(op)) != -EAGAIN)
        return r;
    waitq_push(queue_of(op), &sg);
    gopark(unlock_after_park, &op->c->lock, reason_of(op));
    return sg.result;
}

/* ---- deadlines, cancels ---------------------------------------------------------------------- */

static int wait_timed(const struct op *op, struct waiter *w)
{
    struct sudog sg = {.g = getg(), .waiter = w, .elem = op->elem};
    int r;

    if (!op->c) {
        wait_park(w, NULL, NULL, reason_of(op));
        return wait_end(w);
    }
    if ((r = try_or_lock(op)) != -EAGAIN) {
        wait_end(w);
        return r;
    }
    waitq_push(queue_of(op), &sg);
    wait_park(w, unlock_after_park, &op->c->lock, reason_of(op));
    if (!w->by) {
        lock(&op->c->lock);
        waitq_remove(queue_of(op), &sg);
        unlock(&op->c->lock);
    }
    r = wait_end(w);
    return r ? r : sg.result;
}

/* Who may wait for ever can do that more simply; who need not wait at all needs no timer. */
static int run_op(const struct op *op, int64_t deadline_ns, struct cancel *cancel)
{
    struct waiter w;
    int r;

    if (cancel && (r = cancel_err(cancel)) != 0)
        return r;
    if (deadline_ns == DEADLINE_NONE && !cancel)
        return wait_any(op);
    if ((r = try_any(op)) != -EAGAIN || (r = wait_begin(&w, deadline_ns, cancel)) != 0)
        return r;
    return wait_timed(op, &w);
}

int chan_send_cancel(struct chan *c, const void *elem, int64_t deadline_ns, struct cancel *cancel)
{
    return run_op(&(struct op){c, (void *)elem, true}, deadline_ns, cancel);
}

int chan_recv_cancel(struct chan *c, void *elem, int64_t deadline_ns, struct cancel *cancel)
{
    return run_op(&(struct op){c, elem, false}, deadline_ns, cancel);
}

int chan_send_until(struct chan *c, const void *elem, int64_t deadline_ns)
{
    return chan_send_cancel(c, elem, deadline_ns, NULL);
}

int chan_recv_until(struct chan *c, void *elem, int64_t deadline_ns)
{
    return chan_recv_cancel(c, elem, deadline_ns, NULL);
}

/* ---- short ways ------------------------------------------------------------------------------ */

static __attribute__((noinline)) int send_any(struct chan *c, const void *elem, bool block)
{
    struct op op = {c, (void *)elem, true};

    return block ? wait_any(&op) : try_any(&op);
}

static __attribute__((noinline)) int recv_any(struct chan *c, void *elem, bool block)
{
    struct op op = {c, elem, false};

    return block ? wait_any(&op) : try_any(&op);
}

/* The lock is held, and has been released when this returns. */
ALWAYS_INLINE int park_short(struct chan *c, struct waitq *q, void *elem, enum waitreason reason)
{
    struct sudog sg;

    sg.g = getg();
    sg.waiter = NULL;
    sg.elem = elem;
    waitq_push(q, &sg);
    goparkunlock(&c->lock, reason);
    return sg.result;
}

static NOPREEMPT int send_park(struct chan *c, const void *elem)
{
    return park_short(c, &c->sendq, (void *)elem, WAIT_CHAN_SEND);
}

static NOPREEMPT int recv_park(struct chan *c, void *elem)
{
    return park_short(c, &c->recvq, elem, WAIT_CHAN_RECEIVE);
}

/* Not as short: elements of other sizes, a full or empty buffer. The lock is held. */
static NOPREEMPT int send_plain(struct chan *c, const void *elem, bool block)
{
    struct sudog *wake = NULL;

    if (c->kind & ~(uint32_t)CHAN_SMALL) {
        chan_release(c);
        return send_any(c, elem, block);
    }
    int r = chan_put(c, elem, &wake, KNOWN_PLAIN);
    if (r == -EAGAIN && block)
        return send_park(c, elem);
    chan_release(c);
    if (wake)
        sudog_ready(wake);
    return r;
}

static NOPREEMPT int recv_plain(struct chan *c, void *elem, bool block)
{
    struct sudog *wake = NULL;

    if (c->kind & ~(uint32_t)CHAN_SMALL) {
        chan_release(c);
        return recv_any(c, elem, block);
    }
    int r = chan_take(c, elem, &wake, KNOWN_PLAIN);
    if (r == -EAGAIN && block)
        return recv_park(c, elem);
    chan_release(c);
    if (wake)
        sudog_ready(wake);
    return r;
}

/* The first in q waits for this only, and meets the caller without a buffer. The lock is held. */
ALWAYS_INLINE int meet_short(struct chan *c, struct waitq *q, struct sudog *sg, void *to,
                             const void *from)
{
    struct g *gp = sg->g;

    waitq_pop_first(q, sg);
    elem_copy(to, from, 8, KNOWN_8);
    sg->result = 0;
    chan_release(c);
    goready(gp);
    return 0;
}

static NOPREEMPT int send_meet(struct chan *c, const void *elem, struct sudog *sg)
{
    return meet_short(c, &c->recvq, sg, sg->elem, elem);
}

static NOPREEMPT int recv_meet(struct chan *c, void *elem, struct sudog *sg)
{
    return meet_short(c, &c->sendq, sg, elem, sg->elem);
}

ALWAYS_INLINE int send_short(struct chan *c, const void *elem, bool block)
{
    if (!c || !chan_trylock(c))
        return send_any(c, elem, block);
    if (c->kind)
        return send_plain(c, elem, block);
    if (has_room(c)) {
        buffer_put(c, elem, KNOWN_8);
        chan_release(c);
        return 0;
    }
    struct sudog *sg = c->recvq.first;
    if (sg && !sg->waiter && !c->count)
        return send_meet(c, elem, sg);
    if (!sg && block)
        return send_park(c, elem);
    return send_plain(c, elem, block);
}

ALWAYS_INLINE int recv_short(struct chan *c, void *elem, bool block)
{
    if (!c || !chan_trylock(c))
        return recv_any(c, elem, block);
    if (c->kind)
        return recv_plain(c, elem, block);
    if (has_elem(c)) {
        buffer_take(c, elem, KNOWN_8);
        chan_release(c);
        return 0;
    }
    struct sudog *sg = c->sendq.first;
    if (sg && !sg->waiter && !c->count)
        return recv_meet(c, elem, sg);
    if (!sg && block)
        return recv_park(c, elem);
    return recv_plain(c, elem, block);
}

NOPREEMPT int chan_send(struct chan *c, const void *elem)
{
    return send_short(c, elem, true);
}

NOPREEMPT int chan_try_send(struct chan *c, const void *elem)
{
    return send_short(c, elem, false);
}

NOPREEMPT int chan_recv(struct chan *c, void *elem)
{
    return recv_short(c, elem, true);
}

NOPREEMPT int chan_try_recv(struct chan *c, void *elem)
{
    return recv_short(c, elem, false);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* All that wait in q go to the end of a list that `next` makes, in the order of their coming. Returns its end. */
static struct sudog **take_all(struct waitq *q, struct sudog **end)
{
    struct sudog *sg;

    while ((sg = waitq_dequeue(q)) != NULL) {
        sg->result = -EPIPE;
        *end = sg;
        end = &sg->next;
    }
    *end = NULL;
    return end;
}

int chan_close(struct chan *c)
{
    if (!c)
        return -EINVAL;
    lock(&c->lock);
    if (c->kind & CHAN_CLOSED) {
        unlock(&c->lock);
        return -EPIPE;
    }
    c->kind |= CHAN_CLOSED;
    struct sudog *sg, **senders = take_all(&c->recvq, &sg);
    for (struct sudog *receiver = sg; receiver; receiver = receiver->next)
        elem_copy(receiver->elem, NULL, c->elem_bytes, KNOWN_NOTHING);
    take_all(&c->sendq, senders);
    unlock(&c->lock);
    /* They are readied outside the lock, which they may want next. */
    while (sg) {
        struct sudog *next = sg->next; // sg is on the stack of a goroutine that may now run
        sudog_ready(sg);
        sg = next;
    }
    return 0;
}
