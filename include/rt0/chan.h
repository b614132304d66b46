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

#define CHAN_ELEM_MAX 65536 // bytes

struct chan;

/*
 * chan_make - a channel for elements of elem_bytes (0 to CHAN_ELEM_MAX), holding up to cap of them.
 * Returns NULL if there is not enough memory or the size is too large.
 * Ctx: goroutine.
 */
struct chan *chan_make(size_t elem_bytes, size_t cap);

/* chan_free - give back c, which nobody uses any more; a goroutine that still waits on it is a fatal
 * error. NULL is ignored. Ctx: goroutine. */
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

/* chan_try_send, chan_try_recv - the same, but -EAGAIN instead of parking. */
int chan_try_send(struct chan *c, const void *elem);
int chan_try_recv(struct chan *c, void *elem);

/*
 * chan_close - no more sends: receivers get what is buffered, then -EPIPE; waiting senders -EPIPE.
 * Returns 0, -EPIPE if it was closed already, -EINVAL if c is NULL. Ctx: goroutine.
 */
int chan_close(struct chan *c);

/* chan_len, chan_cap - elements buffered now, and at most; 0 for NULL. Ctx: any. */
size_t chan_len(const struct chan *c);
size_t chan_cap(const struct chan *c);

#endif
