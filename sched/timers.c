/*
 * timers.c - the timers of a P.
 *
 * Protocol:  t->heap says where a timer is, and who may touch its fields:
 *
 *              NULL ──── timer_start(), timer_reset(): own heap's lock ────> own heap
 *            a heap ──── timer_stop(), last firing: its lock ──────────────> NULL
 *            a heap ──── timer_reset() on another P: its lock ─────────────> MOVING
 *            MOVING ──── right after that: own heap's lock ────────────────> own heap
 *
 *            Who finds a heap takes its lock and looks again: if t is still in it, the fields are
 *            his. Who makes a heap out of NULL (compare-exchange) holds that heap's lock already.
 *            MOVING is waited for; it lasts some instructions, with preemption off. So calls for
 *            one timer, and its firings, come one after the other, and no call sees a timer that
 *            moves as one that does not run.
 *            The function is called with no lock held; the timer, unless periodic, is out of the
 *            heap by then and is not touched again.
 * Invariant: a heap grows, and its array is replaced, only by the M that holds its P, with
 *            preemption off. So that M may ask for room without the lock, and allocate it before it
 *            takes one.
 *            next == heap[0].when, or INT64_MAX of an empty heap, whenever the lock is free.
 * Why move:  the alarm of the P on which a timer was set last is the one that its goroutine is near
 *            to; and a timer that goes from P to P by being reset does not cost an interrupt each
 *            time.
 * Source:    one heap for each P, callbacks without locks: Go's time.go. Go leaves stopped timers
 *            in the heap until they come up; here the memory of a timer is the program's.
 */
#include "sched/timers.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/span.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "sched/timerheap.h"

#define MOVING    ((struct timers *)1)
#define FIRST_CAP 64
#define KEPT_CAP  1024 // an empty heap keeps that much
#define LATEST    (INT64_MAX - 1)

void timers_init(struct timers *ts)
{
    *ts = (struct timers){.lock = SPINLOCK_INIT(RANK_TIMERS), .next = INT64_MAX};
}

int64_t deadline_after(int64_t ns)
{
    int64_t now = nanotime();

    return ns < 0 ? now : ns > LATEST - now ? LATEST : now + ns;
}

/* ---- room ------------------------------------------------------------------------------------ */

/* malloc() tells errno when it has nothing, and on g0 there may be no goroutine whose that would
 * be. */
static struct timer_slot *slots_new(uint32_t cap)
{
    size_t bytes = (size_t)cap * sizeof(struct timer_slot);

    if (getg() != getm()->g0)
        return malloc(bytes);
    struct span *s = mheap_alloc_large((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT, 1);
    return s ? (struct timer_slot *)s->base : NULL;
}

/* Replaces the array; the old one is the caller's. */
static struct timer_slot *slots_swap_locked(struct timers *ts, struct timer_slot *heap,
                                            uint32_t cap)
{
    struct timer_slot *old = ts->heap;

    for (uint32_t i = 0; i < ts->n; i++)
        heap[i] = old[i];
    ts->heap = heap;
    ts->cap = cap;
    return old;
}

static int resize(struct timers *own, uint32_t cap)
{
    struct timer_slot *heap = slots_new(cap);

    if (!heap)
        return -ENOMEM;
    lock(&own->lock);
    struct timer_slot *old = slots_swap_locked(own, heap, cap);
    unlock(&own->lock);
    free(old);
    return 0;
}

/* Others only take timers out: what there is room for stays so. Ctx: M that holds own's P,
 * preemption off. */
static int make_room(struct timers *own)
{
    uint32_t n = __atomic_load_n(&own->n, __ATOMIC_RELAXED);

    if (n < own->cap)
        return 0;
    return own->cap > UINT32_MAX / 2 ? -ENOMEM : resize(own, own->cap ? 2 * own->cap : FIRST_CAP);
}

int timers_make_room(void)
{
    struct m *mp = acquirem();
    int r = make_room(&mp->p->timers);

    releasem(mp);
    return r;
}

/* What a million timers needed is not kept for ever. Ctx: as make_room(). */
static void shrink(struct timers *own)
{
    uint32_t cap = KEPT_CAP;

    while (cap < 2 * __atomic_load_n(&own->n, __ATOMIC_RELAXED))
        cap *= 2;
    resize(own, cap); // or not: it is only large
}

/* ---- a heap, its lock held ------------------------------------------------------------------- */

static void set_n_locked(struct timers *ts, uint32_t n)
{
    __atomic_store_n(&ts->n, n, __ATOMIC_RELAXED);
}

/* Whether the first one is earlier than before. Release: pairs with acquire in timers_next(). */
static bool set_next_locked(struct timers *ts)
{
    int64_t was = atomic_load_explicit(&ts->next, memory_order_relaxed);
    int64_t next = ts->n ? ts->heap[0].when : INT64_MAX;

    if (next != was)
        atomic_store_explicit(&ts->next, next, memory_order_release);
    return next < was;
}

static void insert_locked(struct timers *ts, struct timer *t, int64_t when)
{
    timerheap_push(ts->heap, ts->n, when, t);
    set_n_locked(ts, ts->n + 1);
}

/* Release: pairs with the acquire of whoever finds `to` in it: t's fields are as left here. */
static void remove_locked(struct timers *ts, struct timer *t, struct timers *to)
{
    timerheap_remove(ts->heap, ts->n, t->index);
    set_n_locked(ts, ts->n - 1);
    atomic_store_explicit(&t->heap, to, memory_order_release);
}

/* ---- starting, stopping ---------------------------------------------------------------------- */

/* What a timer is to be: its time, and for timer_start() the rest. */
struct wish {
    int64_t when;
    void (*fn)(void *); // NULL: leave it, the argument and the period as they are
    void *arg;
    int64_t period_ns;
};

/* The heap that t is in, locked; NULL: it does not run. */
static struct timers *lock_heap(struct timer *t)
{
    for (;;) {
        struct timers *ts = atomic_load_explicit(&t->heap, memory_order_acquire);
        if (!ts)
            return NULL;
        if (ts == MOVING) {
            cpu_relax();
            continue;
        }
        lock(&ts->lock);
        if (atomic_load_explicit(&t->heap, memory_order_relaxed) == ts)
            return ts;
        unlock(&ts->lock);
    }
}

/* t is the caller's. */
static void set_fields(struct timer *t, const struct wish *w)
{
    if (!w->fn)
        return;
    t->fn = w->fn;
    t->arg = w->arg;
    t->period_ns = w->period_ns;
}

/* earlier: ts is due sooner than before. Ctx: preemption off, its lock released. */
static void tell(struct timers *ts, bool earlier)
{
    if (earlier)
        alarm_earlier((struct p *)((char *)ts - offsetof(struct p, timers)));
}

/* t, which is in `from` (NULL or MOVING), goes into own, which has room. False: it is not in
 * `from`. */
static bool put_in(struct timers *own, struct timer *t, const struct wish *w, struct timers *from)
{
    bool earlier = false;

    lock(&own->lock);
    /* Acquire: pairs with the release in remove_locked(). */
    bool got = atomic_compare_exchange_strong_explicit(&t->heap, &from, own, memory_order_acquire,
                                                       memory_order_relaxed);
    if (got) {
        set_fields(t, w);
        insert_locked(own, t, w->when);
        earlier = set_next_locked(own);
    }
    unlock(&own->lock);
    tell(own, earlier);
    return got;
}

/* t is in ts, whose lock is held and released here. */
static void change_and_unlock(struct timers *ts, struct timer *t, const struct wish *w)
{
    set_fields(t, w);
    timerheap_update(ts->heap, ts->n, t->index, w->when);
    bool earlier = set_next_locked(ts);
    unlock(&ts->lock);
    tell(ts, earlier);
}

static void move_and_unlock(struct timers *ts, struct timer *t, const struct wish *w,
                            struct timers *own)
{
    remove_locked(ts, t, MOVING);
    set_next_locked(ts);
    unlock(&ts->lock);
    put_in(own, t, w, MOVING);
}

/* 1: it ran; 0: it did not; -ENOMEM: nor does it now. Without room it stays in its heap. */
static int arm(struct timer *t, const struct wish *w)
{
    struct m *mp = acquirem();
    struct timers *own = &mp->p->timers, *ts;
    int no_room = make_room(own), r;

    do {
        ts = lock_heap(t);
        r = ts ? 1 : no_room;
    } while (!ts && !no_room && !put_in(own, t, w, NULL));
    if (ts && (ts == own || no_room))
        change_and_unlock(ts, t, w);
    else if (ts)
        move_and_unlock(ts, t, w, own);
    releasem(mp);
    return r;
}

int timer_start(struct timer *t, int64_t ns, int64_t period_ns, void (*fn)(void *), void *arg)
{
    if (!fn || period_ns < 0)
        return -EINVAL;
    int r = arm(t, &(struct wish){deadline_after(ns), fn, arg, period_ns});
    return r < 0 ? r : 0;
}

int timer_reset(struct timer *t, int64_t ns)
{
    /* Once started a timer has a function for good. */
    if (!__atomic_load_n(&t->fn, __ATOMIC_RELAXED))
        return -EINVAL;
    return arm(t, &(struct wish){.when = deadline_after(ns)});
}

int timer_stop(struct timer *t)
{
    struct timers *ts = lock_heap(t);

    if (!ts)
        return 0;
    remove_locked(ts, t, NULL);
    set_next_locked(ts);
    unlock(&ts->lock);
    return 1;
}

bool timer_start_parked(struct timer *t, int64_t when, void (*fn)(void *), void *arg)
{
    struct timers *own = &getm()->p->timers;

    return __atomic_load_n(&own->n, __ATOMIC_RELAXED) < own->cap &&
           put_in(own, t, &(struct wish){when, fn, arg, 0}, NULL);
}

/* ---- firing ---------------------------------------------------------------------------------- */

/* The first time after `now` that is whole periods after `when`, which is not. */
static int64_t next_period(int64_t when, int64_t period_ns, int64_t now)
{
    int64_t late = (now - when) % period_ns; // since the last of them

    return period_ns > LATEST - now ? LATEST : now - late + period_ns;
}

/* The first timer leaves the heap, or gets its next time. */
static struct wish fire_locked(struct timers *ts, int64_t now)
{
    struct timer *t = ts->heap[0].t;
    struct wish call = {.fn = t->fn, .arg = t->arg};

    if (t->period_ns)
        timerheap_update(ts->heap, ts->n, 0, next_period(ts->heap[0].when, t->period_ns, now));
    else
        remove_locked(ts, t, NULL);
    set_next_locked(ts);
    return call;
}

unsigned timers_run(struct p *pp, int64_t now, unsigned most)
{
    struct timers *ts = &pp->timers;
    unsigned ran = 0;

    if (timers_next(ts) > now)
        return 0;
    lock(&ts->lock);
    for (; ran < most && ts->n && ts->heap[0].when <= now; ran++) {
        struct wish call = fire_locked(ts, now);
        unlock(&ts->lock);
        call.fn(call.arg);
        lock(&ts->lock);
    }
    bool large = ts->cap > KEPT_CAP && ts->n < ts->cap / 8;
    unlock(&ts->lock);
    if (large && pp == getm()->p)
        shrink(ts);
    return ran;
}

/* ---- when a P is live no more ---------------------------------------------------------------- */

/* An array for n timers more than there are, if the one that is there has no room for them. */
static struct timer_slot *room_for(const struct timers *ts, uint32_t n)
{
    if (n <= ts->cap - ts->n)
        return NULL;
    struct timer_slot *heap = slots_new(ts->n + n);
    if (!heap)
        throw("timers_move: no memory for %u timers", ts->n + n);
    return heap;
}

/* Leaves an empty heap; the slots are the caller's. */
static struct timer_slot *take_all(struct timers *ts)
{
    lock(&ts->lock);
    struct timer_slot *slots = ts->heap;
    ts->heap = NULL;
    ts->cap = 0;
    set_n_locked(ts, 0);
    set_next_locked(ts);
    unlock(&ts->lock);
    return slots;
}

/* Nobody else is at work on a timer meanwhile: who is has preemption off. The locks give order
 * only. */
void timers_move(struct p *from, struct p *to)
{
    struct timers *ts = &to->timers;
    uint32_t n = from->timers.n;
    struct timer_slot *old = room_for(ts, n), *slots = take_all(&from->timers);

    lock(&ts->lock);
    if (old)
        old = slots_swap_locked(ts, old, ts->n + n);
    for (uint32_t i = 0; i < n; i++) {
        atomic_store_explicit(&slots[i].t->heap, ts, memory_order_release);
        insert_locked(ts, slots[i].t, slots[i].when);
    }
    bool earlier = set_next_locked(ts);
    unlock(&ts->lock);
    struct m *mp = acquirem();
    tell(ts, earlier);
    releasem(mp);
    free(old);
    free(slots);
}
