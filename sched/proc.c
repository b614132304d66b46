/*
 * proc.c - goroutines on their Ms: from runnable to running and back.
 *
 * Protocol:  a G changes hands through its status. Whoever moves it from GWAITING to GRUNNABLE queues
 *            it; the M that takes it from the queue alone moves it to GRUNNING; it leaves an M only
 *            in a function that mcall() runs on that M's g0, after its registers are saved. So a G in a queue
 *            can be run by anybody at once.
 * Short ways: go(), goready(), gosched(), gopark() and what follows them on g0 take no lock and count
 *            nothing: they are NOPREEMPT, so the P cannot change while they run. Whatever is not the common case
 *            is one bit of p->attention or g->prep away, in a function that looks again.
 * Time:      the counter is read once a switch, when a G stops; what runs next starts at that moment.
 * Source:    the roles and names are those of Go's proc.go.
 */
#include "arch/arch.h"
#include "kernel/libc.h"
#include "kernel/panic.h"
#include "kernel/tls.h"
#include "rt0/go.h"
#include "sched/gfree.h"
#include "sched/policy.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/stackcache.h"
#include "sched/trace.h"

#include <errno.h>
#include <stdlib.h>

struct sched sched = {.lock = SPINLOCK_INIT(RANK_SCHED)};
struct m m0;
struct m *allm[MAX_CPUS];
struct p *allp[MAX_CPUS];

/* A relaxed load, plain so that the compiler folds it into what uses it. */
#define PEEK(x) (*(__typeof__(((void)0, (x))) *)&(x))

/* ---- states ----------------------------------------------------------------------------------- */

/* legal[from] has bit `to` set. */
static const uint32_t legal[NGSTATUS] = {
    [GDEAD] = 1u << GRUNNABLE,
    [GRUNNABLE] = 1u << GRUNNING,
    [GRUNNING] = 1u << GRUNNABLE | 1u << GWAITING | 1u << GDEAD,
    [GWAITING] = 1u << GRUNNABLE | 1u << GSCAN,
    [GSCAN] = 1u << GWAITING,
};

static _Noreturn void bad_status(const struct g *gp, uint32_t from, uint32_t to)
{
    throw("casgstatus: goroutine %lu is in state %u, not %u (on its way to %u)", gp->goid,
          atomic_load_explicit(&gp->status, memory_order_relaxed), from, to);
}

/* Acquire-release: what was done to the G in its old state is seen by who meets it in the new one. */
void casgstatus(struct g *gp, enum gstatus from, enum gstatus to)
{
    uint32_t old = from;

    if (!(legal[from] >> to & 1))
        throw("casgstatus: no transition from %d to %d", from, to);
    while (!atomic_compare_exchange_strong_explicit(&gp->status, &old, to, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
        if (old != GSCAN || from != GWAITING)
            bad_status(gp, from, to);
        old = from;
        cpu_relax();
    }
}

/* For transitions that nobody else can attempt: all but those from GWAITING, which GSCAN competes for. */
ALWAYS_INLINE void setgstatus(struct g *gp, enum gstatus from, enum gstatus to)
{
    if (__builtin_expect(atomic_load_explicit(&gp->status, memory_order_relaxed) != from, 0))
        bad_status(gp, from, to);
    atomic_store_explicit(&gp->status, to, memory_order_release);
}

bool scan_begin(struct g *gp)
{
    uint32_t waiting = GWAITING;

    /* Acquire: pairs with setgstatus() in park_m(): its stack pointer is saved. */
    return atomic_compare_exchange_strong_explicit(&gp->status, &waiting, GSCAN,
                                                   memory_order_acquire, memory_order_relaxed);
}

void scan_end(struct g *gp)
{
    casgstatus(gp, GSCAN, GWAITING);
}

/* ---- running ---------------------------------------------------------------------------------- */

/* gp has stopped: its time on this core is counted, and the next one's begins. */
ALWAYS_INLINE void account(struct p *pp, struct g *gp)
{
    uint64_t now = cpu_counter();

    gp->ran += now - pp->switched;
    pp->switched = now;
}

static void stop_hooks(struct p *pp, struct g *gp, enum trace_kind kind, uint64_t arg)
{
    trace_event(pp, kind, gp->goid, arg);
    if (sched.policy && sched.policy->on_stop)
        sched.policy->on_stop(pp, gp);
}

ALWAYS_INLINE bool hooked(struct p *pp)
{
    return __builtin_expect(atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_HOOKS,
                            0);
}

static void g_bind_stack(struct p *pp, struct g *gp)
{
    if (stack_bind(pp, gp))
        throw("out of memory: no stack for goroutine %lu (%zu of %zu pages are in use)", gp->goid,
              page_in_use(), page_total());
}

/* With a seed slices differ in length, so that each seed makes another interleaving. */
static uint64_t slice_of(struct p *pp, struct g *gp)
{
    uint64_t ticks = sched.slice_ticks;
    int64_t ns = sched.policy && sched.policy->slice_ns ? sched.policy->slice_ns(pp, gp) : 0;

    if (ns)
        ticks = clock_ns_to_ticks(ns);
    return sched.seeded ? ticks - ticks / 8 + p_random(pp) % (ticks / 4 + 1) : ticks;
}

static void run_hooks(struct p *pp, struct g *gp, bool inherit)
{
    if (sched.stats && gp->since && (int64_t)(pp->switched - gp->since) > 0)
        gp->waited += pp->switched - gp->since;
    gp->since = 0;
    if (!inherit)
        pp->slice_ticks = slice_of(pp, gp);
    trace_event(pp, TRACE_GO_START, gp->goid, inherit);
    if (sched.policy && sched.policy->on_run)
        sched.policy->on_run(pp, gp);
}

/* gp gets the core. */
ALWAYS_INLINE void take_core(struct m *mp, struct p *pp, struct g *gp, bool inherit)
{
    if (!inherit) {
        pp->slice_start = pp->switched;
        pp->global_in--;
    }
    mp->curg = gp;
    gp->m = mp;
}

ALWAYS_INLINE _Noreturn void go_on(struct g *gp)
{
    cpu_set_tls(gp->tls);
    gogo(gp);
}

/* gp's first run. Its function and argument have been read: what it ran lies in their place. */
ALWAYS_INLINE _Noreturn void begin(struct g *gp, struct stacktop *top, void (*fn)(void *),
                                   void *arg)
{
    if (__builtin_expect(atomic_load_explicit(&top->how, memory_order_relaxed) & STACK_TLS, 0))
        tls_fill(top->tls);
    else
        tls_fill_small(top->tls);
    cpu_set_tls(top->tls);
    gobegin(fn, arg, gp, top->sp, top->tls);
}

/* Any case. Returns if gp may not run on this core: it was sent to one where it may. */
static void run(struct m *mp, struct g *gp, bool inherit)
{
    struct p *pp = mp->p;
    uint8_t prep = gp->prep;
    void (*fn)(void *) = gp->fn;
    void *arg = gp->arg;

    if (prep & PREP_PINNED && !pinned_allows(gp, mp)) {
        pinned_put(gp);
        return;
    }
    if (prep & PREP_BIND) {
        g_bind_stack(pp, gp);
        gp->ran = gp->waited = 0;
    } else if (prep & PREP_SHRUNK) {
        stack_take_back(gp);
    }
    gp->prep = prep & PREP_PINNED;
    if (hooked(pp))
        run_hooks(pp, gp, inherit);
    setgstatus(gp, GRUNNABLE, GRUNNING);
    take_core(mp, pp, gp, inherit);
    if (prep & PREP_BIND)
        begin(gp, stack_top_of(gp->stack), fn, arg);
    go_on(gp);
}

static __attribute__((noinline)) _Noreturn void schedule_slow(struct m *mp)
{
    for (;;) {
        bool inherit;
        struct g *gp = findrunnable(mp, &inherit);
        struct p *pp = mp->p;
        pp->switched = cpu_counter(); // looking around is no goroutine's time
        if (!inherit)
            pp->slice_start = pp->switched;
        if (PEEK(pp->attention) & ATT_TICKLESS && work_waits(pp)) // what else was stolen
            slice_arm(pp);
        run(mp, gp, inherit);
    }
}

__attribute__((noinline)) _Noreturn void execute(struct m *mp, struct g *gp, bool inherit)
{
    run(mp, gp, inherit);
    schedule_slow(mp);
}

/* It is the global queue's turn: if that is empty, the next one begins. */
static bool global_turn_passed(struct p *pp)
{
    if (PEEK(sched.runqsize))
        return false;
    p_global_turn(pp);
    return true;
}

/* gp is PLAIN_BORN: it runs on top's stack, which is plain. Nobody wants anything of pp. */
ALWAYS_INLINE _Noreturn void run_born(struct m *mp, struct p *pp, struct g *gp,
                                      struct stacktop *top, bool inherit)
{
    void (*fn)(void *) = gp->fn;
    void *arg = gp->arg;

    stack_give(top, gp);
    gp->plain = GRUNNING;
    gp->ran = gp->waited = 0;
    take_core(mp, pp, gp, inherit);
    begin(gp, top, fn, arg);
}

/* The same of any G that is the next one by the short way. */
ALWAYS_INLINE _Noreturn void run_next(struct m *mp, struct p *pp, struct g *gp, bool inherit)
{
    struct stacktop *top;

    if (gp->plain == GRUNNABLE) {
        gp->plain = GRUNNING;
        take_core(mp, pp, gp, inherit);
        go_on(gp);
    }
    if (gp->plain == PLAIN_BORN && (top = stackcache_get(pp)) != NULL)
        run_born(mp, pp, gp, top, inherit);
    execute(mp, gp, inherit);
}

/* The short way: nobody wants anything of this P, and its queue has something. NULL: the long way. */
ALWAYS_INLINE struct g *schedule_next(struct m *mp, struct p *pp, bool *inherit)
{
    mp->curg = NULL;
    if (__builtin_expect(mp->locks, 0))
        throw("schedule: M%u holds locks (%u)", mp->id, mp->locks);
    if (__builtin_expect(PEEK(pp->attention), 0) ||
        (__builtin_expect(pp->global_in == 0, 0) && !global_turn_passed(pp)))
        return NULL;
    struct g *gp = runqget_next(pp);
    *inherit = gp != NULL;
    return gp ? gp : runqget_ring(pp);
}

ALWAYS_INLINE _Noreturn void schedule_inline(struct m *mp)
{
    struct p *pp = mp->p;
    bool inherit;
    struct g *gp = schedule_next(mp, pp, &inherit);

    if (gp)
        run_next(mp, pp, gp, inherit);
    schedule_slow(mp);
}

_Noreturn void schedule(void)
{
    schedule_inline(getm());
}

/* ---- queueing --------------------------------------------------------------------------------- */

static void policy_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    const struct sched_policy *pol = sched.policy;
    struct p *where, *victim;

    pol->enqueue(pp, gp, why);
    where = pol->place ? pol->place(pp, gp) : NULL;
    victim = pol->wake_preempt ? pol->wake_preempt(pp, gp) : NULL;
    if (victim)
        p_notify(victim, ATT_YIELD);
    if (where)
        p_wake(where);
    else
        wakep();
}

static void gmp_enqueue(struct p *pp, struct g *gp, enum enqueue_why why)
{
    if (why == ENQUEUE_PREEMPT) {
        globrunqput(gp);
    } else {
        runqput(pp, gp, why != ENQUEUE_YIELD);
    }
    wakep();
}

/* Any case. gp is GRUNNABLE, and nobody else's. Ctx: any but isr. */
static void enqueue(struct g *gp, enum enqueue_why why)
{
    struct m *mp = acquirem();
    struct p *pp = mp->p;

    if (sched.stats)
        gp->since = why == ENQUEUE_YIELD || why == ENQUEUE_PREEMPT ? pp->switched : cpu_counter();
    if (gp->prep & PREP_PINNED)
        pinned_put(gp);
    else if (sched.policy)
        policy_enqueue(pp, gp, why);
    else
        gmp_enqueue(pp, gp, why);
    if (atomic_load_explicit(&pp->attention, memory_order_relaxed) & ATT_TICKLESS)
        slice_arm(pp);
    releasem(mp);
}

/* Seq_cst fence: what was queued is seen by who goes to sleep after this read that nobody looks, or that P is
 * seen idle here. Pairs with the fence in findrunnable.c, stop_spinning(). */
ALWAYS_INLINE void wakep_if_idle(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&sched.npidle, memory_order_relaxed), 0) &&
        !atomic_load_explicit(&sched.nmspinning, memory_order_relaxed))
        wakep();
}

static __attribute__((noinline)) void ready_slow(struct g *gp)
{
    struct m *mp = acquirem();

    mp->p->stats.ready++;
    trace_event(mp->p, TRACE_GO_READY, gp->goid, getg()->goid);
    releasem(mp);
    enqueue(gp, ENQUEUE_WAKE);
}

NOPREEMPT void goready(struct g *gp)
{
    struct p *pp = getm()->p;
    uint32_t from = GWAITING;

    /* Somebody looks at its stack, or it does not wait: that is told apart there. */
    if (!atomic_compare_exchange_strong_explicit(&gp->status, &from, GRUNNABLE,
                                                 memory_order_acq_rel, memory_order_relaxed))
        casgstatus(gp, GWAITING, GRUNNABLE);
    else if (!(atomic_load_explicit(&pp->attention, memory_order_relaxed) | gp->prep)) {
        runqput_next(pp, gp);
        wakep_if_idle();
        return;
    }
    ready_slow(gp);
}

/* ---- parking ---------------------------------------------------------------------------------- */

static void park_m(struct g *gp)
{
    struct m *mp = getm();
    bool (*unlockf)(struct g *, void *) = mp->park_unlockf;

    account(mp->p, gp);
    if (hooked(mp->p))
        stop_hooks(mp->p, gp, TRACE_GO_PARK, gp->waitreason);
    setgstatus(gp, GRUNNING, GWAITING);
    /* From here another M may ready gp, and after unlockf run it: gp's stack is no longer ours. */
    if (unlockf && !unlockf(gp, mp->park_arg)) {
        casgstatus(gp, GWAITING, GRUNNABLE);
        trace_event(mp->p, TRACE_GO_READY, gp->goid, 0);
        run(mp, gp, true);
    }
    schedule_inline(mp);
}

NOPREEMPT void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *mp = getm();

    if (gp == mp->g0)
        throw("gopark on g0 (%s): only a goroutine may block", waitreason_text[reason]);
    gp->waitreason = reason;
    mp->park_unlockf = unlockf;
    mp->park_arg = arg;
    mcall(park_m);
}

static NOPREEMPT bool release_after_park(struct g *gp, void *held)
{
    (void)gp;
    atomic_store_explicit((_Atomic(uint32_t) *)held, 0, memory_order_release);
    return true;
}

/*
 * The short way: what is runnext has all that it needs, and nothing else is wanted. It goes on with the slice, on its
 * own stack, without g0. gp is seen to wait when its registers are saved, and can be readied when the lock is free.
 */
NOPREEMPT void goparkunlock(struct spinlock *l, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *mp = getm();
    struct p *pp = mp->p;
    struct g *to = PEEK(pp->runnext);

    if (PEEK(pp->attention) || !to || gp->plain != GRUNNING || to->plain != GRUNNABLE ||
        pp->global_in == 0 ||
        !atomic_compare_exchange_strong_explicit(&pp->runnext, &to, NULL, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        gopark(release_after_park, &l->held, reason);
        return;
    }
    gp->waitreason = (uint8_t)reason;
    account(pp, gp);
    to->plain = GRUNNING;
    mp->curg = to;
    to->m = mp;
    cpu_set_tls(to->tls);
    gswitch(gp, to, &gp->plain, GWAITING, &l->held, 0);
}

/* ---- giving way ------------------------------------------------------------------------------- */

static __attribute__((noinline)) _Noreturn void gosched_slow(struct m *mp, struct g *gp)
{
    if (hooked(mp->p))
        stop_hooks(mp->p, gp, TRACE_GO_SCHED, 0);
    enqueue(gp, ENQUEUE_YIELD);
    schedule_slow(mp);
}

/*
 * To the end of this P's queue; now and then to the global one's, as Go does every time, so that Ps with many
 * that yield and Ps with few mix. The queue is as long as before, so nobody needs to be woken for it.
 */
static void gosched_m(struct g *gp)
{
    struct m *mp = getm();
    struct p *pp = mp->p;

    if (gp == mp->g0)
        throw("gosched on g0: only a goroutine may give way");
    account(pp, gp);
    setgstatus(gp, GRUNNING, GRUNNABLE);
    if (__builtin_expect(atomic_load_explicit(&pp->attention, memory_order_relaxed), 0) ||
        __builtin_expect(gp->prep, 0))
        gosched_slow(mp, gp);
    if (__builtin_expect(pp->global_in == 0, 0) && sched.nprocs > 1) {
        globrunqput(gp);
        wakep_if_idle();
    } else {
        runqput_tail(pp, gp);
    }
    schedule_inline(mp);
}

/* Hidden from the compiler, which would add the ring's place in *pp anew for each slot. */
ALWAYS_INLINE struct g *_Atomic *runq_ring(struct p *pp)
{
    struct g *_Atomic *ring = pp->runq;

    __asm__("" : "+r"(ring));
    return ring;
}

/*
 * The short way: the ring's first has all that it needs, and nothing else is wanted. It changes stacks without g0;
 * there is room in the ring for what just gave its place. Whatever does not fit is left to gosched_m() to tell.
 * A thief may take the ring's first before this M does: its fields are read for nothing then, a struct g stays one.
 */
NOPREEMPT void gosched(void)
{
    struct g *gp = getg();
    struct m *mp = getm();
    struct p *pp = mp->p;
    uint32_t head = atomic_load_explicit(&pp->runqhead, memory_order_acquire);
    uint32_t tail = PEEK(pp->runqtail), global_in = pp->global_in;
    struct g *_Atomic *ring = runq_ring(pp);
    struct g *to = PEEK(ring[head % RUNQ_LEN]);

    if (PEEK(pp->attention) || PEEK(pp->runnext) || global_in == 0 || head == tail ||
        gp->plain != GRUNNING || to->plain != GRUNNABLE ||
        !atomic_compare_exchange_weak_explicit(&pp->runqhead, &head, head + 1, memory_order_acq_rel,
                                               memory_order_relaxed)) {
        mcall(gosched_m);
        return;
    }
    pp->global_in = global_in - 1;
    account(pp, gp);
    pp->slice_start = pp->switched;
    gp->plain = GRUNNABLE;
    to->plain = GRUNNING;
    mp->curg = to;
    to->m = mp;
    cpu_set_tls(to->tls);
    gswitch(gp, to, (uint64_t *)&ring[tail % RUNQ_LEN], (uint64_t)gp, &pp->runqtail, tail + 1);
}

/* A timer made another G ready: that one goes on with gp's slice. */
_Noreturn void goyield_woken(struct m *mp, struct g *gp)
{
    struct p *pp = mp->p;

    account(pp, gp);
    if (hooked(pp))
        stop_hooks(pp, gp, TRACE_GO_PREEMPT, 0);
    setgstatus(gp, GRUNNING, GRUNNABLE);
    enqueue(gp, ENQUEUE_YIELD);
    schedule_slow(mp);
}

/* gp's slice is over, or it has to leave the core. */
_Noreturn void goyield_preempted(struct m *mp, struct g *gp)
{
    struct p *pp = mp->p;
    struct g *next = runqget_next(pp);

    account(pp, gp);
    /* From the global queue it would come back at once, if that had its turn next and nothing else. */
    if (pp->global_in == 0 && !PEEK(sched.runqsize) && !runqempty(pp))
        p_global_turn(pp);
    /* It would go on with the slice that is over. */
    if (next)
        runqput_tail(pp, next);
    pp->stats.preempted++;
    if (hooked(pp))
        stop_hooks(pp, gp, TRACE_GO_PREEMPT, 0);
    setgstatus(gp, GRUNNING, GRUNNABLE);
    enqueue(gp, ENQUEUE_PREEMPT);
    schedule_slow(mp);
}

/* ---- birth ------------------------------------------------------------------------------------ */

/* n is pp->created. Numbers are handed to Ps in batches; main is the first. */
ALWAYS_INLINE bool goids_are_used_up(uint64_t n)
{
    return n % GOID_BATCH == 0;
}

static void goid_refill(struct p *pp, uint64_t n)
{
    pp->goid_base = atomic_fetch_add_explicit(&sched.goidgen, GOID_BATCH, memory_order_relaxed) - n;
}

/* gp, dead until now, is made: n is pp->created. */
ALWAYS_INLINE void g_init(struct p *pp, struct g *gp, uint64_t n, void (*fn)(void *), void *arg,
                          uintptr_t gopc)
{
    gp->fn = fn;
    gp->arg = arg;
    gp->gopc = gopc;
    gp->parent_goid = getg()->goid;
    gp->goid = pp->goid_base + ++n;
    atomic_store_explicit(&pp->created, n, memory_order_relaxed);
    if (__builtin_expect(gp->plain != GDEAD, 0))
        bad_status(gp, GDEAD, GRUNNABLE);
    gp->plain = PLAIN_BORN;
}

/* Release: pairs with the acquire in g_count(): who counts sees all that the G used given back. */
ALWAYS_INLINE void count_ended(struct p *pp)
{
    atomic_store_explicit(&pp->ended, PEEK(pp->ended) + 1, memory_order_release);
}

static bool hold_newborn(struct g *gp)
{
    lock(&sched.lock);
    bool hold = sched.constructing;
    if (hold)
        gqueue_push(&sched.newborn, gp);
    unlock(&sched.lock);
    return hold;
}

/* A G that is GRUNNABLE and in no queue; NULL: no memory. */
static struct g *newproc(void (*fn)(void *), void *arg, size_t stack_max, uintptr_t gopc,
                         struct gattr *attr)
{
    struct m *mp = acquirem();
    struct p *pp = mp->p;
    struct g *gp = gfget(pp);

    if (gp) {
        uint64_t n = PEEK(pp->created);
        if (goids_are_used_up(n))
            goid_refill(pp, n);
        g_init(pp, gp, n, fn, arg, gopc);
        gp->stack_max = (uint32_t)stack_max;
        gp->attr = attr;
        if (attr || stack_max != sched.stack_max)
            gp->prep |= PREP_OTHER;
        if (attr && attr->affinity)
            gp->prep |= PREP_PINNED;
        trace_event(pp, TRACE_GO_CREATE, gp->goid, gp->parent_goid);
    }
    releasem(mp);
    return gp;
}

static __attribute__((noinline)) int go_slow(void (*fn)(void *), void *arg, size_t stack_max,
                                             uintptr_t gopc, struct gattr *attr)
{
    if (!fn)
        return -EINVAL;
    struct g *gp = newproc(fn, arg, stack_max, gopc, attr);
    if (!gp)
        return -ENOMEM;
    if (!sched.constructing || !hold_newborn(gp))
        enqueue(gp, ENQUEUE_NEW);
    return 0;
}

NOPREEMPT int go(void (*fn)(void *), void *arg)
{
    struct p *pp = getm()->p;
    struct g *gp = pp->gfree;
    uint64_t n = PEEK(pp->created);
    uintptr_t gopc = (uintptr_t)__builtin_return_address(0);

    if (__builtin_expect(!fn || !pp->ngfree || goids_are_used_up(n) || PEEK(pp->attention), 0))
        return go_slow(fn, arg, sched.stack_max, gopc, NULL);
    pp->gfree = gp->schedlink;
    pp->ngfree--;
    g_init(pp, gp, n, fn, arg, gopc);
    runqput_next(pp, gp);
    wakep_if_idle();
    return 0;
}

/* Whether the mask names a core that runs goroutines. */
static bool affinity_possible(uint64_t affinity)
{
    for (uint32_t i = 0; i < sched.nm && i < 64; i++)
        if (affinity >> i & 1 && atomic_load_explicit(&allm[i]->online, memory_order_relaxed))
            return true;
    return affinity == 0;
}

static bool attr_is_default(const struct go_attr *a)
{
    return !a->name && !a->prio && !a->weight && !a->deadline_ns && !a->affinity;
}

int go_with(const struct go_attr *attr, void (*fn)(void *), void *arg)
{
    static const struct go_attr none;
    const struct go_attr *a = attr ? attr : &none;
    uintptr_t gopc = (uintptr_t)__builtin_return_address(0);
    size_t stack_max = a->stack_max_bytes ? a->stack_max_bytes : sched.stack_max;
    struct gattr *own = NULL;

    if (stack_max < GO_STACK_MIN || stack_max > GO_STACK_MAX || !tls_fits(stack_max) ||
        !affinity_possible(a->affinity))
        return -EINVAL;
    if (!attr_is_default(a)) {
        own = malloc(sizeof *own);
        if (!own)
            return -ENOMEM;
        *own = (struct gattr){.name = a->name,
                              .prio = a->prio,
                              .weight = a->weight,
                              .deadline_ns = a->deadline_ns,
                              .affinity = a->affinity};
    }
    int err = go_slow(fn, arg, stack_max, gopc, own);
    if (err)
        free(own);
    return err;
}

/* ---- death ------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void end_hooks(struct p *pp, struct g *gp)
{
    stop_hooks(pp, gp, TRACE_GO_END, 0);
    pp->stats.ended_ran += gp->ran;
    pp->stats.ended_waited += gp->waited;
}

/* Any case. */
static __attribute__((noinline)) _Noreturn void goexit_slow(struct m *mp, struct g *gp)
{
    struct p *pp = mp->p;

    account(pp, gp);
    if (hooked(pp))
        end_hooks(pp, gp);
    setgstatus(gp, GRUNNING, GDEAD);
    mp->curg = NULL;
    stack_unbind(pp, gp);
    free(gp->attr);
    g_reset(gp);
    if (gp->goid == 1)
        __atomic_store_n(&sched.main_exited, true, __ATOMIC_RELAXED);
    gfput(pp, gp);
    count_ended(pp); // last
    schedule();
}

/*
 * The short way: gp was made by go() and its stack is plain, so the next G can have that as it is. Its time is not
 * counted, since only end_hooks() would ask for it.
 */
_Noreturn void goexit0(struct g *gp)
{
    struct m *mp = getm();
    struct p *pp = mp->p;
    struct stacktop *top = stack_top_of(gp->stack);

    if (__builtin_expect(PEEK(pp->attention) || mp->locks || pp->global_in == 0 ||
                             gp->plain != GRUNNING || !stack_is_plain(top) || !gfree_has_room(pp),
                         0))
        goexit_slow(mp, gp);
    pp->switched = cpu_counter();
    gp->plain = GDEAD;
    gp->stack = NULL;
    gfree_put(pp, gp);
    struct g *next = runqget_next(pp);
    bool inherit = next != NULL;
    if (!next)
        next = runqget_ring(pp);
    if (next && next->plain == PLAIN_BORN) {
        count_ended(pp);
        run_born(mp, pp, next, top, inherit);
    }
    mp->curg = NULL;
    stackcache_put(pp, top);
    count_ended(pp); // last
    if (next)
        run_next(mp, pp, next, inherit);
    schedule_slow(mp);
}

_Noreturn void goexit(void)
{
    libc_thread_exit();
    goend();
}

/* ---- asking ----------------------------------------------------------------------------------- */

uint64_t goid(void)
{
    return getg()->goid;
}

int gocpu(void)
{
    return (int)getm()->id;
}

int numcpu(void)
{
    return (int)sched.nmonline;
}

int numgoroutine(void)
{
    return (int)g_count();
}

/* ---- start ------------------------------------------------------------------------------------ */

_Noreturn void sched_run_main(void (*fn)(void *), void *arg)
{
    size_t stack_max = sched.stack_max > STACK_MAIN_BYTES ? sched.stack_max : STACK_MAIN_BYTES;
    struct g *gp = newproc(fn, arg, stack_max, 0, NULL);

    if (!gp)
        boot_fail("out of memory: the main goroutine (%zu pages in all)", page_total());
    gp->prep |= PREP_OTHER; // its end is told of
    irq_enable();
    m0.p->switched = cpu_counter();
    execute(&m0, gp, false);
}

/* Taken out one by one, each as if it were made now. */
void sched_constructed(void)
{
    struct gqueue q;
    struct g *gp;

    lock(&sched.lock);
    sched.constructing = false;
    q = sched.newborn;
    sched.newborn = (struct gqueue){0};
    unlock(&sched.lock);
    for (uint32_t i = 0; i < sched.nm; i++)
        atomic_fetch_and_explicit(&allp[i]->attention, ~(uint32_t)ATT_NEWBORN,
                                  memory_order_seq_cst);
    while ((gp = gqueue_pop(&q)) != NULL)
        enqueue(gp, ENQUEUE_YIELD);
}
