/*
 * findrunnable.c - where the next G comes from, and when a core may sleep.
 *
 * Order:     what others want of this P (attention); pinned Gs; every 61st time the global queue; the P's
 *            own queue; the global queue; others' queues, half of one; sleep.
 * Spinning:  an M that looks into others' queues is counted in nmspinning; at most half as many do as Ps work.
 *            While one spins nobody else is woken; one that finds something stops spinning and wakes the next.
 * No lost wake-up:
 *
 *      who queues                                who goes to sleep
 *        put G into a queue                        put P into sched.idle          (sched.lock)
 *        fence                                     if it spun: nmspinning--
 *        npidle == 0 or nmspinning > 0: done       fence
 *        nmspinning: 0 -> 1, or done               look into every queue again
 *        take a P out of sched.idle, wake its M    found: take P back, spin again; else sleep
 *
 *   If the first sees nmspinning > 0 or no idle P, who was counted there, or goes to sleep next, has not passed its
 *   fence, so it will look into the queues after the G is there. (In Go only those that spun look again, and
 *   needspinning covers the others.) tests/model has the proof by exhaustion.
 * Sleep:     each idle M has its clock armed for the timers of its own P, so no timer waits for another M.
 * Invariant: an M that sleeps has its P in sched.idle, or its P is dead or stopped; one taken out of idle is woken by
 *            who took it, unless that is the M itself.
 * Source:    the protocol is that of Go's findRunnable, wakep, resetspinning (proc.go).
 */
#include "arch/arch.h"
#include "kernel/panic.h"
#include "sched/policy.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/trace.h"

#define STEAL_ROUNDS 4

/* ---- what may be found -------------------------------------------------------------------------- */

bool work_waits(struct p *pp)
{
    struct m *mp = atomic_load_explicit(&pp->m, memory_order_relaxed);

    if (__atomic_load_n(&mp->inbox.n, __ATOMIC_RELAXED) ||
        __atomic_load_n(&sched.pwanted, __ATOMIC_RELAXED))
        return true;
    if (sched.policy)
        return sched.policy->waiting(pp);
    return atomic_load_explicit(&sched.runqsize, memory_order_relaxed) || !runqempty(pp);
}

/* In any queue that an M could take from. */
static bool work_anywhere(struct p *pp)
{
    if (sched.policy)
        return sched.policy->waiting(pp);
    if (atomic_load_explicit(&sched.runqsize, memory_order_relaxed))
        return true;
    for (uint32_t i = 0; i < sched.nprocs; i++)
        if (!runqempty(allp[i]))
            return true;
    return false;
}

static struct g *from_inbox(struct m *mp)
{
    lock(&sched.lock);
    struct g *gp = gqueue_pop(&mp->inbox);
    if (!mp->inbox.n)
        atomic_fetch_and_explicit(&mp->p->attention, ~(uint32_t)ATT_INBOX, memory_order_seq_cst);
    if (sched.pwanted) // after this one
        p_attend_to(mp->p, ATT_HANDOFF);
    unlock(&sched.lock);
    return gp;
}

static struct g *own_work(struct p *pp, bool *inherit)
{
    bool global_turn = pp->global_in == 0;
    struct g *gp = NULL;

    if (global_turn)
        p_global_turn(pp);
    if (sched.policy)
        return sched.policy->pick(pp);
    if (global_turn)
        gp = globrunqget(pp, 1);
    if (!gp)
        gp = runqget(pp, inherit);
    return gp ? gp : globrunqget(pp, UINT32_MAX);
}

/* Pinned Gs and others by turns; within a slice what goes on with it is first. */
static struct g *local_work(struct m *mp, bool *inherit)
{
    struct p *pp = mp->p;
    bool boxed = atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_INBOX;
    bool turn = pp->global_in % 2 && !atomic_load_explicit(&pp->runnext, memory_order_relaxed);
    struct g *gp = boxed && turn ? from_inbox(mp) : NULL;

    if (!gp)
        gp = own_work(pp, inherit);
    return gp || !boxed ? gp : from_inbox(mp);
}

/* ---- stealing ------------------------------------------------------------------------------------ */

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* Any start, and a step that has no divisor in common with n: all of 0 .. n - 1, each once. */
struct steal_order steal_order_random(uint32_t n, uint64_t random)
{
    uint32_t step = (uint32_t)(random >> 32) % n + 1;

    while (gcd(step, n) != 1)
        step = step % n + 1;
    return (struct steal_order){.n = n, .at = (uint32_t)random % n, .step = step};
}

uint32_t steal_order_next(struct steal_order *o)
{
    uint32_t at = o->at;

    o->at = (at + o->step) % o->n;
    return at;
}

static bool p_idle(struct p *pp)
{
    return atomic_load_explicit(&pp->status, memory_order_relaxed) == PIDLE;
}

/* One of another P's, which this P may have got ready by running that P's timers. */
static struct g *steal_from(struct p *pp, struct p *victim, bool last_round)
{
    if (last_round && timers_next(&victim->timers) <= clock_nanotime()) {
        bool inherit;
        p_run_timers(pp, victim);
        /* Also from the ring: what is stolen goes behind its tail, where there must be room. */
        struct g *gp = runqget(pp, &inherit);
        if (gp)
            return gp;
    }
    struct g *gp = runqsteal(pp, victim, last_round);
    if (gp)
        trace_event(pp, TRACE_STEAL, gp->goid, victim->id);
    return gp;
}

static struct g *steal_work(struct p *pp)
{
    if (sched.policy)
        return sched.policy->steal ? sched.policy->steal(pp) : NULL;
    for (int round = 0; round < STEAL_ROUNDS; round++) {
        struct steal_order o = steal_order_random(sched.nprocs, p_random(pp));
        for (uint32_t i = 0; i < o.n; i++) {
            struct p *victim = allp[steal_order_next(&o)];
            if (atomic_load_explicit(&sched.gcwaiting, memory_order_relaxed))
                return NULL;
            if (victim == pp || p_idle(victim))
                continue;
            struct g *gp = steal_from(pp, victim, round == STEAL_ROUNDS - 1);
            if (gp)
                return gp;
        }
    }
    return NULL;
}

/* ---- spinning ------------------------------------------------------------------------------------ */

static void start_spinning(struct m *mp)
{
    mp->spinning = true;
    atomic_fetch_add_explicit(&sched.nmspinning, 1, memory_order_seq_cst);
    trace_event(mp->p, TRACE_P_SPIN, 0, 0);
}

static void count_spinning_off(struct m *mp)
{
    if (atomic_fetch_sub_explicit(&sched.nmspinning, 1, memory_order_seq_cst) == 0)
        throw("nmspinning: M%u was not counted", mp->id);
    /* Pairs with the fence in wakep(): see the head of this file. */
    atomic_thread_fence(memory_order_seq_cst);
}

void stop_spinning(struct m *mp)
{
    mp->spinning = false;
    count_spinning_off(mp);
}

/* Found: there may be more, and nobody was woken for it while this M spun. */
static struct g *found(struct m *mp, struct g *gp)
{
    if (mp->spinning) {
        stop_spinning(mp);
        wakep();
    }
    return gp;
}

static bool may_spin(struct m *mp)
{
    uint32_t spinning = atomic_load_explicit(&sched.nmspinning, memory_order_relaxed);
    uint32_t idle = atomic_load_explicit(&sched.npidle, memory_order_relaxed);

    return mp->spinning || 2 * spinning < sched.nprocs - idle;
}

void wakep(void)
{
    struct m *mp = acquirem();
    uint32_t none = 0;

    /* The caller has queued something. Pairs with the fence in stop_spinning(). */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&sched.npidle, memory_order_relaxed) &&
        atomic_compare_exchange_strong_explicit(&sched.nmspinning, &none, 1, memory_order_seq_cst,
                                                memory_order_relaxed)) {
        lock(&sched.lock);
        struct p *pp = pidle_get_locked();
        if (pp)
            atomic_load_explicit(&pp->m, memory_order_relaxed)->spinning = true;
        else
            atomic_fetch_sub_explicit(&sched.nmspinning, 1, memory_order_seq_cst);
        unlock(&sched.lock);
        if (pp) {
            mp->p->stats.wakes++;
            m_wake(atomic_load_explicit(&pp->m, memory_order_relaxed));
        }
    }
    releasem(mp);
}

/* ---- going to sleep ------------------------------------------------------------------------------ */

/* Every live P is idle, and nothing is queued or timed: no G can ever run again, since only Gs and timers
 * ready Gs. */
static bool all_dead_locked(void)
{
    if (atomic_load_explicit(&sched.npidle, memory_order_relaxed) != sched.nprocs || sched.pwanted)
        return false;
    for (uint32_t i = 0; i < sched.nprocs; i++)
        if (timers_next(&allp[i]->timers) != INT64_MAX || work_waits(allp[i]))
            return false;
    for (uint32_t i = 0; i < sched.nm; i++)
        if (allm[i]->inbox.n)
            return false;
    return true;
}

static void checkdead(void)
{
    if (atomic_load_explicit(&sched.npidle, memory_order_relaxed) != sched.nprocs)
        return;
    lock(&sched.lock);
    bool dead = all_dead_locked();
    bool born = sched.newborn.n;
    unlock(&sched.lock);
    if (!dead)
        return;
    if (g_count() == 0 && sched.main_exited)
        fatal("no goroutines (main called goexit) - deadlock!");
    if (born)
        fatal(
            "all goroutines are asleep - deadlock! (main() has not begun: until every constructor has "
            "returned no goroutine started by one runs)");
    fatal("all goroutines are asleep - deadlock!");
}

/*
 * The P becomes idle; false: there is something to do after all. From then on others may take the P, and set
 * m->spinning for the M that they wake: so this M stops to be called spinning before, and is only taken out of
 * nmspinning after (rest()).
 */
static bool p_rest(struct m *mp)
{
    struct p *pp = mp->p;
    bool rest;

    lock(&sched.lock);
    if (sched.pwanted) // better used elsewhere
        p_attend_to(pp, ATT_HANDOFF);
    else
        pinned_fetch_locked(mp);
    rest = !(atomic_load_explicit(&pp->attention, memory_order_relaxed) &
             (ATT_STOP | ATT_HANDOFF | ATT_INBOX | ATT_TIMER)) &&
           !atomic_load_explicit(&sched.runqsize, memory_order_relaxed);
    if (rest) {
        mp->spinning = false;
        pidle_put_locked(pp);
    }
    unlock(&sched.lock);
    return rest;
}

/* Its P was idle and was not taken: it is this M's again. */
static bool p_take_back(struct m *mp)
{
    lock(&sched.lock);
    bool mine = pidle_take_locked(mp->p);
    unlock(&sched.lock);
    return mine;
}

/* mp's P is idle. Returns when it is not any more. */
static void rest(struct m *mp, bool spun)
{
    trace_event(mp->p, TRACE_P_IDLE, 0, 0);
    if (spun)
        count_spinning_off(mp);
    else
        atomic_thread_fence(memory_order_seq_cst); // pairs as that in count_spinning_off()
    if (work_anywhere(mp->p) && p_take_back(mp)) {
        /* Its clock may have rung while the P was idle: then it is armed for nothing (timer_isr()). */
        p_attend_to(mp->p, ATT_TICKLESS);
        start_spinning(mp);
        return;
    }
    checkdead();
    while (!m_sleep(mp))
        if (p_take_back(mp)) {
            p_attend_to(mp->p, sysmon_job_urgent() ? ATT_TIMER | ATT_JOB : ATT_TIMER);
            break;
        }
    trace_event(mp->p, TRACE_P_WAKE, 0, 0);
}

struct g *findrunnable(struct m *mp, bool *inherit)
{
    for (;;) {
        *inherit = false;
        if (atomic_load_explicit(&mp->p->attention, memory_order_relaxed))
            attend(mp);
        struct g *gp = local_work(mp, inherit);
        if (gp)
            return found(mp, gp);
        if (timers_next(&mp->p->timers) <= clock_nanotime()) { // what p_run_timers() left
            p_attend_to(mp->p, ATT_TIMER);
            continue;
        }
        if (may_spin(mp)) {
            if (!mp->spinning)
                start_spinning(mp);
            gp = steal_work(mp->p);
            if (gp)
                return found(mp, gp);
        }
        bool spun = mp->spinning;
        if (p_rest(mp))
            rest(mp, spun);
    }
}
