/*
 * policy_prio.c - fixed priorities: the highest runs first, and makes a lower one give way.
 *
 * Priority:  go_attr.prio, any int; 0 without one. Higher numbers run first. Equal ones take turns, first in,
 *            first out, by slices. A lower one waits as long as higher ones are runnable.
 * Queue:     one for all Ps, under ready.lock. Gs of one priority are a list (a level). The levels form a
 *            digital search tree over the priority's 32 bits: a step to the left or right for each bit, and
 *            any node may stand at any place above its own leaf. So finding, adding and removing a level
 *            take 33 steps at most, whatever the priorities, with nothing to balance. A level's node lies in
 *            the attributes of its first G: nothing is allocated. Level 0, whose Gs may have no attributes,
 *            is a queue beside the tree.
 * Giving way: running[] of a P says what it runs, or FREE: it runs nothing, or was told to give way, so it is
 *            about to pick the best. pick() and enqueue() change it under ready.lock. An enqueue() after which
 *            more Gs wait than Ps are free tells the P that runs the lowest priority below the new one.
 * Invariant: a queued G waits for a free P, or no live P runs a lower priority (but one that a pinned G took
 *            while it was free: that ends with a slice).
 * Why not:   a heap of Gs wants sequence numbers for its order among equals and two links in every G; a
 *            table of levels does not take any int.
 */
#include "sched/policy.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdlib.h>

#define FREE INT64_MIN // below every priority

/* In the attributes of a level's first G. */
struct level {
    struct g *child[2];
    struct g *tail;
};
_Static_assert(sizeof(struct level) <= sizeof((struct gattr *)0)->policy, "its place");

/* A P's. */
struct prio_p {
    _Alignas(CACHE_LINE) _Atomic(int64_t) running; // a  relaxed; see "Giving way"
    const struct g *picked;                        // o  what its last pick() gave
    struct p *victim;                              // o  whom its last enqueue() chose
};

static struct {
    struct spinlock lock;
    _Atomic(size_t) n;  // a  relaxed, stored under the lock: queued Gs
    struct g *root;     // lock; levels but 0: a level's first G stands for it
    struct gqueue zero; // lock; level 0
} ready = {.lock = SPINLOCK_INIT(RANK_POLICY)};

static int prio_of(const struct g *gp)
{
    return gp->attr ? gp->attr->prio : 0;
}

static struct level *level_of(const struct g *gp)
{
    return (struct level *)gp->attr->policy;
}

/* ---- the tree; ready.lock is held -------------------------------------------------------------- */

/* gp becomes the last of its level. */
static void tree_put(struct g *gp)
{
    /* The order of ints is that of these bits, compared as unsigned. */
    uint32_t bits = (uint32_t)prio_of(gp) ^ UINT32_C(1) << 31;
    struct g **at = &ready.root;

    for (; *at && prio_of(*at) != prio_of(gp); bits <<= 1)
        at = &level_of(*at)->child[bits >> 31];
    gp->schedlink = NULL;
    if (*at) {
        struct level *l = level_of(*at);
        l->tail->schedlink = gp;
        l->tail = gp;
    } else {
        *level_of(gp) = (struct level){.tail = gp};
        *at = gp;
    }
}

/* The link to the highest level, or NULL. All on the right are higher than all on the left; what is above both
 * may be anything. */
static struct g **tree_max(void)
{
    struct g **max = NULL;

    for (struct g **at = &ready.root; *at;
         at = &level_of(*at)->child[level_of(*at)->child[1] != NULL])
        if (!max || prio_of(*at) > prio_of(*max))
            max = at;
    return max;
}

/* heir takes the place of *at in the tree; both have their own levels. */
static void tree_replace(struct g **at, struct g *heir)
{
    for (int side = 0; side < 2; side++)
        level_of(heir)->child[side] = level_of(*at)->child[side];
    *at = heir;
}

/* The level *at, which is empty but for its first, goes: any leaf below it may stand in its place. */
static void tree_remove(struct g **at)
{
    struct g **leaf = at;

    for (;;) {
        struct level *l = level_of(*leaf);
        if (!l->child[0] && !l->child[1])
            break;
        leaf = &l->child[l->child[1] != NULL];
    }
    struct g *heir = *leaf;
    *leaf = NULL;
    if (leaf != at)
        tree_replace(at, heir);
}

/* The first of the level that the link leads to. */
static struct g *tree_get(struct g **at)
{
    struct g *gp = *at, *next = gp->schedlink;

    if (next) {
        level_of(next)->tail = level_of(gp)->tail;
        tree_replace(at, next);
    } else {
        tree_remove(at);
    }
    gp->schedlink = NULL;
    return gp;
}

/* ---- the queue; ready.lock is held ------------------------------------------------------------- */

static void count_locked(size_t n)
{
    atomic_store_explicit(&ready.n, n, memory_order_relaxed);
}

static size_t queued(void)
{
    return atomic_load_explicit(&ready.n, memory_order_relaxed);
}

static void put_locked(struct g *gp)
{
    if (prio_of(gp) == 0)
        gqueue_push(&ready.zero, gp);
    else
        tree_put(gp);
    count_locked(queued() + 1);
}

static struct g *get_locked(void)
{
    struct g **max = tree_max(), *gp = NULL;

    if (max && (prio_of(*max) > 0 || !ready.zero.head))
        gp = tree_get(max);
    else
        gp = gqueue_pop(&ready.zero);
    if (gp)
        count_locked(queued() - 1);
    return gp;
}

/* ---- what the Ps run --------------------------------------------------------------------------- */

static struct prio_p *prio_p_of(const struct p *pp)
{
    return pp->policy;
}

static int64_t running(const struct p *pp)
{
    return atomic_load_explicit(&prio_p_of(pp)->running, memory_order_relaxed);
}

static void set_running(const struct p *pp, int64_t prio)
{
    atomic_store_explicit(&prio_p_of(pp)->running, prio, memory_order_relaxed);
}

/* Whom a G of this priority, which has just been queued, makes give way: NULL if it need not. */
static struct p *choose_victim_locked(int prio)
{
    struct p *lowest = NULL;
    size_t nfree = 0;

    for (uint32_t i = 0; i < sched.nprocs; i++) {
        int64_t runs = running(allp[i]);
        if (runs == FREE)
            nfree++;
        else if (runs < prio && (!lowest || runs < running(lowest)))
            lowest = allp[i];
    }
    if (!lowest || queued() <= nfree)
        return NULL;
    set_running(lowest, FREE);
    return lowest;
}

/* ---- the policy -------------------------------------------------------------------------------- */

static int prio_init_p(struct p *pp)
{
    if (!pp->policy) {
        pp->policy = aligned_alloc(_Alignof(struct prio_p), sizeof(struct prio_p));
        if (!pp->policy)
            return -ENOMEM;
    }
    *prio_p_of(pp) = (struct prio_p){.running = FREE};
    return 0;
}

static void prio_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    struct p *victim = NULL;

    lock(&ready.lock);
    put_locked(gp);
    /* Who gives way leaves a P that takes the best: nothing gets better by another one's giving way. */
    if (why == ENQUEUE_NEW || why == ENQUEUE_WAKE)
        victim = choose_victim_locked(prio_of(gp));
    unlock(&ready.lock);
    prio_p_of(pp)->victim = victim;
}

static struct g *prio_pick(struct p *pp)
{
    struct g *gp = NULL;

    if (queued() > 0) {
        lock(&ready.lock);
        gp = get_locked();
        set_running(pp, gp ? prio_of(gp) : FREE);
        unlock(&ready.lock);
    }
    prio_p_of(pp)->picked = gp;
    return gp;
}

static bool prio_waiting(struct p *pp)
{
    (void)pp;
    return queued() > 0;
}

static struct p *prio_wake_preempt(struct p *pp, struct g *gp)
{
    (void)gp;
    return prio_p_of(pp)->victim;
}

/* A pinned G was not picked. Of one that was, pick() has told, and it may have been told to give way since. */
static void prio_on_run(struct p *pp, struct g *gp)
{
    if (prio_p_of(pp)->picked != gp)
        set_running(pp, prio_of(gp));
}

static void prio_on_stop(struct p *pp, struct g *gp)
{
    (void)gp;
    prio_p_of(pp)->picked = NULL;
    set_running(pp, FREE);
}

/* Nothing is a P's own. */
static void prio_drain(struct p *pp, struct p *to)
{
    (void)pp;
    (void)to;
}

const struct sched_policy policy_prio = {
    .name = "prio",
    .help = "fixed priorities, preemptive; equal ones take turns",
    .init_p = prio_init_p,
    .enqueue = prio_enqueue,
    .pick = prio_pick,
    .waiting = prio_waiting,
    .wake_preempt = prio_wake_preempt,
    .on_run = prio_on_run,
    .on_stop = prio_on_stop,
    .drain = prio_drain,
};
