/*
 * rt0/sync.h - waiting for one another.
 *
 * Zero bytes are an object that is ready to use; nothing has to be given back. An object may be
 * anywhere in memory, and may not be copied or moved once it is in use. Misuse ends the program
 * with `fatal error:` and Go's words. Who waits parks: its core runs others.
 */
#ifndef RT0_SYNC_H
#define RT0_SYNC_H

#include <stdint.h>

/* Goroutines that wait, first in, first out. The fields are the scheduler's. */
struct sync_waiters {
    uint64_t lock;
    void *first, *last;
};

/*
 * A waitgroup waits for a number of goroutines to end:
 *
 *      struct waitgroup wg = {0};
 *
 *      waitgroup_add(&wg, 1);              before each go(), not in the new goroutine
 *      go(fn, &wg);                        which calls waitgroup_done(&wg) last
 *      waitgroup_wait(&wg);
 *
 * It may be used again, or its memory for something else, once every waitgroup_wait() has returned.
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

/*
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
