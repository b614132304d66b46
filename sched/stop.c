/*
 * stop.c - stopping the world, and changing how many Ps live.
 *
 * Protocol:  one goroutine at a time stops the world (`world` is a semaphore). Under sched.lock it sets gcwaiting
 *            and ATT_STOP on every other live P, takes the idle ones itself and interrupts the rest; each
 *            M counts itself off in stopwait when it comes to gcstopm(), with whatever G it ran back in a queue.
 *            Until the world is started, no P is PRUNNING but the caller's, and the caller can't be preempted.
 * Few, many: a P that procresize() revives is PGCSTOP until the world is started. Its M sleeps in stopm(), or is still
 *            on its way there from the stop before: then it finds PGCSTOP, and sleeps there all the same.
 * Invariant: while it is stopped, every G but the caller has its registers on its stack and is in a queue or
 *            waits; sched.idle is empty; nobody but the caller touches a P's queue or timers.
 * A core that is stuck with preemption off keeps the stopper waiting; the watchdog (sysmon.c) names it.
 * Source:    Go's stopTheWorldWithSema, startTheWorldWithSema, procresize (proc.go).
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/tlb.h"
#include "rt0/go.h"
#include "rt0/sync.h"
#include "sched/policy.h"
#include "sched/sched.h"
#include "sched/trace.h"

static struct sema world = SEMA_INIT(1);
static uint32_t nstopped; // sched.lock: Ps that lived when the world was stopped

static void set_status(struct p *pp, enum pstatus status)
{
    atomic_store_explicit(&pp->status, status, memory_order_relaxed);
}

static struct m *holder(struct p *pp)
{
    return atomic_load_explicit(&pp->m, memory_order_relaxed);
}

/* ---- stopping ------------------------------------------------------------------------------------ */

/* Its P is at rest: counted by the M itself, or by the stopper. */
static void stopped_locked(struct p *pp)
{
    set_status(pp, PGCSTOP);
    atomic_fetch_and_explicit(&pp->attention, ~(uint32_t)ATT_STOP, memory_order_seq_cst);
    /* Release: pairs with the acquire in stop_g0(): what this P's Gs did is seen. */
    atomic_fetch_sub_explicit(&sched.stopwait, 1, memory_order_release);
}

void gcstopm(struct m *mp)
{
    if (mp->spinning)
        stop_spinning(mp);
    lock(&sched.lock);
    bool stop = atomic_load_explicit(&sched.gcwaiting, memory_order_relaxed);
    if (stop)
        stopped_locked(mp->p);
    else
        atomic_fetch_and_explicit(&mp->p->attention, ~(uint32_t)ATT_STOP, memory_order_seq_cst);
    unlock(&sched.lock);
    if (stop)
        while (!m_sleep(mp))
            ;
}

static void stop_all_locked(struct p *own)
{
    atomic_store_explicit(&sched.gcwaiting, true, memory_order_relaxed);
    atomic_store_explicit(&sched.stopwait, sched.nprocs - 1, memory_order_relaxed);
    nstopped = sched.nprocs;
    for (uint32_t i = 0; i < sched.nprocs; i++) {
        struct p *pp = allp[i];
        if (pp == own)
            continue;
        if (pidle_take_locked(pp))
            stopped_locked(pp);
        else
            p_attend_to(pp, ATT_STOP);
    }
}

static void stop_g0(void *arg)
{
    struct m *mp = arg;

    trace_event(mp->p, TRACE_STW_BEGIN, 0, 0);
    lock(&sched.lock);
    stop_all_locked(mp->p);
    unlock(&sched.lock);
    for (uint32_t i = 0; i < sched.nprocs; i++)
        if (atomic_load_explicit(&allp[i]->attention, memory_order_relaxed) & ATT_STOP)
            p_notify(allp[i], 0);
    while (atomic_load_explicit(&sched.stopwait, memory_order_acquire)) {
        tlb_pass(mp);
        cpu_relax();
    }
}

void stop_the_world(void)
{
    sema_acquire(&world);
    systemstack(stop_g0, acquirem());
}

/* ---- starting ------------------------------------------------------------------------------------ */

/* Whether pp's M sleeps for the stop, or for want of a P that runs, and has to be woken. */
static bool must_wake_locked(struct p *pp)
{
    return m_unpark_locked(holder(pp)) || pp->id < nstopped;
}

/* All of them look for work, and those that find none go to sleep by themselves. An M whose P has died is
 * woken too: it has to leave gcstopm(). */
static void start_g0(void *arg)
{
    struct m *mp = arg;
    uint32_t all = sched.nprocs > nstopped ? sched.nprocs : nstopped;

    lock(&sched.lock);
    atomic_store_explicit(&sched.gcwaiting, false, memory_order_relaxed);
    for (uint32_t i = 0; i < sched.nprocs; i++)
        set_status(allp[i], PRUNNING);
    pinned_resized_locked();
    for (uint32_t i = 0; i < all; i++)
        if (allp[i] != mp->p && must_wake_locked(allp[i]))
            m_wake(holder(allp[i]));
    unlock(&sched.lock);
    trace_event(mp->p, TRACE_STW_END, 0, 0);
}

void start_the_world(void)
{
    struct m *mp = getm();

    systemstack(start_g0, mp);
    releasem(mp);
    sema_release(&world);
}

/* ---- how many Ps ----------------------------------------------------------------------------------- */

/* The world is stopped. Its caches its M gives back by itself. */
static void p_destroy(struct p *pp, struct p *to)
{
    struct gqueue q = {0};

    if (sched.policy)
        sched.policy->drain(pp, to);
    runqdrain(pp, &q);
    lock(&sched.lock);
    globrunqput_all_locked(&q);
    unlock(&sched.lock);
    timers_move(pp, to);
    set_status(pp, PDEAD);
    holder(pp)->flushed = false;
}

static void swap_ids(struct p *a, struct p *b)
{
    uint32_t id = a->id;

    a->id = b->id;
    b->id = id;
    allp[a->id] = a;
    allp[b->id] = b;
}

/* A policy begins anew with it: it has its notes already, so this can't fail. */
static void p_revive(struct p *pp)
{
    set_status(pp, PGCSTOP);
    if (sched.policy && sched.policy->init_p && sched.policy->init_p(pp))
        throw("procresize: the policy %s refuses P%u", sched.policy->name, pp->id);
}

/* The caller's P stays alive. */
static void procresize(struct p *own, uint32_t n)
{
    uint32_t old = sched.nprocs;

    if (own->id >= n)
        swap_ids(own, allp[0]);
    for (uint32_t i = n; i < old; i++)
        p_destroy(allp[i], own);
    for (uint32_t i = old; i < n; i++)
        p_revive(allp[i]);
    sched.nprocs = n;
    trace_event(own, TRACE_PROCS, 0, n);
}

static void resize_g0(void *n)
{
    procresize(getm()->p, (uint32_t)(uintptr_t)n);
}

int gomaxprocs(int n)
{
    int before = (int)sched.nprocs;

    if (n < 1)
        return before;
    if (n > numcpu())
        n = numcpu();
    stop_the_world();
    before = (int)sched.nprocs;
    if (n != before)
        systemstack(resize_g0, (void *)(uintptr_t)n);
    start_the_world();
    return before;
}
