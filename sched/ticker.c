/*
 * ticker.c - channels on which the time comes.
 *
 * Protocol:  a ticker is a timer and its channel in one block; the channel's lock guards `due`, too. The timer's
 *            function delivers only if `due` has come, and sets the next one. So a call of it that was under way when
 *            the ticker was stopped or reset, on another core, delivers nothing old.
 * Lifetime:  such a call may even come when the channel has been freed. Therefore a ticker is never given back to
 *            malloc(): it goes to a list of free ones, where it is not due, and its lock stays a lock.
 * Invariant: nothing is buffered that was due before the last stop or reset.
 * Source:    Go 1.23's time.NewTicker, After: there, too, no stale value is received after Stop or Reset.
 */
#include <errno.h>
#include <stdlib.h>

#include "rt0/time.h"
#include "sched/chan.h"

#define NEVER INT64_MAX

struct ticker {
    struct timer timer;
    int64_t due;         // chan.lock; NEVER: stopped, or has come
    int64_t period_ns;   // chan.lock; 0: once
    struct ticker *next; // pool.lock
    struct chan chan;    // its buffer of one element follows
};

static struct {
    struct spinlock lock;
    struct ticker *free; // lock
} pool = {.lock = SPINLOCK_INIT(RANK_MUTEX)};

static struct ticker *ticker_of(struct chan *c)
{
    return (struct ticker *)((char *)c - offsetof(struct ticker, chan));
}

/* The timer's function: maybe that of an earlier use. */
static void tick(void *arg)
{
    struct ticker *t = arg;
    struct sudog *wake = NULL;

    lock(&t->chan.lock);
    int64_t now = nanotime();
    if (now >= t->due) {
        if (t->period_ns && t->period_ns <= NEVER - now)
            t->due = now - (now - t->due) % t->period_ns + t->period_ns;
        else
            t->due = NEVER;
        chan_put(&t->chan, &now, &wake, KNOWN_NOTHING); // or the one before was not received yet
    }
    unlock(&t->chan.lock);
    if (wake)
        sudog_ready(wake);
}

static void set_due(struct ticker *t, int64_t due, int64_t period_ns)
{
    lock(&t->chan.lock);
    t->due = due;
    t->period_ns = period_ns;
    t->chan.count = 0;
    t->chan.sendp = t->chan.recvp = t->chan.buf;
    unlock(&t->chan.lock);
}

static int ticker_start(struct ticker *t, int64_t ns, int64_t period_ns)
{
    timer_stop(&t->timer);
    set_due(t, deadline_after(ns), period_ns);
    int err = timer_start(&t->timer, ns, period_ns, tick, t);
    if (err)
        set_due(t, NEVER, 0);
    return err;
}

static struct ticker *pool_get(void)
{
    lock(&pool.lock);
    struct ticker *t = pool.free;
    if (t)
        pool.free = t->next;
    unlock(&pool.lock);
    return t;
}

/* One that has been used keeps its lock, and whoever may still be in tick(). */
static struct ticker *ticker_get(void)
{
    struct ticker *t = pool_get();

    if (t) {
        lock(&t->chan.lock);
        t->chan.kind &= ~(uint32_t)CHAN_CLOSED;
        unlock(&t->chan.lock);
    } else if ((t = malloc(sizeof *t + sizeof(int64_t))) != NULL) {
        *t = (struct ticker){.due = NEVER};
        chan_init(&t->chan, sizeof(int64_t), 1);
        t->chan.kind |= CHAN_TIMED;
    }
    return t;
}

static struct chan *ticker_make(int64_t ns, int64_t period_ns)
{
    struct ticker *t = ticker_get();

    if (t && ticker_start(t, ns, period_ns)) {
        ticker_free(&t->chan);
        return NULL;
    }
    return t ? &t->chan : NULL;
}

struct chan *ticker(int64_t period_ns)
{
    return period_ns > 0 ? ticker_make(period_ns, period_ns) : NULL;
}

struct chan *after_ns(int64_t ns)
{
    return ticker_make(ns, 0);
}

static struct ticker *check_timed(struct chan *c, const char *what)
{
    if (!(__atomic_load_n(&c->kind, __ATOMIC_RELAXED) & CHAN_TIMED))
        throw("%s: channel %p is no ticker's", what, (void *)c);
    return ticker_of(c);
}

void ticker_stop(struct chan *c)
{
    struct ticker *t = check_timed(c, "ticker_stop");

    timer_stop(&t->timer);
    set_due(t, NEVER, 0);
}

int ticker_reset(struct chan *c, int64_t period_ns)
{
    struct ticker *t = check_timed(c, "ticker_reset");

    return period_ns > 0 ? ticker_start(t, period_ns, period_ns) : -EINVAL;
}

void ticker_free(struct chan *c)
{
    struct ticker *t = ticker_of(c);

    ticker_stop(c);
    lock(&pool.lock);
    t->next = pool.free;
    pool.free = t;
    unlock(&pool.lock);
}
