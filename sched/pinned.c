/*
 * pinned.c - Gs that may run on some cores only: lockosthread(), and the affinity of go_with().
 *
 * Protocol:  a runnable pinned G waits in the inbox of an M that it may run on, under sched.lock; nobody steals
 *            from there. If that M's P is idle it is woken, if it runs it is told (ATT_INBOX). If its P is dead, since
 *            gomaxprocs is below the number of cores, the M enters sched.pwanted and some live P's M is told to
 *            hand that P over (ATT_HANDOFF): it swaps Ps with the M that wants one, and sleeps.
 * Choice:    a G that may run on several cores goes to one that idles, or to the shortest inbox. A core that is about
 *            to idle looks into the others' inboxes for such a G, under the same lock: so none waits while a
 *            core idles that it may run on. sched.inbox_cores says whether there is a use in looking.
 * The swap:  is done by the one who wants, awake, under sched.lock, while the giver waits with interrupts masked:
 *            so at no time do two Ms use one P. The queue, timers and caches go with the P.
 * Invariant: a pinned G that is in a P's queue all the same (it was pinned while it was queued: it can't be; or
 *            a policy put it there) is sent on by run() (proc.c), never run on a core it may not use.
 * Differs:   Go's LockOSThread() keeps others off the thread; here others run on that core, too (docs/differences.md).
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/tlb.h"
#include "rt0/go.h"
#include "sched/runq.h"
#include "sched/sched.h"

/* ---- which core ---------------------------------------------------------------------------------- */

bool pinned_allows(const struct g *gp, const struct m *mp)
{
    uint64_t affinity = gp->attr ? gp->attr->affinity : 0;

    if (gp->lockcount)
        return gp->lockedm == mp->id;
    return affinity == 0 || (mp->id < 64 && affinity >> mp->id & 1);
}

static bool m_is_idle(const struct m *mp)
{
    return atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PIDLE;
}

/* One that sleeps, the one it last ran on, or that with the fewest in its inbox. */
static struct m *choose_locked(const struct g *gp)
{
    struct m *best = NULL;

    for (uint32_t i = 0; i < sched.nm; i++) {
        struct m *mp = allm[i];
        if (!pinned_allows(gp, mp) || !atomic_load_explicit(&mp->online, memory_order_relaxed))
            continue;
        if (m_is_idle(mp) && (!best || !m_is_idle(best) || mp == gp->m))
            best = mp;
        else if (!best || (!m_is_idle(best) && mp->inbox.n < best->inbox.n))
            best = mp;
    }
    if (!best)
        throw("goroutine %lu may run on no core that there is", gp->goid);
    return best;
}

/* ---- queueing ------------------------------------------------------------------------------------ */

/* A P whose M is to look at its attention, and whether it was idle and has been taken out of that. */
struct call {
    struct p *pp;
    bool taken;
};

static void call(struct call c, uint32_t bits)
{
    if (c.taken)
        m_wake(atomic_load_explicit(&c.pp->m, memory_order_relaxed));
    else if (c.pp)
        p_notify(c.pp, bits);
}

static void pwanted_push_locked(struct m *mp)
{
    struct m **link = &sched.pwanted;

    while (*link)
        link = &(*link)->schedlink;
    mp->schedlink = NULL;
    *link = mp;
}

/* mp's P is dead, and it has something to run: one that is idle is to give its P, or another one each time. */
static struct call want_p_locked(struct m *mp)
{
    static uint32_t turn; // sched.lock
    struct p *pp;

    if (mp->wants_p)
        return (struct call){0};
    mp->wants_p = true;
    pwanted_push_locked(mp);
    pp = pidle_get_locked();
    struct call c = {pp ? pp : allp[turn++ % sched.nprocs], pp != NULL};
    p_attend_to(c.pp, ATT_HANDOFF);
    return c;
}

/* The cores that gp may run on, if they are more than one. */
static uint64_t choice_of(const struct g *gp)
{
    uint64_t cores = gp->lockcount ? 0 : gp->attr->affinity;

    return cores & (cores - 1) ? cores : 0;
}

void pinned_put(struct g *gp)
{
    struct m *self = acquirem();
    struct call c;
    uint32_t bits = 0;

    lock(&sched.lock);
    struct m *mp = choose_locked(gp);
    gqueue_push(&mp->inbox, gp);
    sched.inbox_cores |= choice_of(gp);
    p_attend_to(mp->p, ATT_INBOX);
    if (atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PDEAD) {
        c = want_p_locked(mp);
        bits = ATT_HANDOFF;
    } else {
        c = (struct call){mp->p, pidle_take_locked(mp->p)};
    }
    unlock(&sched.lock);
    call(c, bits);
    releasem(self);
}

/* The first of q that mp may run, or NULL. */
static struct g *take_allowed(struct gqueue *q, const struct m *mp)
{
    struct g **link = &q->head, *last = NULL, *gp;

    for (; (gp = *link) != NULL; last = gp, link = &gp->schedlink)
        if (pinned_allows(gp, mp)) {
            *link = gp->schedlink;
            if (q->tail == gp)
                q->tail = last;
            q->n--;
            return gp;
        }
    return NULL;
}

/* A bit that led to nothing is cleared: so each look without a find is paid for by a pinned_put(). */
void pinned_fetch_locked(struct m *mp)
{
    uint64_t bit = mp->id < 64 ? UINT64_C(1) << mp->id : 0;

    if (!(sched.inbox_cores & bit))
        return;
    for (uint32_t i = 0; i < sched.nm; i++) {
        struct g *gp = allm[i] == mp ? NULL : take_allowed(&allm[i]->inbox, mp);
        if (gp) {
            gqueue_push(&mp->inbox, gp);
            p_attend_to(mp->p, ATT_INBOX);
            return;
        }
    }
    sched.inbox_cores &= ~bit;
}

/* After gomaxprocs() has changed: every P's M is awake and looks at its attention. */
void pinned_resized_locked(void)
{
    for (uint32_t i = 0; i < sched.nm; i++) {
        struct m *mp = allm[i];
        bool dead = atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PDEAD;
        if (mp->inbox.n)
            p_attend_to(mp->p, ATT_INBOX);
        if (dead && mp->inbox.n && !mp->wants_p) {
            mp->wants_p = true;
            pwanted_push_locked(mp);
        }
    }
    struct m **link = &sched.pwanted;
    uint32_t n = 0;
    while (*link)
        if (atomic_load_explicit(&(*link)->p->status, memory_order_relaxed) == PDEAD) {
            p_attend_to(allp[n++ % sched.nprocs], ATT_HANDOFF);
            link = &(*link)->schedlink;
        } else {
            (*link)->wants_p = false;
            *link = (*link)->schedlink;
        }
}

/* ---- handing a P over ---------------------------------------------------------------------------- */

static struct m *pwanted_pop_locked(void)
{
    struct m *mp = sched.pwanted;

    if (mp)
        sched.pwanted = mp->schedlink;
    return mp;
}

/* By the M that gets it. Its own dead one goes to the giver, with what is in its inbox told to the new one. */
static void swap_locked(struct m *mp)
{
    struct p *dead = mp->p, *live = mp->nextp;
    struct m *giver = atomic_load_explicit(&live->m, memory_order_relaxed);

    mp->nextp = NULL;
    mp->wants_p = false;
    mp->p = live;
    giver->p = dead;
    atomic_store_explicit(&live->m, mp, memory_order_relaxed);
    atomic_store_explicit(&dead->m, giver, memory_order_relaxed);
    live->alarm_ns = dead->alarm_ns = 0; // unknown: each core's own clock is meant from now on
    p_attend_to(live, ATT_TIMER);        // this core's clock knows nothing of it
    if (mp->inbox.n)
        p_attend_to(live, ATT_INBOX);
    else
        atomic_fetch_and_explicit(&live->attention, ~(uint32_t)ATT_INBOX, memory_order_seq_cst);
}

bool m_unpark_locked(struct m *mp)
{
    bool parked = mp->parked;

    mp->parked = false;
    return parked;
}

/*
 * mp's P does not live, or does so only when the world is started again: gomaxprocs() may have revived it while mp was
 * still on its way here. Who changes that status looks at `parked` afterwards, under the lock.
 */
void stopm(struct m *mp)
{
    if (mp->spinning)
        stop_spinning(mp);
    lock(&sched.lock);
    if (mp->nextp)
        swap_locked(mp);
    else
        mp->parked = atomic_load_explicit(&mp->p->status, memory_order_relaxed) != PRUNNING;
    bool parked = mp->parked;
    unlock(&sched.lock);
    if (parked)
        while (!m_sleep(mp))
            ;
}

void handoffp(struct m *mp)
{
    struct p *pp = mp->p;
    struct m *to;
    bool wake = false;

    if (mp->spinning) { // it looks no more for what it was woken for, or others relied on
        stop_spinning(mp);
        wakep();
    }
    lock(&sched.lock);
    atomic_fetch_and_explicit(&pp->attention, ~(uint32_t)ATT_HANDOFF, memory_order_seq_cst);
    to = atomic_load_explicit(&sched.gcwaiting, memory_order_relaxed) ? NULL : pwanted_pop_locked();
    if (to == mp)
        throw("handoffp: M%u wants a P and has one", mp->id);
    if (to) {
        pp->stats.handoffs++;
        irq_disable(); // from the next store on the P may be the other's at any time
        to->nextp = pp;
        wake = m_unpark_locked(to);
    }
    unlock(&sched.lock);
    if (!to)
        return;
    if (wake)
        m_wake(to);
    while (__atomic_load_n(&mp->p, __ATOMIC_ACQUIRE) == pp) {
        tlb_pass(mp);
        cpu_relax();
    }
    irq_enable();
    /* This M's own pinned Gs are served in the same way; unless its P lives by now: then it serves them. */
    lock(&sched.lock);
    bool dead = atomic_load_explicit(&mp->p->status, memory_order_relaxed) == PDEAD;
    struct call c = mp->inbox.n && dead ? want_p_locked(mp) : (struct call){0};
    unlock(&sched.lock);
    call(c, ATT_HANDOFF);
}

/* ---- what programs call -------------------------------------------------------------------------- */

void lockosthread(void)
{
    struct m *mp = acquirem();
    struct g *gp = getg();

    if (gp->lockcount == UINT16_MAX)
        throw("lockosthread: nested %u times", UINT16_MAX);
    gp->lockcount++;
    gp->lockedm = (uint16_t)mp->id;
    gp->prep |= PREP_PINNED;
    releasem(mp);
}

void unlockosthread(void)
{
    struct m *mp = acquirem();
    struct g *gp = getg();

    if (gp->lockcount && --gp->lockcount == 0 && !(gp->attr && gp->attr->affinity))
        gp->prep &= (uint8_t)~PREP_PINNED;
    releasem(mp);
}
