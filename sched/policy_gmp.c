/*
 * policy_gmp.c - Go's order, as a policy: what proc.c and findrunnable.c have inlined.
 *
 * Protocol:  runq.c's. New and woken Gs become the P's runnext, so a waker's next G is the one it woke; what
 *            yields goes to the end of the P's ring, what is preempted to the global queue. That has its turn
 *            once in GLOBAL_TURN picks; who yields then goes there, too. A P without work steals half of
 *            another's ring.
 * Slices:    through this struct every G gets a slice of its own, so two Gs that wake each other in turn could
 *            keep a P for ever. runnext is therefore served first only for a slice after the last other pick.
 * Why twice: policy=gmp is the inlined one. This one, policy=gmp-seam, says the same through the seam: the
 *            conformance test shows that the seam is wide enough for it, a bench what going through it costs.
 * Source:    Go's schedule(), ready(), newproc(), goschedImpl() and stealWork() (src/runtime/proc.go).
 */
#include "sched/policy.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdlib.h>

#define GLOBAL_TURN 61 // Go's

/* A P's. */
struct gmp {
    uint64_t since;     // o  counter, at the last pick that was not runnext
    uint32_t global_in; // o  picks until the global queue's turn
};

static struct gmp *gmp_of(const struct p *pp)
{
    return pp->policy;
}

static int gmp_init_p(struct p *pp)
{
    if (!pp->policy)
        pp->policy = calloc(1, sizeof(struct gmp));
    return pp->policy ? 0 : -ENOMEM;
}

static void gmp_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    bool yields_here = why == ENQUEUE_YIELD && gmp_of(pp)->global_in > 0;

    if (yields_here || why == ENQUEUE_NEW || why == ENQUEUE_WAKE) {
        runqput(pp, gp, why != ENQUEUE_YIELD);
        return;
    }
    globrunqput(gp);
}

static struct g *from_local(struct p *pp)
{
    uint64_t now = cpu_counter();
    bool inherit = false;
    struct g *gp = runqget(pp, &inherit);

    if (gp && inherit && now - gmp_of(pp)->since >= sched.slice_ticks) {
        runqput(pp, gp, false);
        gp = runqget(pp, &inherit);
        inherit = false;
    }
    if (!inherit)
        gmp_of(pp)->since = now;
    return gp;
}

static struct g *gmp_pick(struct p *pp)
{
    struct gmp *x = gmp_of(pp);
    struct g *gp;

    if (x->global_in-- == 0) {
        x->global_in = GLOBAL_TURN - 1;
        gp = globrunqget(pp, 1);
        if (gp)
            return gp;
    }
    gp = from_local(pp);
    return gp ? gp : globrunqget(pp, RUNQ_LEN / 2); // the ring is empty
}

static struct g *steal_from_any(struct p *pp, bool runnext)
{
    uint32_t n = sched.nprocs, start = (uint32_t)(p_random(pp) % n);

    for (uint32_t i = 0; i < n; i++) {
        struct p *victim = allp[(start + i) % n];
        struct g *gp = victim == pp ? NULL : runqsteal(pp, victim, runnext);
        if (gp)
            return gp;
    }
    return NULL;
}

/* What is next on another P is left there as long as anything else can be had. */
static struct g *gmp_steal(struct p *pp)
{
    struct g *gp = steal_from_any(pp, false);

    return gp ? gp : steal_from_any(pp, true);
}

static bool gmp_waiting(struct p *pp)
{
    (void)pp;
    if (atomic_load_explicit(&sched.runqsize, memory_order_relaxed))
        return true;
    for (uint32_t i = 0; i < sched.nprocs; i++)
        if (!runqempty(allp[i]))
            return true;
    return false;
}

static void gmp_drain(struct p *pp, struct p *to)
{
    struct gqueue q = {0};

    (void)to;
    runqdrain(pp, &q);
    lock(&sched.lock);
    globrunqput_all_locked(&q);
    unlock(&sched.lock);
}

/* The core has it inlined, and calls nothing here. */
const struct sched_policy policy_gmp = {
    .name = "gmp",
    .help = "Go's: a ring for each core, stealing, a global queue",
};

const struct sched_policy policy_gmp_seam = {
    .name = "gmp-seam",
    .help = "gmp, not inlined: for tests and for measuring",
    .init_p = gmp_init_p,
    .enqueue = gmp_enqueue,
    .pick = gmp_pick,
    .steal = gmp_steal,
    .waiting = gmp_waiting,
    .drain = gmp_drain,
};
