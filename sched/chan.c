/*
 * chan.c - channels.
 *
 * Protocol:  c->lock guards everything. A sender that finds a waiting receiver copies straight into the
 *            receiver's memory (and the other way round), takes its sudog off the queue and readies it
 *            after the lock is released. A goroutine that must wait is in the queue before it parks;
 *            the lock is released by park_m() on g0, so a waker can't meet a G whose registers are not
 *            saved yet.
 * Invariant: recvq and sendq are not both non-empty; 0 < count implies recvq empty; count < cap implies
 *            sendq empty; closed implies sendq empty and, once drained, recvq empty.
 * Why the lock may be released on another stack than it was taken on: it belongs to the M, and G and
 *            g0 are on the same one (m->locks stays above zero throughout).
 * Source:    the protocol is that of Go's chan.go (chansend, chanrecv, closechan).
 */
#include "rt0/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched/sched.h"
#include "sched/waitq.h"

struct chan {
    struct spinlock lock;
    bool closed;         // lock
    size_t elem_bytes;   // c
    size_t cap;          // c  elements
    size_t count;        // lock; elements in buf
    size_t sendx, recvx; // lock; indices into buf
    struct waitq recvq;  // lock
    struct waitq sendq;  // lock
    _Alignas(16) uint8_t buf[];
};

static void copy_elem(const struct chan *c, void *to, const void *from)
{
    if (!to)
        return;
    if (from)
        memcpy(to, from, c->elem_bytes);
    else
        memset(to, 0, c->elem_bytes);
}

static void *slot(struct chan *c, size_t i)
{
    return c->buf + i * c->elem_bytes;
}

static size_t next_index(const struct chan *c, size_t i)
{
    return i + 1 == c->cap ? 0 : i + 1;
}

struct chan *chan_make(size_t elem_bytes, size_t cap)
{
    size_t bytes;

    if (elem_bytes > CHAN_ELEM_MAX || __builtin_mul_overflow(elem_bytes, cap, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct chan), &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    struct chan *c = malloc(bytes);
    if (c)
        *c = (struct chan){.lock = SPINLOCK_INIT(RANK_CHAN), .elem_bytes = elem_bytes, .cap = cap};
    return c;
}

void chan_free(struct chan *c)
{
    if (!c)
        return;
    lock(&c->lock);
    bool waited_for = c->recvq.first || c->sendq.first;
    unlock(&c->lock);
    if (waited_for)
        throw("chan_free: goroutines wait on channel %p", (void *)c);
    free(c);
}

/* The current G, in q, until a waker takes it out. Returns what the waker said. */
static bool wait_locked(struct chan *c, struct waitq *q, void *elem, enum waitreason reason)
{
    struct sudog sg = {.g = getg(), .elem = elem};

    waitq_push(q, &sg);
    gopark(unlock_after_park, &c->lock, reason);
    return sg.success;
}

/* Releases the lock, then lets the waiter go with its answer. */
static void unlock_and_ready(struct chan *c, struct sudog *sg, bool success)
{
    struct g *gp = sg->g;

    sg->success = success;
    unlock(&c->lock);
    goready(gp);
}

static int chansend(struct chan *c, const void *elem, bool block)
{
    if (!c) {
        if (!block)
            return -EAGAIN;
        gopark(NULL, NULL, WAIT_CHAN_SEND_NIL);
    }
    lock(&c->lock);
    if (c->closed) {
        unlock(&c->lock);
        return -EPIPE;
    }
    struct sudog *sg = waitq_pop(&c->recvq);
    if (sg) {
        copy_elem(c, sg->elem, elem);
        unlock_and_ready(c, sg, true);
        return 0;
    }
    if (c->count < c->cap) {
        copy_elem(c, slot(c, c->sendx), elem);
        c->sendx = next_index(c, c->sendx);
        c->count++;
        unlock(&c->lock);
        return 0;
    }
    if (!block) {
        unlock(&c->lock);
        return -EAGAIN;
    }
    return wait_locked(c, &c->sendq, (void *)elem, WAIT_CHAN_SEND) ? 0 : -EPIPE;
}

/* A sender waits: unbuffered, take its element; buffered, the buffer is full, so take the oldest and
 * put the sender's behind the newest, which is the same slot. */
static void recv_from_sender(struct chan *c, struct sudog *sg, void *elem)
{
    if (c->cap == 0) {
        copy_elem(c, elem, sg->elem);
    } else {
        copy_elem(c, elem, slot(c, c->recvx));
        copy_elem(c, slot(c, c->recvx), sg->elem);
        c->recvx = c->sendx = next_index(c, c->recvx);
    }
    unlock_and_ready(c, sg, true);
}

static int chanrecv(struct chan *c, void *elem, bool block)
{
    if (!c) {
        if (!block)
            return -EAGAIN;
        gopark(NULL, NULL, WAIT_CHAN_RECEIVE_NIL);
    }
    lock(&c->lock);
    struct sudog *sg = waitq_pop(&c->sendq);
    if (sg) {
        recv_from_sender(c, sg, elem);
        return 0;
    }
    if (c->count > 0) {
        copy_elem(c, elem, slot(c, c->recvx));
        c->recvx = next_index(c, c->recvx);
        c->count--;
        unlock(&c->lock);
        return 0;
    }
    if (c->closed || !block) {
        bool closed = c->closed;
        unlock(&c->lock);
        if (closed)
            copy_elem(c, elem, NULL);
        return closed ? -EPIPE : -EAGAIN;
    }
    return wait_locked(c, &c->recvq, elem, WAIT_CHAN_RECEIVE) ? 0 : -EPIPE;
}

int chan_send(struct chan *c, const void *elem)
{
    return chansend(c, elem, true);
}

int chan_try_send(struct chan *c, const void *elem)
{
    return chansend(c, elem, false);
}

int chan_recv(struct chan *c, void *elem)
{
    return chanrecv(c, elem, true);
}

int chan_try_recv(struct chan *c, void *elem)
{
    return chanrecv(c, elem, false);
}

int chan_close(struct chan *c)
{
    if (!c)
        return -EINVAL;
    lock(&c->lock);
    if (c->closed) {
        unlock(&c->lock);
        return -EPIPE;
    }
    c->closed = true;
    /* One queue at most is non-empty. They are readied outside the lock, which they may want next. */
    struct sudog *sg = c->recvq.first ? c->recvq.first : c->sendq.first;
    for (struct sudog *r = c->recvq.first; r; r = r->next)
        copy_elem(c, r->elem, NULL);
    c->recvq = c->sendq = (struct waitq){0};
    unlock(&c->lock);
    while (sg) {
        struct sudog *next = sg->next; // sg is on the stack of a goroutine that may now run
        sg->success = false;
        goready(sg->g);
        sg = next;
    }
    return 0;
}

size_t chan_len(const struct chan *c)
{
    return c ? __atomic_load_n(&c->count, __ATOMIC_RELAXED) : 0;
}

size_t chan_cap(const struct chan *c)
{
    return c ? c->cap : 0;
}
