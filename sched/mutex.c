/*
 * mutex.c - mutexes: whoever is there takes them, and who has waited too long is handed them.
 *
 * Protocol:  the word says it all. LOCKED: somebody has it. WAITERS: the queue is not empty; changes under the
 *            queue's lock only. WOKEN: one goroutine, and one only, is on its way to take the mutex, so that who
 *            unlocks it need not wake another: one that was taken out of the queue, or one that spins. The bit is
 *            that goroutine's to clear, by the same operation by which it takes the mutex, queues itself or gives up.
 *            STARVING: a goroutine that was woken too late queued itself again, a millisecond after the first time.
 *
 *              lock       not LOCKED: LOCKED, less WOKEN if it is ours             one compare-exchange
 *                         LOCKED:     WAITERS, less WOKEN, and STARVING if so; queued (in front, if again)
 *              unlock     nobody to wake:  less LOCKED                             one compare-exchange
 *                         STARVING:        the first waiter's; LOCKED stays
 *                         else:            WOKEN, and the first waiter is out of the queue; then less LOCKED
 *
 * Invariant: STARVING implies LOCKED. So who finds the mutex unlocked may take it.
 *            With the queue's lock free: WAITERS, if and only if there is somebody in the queue.
 *            Somebody waits: then the mutex is LOCKED, and its holder will wake him, or WOKEN.
 * Lifetime:  what makes the mutex free for others is the last thing that unlock does to it: then the one who takes
 *            it may give its memory back. Where WOKEN is set or the mutex handed on before, the goroutine that was
 *            dequeued has not been readied yet, so it is still in its call.
 * Order:     release in unlock, acquire in lock, on the word. Who is handed the mutex is ordered by being readied.
 * Why WAITERS is a bit and not a count as in Go: the queue is the mutex's own, and knows.
 * Source:    Go's internal/sync/mutex.go, with its bits and its millisecond.
 */
#include <errno.h>

#include "rt0/cancel.h"
#include "sched/runq.h"
#include "sched/syncq.h"

#define LOCKED   MUTEX_LOCKED
#define WAITERS  2u
#define WOKEN    4u
#define STARVING 8u

#define STARVES_AFTER_NS INT64_C(1000000)
#define SPINS            4
#define SPIN_TURNS       30

/* A goroutine that wants the mutex and did not get it at once. */
struct want {
    bool woken;    // WOKEN is its own
    bool starving; // it has waited too long
    int64_t since; // nanotime() when it first waited; 0: it did not
};

/* ---- spinning -------------------------------------------------------------------------------- */

/* Only while others run, one of which may have the mutex, and this core has nothing better to do. All of it are
 * hints. Source: Go's sync_runtime_canSpin. */
static bool may_spin(void)
{
    struct m *mp = acquirem();
    uint32_t away = atomic_load_explicit(&sched.npidle, memory_order_relaxed) +
                    atomic_load_explicit(&sched.nmspinning, memory_order_relaxed);
    bool may = sched.nprocs > 1 && away + 1 < sched.nprocs && runqempty(mp->p);

    releasem(mp);
    return may;
}

/* It was LOCKED. Who spins says so, lest another one be woken. */
static void spin(struct mutex *m, struct want *want, uint32_t state)
{
    if (!want->woken && (state & (WAITERS | WOKEN)) == WAITERS)
        want->woken = atomic_compare_exchange_strong_explicit(
            &m->state, &state, state | WOKEN, memory_order_relaxed, memory_order_relaxed);
    for (int i = 0; i < SPIN_TURNS; i++)
        cpu_relax();
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* The word with the mutex ours; `state` is not LOCKED. */
static uint32_t taken(const struct want *want, uint32_t state)
{
    return (state | LOCKED) & ~(want->woken ? WOKEN : 0);
}

/* False: somebody has it. */
static bool take(struct mutex *m, struct want *want)
{
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);
    int spins = 0;

    for (;;) {
        if (!(state & LOCKED)) {
            if (atomic_compare_exchange_weak_explicit(&m->state, &state, taken(want, state),
                                                      memory_order_acquire, memory_order_relaxed))
                return true;
            continue;
        }
        if (state & STARVING || spins++ == SPINS || !may_spin())
            return false;
        spin(m, want, state);
        state = atomic_load_explicit(&m->state, memory_order_relaxed);
    }
}

/* Its time is over while it was on its way: the mutex is taken after all, or it is whose holder's business to wake
 * somebody else. */
static bool take_or_leave(struct mutex *m, struct want *want)
{
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed), to;

    if (!want->woken)
        return false;
    do {
        to = state & LOCKED ? state & ~WOKEN : taken(want, state);
    } while (!atomic_compare_exchange_weak_explicit(&m->state, &state, to, memory_order_acquire,
                                                    memory_order_relaxed));
    return !(state & LOCKED);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* The word for one more that waits; false: it was not LOCKED any more, and is ours. Ctx: queue's lock held. */
static bool count_locked(struct mutex *m, struct want *want)
{
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed), to;

    do {
        to = state & LOCKED
                 ? (state & ~(want->woken ? WOKEN : 0)) | WAITERS | (want->starving ? STARVING : 0)
                 : taken(want, state);
    } while (!atomic_compare_exchange_weak_explicit(&m->state, &state, to, memory_order_acquire,
                                                    memory_order_relaxed));
    want->woken = false;
    return state & LOCKED;
}

static void push_locked(struct waitq *q, struct sudog *sg, bool in_front)
{
    struct sudog *first = q->first;

    if (!in_front || !first) {
        waitq_push(q, sg);
        return;
    }
    sg->prev = NULL;
    sg->next = first;
    first->prev = sg;
    q->first = sg;
}

/* It does not wait any more, but for whom the mutex is. */
static void leave(struct mutex *m, struct syncq *q, struct sudog *sg)
{
    lock(&q->lock);
    if (waitq_remove(&q->q, sg) && !q->q.first)
        atomic_fetch_and_explicit(&m->state, ~(WAITERS | STARVING), memory_order_relaxed);
    unlock(&q->lock);
}

/* It was woken, and is on its way; or the mutex was handed to it: true. */
static bool woken(struct mutex *m, struct want *want, bool handed)
{
    bool long_since = nanotime() - want->since > STARVES_AFTER_NS;

    if (handed && !long_since && !want->starving)
        atomic_fetch_and_explicit(&m->state, ~STARVING, memory_order_relaxed);
    want->starving |= long_since;
    want->woken = !handed;
    return handed;
}

/* Waits once. 1: the mutex is ours; 0: to be tried again; or an error. */
static int wait_once(struct mutex *m, struct want *want, int64_t deadline_ns, struct cancel *cancel)
{
    struct syncq *q = syncq_of(&m->waiters);
    struct sync_wait sw;
    int err = sync_wait_begin(&sw, deadline_ns, cancel);
    bool again = want->since != 0;

    if (err)
        return take_or_leave(m, want) ? 1 : err;
    if (!again)
        want->since = nanotime();
    lock(&q->lock);
    if (!count_locked(m, want)) {
        unlock(&q->lock);
        sync_wait_end(&sw);
        return 1;
    }
    push_locked(&q->q, &sw.sg, again);
    if (!sync_wait_park(&sw, q, WAIT_SYNC_MUTEX_LOCK)) {
        leave(m, q, &sw.sg);
        return sync_wait_end(&sw);
    }
    sync_wait_end(&sw);
    return woken(m, want, sw.sg.result);
}

static int lock_slow(struct mutex *m, int64_t deadline_ns, struct cancel *cancel)
{
    struct want want = {0};
    int r = 0;

    while (r == 0) {
        if (take(m, &want))
            return 0;
        r = wait_once(m, &want, deadline_ns, cancel);
    }
    return r < 0 ? r : 0;
}

void mutex_lock_slow(struct mutex *m)
{
    lock_slow(m, DEADLINE_NONE, NULL);
}

int mutex_trylock(struct mutex *m)
{
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);

    while (!(state & LOCKED))
        if (atomic_compare_exchange_weak_explicit(&m->state, &state, state | LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
            return 0;
    return -EBUSY;
}

int mutex_lock_cancel(struct mutex *m, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || mutex_trylock(m) == 0)
        return err;
    return deadline_ns == DEADLINE_NOW ? -EAGAIN : lock_slow(m, deadline_ns, cancel);
}

/* ---- unlocking ------------------------------------------------------------------------------- */

static bool is_to_wake(uint32_t state)
{
    return state & STARVING || (state & (WAITERS | WOKEN)) == WAITERS;
}

/* WOKEN, for one that is to be dequeued. False: nobody is to be woken any more. */
static bool set_woken(struct mutex *m, uint32_t state)
{
    while (is_to_wake(state))
        if (atomic_compare_exchange_weak_explicit(&m->state, &state, state | WOKEN,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

/* Who is to be woken; sg->result: he is handed the mutex, which is LOCKED for him. NULL: look again. */
static struct sudog *dequeue(struct mutex *m)
{
    struct syncq *q = syncq_of(&m->waiters);
    struct sudog *sg = NULL;

    lock(&q->lock);
    /* STARVING is set under this lock, and cleared by who has the mutex. */
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);
    bool hand = state & STARVING;
    if (hand || set_woken(m, state)) {
        sg = waitq_dequeue(&q->q);
        uint32_t over = q->q.first ? 0 : WAITERS | STARVING;
        if (sg)
            sg->result = hand;
        else if (!hand)
            over |= WOKEN;
        if (over)
            atomic_fetch_and_explicit(&m->state, ~over, memory_order_relaxed);
    }
    unlock(&q->lock);
    return sg;
}

/* Between dequeue() and the end nobody can make it STARVING: only who has WOKEN for his own could. */
void mutex_unlock_slow(struct mutex *m)
{
    uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);
    struct sudog *sg = NULL;

    while (!sg) {
        if (!(state & LOCKED))
            throw("sync: unlock of unlocked mutex");
        if (is_to_wake(state)) {
            sg = dequeue(m);
            state = atomic_load_explicit(&m->state, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&m->state, &state, state & ~LOCKED,
                                                         memory_order_release,
                                                         memory_order_relaxed)) {
            return;
        }
    }
    if (!sg->result)
        atomic_fetch_and_explicit(&m->state, ~LOCKED, memory_order_release);
    sudog_ready(sg);
}
