/*
 * sleep.c - sleeping: a timer on the sleeper's own stack.
 *
 * Protocol:  the timer is started on g0, when the goroutine waits already: whoever fires it, on
 *            this core or another, finds a G that can be readied. From that moment on nobody here
 *            touches the G's stack.
 * Source:    Go's timeSleep and resetForSleep (time.go).
 */
#include "rt0/cancel.h"
#include "rt0/go.h"
#include "rt0/time.h"
#include "sched/wait.h"

struct sleep {
    struct timer timer;
    int64_t until;
};

static void wake(void *gp)
{
    goready(gp);
}

/* False: there is no room for the timer. */
static bool start_timer(struct g *gp, void *arg)
{
    struct sleep *s = arg;

    return timer_start_parked(&s->timer, s->until, wake, gp);
}

void sleep_ns(int64_t ns)
{
    struct sleep s = {.until = deadline_after(ns)};

    if (ns <= 0)
        return;
    do {
        if (timers_make_room() == 0)
            gopark(start_timer, &s, WAIT_SLEEP);
        else
            gosched();
    } while (nanotime() < s.until);
}

int sleep_cancel(int64_t ns, struct cancel *c)
{
    struct waiter w;
    int err = cancel_err(c);

    if (err || ns <= 0)
        return err;
    if (wait_begin(&w, ns == INT64_MAX ? DEADLINE_NONE : deadline_after(ns), c))
        return cancel_err(c); // or the time has passed
    wait_park(&w, NULL, NULL, WAIT_SLEEP);
    err = wait_end(&w);
    return waiter_timed_out(&w) ? 0 : err;
}
