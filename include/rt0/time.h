/*
 * rt0/time.h - time, sleeping, timers.
 *
 * All times are nanoseconds. A sleep or a timer never ends early; how late it ends depends on what
 * else the cores have to do.
 */
#ifndef RT0_TIME_H
#define RT0_TIME_H

#include <stdint.h>

/* nanotime - nanoseconds since the machine's counter started; monotonic, the same on every core.
 * Ctx: any. */
int64_t nanotime(void);

/*
 * How long a call may wait is said by the nanotime() at which it gives up with -ETIMEDOUT; one that could get what it
 * wants at once does so however late it is. With DEADLINE_NOW it tries once, and gives -EAGAIN instead.
 */
#define DEADLINE_NONE INT64_MAX
#define DEADLINE_NOW  INT64_C(0)

/*
 * sleep_ns - park the calling goroutine for ns at least. 0 and less return at once.
 * It can't fail: without memory for a timer it lets others run until the time has passed.
 * Ctx: goroutine. May park.
 * Source: Go's time.Sleep.
 */
void sleep_ns(int64_t ns);

/*
 * A timer calls a function at a time. It lies in the program's memory, zeroed before it is first
 * used; zero is a timer that does not run. The fields are the scheduler's.
 *
 * The function is called on the scheduler's own stack, between two goroutines, and whatever waits
 * for that core waits for it: it should be short. It may wake others (chan_try_send(),
 * sema_release(), waitgroup_done()) and start, stop and reset timers, its own too. It may not
 * block, which ends the program with a report; and since no goroutine runs, it has no errno and no
 * _Thread_local objects: of the libc it may use only what needs neither (memcpy() and its like).
 *
 * Calls for one timer may come from several goroutines at once: each happens as a whole, one after
 * the other, and so does a firing, the moment of which is when the timer is taken out to be run. So
 * when timer_stop() or timer_reset() has returned, the time that was set before does not fire any
 * more; a call of the function that had begun by then may still be under way on another core, and
 * so may one of a periodic timer when its next time has come. A timer's memory may be used for
 * something else once it does not run: it is not touched from the moment of its last firing on.
 */
struct timers;

struct timer {
    void (*fn)(void *);
    void *arg;
    int64_t period_ns;
    _Atomic(struct timers *) heap; // which one it is in; 0: it does not run
    uint32_t index;                // where in it
};

/*
 * timer_start - call fn(arg) once ns have passed, and every period_ns after that.
 * ns         0 or less: as soon as possible.
 * period_ns  0: once. A period is skipped rather than run late twice: the times are ns plus
 *            multiples of it.
 * Returns 0; -EINVAL if fn is NULL or period_ns negative; -ENOMEM. A timer that runs is started
 * anew.
 * Ctx: goroutine or timer function. Does not park.
 * Source: Go's time.AfterFunc and Ticker.
 */
int timer_start(struct timer *t, int64_t ns, int64_t period_ns, void (*fn)(void *), void *arg);

/*
 * timer_stop - it does not fire any more.
 * Returns 1 if this call stopped it, 0 if it did not run: it was never started, has fired for the
 * last time or was stopped before.
 * Ctx: goroutine or timer function. Does not park.
 * Source: Go's Timer.Stop.
 */
int timer_stop(struct timer *t);

/*
 * timer_reset - fire ns from now instead, with the function, argument and period that it was
 * started with.
 * Returns 1 if it was running, 0 if not: it is armed either way. -EINVAL if it was never started;
 * -ENOMEM, which a timer that runs never gives.
 * Ctx: goroutine or timer function. Does not park.
 * Source: Go's Timer.Reset.
 */
int timer_reset(struct timer *t, int64_t ns);

/* ---- channels on which the time comes: int64_t elements, capacity 1 ---- */

struct chan;

/*
 * ticker - a channel on which nanotime() comes every period_ns, first after period_ns. If the one before has not been
 * received yet it is dropped. chan_free() gives it back.
 * Returns NULL if there is no memory or period_ns is not positive.
 * Ctx: goroutine. Does not park.
 * Source: Go's time.NewTicker.
 */
struct chan *ticker(int64_t period_ns);

/* ticker_stop - nothing comes any more, and what had come is not received: who receives waits for ever. Any other
 * channel than those of ticker() and after_ns() is a fatal error. Ctx: goroutine. Does not park. */
void ticker_stop(struct chan *c);

/* ticker_reset - as if it were made now, with another period; nothing that came before is received.
 * Returns 0, -EINVAL, or -ENOMEM: then it is stopped. Ctx: goroutine. Does not park. */
int ticker_reset(struct chan *c, int64_t period_ns);

/* after_ns - a channel on which nanotime() comes once ns have passed, and never again; NULL: no memory. chan_free()
 * gives it back. Ctx: goroutine. Does not park. Source: Go's time.After. */
struct chan *after_ns(int64_t ns);

#endif
