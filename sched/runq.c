/*
 * runq.c - queues of runnable Gs: of each P a ring with runnext, and the global one.
 *
 * Protocol:  only the M that holds the P stores runqtail (release) and fills slots. It and thieves take Gs by
 *            compare-exchange on runqhead: who wins has the slots between the old head and the new. runnext is
 *            filled by the M alone and emptied by compare-exchange. A ring that is full gives half of its
 *            Gs to the global queue, so no put ever fails.
 * Invariant: tail - head <= RUNQ_LEN (uint32_t arithmetic, indices wrap); a queued G is GRUNNABLE and in no
 *            other queue. The global queue is under sched.lock; first in, first out.
 * Why a thief may read a slot and lose it: the G it read is only used after the compare-exchange on the head that
 *            it read before; had the owner reused the slot since, the head would have moved.
 * Source:    the protocol is that of Go's runqput, runqget, runqgrab (proc.go).
 */
#include "sched/runq.h"

#include "arch/arch.h"

/* ---- linked queues -------------------------------------------------------------------------------- */

void gqueue_push(struct gqueue *q, struct g *gp)
{
    gp->schedlink = NULL;
    if (q->tail)
        q->tail->schedlink = gp;
    else
        q->head = gp;
    q->tail = gp;
    q->n++;
}

void gqueue_push_all(struct gqueue *q, struct gqueue *from)
{
    if (!from->head)
        return;
    if (q->tail)
        q->tail->schedlink = from->head;
    else
        q->head = from->head;
    q->tail = from->tail;
    q->n += from->n;
    *from = (struct gqueue){0};
}

struct g *gqueue_pop(struct gqueue *q)
{
    struct g *gp = q->head;

    if (!gp)
        return NULL;
    q->head = gp->schedlink;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    gp->schedlink = NULL;
    return gp;
}

/* ---- the global queue ----------------------------------------------------------------------------- */

static void publish_size(void)
{
    atomic_store_explicit(&sched.runqsize, (uint32_t)sched.runq.n, memory_order_relaxed);
}

void globrunqput_locked(struct g *gp)
{
    gqueue_push(&sched.runq, gp);
    publish_size();
}

void globrunqput_all_locked(struct gqueue *q)
{
    gqueue_push_all(&sched.runq, q);
    publish_size();
}

/* The first n are taken out, of which gp is the last. */
static void gqueue_cut(struct gqueue *q, const struct g *gp, size_t n)
{
    q->head = gp->schedlink;
    if (!q->head)
        q->tail = NULL;
    q->n -= n;
}

/* It can only grow until the M that holds pp puts something there. */
static uint32_t ring_room(struct p *pp)
{
    uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);

    return RUNQ_LEN - (atomic_load_explicit(&pp->runqtail, memory_order_relaxed) - head);
}

/* Go's share: the queue's n-th part for each of n Ps, and never more than half a ring. */
static uint32_t fair_share(uint32_t max)
{
    uint32_t n = (uint32_t)sched.runq.n, share = n / sched.nprocs + 1;

    if (share > n)
        share = n;
    if (share > max)
        share = max;
    return share > RUNQ_LEN / 2 ? RUNQ_LEN / 2 : share;
}

struct g *globrunqget_locked(struct p *pp, uint32_t max)
{
    uint32_t n = fair_share(max);
    struct g *first = sched.runq.head, *gp = first;

    if (!first)
        return NULL;
    if (n - 1 > ring_room(pp))
        n = ring_room(pp) + 1;
    uint32_t tail = atomic_load_explicit(&pp->runqtail, memory_order_relaxed);
    for (uint32_t i = 1; i < n; i++) {
        gp = gp->schedlink;
        atomic_store_explicit(&pp->runq[tail++ % RUNQ_LEN], gp, memory_order_relaxed);
    }
    gqueue_cut(&sched.runq, gp, n);
    /* Release: as in runqput_tail(). */
    atomic_store_explicit(&pp->runqtail, tail, memory_order_release);
    publish_size();
    pp->stats.global += n;
    return first;
}

void globrunqput(struct g *gp)
{
    lock(&sched.lock);
    globrunqput_locked(gp);
    unlock(&sched.lock);
}

struct g *globrunqget(struct p *pp, uint32_t max)
{
    if (!atomic_load_explicit(&sched.runqsize, memory_order_relaxed))
        return NULL;
    lock(&sched.lock);
    struct g *gp = globrunqget_locked(pp, max);
    unlock(&sched.lock);
    return gp;
}

/* ---- a P's -------------------------------------------------------------------------------------- */

/* Moves half of the ring to q, if nobody steals meanwhile. */
ALWAYS_INLINE bool take_half(struct p *pp, struct gqueue *q)
{
    uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);
    uint32_t n = (atomic_load_explicit(&pp->runqtail, memory_order_relaxed) - head) / 2;
    struct g *batch[RUNQ_LEN / 2];

    if (n != RUNQ_LEN / 2)
        return false;
    for (uint32_t i = 0; i < n; i++)
        batch[i] = atomic_load_explicit(&pp->runq[(head + i) % RUNQ_LEN], memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(&pp->runqhead, &head, head + n,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return false;
    for (uint32_t i = 0; i + 1 < n; i++)
        batch[i]->schedlink = batch[i + 1];
    *q = (struct gqueue){batch[0], batch[n - 1], n};
    return true;
}

/* From the lock on the P may be another one: it is not used any more. */
NOPREEMPT void runqput_slow(struct p *pp, struct g *gp)
{
    struct gqueue q;

    if (!take_half(pp, &q)) {
        runqput_tail(pp, gp); // thieves have made room
        return;
    }
    pp->stats.overflow += q.n + 1;
    q.tail->schedlink = gp;
    gp->schedlink = NULL;
    q.tail = gp;
    q.n++;
    lock(&sched.lock);
    globrunqput_all_locked(&q);
    unlock(&sched.lock);
}

void runqput(struct p *pp, struct g *gp, bool next)
{
    if (next)
        runqput_next(pp, gp);
    else
        runqput_tail(pp, gp);
}

struct g *runqget(struct p *pp, bool *inherit)
{
    struct g *gp = runqget_next(pp);

    *inherit = gp != NULL;
    return gp ? gp : runqget_ring(pp);
}

bool runqempty(struct p *pp)
{
    for (;;) {
        uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);
        uint32_t tail = atomic_load_explicit(&pp->runqtail, memory_order_acquire);
        struct g *next = atomic_load_explicit(&pp->runnext, memory_order_acquire);
        /* A G that is kicked out of runnext into the ring between the loads would be in neither. */
        if (tail == atomic_load_explicit(&pp->runqtail, memory_order_acquire))
            return head == tail && !next;
    }
}

void runqdrain(struct p *pp, struct gqueue *q)
{
    struct g *gp;

    while ((gp = runqget_ring(pp)) != NULL)
        gqueue_push(q, gp);
    if ((gp = runqget_next(pp)) != NULL)
        gqueue_push(q, gp);
}

/* ---- stealing ----------------------------------------------------------------------------------- */

/* A G that was just made runnable will most likely be run by its P at once: leave it that long. */
#define RUNNEXT_GRACE_NS 3000

static struct g *steal_runnext(struct p *victim)
{
    struct g *next = atomic_load_explicit(&victim->runnext, memory_order_relaxed);

    if (!next)
        return NULL;
    if (atomic_load_explicit(&victim->status, memory_order_relaxed) == PRUNNING) {
        uint64_t end = cpu_counter() + clock_ns_to_ticks(RUNNEXT_GRACE_NS);
        while ((int64_t)(cpu_counter() - end) < 0)
            cpu_relax();
    }
    /* Acquire: pairs with the release in runqput_next(). */
    if (atomic_compare_exchange_strong_explicit(&victim->runnext, &next, NULL, memory_order_acq_rel,
                                                memory_order_relaxed))
        return next;
    return NULL;
}

/* Half of victim's ring, rounded up, into pp's behind its tail, not yet published: how many. */
static uint32_t runqgrab(struct p *pp, uint32_t tail, struct p *victim)
{
    for (;;) {
        uint32_t h = atomic_load_explicit(&victim->runqhead, memory_order_acquire);
        uint32_t t = atomic_load_explicit(&victim->runqtail, memory_order_acquire);
        uint32_t n = t - h;
        n -= n / 2;
        if (n == 0)
            return 0;
        if (n > RUNQ_LEN / 2)
            continue; // h and t do not belong together
        for (uint32_t i = 0; i < n; i++) {
            struct g *gp = atomic_load_explicit(&victim->runq[(h + i) % RUNQ_LEN],
                                                memory_order_relaxed);
            atomic_store_explicit(&pp->runq[(tail + i) % RUNQ_LEN], gp, memory_order_relaxed);
        }
        if (atomic_compare_exchange_strong_explicit(&victim->runqhead, &h, h + n,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return n;
    }
}

struct g *runqsteal(struct p *pp, struct p *victim, bool runnext)
{
    uint32_t tail = atomic_load_explicit(&pp->runqtail, memory_order_relaxed);
    uint32_t n = runqgrab(pp, tail, victim);
    struct g *gp;

    if (n == 0) {
        gp = runnext ? steal_runnext(victim) : NULL;
        n = gp != NULL;
    } else {
        /* The last of them is run now, the others are published. */
        gp = atomic_load_explicit(&pp->runq[(tail + n - 1) % RUNQ_LEN], memory_order_relaxed);
        if (n > 1)
            atomic_store_explicit(&pp->runqtail, tail + n - 1, memory_order_release);
    }
    pp->stats.steals += n > 0;
    pp->stats.stolen += n;
    return gp;
}
