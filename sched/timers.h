/*
 * timers.h - the timers of a P.
 *
 * Protocol:  a timer that runs is in the heap of one P, under that P's timers.lock. timer_start()
 *            and timer_reset() put it into the heap of the P they are called on. `next` is when the
 *            first is due. The M that holds the P has its clock armed for `next` (alarm_earlier()),
 *            asleep or not; an M that looks for work runs others' due timers, too.
 */
#ifndef SCHED_TIMERS_H
#define SCHED_TIMERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/lock.h"

struct p;
struct timer;

struct timers {
    struct spinlock lock;
    struct timer_slot *heap; // lock; timerheap.h
    uint32_t n;              // lock; grows by the M that holds the P, which may read it without
    uint32_t cap;            // lock; changes by the same M
    _Atomic(int64_t) next;   // a  release under the lock, acquire; INT64_MAX: none
    int64_t
        again; // the M that holds the P: no alarm is wanted before; 0: whenever the first is due
};

void timers_init(struct timers *ts);

static inline int64_t timers_next(struct timers *ts)
{
    return atomic_load_explicit(&ts->next, memory_order_acquire);
}

/* When the M that holds the P wants to be interrupted for them. */
static inline int64_t timers_alarm(struct timers *ts)
{
    int64_t next = timers_next(ts);

    return next < ts->again ? ts->again : next;
}

/* Runs what is due at `now`, `most` of it; how many. pp may be another M's. Ctx: g0, no locks. */
unsigned timers_run(struct p *pp, int64_t now, unsigned most);

/* All of from's timers become to's; throws if there is no memory for that. Ctx: the world is
 * stopped, no locks. */
void timers_move(struct p *from, struct p *to);

/* For sleep_ns(), which may not allocate once its goroutine is parked: room for a timer on this P,
 * unless it is used up or left meanwhile. 0 or -ENOMEM. Ctx: G. */
int timers_make_room(void);
/* Starts t, which is nobody else's yet, for a time of nanotime(). False: no room. Ctx: g0. */
bool timer_start_parked(struct timer *t, int64_t when, void (*fn)(void *), void *arg);

/* now + ns, within bounds. */
int64_t deadline_after(int64_t ns);

#endif
