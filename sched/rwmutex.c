/*
 * rwmutex.c - one writer or many readers; a writer that waits keeps new readers out.
 *
 *      state:  readers that have it << 2 | WAITING | WRITER
 *
 * Protocol:  while nobody waits the word is changed by compare-exchange: a reader more or less, a writer in or out.
 *            WAITING: a queue is not empty. Then the word changes under the queues' lock only, by who holds that; so
 *            who leaves sees who waits, and the last one out hands it over (grant()): after a writer to all readers
 *            that wait, else to the first writer. Who is handed it is counted in the word already when he is
 *            readied; nobody competes after waking.
 * Invariant: with the lock free: WAITING if and only if somebody is in a queue, and then somebody has it.
 *            Readers have it and WAITING: a writer waits. (Readers wait only behind writers: if the last writer
 *            that waits gives up, they are let in.)
 * Lifetime:  who changes the word under the lock still has the lock to release. He found WAITING, so somebody was in
 *            a queue and has not returned from his call: he will be readied after the lock, or take the lock to look
 *            for himself. Without WAITING one leaves by a compare-exchange, with no lock held.
 * Order:     release when leaving, acquire when entering, on the word; who is handed it is ordered by the lock, or
 *            by the exchange of the one before him, and by being readied.
 * Why not Go's: there a mutex among the writers, two semaphores, two counters. The mutex would have to be unlocked
 *            after the readers are let in, one of which may free it all by then; a collector does not mind.
 * Source:    who goes before whom is as in Go's sync/rwmutex.go.
 */
#include <errno.h>

#include "rt0/cancel.h"
#include "sched/syncq.h"

#define WRITER  UINT64_C(1)
#define WAITING UINT64_C(2)
#define READER  UINT64_C(4)

_Static_assert(sizeof(struct waitq) == sizeof((struct rwmutex){0}.writers), "rt0/sync.h");

/* Readers wait in `waiters`, the lock of which guards both queues. */
static struct syncq *readers_of(struct rwmutex *rw)
{
    return syncq_of(&rw->waiters);
}

static struct waitq *writers_of(struct rwmutex *rw)
{
    return (struct waitq *)rw->writers;
}

/* ---- handing over, the lock held --------------------------------------------------------------- */

static uint64_t let_readers_in(struct rwmutex *rw, struct readylist *l)
{
    struct sudog *sg;
    uint64_t n = 0;

    for (; (sg = waitq_dequeue(&readers_of(rw)->q)) != NULL; n++)
        readylist_add(l, sg);
    return n * READER;
}

static uint64_t let_writer_in(struct rwmutex *rw, struct readylist *l)
{
    struct sudog *sg = waitq_dequeue(writers_of(rw));

    if (!sg)
        return 0;
    readylist_add(l, sg);
    return WRITER;
}

/* Who has it is in `state`. Release: pairs with the acquire of who enters. */
static void set_locked(struct rwmutex *rw, uint64_t state)
{
    state &= ~WAITING;
    bool waiting = readers_of(rw)->q.first || writers_of(rw)->first;

    atomic_store_explicit(&rw->state, state | (waiting ? WAITING : 0), memory_order_release);
}

/* Nobody has it any more, and somebody may wait. A writer that was alone with others that gave up leaves the
 * readers behind it. */
static void grant_locked(struct rwmutex *rw, bool readers_first, struct readylist *l)
{
    uint64_t state = readers_first ? let_readers_in(rw, l) : let_writer_in(rw, l);

    if (!state)
        state = readers_first ? let_writer_in(rw, l) : let_readers_in(rw, l);
    set_locked(rw, state);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

/* The word with one more, or with WAITING: then true. Acquire: pairs with who left. Ctx: the lock held. */
static bool count_locked(struct rwmutex *rw, uint64_t add, uint64_t excludes)
{
    uint64_t state = atomic_load_explicit(&rw->state, memory_order_relaxed), to;

    do {
        to = state & excludes ? state | WAITING : state + add;
    } while (!atomic_compare_exchange_weak_explicit(&rw->state, &state, to, memory_order_acquire,
                                                    memory_order_relaxed));
    return state & excludes;
}

/* It has given up. Was it the last writer that waited, and has a reader the mutex, then the readers go on. */
static void leave(struct rwmutex *rw, struct waitq *q, struct sudog *sg)
{
    struct readylist l = {0};

    lock(&readers_of(rw)->lock);
    if (waitq_remove(q, sg)) {
        /* Acquire: what set_locked() releases is what readers released, too. */
        uint64_t state = atomic_load_explicit(&rw->state, memory_order_acquire);
        if (!(state & WRITER) && !writers_of(rw)->first)
            state += let_readers_in(rw, &l);
        set_locked(rw, state);
    }
    unlock(&readers_of(rw)->lock);
    readylist_ready(&l);
}

/* Until the word could be added to, by itself or who hands it over. */
static int enter_slow(struct rwmutex *rw, bool writer, int64_t deadline_ns, struct cancel *cancel)
{
    struct syncq *readers = readers_of(rw);
    struct waitq *q = writer ? writers_of(rw) : &readers->q;
    struct sync_wait sw;
    int err = sync_wait_begin(&sw, deadline_ns, cancel);

    if (err)
        return err;
    lock(&readers->lock);
    if (!count_locked(rw, writer ? WRITER : READER, writer ? ~UINT64_C(0) : WRITER | WAITING)) {
        unlock(&readers->lock);
        sync_wait_end(&sw);
        return 0;
    }
    waitq_push(q, &sw.sg);
    if (!sync_wait_park(&sw, readers, writer ? WAIT_SYNC_RWMUTEX_LOCK : WAIT_SYNC_RWMUTEX_RLOCK))
        leave(rw, q, &sw.sg);
    return sync_wait_end(&sw);
}

/* ---- readers ----------------------------------------------------------------------------------- */

int rwmutex_tryrlock(struct rwmutex *rw)
{
    uint64_t state = atomic_load_explicit(&rw->state, memory_order_relaxed);

    while (!(state & (WRITER | WAITING)))
        if (atomic_compare_exchange_weak_explicit(&rw->state, &state, state + READER,
                                                  memory_order_acquire, memory_order_relaxed))
            return 0;
    return -EBUSY;
}

void rwmutex_rlock(struct rwmutex *rw)
{
    if (rwmutex_tryrlock(rw))
        enter_slow(rw, false, DEADLINE_NONE, NULL);
}

int rwmutex_rlock_cancel(struct rwmutex *rw, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || rwmutex_tryrlock(rw) == 0)
        return err;
    return enter_slow(rw, false, deadline_ns, cancel);
}

/* False: nobody waits any more. */
static bool runlock_slow(struct rwmutex *rw)
{
    struct readylist l = {0};

    lock(&readers_of(rw)->lock);
    /* Acquire: the last one hands over for all readers. */
    uint64_t state = atomic_load_explicit(&rw->state, memory_order_acquire);
    if (state & WAITING) {
        if (state < READER)
            throw("sync: RUnlock of unlocked RWMutex");
        if (state == (READER | WAITING))
            grant_locked(rw, false, &l);
        else
            set_locked(rw, state - READER);
    }
    unlock(&readers_of(rw)->lock);
    readylist_ready(&l);
    return state & WAITING;
}

void rwmutex_runlock(struct rwmutex *rw)
{
    uint64_t state = atomic_load_explicit(&rw->state, memory_order_relaxed);

    for (;;) {
        if (state & WAITING) {
            if (runlock_slow(rw))
                return;
            state = atomic_load_explicit(&rw->state, memory_order_relaxed);
        }
        if (state < READER)
            throw("sync: RUnlock of unlocked RWMutex");
        if (!(state & WAITING) &&
            atomic_compare_exchange_weak_explicit(&rw->state, &state, state - READER,
                                                  memory_order_release, memory_order_relaxed))
            return;
    }
}

/* ---- writers ----------------------------------------------------------------------------------- */

int rwmutex_trylock(struct rwmutex *rw)
{
    uint64_t free = 0;

    return atomic_compare_exchange_strong_explicit(&rw->state, &free, WRITER, memory_order_acquire,
                                                   memory_order_relaxed)
               ? 0
               : -EBUSY;
}

void rwmutex_lock(struct rwmutex *rw)
{
    if (rwmutex_trylock(rw))
        enter_slow(rw, true, DEADLINE_NONE, NULL);
}

int rwmutex_lock_cancel(struct rwmutex *rw, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (err || rwmutex_trylock(rw) == 0)
        return err;
    return enter_slow(rw, true, deadline_ns, cancel);
}

/* False: nobody waits any more. */
static bool unlock_slow(struct rwmutex *rw)
{
    struct readylist l = {0};

    lock(&readers_of(rw)->lock);
    uint64_t state = atomic_load_explicit(&rw->state, memory_order_relaxed);
    if (!(state & WRITER))
        throw("sync: Unlock of unlocked RWMutex");
    if (state & WAITING)
        grant_locked(rw, true, &l);
    unlock(&readers_of(rw)->lock);
    readylist_ready(&l);
    return state & WAITING;
}

void rwmutex_unlock(struct rwmutex *rw)
{
    uint64_t writer;

    do {
        writer = WRITER;
        if (atomic_compare_exchange_strong_explicit(&rw->state, &writer, 0, memory_order_release,
                                                    memory_order_relaxed))
            return;
    } while (!unlock_slow(rw));
}
