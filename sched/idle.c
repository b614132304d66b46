/*
 * idle.c - the set of idle Ps, and how an M sleeps and is woken.
 *
 * Protocol:  a P enters sched.idle under sched.lock, and who takes it out wakes its M: m->wakeup is set, then, if
 *            the M is not polling, an interrupt is sent. The sleeper polls for a moment with m->polling set,
 *            clears it, and only then looks at wakeup a last time with interrupts masked; cpu_idle() unmasks and halts
 *            at once. So either the waker sees that it polls no more, or it sees wakeup:
 *
 *                waker: wakeup = true; fence; polling?      sleeper: polling = false; fence; wakeup?
 *
 * Time:      before it halts the clock is armed for the first timer of its P if that is idle, for sysmon if
 *            that is this M's to do and others run, and for the janitor's work (background.c). When all sleep
 *            and no timer runs, nothing ticks.
 * Invariant: an M in m_sleep() runs no G, and takes locks in idle_work() only, where m->idle is clear. m->wakeup is set only for an M in m_sleep() or on its
 *            way there, once for each time.
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/tlb.h"
#include "sched/sched.h"

/* Turns of the polling loop: a wake-up within a microsecond or so costs no interrupt. */
#define POLL_TURNS 30

/* ---- the set ------------------------------------------------------------------------------------- */

static uint64_t *idle_word(const struct p *pp)
{
    return &sched.idle[pp->id / 64];
}

static uint64_t idle_bit(const struct p *pp)
{
    return UINT64_C(1) << pp->id % 64;
}

static void count_idle(int n)
{
    uint32_t old = atomic_load_explicit(&sched.npidle, memory_order_relaxed);

    atomic_store_explicit(&sched.npidle, old + (uint32_t)n, memory_order_seq_cst);
}

void pidle_put_locked(struct p *pp)
{
    *idle_word(pp) |= idle_bit(pp);
    atomic_store_explicit(&pp->status, PIDLE, memory_order_relaxed);
    count_idle(1);
}

bool pidle_take_locked(struct p *pp)
{
    if (!(*idle_word(pp) & idle_bit(pp)))
        return false;
    *idle_word(pp) &= ~idle_bit(pp);
    atomic_store_explicit(&pp->status, PRUNNING, memory_order_relaxed);
    count_idle(-1);
    return true;
}

/* The lowest: work gathers on few cores, and the others stay asleep. */
struct p *pidle_get_locked(void)
{
    for (uint32_t w = 0; w * 64 < sched.nprocs; w++)
        if (sched.idle[w]) {
            struct p *pp = allp[w * 64 + (uint32_t)__builtin_ctzll(sched.idle[w])];
            pidle_take_locked(pp);
            return pp;
        }
    return NULL;
}

/* ---- waking -------------------------------------------------------------------------------------- */

void m_wake(struct m *mp)
{
    /* Release: pairs with the acquire in woken(). Seq_cst: see the head of this file. */
    atomic_store_explicit(&mp->wakeup, true, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&mp->polling, memory_order_seq_cst))
        return;
    struct m *self = acquirem();
    self->p->stats.ipis++;
    releasem(self);
    irqchip_send(mp, IRQ_WAKE);
}

void p_wake(struct p *pp)
{
    lock(&sched.lock);
    bool taken = pidle_take_locked(pp);
    unlock(&sched.lock);
    if (taken)
        m_wake(atomic_load_explicit(&pp->m, memory_order_relaxed));
    else if (atomic_load_explicit(&pp->attention, memory_order_seq_cst) & ATT_TICKLESS)
        p_notify(pp, 0);
}

/* ---- sleeping ------------------------------------------------------------------------------------ */

static bool woken(struct m *mp)
{
    if (!atomic_load_explicit(&mp->wakeup, memory_order_acquire))
        return false;
    atomic_store_explicit(&mp->wakeup, false, memory_order_relaxed);
    return true;
}

/* True: woken. */
static bool poll(struct m *mp)
{
    bool done = false;

    atomic_store_explicit(&mp->polling, true, memory_order_seq_cst);
    for (int i = 0; i < POLL_TURNS && !done; i++) {
        done = woken(mp);
        cpu_relax();
    }
    atomic_store_explicit(&mp->polling, false, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    return done;
}

/* Others that are short of memory may wait for an idle M to give up its free stacks, and for nothing else. */
static void set_idle(struct m *mp, bool idle)
{
    atomic_store_explicit(&mp->idle, idle, memory_order_relaxed);
    /* Pairs with the fence in ask_idle(). */
    atomic_thread_fence(memory_order_seq_cst);
}

/* What the caches of a P that lives no more still hold. */
static void flush_dead(struct m *mp, struct p *pp)
{
    mcache_flush(&pp->mcache);
    stackcache_flush(pp);
    gfree_flush(pp);
    mp->flushed = true;
}

static bool is_dead(const struct p *pp)
{
    return atomic_load_explicit(&pp->status, memory_order_relaxed) == PDEAD;
}

static bool must_flush(const struct m *mp)
{
    return is_dead(mp->p) && !mp->flushed;
}

/* A job that needs a goroutine is for an M whose P lives: a dead one's queue is looked into by nobody. */
static bool must_forward(const struct m *mp)
{
    return sysmon_job_urgent() && is_dead(mp->p) &&
           !(atomic_load_explicit(&allp[0]->attention, memory_order_relaxed) & ATT_JOB);
}

/* What an idle M does between two sleeps. It works on stacks, so it is not idle to the TLB's epochs. */
static void idle_work(struct m *mp)
{
    tlb_idle_leave(mp);
    irq_enable();
    set_idle(mp, false);
    reclaim_honour(mp);
    if (must_flush(mp))
        flush_dead(mp, mp->p);
    if (must_forward(mp))
        p_notify(allp[0], ATT_JOB);
    sysmon_job(mp);
    set_idle(mp, true);
    irq_disable();
    tlb_idle_enter(mp);
}

/* A timer of the P is due, or a job that needs a goroutine, and the P is this M's to take back. */
static bool due(struct m *mp, int64_t now)
{
    return atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PIDLE &&
           (timers_next(&mp->p->timers) <= now || sysmon_job_urgent());
}

/* Interrupts masked. */
static void halt(struct m *mp, int64_t now)
{
    sysmon_rest(mp);
    bool job = sysmon_due(mp) <= now && sysmon_isr(mp, now, NULL);
    if (job || background_next(mp) <= now || reclaim_asked(mp) || must_flush(mp) ||
        must_forward(mp)) {
        idle_work(mp);
        return;
    }
    alarm_idle(mp);
    mp->p->stats.sleeps++;
    cpu_idle();
}

bool m_sleep(struct m *mp)
{
    bool wake = poll(mp);

    if (wake) {
        mp->p->stats.polled++;
    } else {
        irq_disable();
        set_idle(mp, true);
        tlb_idle_enter(mp);
        for (;;) {
            int64_t now = clock_nanotime();
            wake = woken(mp);
            if (wake || due(mp, now))
                break;
            halt(mp, now);
        }
        set_idle(mp, false);
        background_leave(mp);
        tlb_idle_leave(mp);
        irq_enable();
    }
    sysmon_wake(mp);
    /* Also a new slice: what is left of one from before the rest would soon end that of who goes on with it. */
    mp->p->slice_start = mp->p->switched = cpu_counter();
    p_attend_to(mp->p, ATT_TICKLESS);
    return wake;
}
