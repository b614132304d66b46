/*
 * rt0/chan.h - channels between goroutines.
 *
 * A channel carries elements of one size, in order, from any number of senders to any number of
 * receivers. With capacity 0 a send and a receive meet: the element goes from one goroutine's memory
 * straight to the other's. Waiters are served first in, first out.
 */
#ifndef RT0_CHAN_H
#define RT0_CHAN_H

#include <stddef.h>
#include <stdint.h>

#include "rt0/time.h"

#define CHAN_ELEM_MAX 65536 // bytes

struct cancel;
struct chan;

/*
 * chan_make - a channel for elements of elem_bytes (0 to CHAN_ELEM_MAX), holding up to cap of them.
 * Returns NULL if there is not enough memory or the size is too large.
 * Ctx: goroutine.
 */
struct chan *chan_make(size_t elem_bytes, size_t cap);

/* chan_free - give back c, which nobody uses any more; a goroutine that still waits on it is a fatal
 * error. One of ticker() or after_ns() is stopped. NULL is ignored. Ctx: goroutine. */
void chan_free(struct chan *c);

/*
 * chan_send - copy one element into c; park the calling goroutine while there is no room.
 * elem  elem_bytes bytes, copied before return; NULL sends zero bytes.
 * Returns 0, or -EPIPE if c is or becomes closed (Go panics: docs/differences.md). c == NULL parks for
 * ever.
 * Ctx: goroutine. May park.
 * Source: Go's chansend (src/runtime/chan.go).
 */
int chan_send(struct chan *c, const void *elem);

/*
 * chan_recv - take one element out of c; park the calling goroutine while there is none.
 * elem  room for elem_bytes bytes; NULL drops the element.
 * Returns 0, or -EPIPE if c is closed and drained (*elem is then zeroed). c == NULL parks for ever.
 * Ctx: goroutine. May park.
 * Source: Go's chanrecv.
 */
int chan_recv(struct chan *c, void *elem);

/* chan_try_send, chan_try_recv - the same, but -EAGAIN instead of parking.
 * Ctx: goroutine or timer function. */
int chan_try_send(struct chan *c, const void *elem);
int chan_try_recv(struct chan *c, void *elem);

/*
 * chan_send_until, chan_recv_until - the same, but -ETIMEDOUT if it could not be done until nanotime() is
 * deadline_ns. What can be done at once is done, whatever the deadline. DEADLINE_NONE: wait for ever;
 * DEADLINE_NOW: -EAGAIN instead of waiting.
 * Ctx: goroutine. May park.
 */
int chan_send_until(struct chan *c, const void *elem, int64_t deadline_ns);
int chan_recv_until(struct chan *c, void *elem, int64_t deadline_ns);

/*
 * chan_send_cancel, chan_recv_cancel - the same, until `cancel` (rt0/cancel.h; NULL: none) is fired: then what
 * cancel_err() says. If it was fired before the call, nothing is tried.
 * Ctx: goroutine. May park.
 */
int chan_send_cancel(struct chan *c, const void *elem, int64_t deadline_ns, struct cancel *cancel);
int chan_recv_cancel(struct chan *c, void *elem, int64_t deadline_ns, struct cancel *cancel);

/*
 * chan_close - no more sends: receivers get what is buffered, then -EPIPE; waiting senders -EPIPE.
 * Returns 0, -EPIPE if it was closed already, -EINVAL if c is NULL. Ctx: goroutine.
 */
int chan_close(struct chan *c);

/* chan_len, chan_cap - elements buffered now, and at most; 0 for NULL. Ctx: any. */
size_t chan_len(const struct chan *c);
size_t chan_cap(const struct chan *c);

/* ---- select ---- */

#define SELECT_CASES_MAX 65536

enum select_dir { SELECT_SEND, SELECT_RECV };

struct select_case {
    enum select_dir dir;
    struct chan *c; // NULL: never ready
    void *elem;     // of a send it is only read; NULL as in chan_send(), chan_recv()
    int result;     // out, of the case that was done: what chan_send() or chan_recv() would return
};

/*
 * chan_select - do one of n cases, whichever is ready; park while none is.
 * cases        any channels in any order, one as often as wanted, in both directions. If several cases are ready,
 *              chance decides, each being as likely. A closed channel is ready: result is -EPIPE then.
 * n            0 to SELECT_CASES_MAX. 0: only the deadline ends it.
 * deadline_ns  as in chan_send_until(); DEADLINE_NOW is Go's default case.
 * Returns the index of the case that was done; -EAGAIN; -ETIMEDOUT; -EINVAL if n or a dir is none; with more than 8
 * cases -ENOMEM.
 * Ctx: goroutine. May park.
 * Source: Go's selectgo (src/runtime/select.go).
 */
int chan_select(struct select_case *cases, int n, int64_t deadline_ns);

/* chan_select_cancel - the same, until `cancel` is fired, as in chan_recv_cancel(). */
int chan_select_cancel(struct select_case *cases, int n, int64_t deadline_ns,
                       struct cancel *cancel);

#endif
