/*
 * chan.h - what a channel is, and the two operations on it; for channels, select and tickers.
 *
 *      struct chan   lock │ ... │ recvq ──> sudog ──> sudog        sendq ──> ...
 *      buf           │ free │ oldest │ ... │ newest │ free │
 *                           ^recvp            sendp^       ^end
 *
 * Invariant: recvq and sendq are not both non-empty, but for goroutines whose wait has ended for another reason
 *            and that have not taken themselves out yet (wait.h), and for one select that has both.
 *            Left these out: 0 < count implies recvq empty; count < cap implies sendq empty; closed implies sendq
 *            empty, and recvq too.
 */
#ifndef SCHED_CHAN_H
#define SCHED_CHAN_H

#include <errno.h>
#include <string.h>

#include "rt0/chan.h"
#include "sched/wait.h"

enum chan_kind {
    CHAN_SMALL = 1,  // elements of 0 or 4 bytes: the shortest ways leave it alone
    CHAN_ODD = 2,    // neither these nor 8: all short ways do
    CHAN_CLOSED = 4, // so here
    CHAN_TIMED = 8,  // and here: it lies in a ticker (ticker.c)
};

struct chan {
    struct spinlock lock;
    uint32_t kind;          // lock; enum chan_kind; 0: elements of 8 bytes, and nothing special
    uint32_t elem_bytes;    // c
    size_t count;           // lock; elements in the buffer
    size_t cap_less_one;    // c  SIZE_MAX: no buffer
    struct waitq recvq;     // lock
    struct waitq sendq;     // lock
    uint8_t *sendp, *recvp; // lock; into the buffer: where the next one is put, is taken from
    uint8_t *end;           // c
    size_t cap;             // c
    _Alignas(16) uint8_t buf[];
};

/* Room for the buffer follows c. */
static inline void chan_init(struct chan *c, size_t elem_bytes, size_t cap)
{
    bool small = elem_bytes == 0 || elem_bytes == 4;

    *c = (struct chan){.lock = SPINLOCK_INIT(RANK_CHAN),
                       .kind = elem_bytes == 8 ? 0
                               : small         ? CHAN_SMALL
                                               : CHAN_ODD,
                       .elem_bytes = (uint32_t)elem_bytes,
                       .cap = cap,
                       .cap_less_one = cap - 1,
                       .sendp = c->buf,
                       .recvp = c->buf,
                       .end = c->buf + elem_bytes * cap};
}

/* What is known of the kind where an operation is compiled. */
enum known {
    KNOWN_8 = 0,              // 0: elements of 8 bytes
    KNOWN_PLAIN = CHAN_SMALL, // at most that: of 0, 4, or 8; nothing is called
    KNOWN_NOTHING = CHAN_SMALL | CHAN_ODD | CHAN_CLOSED | CHAN_TIMED
};

/* to NULL: dropped; from NULL: zero bytes. */
ALWAYS_INLINE void elem_copy(void *to, const void *from, uint32_t bytes, enum known known)
{
    if (!to)
        return;
    if (known == KNOWN_NOTHING) {
        if (from)
            memcpy(to, from, bytes);
        else
            memset(to, 0, bytes);
    } else if (known == KNOWN_8 || bytes == 8) {
        uint64_t v = 0;
        if (from)
            __builtin_memcpy(&v, from, 8);
        __builtin_memcpy(to, &v, 8);
    } else if (bytes) {
        uint32_t v = 0;
        if (from)
            __builtin_memcpy(&v, from, 4);
        __builtin_memcpy(to, &v, 4);
    }
}

ALWAYS_INLINE uint8_t *slot_after(struct chan *c, uint8_t *slot, enum known known)
{
    slot += known == KNOWN_8 ? 8 : c->elem_bytes;
    return __builtin_expect(slot == c->end, 0) ? c->buf : slot;
}

/* The fields are read before the copy, which the compiler can't tell from a change of them. */
ALWAYS_INLINE void buffer_put(struct chan *c, const void *elem, enum known known)
{
    uint8_t *slot = c->sendp;
    size_t count = c->count;

    if (!slot)
        __builtin_unreachable();
    c->sendp = slot_after(c, slot, known);
    c->count = count + 1;
    elem_copy(slot, elem, c->elem_bytes, known);
}

ALWAYS_INLINE void buffer_take(struct chan *c, void *elem, enum known known)
{
    uint8_t *slot = c->recvp;
    size_t count = c->count;

    if (!slot)
        __builtin_unreachable();
    c->recvp = slot_after(c, slot, known);
    c->count = count - 1;
    elem_copy(elem, slot, c->elem_bytes, known);
}

/* The buffer has room, and nobody waits for an element; it has one, and nobody waits for room. In one comparison if
 * it is neither empty nor full. */
ALWAYS_INLINE bool has_room(const struct chan *c)
{
    size_t count = c->count;

    return __builtin_expect(count - 1 < c->cap_less_one, 1) || (count < c->cap && !c->recvq.first);
}

ALWAYS_INLINE bool has_elem(const struct chan *c)
{
    size_t count = c->count;

    return __builtin_expect(count - 1 < c->cap_less_one, 1) || (count && !c->sendq.first);
}

/*
 * One element into c without waiting: 0, -EPIPE, or -EAGAIN. Ctx: c->lock held.
 * *wake: who received it, for the caller to ready when the lock is released; else left alone.
 */
ALWAYS_INLINE int chan_put(struct chan *c, const void *elem, struct sudog **wake, enum known known)
{
    struct sudog *sg;

    if (known == KNOWN_NOTHING && c->kind & CHAN_CLOSED)
        return -EPIPE;
    if (c->count == 0 && (sg = waitq_dequeue(&c->recvq)) != NULL) {
        elem_copy(sg->elem, elem, c->elem_bytes, known);
        sg->result = 0;
        *wake = sg;
        return 0;
    }
    if (c->count == c->cap)
        return -EAGAIN;
    buffer_put(c, elem, known);
    return 0;
}

/*
 * One element out of c in the same way. If a sender waits the buffer is full, or there is none: from a full one the
 * oldest element is taken, which makes room for the sender's.
 */
ALWAYS_INLINE int chan_take(struct chan *c, void *elem, struct sudog **wake, enum known known)
{
    struct sudog *sg = c->count == c->cap ? waitq_dequeue(&c->sendq) : NULL;

    if (c->count > 0) {
        buffer_take(c, elem, known);
        if (!sg)
            return 0;
        buffer_put(c, sg->elem, known);
    } else if (sg) {
        elem_copy(elem, sg->elem, c->elem_bytes, known);
    } else if (known == KNOWN_NOTHING && c->kind & CHAN_CLOSED) {
        elem_copy(elem, NULL, c->elem_bytes, known);
        return -EPIPE;
    } else {
        return -EAGAIN;
    }
    sg->result = 0;
    *wake = sg;
    return 0;
}

/*
 * The short ways hold the lock without counting it in m->locks: they are NOPREEMPT, so nothing can come between, and
 * never wait for it. Debug builds have none, so that there every lock is checked.
 */
ALWAYS_INLINE bool chan_trylock(struct chan *c)
{
    /* Acquire: pairs with the release in unlock() and chan_release(). */
    return !RT0_DEBUG && !atomic_exchange_explicit(&c->lock.held, 1, memory_order_acquire);
}

ALWAYS_INLINE void chan_release(struct chan *c)
{
    /* Release: pairs with the acquire in lock() and chan_trylock(). */
    atomic_store_explicit(&c->lock.held, 0, memory_order_release);
}

/* ticker.c: c is CHAN_TIMED, and given back. */
void ticker_free(struct chan *c);

#endif
