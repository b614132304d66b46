/*
 * preempt.c - slices, alarms, and what interrupts do to the G that runs.
 *
 * Protocol:  an interrupt takes no lock and switches nothing. It sets bits in its P's attention, and if the G can
 *            be stopped where it is, edits the frame so that the G goes on in asyncpreempt(): that saves every
 *            register on the G's stack and calls asyncpreempt2(), which goes to g0 like any other switch.
 *            A G can't be stopped on g0, while m->locks > 0, in a NOPREEMPT function, or at the end of its stack; then
 *            m->preempt is set, which releasem() makes up for, and the alarm comes again soon, for what no
 *            releasem() ends.
 * Slices:    they begin when a G is switched to, but for one that inherits. The clock is not armed at each
 *            switch: when it rings too early for the slice that is, it is armed for that one's end. If nothing else
 *            waits there is no end of the slice: ATT_TICKLESS says that whoever queues something arms it.
 * Time:      pp->alarm_ns is the nearest of the P's first timer, the end of the slice, sysmon's look, and the next try of
 *            a preemption that was put off.
 * Invariant: if something waits for pp, ATT_TICKLESS is clear and the clock is armed, or its M is on g0 and on its way
 *            to attend(), or sysmon will notice within its period.
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/tlb.h"
#include "sched/sched.h"
#include "sched/trace.h"

/* When a preemption that can't be done is tried again: twice as late each time, so that what is interrupted gets
 * on, however long the handler takes. */
#define RETRY_MIN_NS INT64_C(5000)
#define RETRY_MAX_NS INT64_C(1000000)

/* A NOPREEMPT function is soon left, and nothing but another try tells: after as long as the handler took, so that who
 * calls nothing else has half of the time. A host may have taken the core away from the handler. */
#define RETRY_NOPREEMPT_MAX_NS INT64_C(40000)

/* So many timers are run before what they made ready has its turn, and not interrupted for others for so long. */
#define TIMERS_AT_ONCE  8
#define TIMERS_AGAIN_NS INT64_C(20000)

/* ---- alarms -------------------------------------------------------------------------------------- */

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Interrupts masked. */
static void arm(struct p *pp, int64_t when)
{
    if (when == pp->alarm_ns)
        return;
    pp->alarm_ns = when;
    clock_arm(when);
}

static uint64_t slice_left(const struct p *pp)
{
    uint64_t gone = cpu_counter() - pp->slice_start;

    return gone >= pp->slice_ticks ? 0 : pp->slice_ticks - gone;
}

static int64_t slice_end_ns(struct p *pp, int64_t now)
{
    if (atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_TICKLESS)
        return INT64_MAX;
    return now + clock_ticks_to_ns(slice_left(pp)) + 1;
}

/* A preemption that an interrupt on g0 put off is tried again, too: what runs next may have no other alarm. */
static int64_t retry_at_ns(const struct p *pp, int64_t now)
{
    uint32_t att = atomic_load_explicit(&pp->attention, memory_order_relaxed);

    return att & ATT_PREEMPTS ? now + pp->retry_ns : INT64_MAX;
}

/* Interrupts masked; of an M that runs Gs. */
static void arm_running(struct m *mp, int64_t now)
{
    struct p *pp = mp->p;
    int64_t when = min_ns(sysmon_due(mp), retry_at_ns(pp, now));

    arm(pp, min_ns(when, min_ns(timers_alarm(&pp->timers), slice_end_ns(pp, now))));
}

void alarm_idle(struct m *mp)
{
    struct p *pp = mp->p;
    int64_t when = min_ns(background_next(mp), sysmon_due(mp));

    if (atomic_load_explicit(&pp->status, memory_order_relaxed) == PIDLE)
        when = min_ns(when, timers_next(&pp->timers));
    arm(pp, when);
}

static void arm_now(struct m *mp)
{
    bool enabled = irq_enabled();

    irq_disable();
    arm_running(mp, clock_nanotime());
    if (enabled)
        irq_enable();
}

void alarm_earlier(struct p *pp)
{
    struct m *mp = getm();

    if (mp->p == pp)
        arm_now(mp);
    else
        p_notify(pp, 0);
}

void slice_arm(struct p *pp)
{
    atomic_fetch_and_explicit(&pp->attention, ~(uint32_t)ATT_TICKLESS, memory_order_seq_cst);
    arm_now(getm());
}

/* ---- on g0 ----------------------------------------------------------------------------------------- */

/* What the world or another core wants of this P itself; returns with a live P. */
static void attend_p(struct m *mp)
{
    for (;;) {
        uint32_t att = atomic_load_explicit(&mp->p->attention, memory_order_acquire);
        uint32_t status = atomic_load_explicit(&mp->p->status, memory_order_relaxed);
        if (status == PDEAD || status == PGCSTOP)
            stopm(mp);
        else if (att & ATT_STOP)
            gcstopm(mp);
        else if (att & ATT_HANDOFF)
            handoffp(mp);
        else
            return;
    }
}

static uint32_t runq_length(struct p *pp)
{
    return atomic_load_explicit(&pp->runqtail, memory_order_relaxed) -
           atomic_load_explicit(&pp->runqhead, memory_order_relaxed);
}

/*
 * What timers make ready has its turn before more is made ready: the rest is run when the queue is empty
 * (findrunnable()), or interrupts it a little later. Else of a thousand sleepers that are due at about the same time
 * each would interrupt the one before it, or wait until all are ready; and since they go to sleep again one right after
 * the other, that would go on for ever. Functions that make nothing ready are not held up; but no more than there are,
 * so that one that starts its timer for at once does not keep the core.
 */
void p_run_timers(struct p *pp, struct p *of)
{
    int64_t now = clock_nanotime();
    uint32_t all = __atomic_load_n(&of->timers.n, __ATOMIC_RELAXED), n = 0, most, ran;
    uint32_t queued = runq_length(pp);

    do {
        most = all - n < TIMERS_AT_ONCE ? all - n : TIMERS_AT_ONCE;
        ran = timers_run(of, now, most);
        n += ran;
    } while (n < all && ran == most &&
             (int32_t)(runq_length(pp) - queued) < TIMERS_AT_ONCE - 1); // and runnext
    if (pp == of)
        of->timers.again = runq_length(pp) || timers_next(&of->timers) <= now
                               ? now + TIMERS_AGAIN_NS
                               : 0;
    pp->stats.timers += n;
    if (n)
        trace_event(pp, TRACE_TIMER, 0, n);
}

static void attend_work(struct m *mp)
{
    struct p *pp = mp->p;
    uint32_t once = ATT_TIMER | ATT_SLICE | ATT_YIELD | ATT_TLB | ATT_RECLAIM | ATT_JOB;
    uint32_t att = atomic_fetch_and_explicit(&pp->attention, ~once, memory_order_seq_cst);

    atomic_store_explicit(&mp->preempt, 0, memory_order_relaxed);
    pp->retry_ns = RETRY_MIN_NS;
    if (att & ATT_TLB)
        tlb_pass(mp);
    if (att & ATT_RECLAIM)
        reclaim_honour(mp);
    if (att & ATT_TIMER)
        p_run_timers(pp, pp);
    if (att & ATT_JOB)
        sysmon_job(mp);
    if (!(att & (once | ATT_TICKLESS)))
        return;
    if (att & ATT_TICKLESS && work_waits(pp))
        atomic_fetch_and_explicit(&pp->attention, ~(uint32_t)ATT_TICKLESS, memory_order_seq_cst);
    arm_now(mp);
}

void attend(struct m *mp)
{
    attend_p(mp);
    attend_work(mp);
}

/* ATT_SLICE may still be from the G before: its slice ended when it was about to leave by itself. */
static bool must_leave(struct p *pp)
{
    uint32_t att = atomic_load_explicit(&pp->attention, memory_order_acquire);

    return att & (ATT_YIELD | ATT_STOP | ATT_HANDOFF) || (att & ATT_SLICE && slice_left(pp) == 0);
}

/* gp was interrupted. Its slice goes on if it is not over and no timer made a G ready. */
static void preempt_m(struct g *gp)
{
    struct m *mp = getm();

    if (must_leave(mp->p))
        goyield_preempted(mp, gp);
    attend_work(mp);
    if (must_leave(mp->p))
        goyield_preempted(mp, gp);
    if (atomic_load_explicit(&mp->p->runnext, memory_order_relaxed))
        goyield_woken(mp, gp);
    gogo(gp);
}

NOPREEMPT void asyncpreempt2(void)
{
    mcall(preempt_m);
}

void preempt_deferred(void)
{
    struct g *gp = getg();

    /* Not inside an interrupt or fault of this G's, not on g0, and not under a lock further out. */
    if (!irq_enabled() || gp == gp->m->g0 || getm()->locks)
        return;
    mcall(preempt_m);
}

/* ---- in interrupts --------------------------------------------------------------------------------- */

static bool in_nopreempt(uintptr_t pc)
{
    return pc >= (uintptr_t)nopreempt_start && pc < (uintptr_t)nopreempt_end;
}

/* What asyncpreempt() puts on the stack is not to be the overflow of a G that uses it to its limit. */
static bool fits(const struct g *gp, const struct trapframe *tf)
{
    uintptr_t sp = trapframe_sp(tf);

    return sp < gp->stack->lo || sp >= gp->stack->lo + asyncpreempt_bytes();
}

static bool preemptible(const struct m *mp, const struct trapframe *tf)
{
    const struct g *gp = getg();

    return gp != mp->g0 && mp->locks == 0 && !in_nopreempt(trapframe_pc(tf)) && fits(gp, tf);
}

/* Up to 255 ns, and any: else a loop could keep step with the tries, and be in the same function each time. */
static int64_t jitter_ns(const struct p *pp)
{
    return (int64_t)(pp->stats.deferred * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

/* The handler runs since `now`. */
static int64_t next_try_ns(struct p *pp, const struct trapframe *tf, int64_t now)
{
    int64_t wait = pp->retry_ns;

    if (in_nopreempt(trapframe_pc(tf)))
        return min_ns(clock_nanotime() - now, RETRY_NOPREEMPT_MAX_NS) + jitter_ns(pp);
    pp->retry_ns = min_ns(2 * wait, RETRY_MAX_NS);
    return wait;
}

/* Some bit wants the G off its core. */
static void interrupt_g(struct m *mp, struct trapframe *tf, int64_t now)
{
    struct p *pp = mp->p;

    if (!(atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_PREEMPTS))
        return;
    if (preemptible(mp, tf)) {
        trapframe_preempt(tf);
        return;
    }
    pp->stats.deferred++;
    atomic_store_explicit(&mp->preempt, 1, memory_order_relaxed);
    int64_t wait = next_try_ns(pp, tf, now);
    arm(pp, min_ns(pp->alarm_ns, clock_nanotime() + wait));
}

/* Something waits by now: the slice has an end again. */
static void end_tickless(struct p *pp)
{
    if (atomic_load_explicit(&pp->attention, memory_order_seq_cst) & ATT_TICKLESS && work_waits(pp))
        atomic_fetch_and_explicit(&pp->attention, ~(uint32_t)ATT_TICKLESS, memory_order_seq_cst);
}

/* What the clock says: bits for attention. */
static uint32_t tick(struct m *mp, int64_t now, struct trapframe *tf)
{
    struct p *pp = mp->p;
    uint32_t bits = 0;

    sysmon_take_over(mp, now);
    end_tickless(pp); // sysmon tells the others, but not the core that it is on
    if (timers_alarm(&pp->timers) <= now)
        bits |= ATT_TIMER;
    if (!(atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_TICKLESS) &&
        slice_left(pp) == 0)
        bits |= work_waits(pp) ? ATT_SLICE : ATT_TICKLESS;
    if (sysmon_due(mp) <= now && sysmon_isr(mp, now, tf))
        bits |= ATT_JOB;
    return bits;
}

static bool runs(struct m *mp)
{
    return !atomic_load_explicit(&mp->idle, memory_order_relaxed) &&
           atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PRUNNING;
}

/* Arms the clock again: not for a timer or slice that is already asked for. */
static void arm_next(struct m *mp, int64_t now)
{
    uint32_t att = atomic_load_explicit(&mp->p->attention, memory_order_relaxed);
    int64_t when = sysmon_due(mp);

    if (!(att & ATT_TIMER))
        when = min_ns(when, timers_alarm(&mp->p->timers));
    if (!(att & (ATT_SLICE | ATT_TICKLESS)))
        when = min_ns(when, slice_end_ns(mp->p, now));
    arm(mp->p, when);
}

void timer_isr(struct trapframe *tf)
{
    struct m *mp = getm();
    struct p *pp = mp->p;
    int64_t now = clock_nanotime();

    atomic_fetch_add_explicit(&mp->timer_irqs, 1, memory_order_relaxed);
    pp->alarm_ns = INT64_MAX;
    if (!runs(mp))
        return; // m_sleep() looks for itself, or attend() will
    uint32_t bits = tick(mp, now, tf);
    if (bits)
        p_attend_to(pp, bits);
    arm_next(mp, now);
    interrupt_g(mp, tf, now);
}

/* Somebody set bits, or the halt is to end, or waits in tlb_sync(). */
void wake_isr(struct trapframe *tf)
{
    struct m *mp = getm();

    tlb_pass(mp);
    if (!runs(mp))
        return;
    struct p *pp = mp->p;
    int64_t now = clock_nanotime();
    end_tickless(pp);
    arm_next(mp, now);
    interrupt_g(mp, tf, now);
}

void p_notify(struct p *pp, uint32_t bits)
{
    struct m *mp = atomic_load_explicit(&pp->m, memory_order_relaxed);

    if (bits)
        p_attend_to(pp, bits);
    if (mp != getm())
        irqchip_send(mp, IRQ_WAKE);
    else if (bits & ATT_PREEMPTS)
        atomic_store_explicit(&mp->preempt, 1, memory_order_relaxed);
}
