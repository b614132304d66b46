/*
 * background.c - what idle cores do besides sleeping: shrink the stacks of goroutines that have been parked
 * for long, and give free pages back to the host (kernel/scavenge.c).
 *
 * Protocol:  one idle core at a time is the janitor. It arms its clock for the next step and does it on g0, so
 *            a step is short: some blocks of Gs, some pages. A pass over all Gs begins every PERIOD_NS. A G
 *            whose stack pointer is where the pass before found it has most likely not run since (if it has,
 *            shrinking it is not wrong, only early).
 * The last core never sleeps here: when all would, the program is at a deadlock and ends.
 */
#include "arch/arch.h"
#include "kernel/scavenge.h"
#include "rt0/time.h"
#include "sched/sched.h"

#define PERIOD_NS INT64_C(1000000000)
#define STEP_NS   INT64_C(1000000)

static _Atomic(struct m *) janitor; // a  relaxed: a role, it guards nothing but what is below

/* The janitor's. A new janitor goes on where the last one stopped: acquire-release by `janitor`. */
static struct {
    struct gblock *cursor; // NULL: between two passes
    int64_t pass_ns;       // when the pass goes on, or the next one begins
    int64_t scavenge_ns;   // when the scavenger wants to be called
} job;

static void visit(struct g *gp, void *unused)
{
    (void)unused;
    if (!scan_begin(gp))
        return;
    struct stacktop *top = stack_top(gp->stack.hi);
    if (top->seen_sp == gp->sp)
        shrinkstack(gp, false);
    top->seen_sp = gp->sp;
    scan_end(gp);
}

/* The clock is left armed when the M goes on: an interrupt too many costs less than arming it for every
 * short sleep. */
static void arm(struct m *mp, int64_t when, int64_t now)
{
    if (mp->background_ns > now && mp->background_ns <= when)
        return;
    mp->background_ns = when;
    clock_arm(when);
}

static int64_t next_ns(void)
{
    return job.pass_ns < job.scavenge_ns ? job.pass_ns : job.scavenge_ns;
}

bool background_due(struct m *mp)
{
    struct m *none = NULL;
    int64_t now = nanotime();

    if (atomic_load_explicit(&janitor, memory_order_relaxed) != mp) {
        /* Acquire: pairs with the release in background_leave(). */
        if (!atomic_compare_exchange_strong_explicit(&janitor, &none, mp, memory_order_acquire,
                                                     memory_order_relaxed))
            return false;
        if (next_ns() < now)
            job.pass_ns = job.scavenge_ns = now + PERIOD_NS;
    }
    if (now >= next_ns())
        return true;
    arm(mp, next_ns(), now);
    return false;
}

static void pass_step(int64_t now)
{
    job.cursor = g_each_block(job.cursor, visit, NULL);
    job.pass_ns = now + STEP_NS;
    if (job.cursor)
        return;
    limbo_drain(false);
    job.pass_ns = now + PERIOD_NS;
}

void background_step(void)
{
    int64_t now = nanotime();

    if (now >= job.pass_ns)
        pass_step(now);
    if (now < job.scavenge_ns)
        return;
    scavenge_step(now, &job.scavenge_ns);
    if (job.scavenge_ns == INT64_MAX)
        job.scavenge_ns = now + SCAVENGE_LOOK_NS;
}

void background_leave(struct m *mp)
{
    if (atomic_load_explicit(&janitor, memory_order_relaxed) == mp)
        atomic_store_explicit(&janitor, NULL, memory_order_release);
}
