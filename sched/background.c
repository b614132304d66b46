/*
 * background.c - what is done besides running goroutines: shrink the stacks of those that have been parked
 * for long, and give free pages back to the host (kernel/scavenge.c).
 *
 * Protocol:  done on g0 in short steps, some blocks of Gs, some pages, by whoever finds the next one due: sysmon's
 *            holder while goroutines run, else one idle core, the janitor, which arms its clock for it. `busy` keeps
 *            two from doing it at once. A pass over all Gs begins every PERIOD_NS. A G whose stack pointer is where the
 *            pass before found it has most likely not run since (if it has, shrinking it is not wrong, only early).
 * Rest:      when every P is idle and a pass has found nothing changed, there is no next one until a G
 *            has run (background_resume()): an idle machine is left by its last tick.
 */
#include "arch/arch.h"
#include "kernel/scavenge.h"
#include "rt0/time.h"
#include "sched/sched.h"

#define PERIOD_NS INT64_C(1000000000)
#define STEP_NS   INT64_C(1000000)

static _Atomic(struct m *) janitor;          // a  relaxed: a role, it guards nothing
static _Atomic(bool) busy;                   // a  acquire-release; guards `job`
static _Atomic(int64_t) pass_ns = PERIOD_NS; // a  relaxed; when the pass goes on, or begins
static _Atomic(int64_t) scavenge_ns =
    SCAVENGE_LOOK_NS; // a  relaxed; when the scavenger wants to be called

static struct {
    struct gblock *cursor; // NULL: between two passes
    int64_t now;           // of this step
    bool changed;          // in this pass
} job;

static void visit(struct g *gp, void *unused)
{
    (void)unused;
    if (!scan_begin(gp))
        return;
    struct stacktop *top = stack_top_of(gp->stack);
    if (top->seen_sp == gp->sp && top->seen_goid == gp->goid) {
        job.changed |= shrinkstack(gp, false) > 0;
    } else {
        job.changed = true;
        top->seen_sp = gp->sp;
        top->seen_goid = gp->goid;
        top->wait_since = job.now;
    }
    scan_end(gp);
}

int64_t background_next_ns(void)
{
    int64_t pass = atomic_load_explicit(&pass_ns, memory_order_relaxed);
    int64_t scavenge = atomic_load_explicit(&scavenge_ns, memory_order_relaxed);

    return pass < scavenge ? pass : scavenge;
}

/* ---- a step ---------------------------------------------------------------------------------------- */

static bool all_idle(void)
{
    return atomic_load_explicit(&sched.npidle, memory_order_relaxed) == sched.nprocs;
}

static int64_t pass_step(int64_t now)
{
    job.now = now;
    job.cursor = g_each_block(job.cursor, visit, NULL);
    if (job.cursor)
        return now + STEP_NS;
    bool changed = job.changed || limbo_drain(false);
    job.changed = false;
    return changed || !all_idle() ? now + PERIOD_NS : INT64_MAX;
}

static int64_t scavenge(int64_t now)
{
    int64_t next = INT64_MAX;

    scavenge_step(now, &next);
    return next == INT64_MAX && !all_idle() ? now + SCAVENGE_LOOK_NS : next;
}

void background_step(void)
{
    int64_t now = nanotime();

    if (atomic_exchange_explicit(&busy, true, memory_order_acquire))
        return;
    if (now >= atomic_load_explicit(&pass_ns, memory_order_relaxed))
        atomic_store_explicit(&pass_ns, pass_step(now), memory_order_relaxed);
    if (now >= atomic_load_explicit(&scavenge_ns, memory_order_relaxed))
        atomic_store_explicit(&scavenge_ns, scavenge(now), memory_order_relaxed);
    atomic_store_explicit(&busy, false, memory_order_release);
}

void background_resume(int64_t now)
{
    if (atomic_load_explicit(&pass_ns, memory_order_relaxed) == INT64_MAX)
        atomic_store_explicit(&pass_ns, now + PERIOD_NS, memory_order_relaxed);
    if (atomic_load_explicit(&scavenge_ns, memory_order_relaxed) == INT64_MAX)
        atomic_store_explicit(&scavenge_ns, now + SCAVENGE_LOOK_NS, memory_order_relaxed);
}

/* ---- by an idle core ------------------------------------------------------------------------------- */

/* Whether the role is mp's, which it takes if nobody has it. */
static bool is_janitor(struct m *mp)
{
    struct m *none = NULL;

    return atomic_load_explicit(&janitor, memory_order_relaxed) == mp ||
           atomic_compare_exchange_strong_explicit(&janitor, &none, mp, memory_order_relaxed,
                                                   memory_order_relaxed);
}

int64_t background_next(struct m *mp)
{
    return is_janitor(mp) ? background_next_ns() : INT64_MAX;
}

void background_leave(struct m *mp)
{
    if (atomic_load_explicit(&janitor, memory_order_relaxed) == mp)
        atomic_store_explicit(&janitor, NULL, memory_order_relaxed);
}
