/*
 * policy.h - the policy seam: in which order runnable Gs run, and on which core.
 *
 * The core of the scheduler owns stacks, states, sleeping and waking, slices' clocks and pinned Gs. A policy
 * owns the queues. gmp, the default, is inlined in proc.c and findrunnable.c (sched.policy == NULL); any other
 * is called through this struct from their slow paths.
 *
 * What the core promises: enqueue(), pick(), steal() and on_*() are called with preemption off by the M that
 * holds pp, no lock of RANK_SCHED or above held, on a G's stack (enqueue() only) or g0. After an enqueue() the core
 * wakes an idle P as place() says, and whoever goes to sleep asks waiting() once more after it has said so:
 * so a policy's queues need their own locks (RANK_POLICY) or atomics, and no protocol with sleepers. place() and
 * wake_preempt() follow their enqueue(), by the same M and with no other enqueue() of its between; the G itself
 * may run elsewhere by then. While the world runs the live Ps are allp[0 .. sched.nprocs), and do not change.
 * For notes a policy has p->policy and, in a G that was made with attributes, gp->attr->policy.
 * What a policy promises: every G that was enqueued comes out of pick() or steal() once; of equal Gs none waits
 * for ever while others go round; waiting() is true as long as pp alone could pick or steal something.
 * tests/guest/policy.c holds any policy to that.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct g;
struct p;

/* Why a G is queued. */
enum enqueue_why {
    ENQUEUE_NEW,     // go()
    ENQUEUE_WAKE,    // goready()
    ENQUEUE_YIELD,   // gosched()
    ENQUEUE_PREEMPT, // its slice is over, or it was told to give way
};

struct sched_policy {
    const char *name;
    const char *help; // one line

    /* Before the first G. Ctx: boot; memory may be allocated (malloc() works). 0 or -ENOMEM. */
    int (*init)(void);
    /* For each P at boot, and again when it becomes live again: with notes in p->policy already, and then it may
     * not fail (on g0, the world is stopped). NULL: nothing to do. */
    int (*init_p)(struct p *pp);

    /* gp is runnable: put it where pick() or steal() finds it. pp is the caller's P. */
    void (*enqueue)(struct p *pp, struct g *gp, enum enqueue_why why);
    /* What pp runs next; NULL: nothing of its own. */
    struct g *(*pick)(struct p *pp);
    /* Something of another P's; NULL: nothing, or the policy does not steal. NULL function: the same. */
    struct g *(*steal)(struct p *pp);
    /* Whether pick() or steal() would find something for pp. Ctx: any; not spuriously false. */
    bool (*waiting)(struct p *pp);

    /* Which P is best woken for gp, which was just enqueued: NULL: any that is idle. NULL function: the same. A
     * P that is not idle is told to look at its queue at the end of its slice (ATT_TICKLESS is honoured). */
    struct p *(*place)(struct p *pp, struct g *gp);
    /* Whose running G has to give way to gp, which was just enqueued, at once; NULL: nobody. NULL function: the same. */
    struct p *(*wake_preempt)(struct p *pp, struct g *gp);

    /* gp begins and ends to run on pp. NULL: not interested. */
    void (*on_run)(struct p *pp, struct g *gp);
    void (*on_stop)(struct p *pp, struct g *gp);
    /* Length of gp's slice in ns; 0: the default. NULL function: the same. */
    int64_t (*slice_ns)(struct p *pp, struct g *gp);

    /* pp is live no more (gomaxprocs): everything in its queues is enqueued again on `to`. World stopped. */
    void (*drain)(struct p *pp, struct p *to);
};

extern const struct sched_policy policy_gmp, policy_gmp_seam, policy_fifo, policy_rr, policy_prio;

/* The one of that name; NULL if there is none. */
const struct sched_policy *policy_find(const char *name);
/* The names, "gmp, fifo, ..." into buf. */
void policy_names(char *buf, unsigned bytes);

#endif
