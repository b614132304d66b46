/*
 * rt0/sync.h - waiting for one another.
 *
 * Zero bytes are an object that is ready to use; nothing has to be given back. An object may be
 * anywhere in memory, and may not be copied or moved once it is in use. Misuse ends the program
 * with `fatal error:` and Go's words. Who waits parks: its core runs others.
 *
 * Each call that can wait comes in three forms, here for one that is named X:
 *
 *      X(...)                              waits for ever
 *      X_until(..., deadline_ns)           gives up at a nanotime() (rt0/time.h)
 *      X_cancel(..., deadline_ns, cancel)  gives up then, or when `cancel` is fired (rt0/cancel.h; NULL: none)
 *
 * The last two return 0, -ETIMEDOUT, -EAGAIN (DEADLINE_NOW, and it would have to wait), or what cancel_err() says
 * of `cancel`. A call that is given a cancel that has been fired does nothing; otherwise one that need not wait
 * does what it is to do, however late it is. Who is told of an error has nothing, and nobody else loses anything by
 * it: what is to wake somebody wakes one who still waits.
 */
#ifndef RT0_SYNC_H
#define RT0_SYNC_H

#include <stdatomic.h>
#include <stdint.h>

#include "rt0/time.h"

struct cancel;

/* Goroutines that wait, first in, first out. The fields are the scheduler's. */
struct sync_waiters {
    uint64_t lock;
    void *first, *last;
};

/* ---- mutex ------------------------------------------------------------------------------------------
 *
 * One goroutine at a time has it. It belongs to nobody in particular: another one may unlock it. Its memory may be
 * used for something else by who has unlocked it, if no other call for it was begun that has not got it yet.
 *
 * Who unlocks it wakes the goroutine that has waited longest, which then has to take it, and may find that a running
 * one was faster: that is cheap, and the rule. But once one has waited for a millisecond the mutex is handed from
 * one to the next in the order of their coming, until somebody gets it who has waited less, or nobody waits.
 *
 * Source: Go's sync.Mutex.
 */
struct mutex {
    _Atomic(uint32_t) state;
    struct sync_waiters waiters;
};

#define MUTEX_LOCKED 1u

void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);

/* mutex_lock - until it is the caller's. Ctx: goroutine. May park. */
static inline void mutex_lock(struct mutex *m)
{
    uint32_t free = 0;

    if (!atomic_compare_exchange_strong_explicit(&m->state, &free, MUTEX_LOCKED,
                                                 memory_order_acquire, memory_order_relaxed))
        mutex_lock_slow(m);
}

int mutex_lock_cancel(struct mutex *m, int64_t deadline_ns, struct cancel *cancel);

static inline int mutex_lock_until(struct mutex *m, int64_t deadline_ns)
{
    return mutex_lock_cancel(m, deadline_ns, 0);
}

/* mutex_trylock - 0, or -EBUSY if somebody has it. Ctx: goroutine or timer function. */
int mutex_trylock(struct mutex *m);

/*
 * mutex_unlock - what was done before is seen by who locks it next.
 * "sync: unlock of unlocked mutex" if nobody has it.
 * Ctx: goroutine or timer function. Does not park.
 */
static inline void mutex_unlock(struct mutex *m)
{
    uint32_t locked = MUTEX_LOCKED;

    if (!atomic_compare_exchange_strong_explicit(&m->state, &locked, 0, memory_order_release,
                                                 memory_order_relaxed))
        mutex_unlock_slow(m);
}

/* ---- rwmutex ----------------------------------------------------------------------------------------
 *
 * One writer or any number of readers have it. A writer that waits keeps new readers out, so that it waits for those
 * only that were there; and when a writer leaves, all readers who wait by then have their turn before the next one.
 * A goroutine that is a reader may therefore not become one once more: a writer may have come in between. Writers are
 * served in the order of their coming.
 *
 * Source: Go's sync.RWMutex.
 */
struct rwmutex {
    _Atomic(uint64_t) state;
    struct sync_waiters waiters;
    void *writers[2];
};

/* Reading. "sync: RUnlock of unlocked RWMutex". Ctx: goroutine; try and unlock: or timer function. */
void rwmutex_rlock(struct rwmutex *rw);
int rwmutex_rlock_cancel(struct rwmutex *rw, int64_t deadline_ns, struct cancel *cancel);
int rwmutex_tryrlock(struct rwmutex *rw); // 0 or -EBUSY
void rwmutex_runlock(struct rwmutex *rw);

static inline int rwmutex_rlock_until(struct rwmutex *rw, int64_t deadline_ns)
{
    return rwmutex_rlock_cancel(rw, deadline_ns, 0);
}

/* Writing. "sync: Unlock of unlocked RWMutex". Ctx: the same. */
void rwmutex_lock(struct rwmutex *rw);
int rwmutex_lock_cancel(struct rwmutex *rw, int64_t deadline_ns, struct cancel *cancel);
int rwmutex_trylock(struct rwmutex *rw); // 0 or -EBUSY
void rwmutex_unlock(struct rwmutex *rw);

static inline int rwmutex_lock_until(struct rwmutex *rw, int64_t deadline_ns)
{
    return rwmutex_lock_cancel(rw, deadline_ns, 0);
}

/* ---- cond -------------------------------------------------------------------------------------------
 *
 * Goroutines wait for something that a mutex guards:
 *
 *      mutex_lock(&m);
 *      while (!there)
 *          cond_wait(&c, &m);
 *      ...
 *      mutex_unlock(&m);
 *
 * and who makes it so calls cond_signal() or cond_broadcast(), holding the mutex or not. cond_wait() returns only when
 * it was woken; but others may have been faster since, hence the loop. "sync.Cond is copied" if it was.
 *
 * Source: Go's sync.Cond.
 */
struct cond {
    _Atomic(uintptr_t) self;
    _Atomic(uint64_t) waiting;
    struct sync_waiters waiters;
};

/*
 * cond_wait - unlock m, wait to be woken, lock m. Who has begun to wait is there for whoever locks m after that.
 * The other forms lock m again, too, whatever they return, and however long that takes. A deadline that has passed
 * still gives others the mutex for a moment.
 * Ctx: goroutine that has m. May park.
 */
void cond_wait(struct cond *c, struct mutex *m);
int cond_wait_cancel(struct cond *c, struct mutex *m, int64_t deadline_ns, struct cancel *cancel);

static inline int cond_wait_until(struct cond *c, struct mutex *m, int64_t deadline_ns)
{
    return cond_wait_cancel(c, m, deadline_ns, 0);
}

/* cond_signal - wake the goroutine that has waited longest, if one waits. cond_broadcast - all that wait.
 * Ctx: goroutine or timer function. Does not park. */
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

/* ---- once ------------------------------------------------------------------------------------------- */

struct once {
    _Atomic(uint32_t) done;
    struct mutex mutex;
};

int once_do_slow(struct once *o, void (*fn)(void *), void *arg, int64_t deadline_ns,
                 struct cancel *cancel);

/*
 * once_do - call fn(arg), unless that was done for o; wait while somebody does. What fn did is seen after it.
 * fn has to return: if it ends its goroutine or calls once_do() for the same object the others wait for ever. (In Go
 * fn counts as done when it panics or calls Goexit; C has nothing that would be run then.)
 * Ctx: goroutine. May park.
 * Source: Go's Once.Do.
 */
static inline void once_do(struct once *o, void (*fn)(void *), void *arg)
{
    /* Acquire: pairs with the release in once_do_slow(). */
    if (!atomic_load_explicit(&o->done, memory_order_acquire))
        once_do_slow(o, fn, arg, DEADLINE_NONE, 0);
}

/* How long it may wait for another one's fn; its own takes what it takes. */
int once_do_cancel(struct once *o, void (*fn)(void *), void *arg, int64_t deadline_ns,
                   struct cancel *cancel);

static inline int once_do_until(struct once *o, void (*fn)(void *), void *arg, int64_t deadline_ns)
{
    return once_do_cancel(o, fn, arg, deadline_ns, 0);
}

/* ---- waitgroup --------------------------------------------------------------------------------------
 *
 * A waitgroup waits for a number of goroutines to end:
 *
 *      struct waitgroup wg = {0};
 *
 *      waitgroup_add(&wg, 1);              before each go(), not in the new goroutine
 *      go(fn, &wg);                        which calls waitgroup_done(&wg) last
 *      waitgroup_wait(&wg);
 *
 * It may be used again, or its memory for something else, once every waitgroup_wait() has returned and the counter
 * is zero.
 */
struct waitgroup {
    _Atomic(uint64_t) state; // counter << 32 | goroutines that wait
    struct sync_waiters waiters;
};

/*
 * waitgroup_add - n more are to be waited for; negative: so many have ended.
 * At zero every waiting goroutine goes on. Below zero: "sync: negative WaitGroup counter". From
 * zero up while others still wait: "sync: WaitGroup misuse: Add called concurrently with Wait".
 * Ctx: goroutine or timer function. Does not park.
 * Source: Go's WaitGroup.Add.
 */
void waitgroup_add(struct waitgroup *wg, int n);

/* waitgroup_done - one has ended: waitgroup_add(wg, -1). */
void waitgroup_done(struct waitgroup *wg);

/*
 * waitgroup_wait - until the counter is zero.
 * What goroutines did before their waitgroup_done() is seen after it. "sync: WaitGroup is reused
 * before previous Wait has returned" if others count up again before a goroutine that was woken has
 * run.
 * Ctx: goroutine. May park.
 * Source: Go's WaitGroup.Wait.
 */
void waitgroup_wait(struct waitgroup *wg);
int waitgroup_wait_cancel(struct waitgroup *wg, int64_t deadline_ns, struct cancel *cancel);

static inline int waitgroup_wait_until(struct waitgroup *wg, int64_t deadline_ns)
{
    return waitgroup_wait_cancel(wg, deadline_ns, 0);
}

/* ---- sema -------------------------------------------------------------------------------------------
 *
 * A semaphore holds tokens: zero at first, or n by SEMA_INIT(n), at most INT32_MAX. It is strictly
 * fair: a token that is released while goroutines wait belongs to the one that came first at once;
 * none that comes later gets it before (Go's is not: there the goroutine that was woken and a
 * newcomer compete).
 */
struct sema {
    _Atomic(uint64_t) state; // goroutines that wait << 32 | tokens; never both
    struct sync_waiters waiters;
};

#define SEMA_INIT(n)           \
    {                          \
        .state = (uint32_t)(n) \
    }

/* sema_acquire - take a token; park while there is none.
 * Ctx: goroutine. May park. Source: Go's semacquire. */
void sema_acquire(struct sema *s);
int sema_acquire_cancel(struct sema *s, int64_t deadline_ns, struct cancel *cancel);

static inline int sema_acquire_until(struct sema *s, int64_t deadline_ns)
{
    return sema_acquire_cancel(s, deadline_ns, 0);
}

/* sema_tryacquire - the same without waiting: 0, or -EAGAIN if there is none.
 * Ctx: goroutine or timer function. */
int sema_tryacquire(struct sema *s);

/*
 * sema_release - add a token, or give it to the goroutine that has waited longest, which becomes
 * runnable. What was done before is seen after the sema_acquire() that gets the token.
 * Ctx: goroutine or timer function. Does not park.
 * Source: Go's semrelease.
 */
void sema_release(struct sema *s);

/*
 * sema_release_handoff - the same, and if a goroutine waited for it, it runs at once: the caller
 * gives way to it.
 * Ctx: goroutine.
 * Source: Go's semrelease with handoff.
 */
void sema_release_handoff(struct sema *s);

#endif
