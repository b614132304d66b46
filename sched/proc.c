/*
 * proc.c - the scheduler: from a runnable G to a running one and back.
 *
 * Protocol:  a G changes hands through its status. Whoever moves it from GWAITING to GRUNNABLE queues
 *            it; the M that takes it from the queue alone moves it to GRUNNING; it leaves an M only
 *            in a function that mcall() runs on that M's g0, after its registers are saved.
 * Waking:    an M that finds no work puts itself on sched.midle under sched.lock, in the same critical
 *            section in which it saw the queue empty; whoever queues a G takes an M off that list under
 *            the same lock. So either the M sees the G or the waker sees the M. The IPI comes after the
 *            lock: m_sleep() masks interrupts, tests m->wakeup and halts atomically with unmasking.
 * Invariant: an M on midle runs no G and holds no lock; m->wakeup is set only for an M taken off midle.
 * Source:    the roles and names are those of Go's proc.go.
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/libc.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/tlb.h"
#include "kernel/tls.h"
#include "rt0/go.h"
#include "sched/sched.h"

#include <errno.h>
#include <string.h>

struct sched sched = {.lock = SPINLOCK_INIT(RANK_SCHED)};
struct m m0;
struct m *allm[MAX_CPUS];
struct p *allp[MAX_CPUS];
static struct p p0;

/* legal[from] has bit `to` set. */
static const uint32_t legal[NGSTATUS] = {
    [GDEAD] = 1u << GRUNNABLE,
    [GRUNNABLE] = 1u << GRUNNING,
    [GRUNNING] = 1u << GRUNNABLE | 1u << GWAITING | 1u << GDEAD,
    [GWAITING] = 1u << GRUNNABLE | 1u << GRUNNING | 1u << GSCAN,
    [GSCAN] = 1u << GWAITING,
};

/* Acquire-release: what was done to the G in its old state is seen by who meets it in the new one. */
void casgstatus(struct g *gp, enum gstatus from, enum gstatus to)
{
    uint32_t old = from;

    if (!(legal[from] >> to & 1))
        throw("casgstatus: no transition from %d to %d", from, to);
    while (!atomic_compare_exchange_strong_explicit(&gp->status, &old, to, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
        if (old != GSCAN || from != GWAITING)
            throw("casgstatus: goroutine %lu is in state %u, not %d", gp->goid, old, from);
        old = from;
        cpu_relax();
    }
}

bool scan_begin(struct g *gp)
{
    uint32_t waiting = GWAITING;

    /* Acquire: pairs with casgstatus() in park_m(): its stack pointer is saved. */
    return atomic_compare_exchange_strong_explicit(&gp->status, &waiting, GSCAN,
                                                   memory_order_acquire, memory_order_relaxed);
}

void scan_end(struct g *gp)
{
    casgstatus(gp, GSCAN, GWAITING);
}

/* ---- sleeping and waking ---------------------------------------------------------------------- */

/* Others that are short of memory may wait for an idle M to give up its free stacks, and for nothing else. */
static void set_idle(struct m *mp, bool idle)
{
    atomic_store_explicit(&mp->idle, idle, memory_order_relaxed);
    /* Pairs with the fence in ask_idle(). */
    atomic_thread_fence(memory_order_seq_cst);
}

/* What an idle M does between two sleeps. It works on stacks, so it is not idle to the TLB's epochs. */
static void idle_work(struct m *mp, bool background)
{
    tlb_idle_leave(mp);
    irq_enable();
    if (reclaim_honour(mp) || background) {
        set_idle(mp, false);
        mcache_flush(&mp->p->mcache);
        if (background)
            background_step();
        set_idle(mp, true);
    }
    irq_disable();
    tlb_idle_enter(mp);
}

/* Ctx: g0, mp is this core's and on midle. Returns once it has been taken off. */
static void m_sleep(struct m *mp)
{
    irq_disable();
    set_idle(mp, true);
    tlb_idle_enter(mp);
    /* Acquire: pairs with the release in m_wake(). */
    while (!atomic_load_explicit(&mp->wakeup, memory_order_acquire)) {
        bool background = background_due(mp);
        if (background || reclaim_asked(mp))
            idle_work(mp, background);
        else
            cpu_idle();
    }
    atomic_store_explicit(&mp->wakeup, false, memory_order_relaxed);
    set_idle(mp, false);
    background_leave(mp);
    tlb_idle_leave(mp);
    irq_enable();
}

static struct m *midle_get_locked(void)
{
    struct m *mp = sched.midle;

    if (mp) {
        sched.midle = mp->schedlink;
        sched.nmidle--;
    }
    return mp;
}

static void midle_put_locked(struct m *mp)
{
    mp->schedlink = sched.midle;
    sched.midle = mp;
    sched.nmidle++;
}

/* mp was taken off midle by the caller. */
static void m_wake(struct m *mp)
{
    if (!mp)
        return;
    /* Release: pairs with the acquire in m_sleep(). */
    atomic_store_explicit(&mp->wakeup, true, memory_order_release);
    irqchip_send(mp, IRQ_WAKE);
}

/* Queue a G that is GRUNNABLE and see that some M will look. */
static void runq_put(struct g *gp)
{
    lock(&sched.lock);
    gqueue_push(&sched.runq, gp);
    struct m *mp = midle_get_locked();
    unlock(&sched.lock);
    m_wake(mp);
}

/* Every M is idle and nothing is queued: no G can ever run again, since only Gs ready Gs. */
static _Noreturn void checkdead_locked(void)
{
    bool main_exited = sched.main_exited;
    bool none = sched.ngoroutine == 0;

    unlock(&sched.lock);
    if (none && main_exited)
        fatal("no goroutines (main called goexit) - deadlock!");
    fatal("all goroutines are asleep - deadlock!");
}

static struct g *findrunnable(struct m *mp)
{
    for (;;) {
        lock(&sched.lock);
        struct g *gp = gqueue_pop(&sched.runq);
        if (gp) {
            unlock(&sched.lock);
            return gp;
        }
        if (sched.nmidle + 1 == sched.nmonline)
            checkdead_locked();
        midle_put_locked(mp);
        unlock(&sched.lock);
        m_sleep(mp);
    }
}

/* ---- running ---------------------------------------------------------------------------------- */

static void goroutine_start(void)
{
    struct g *gp = getg();

    gp->fn(gp->arg);
    goexit();
}

/* The stack and the libc's thread block of a G that has not run yet. */
static void g_bind_stack(struct p *pp, struct g *gp)
{
    if (stack_bind(pp, gp))
        throw("out of memory: no stack for goroutine %lu (%zu of %zu pages are in use)", gp->goid,
              page_in_use(), page_total());
    uintptr_t tls, sp = tls_place((uintptr_t)stack_top(gp->stack.hi), &tls);
    gp->sp = switchframe_init(sp, goroutine_start);
    gp->tls = tls; // last: with it, a report takes sp for good
}

static _Noreturn void execute(struct m *mp, struct g *gp)
{
    if (!gp->tls)
        g_bind_stack(mp->p, gp);
    else if (gp->shrunk)
        stack_take_back(gp);
    mp->curg = gp;
    gp->m = mp;
    casgstatus(gp, GRUNNABLE, GRUNNING);
    cpu_set_tls(gp->tls);
    gogo(gp);
}

static _Noreturn void schedule(void)
{
    struct m *mp = getm();

    if (mp->locks)
        throw("schedule: M%u holds locks (%u)", mp->id, mp->locks);
    mp->curg = NULL;
    tlb_pass(mp);
    reclaim_honour(mp);
    execute(mp, findrunnable(mp));
}

static void park_m(struct g *gp)
{
    struct m *mp = getm();
    bool (*unlockf)(struct g *, void *) = mp->park_unlockf;

    releasem(mp); // gopark()'s
    casgstatus(gp, GRUNNING, GWAITING);
    /* From here another M may ready gp, and after unlockf run it: gp's stack is no longer ours. */
    if (unlockf && !unlockf(gp, mp->park_arg)) {
        casgstatus(gp, GWAITING, GRUNNING);
        if (gp->shrunk)
            stack_take_back(gp);
        gogo(gp);
    }
    schedule();
}

void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *mp = acquirem();

    if (gp == mp->g0)
        throw("gopark on g0 (%s): only a goroutine may block", waitreason_text[reason]);
    gp->waitreason = reason;
    mp->park_unlockf = unlockf;
    mp->park_arg = arg;
    /* park_m() lets go of mp: nothing may come between that and this. */
    mcall(park_m);
}

void goready(struct g *gp)
{
    casgstatus(gp, GWAITING, GRUNNABLE);
    runq_put(gp);
}

static void gosched_m(struct g *gp)
{
    casgstatus(gp, GRUNNING, GRUNNABLE);
    runq_put(gp);
    schedule();
}

void gosched(void)
{
    mcall(gosched_m);
}

/* ---- birth and death -------------------------------------------------------------------------- */

static struct g *newproc(void (*fn)(void *), void *arg, size_t stack_max, uintptr_t gopc)
{
    struct m *mp = acquirem();
    struct g *gp = gfget(mp->p);

    if (gp) {
        gp->fn = fn;
        gp->arg = arg;
        gp->gopc = gopc;
        gp->parent_goid = mp->curg ? mp->curg->goid : 0;
        gp->tls = 0;
        gp->stack_max = (uint32_t)stack_max;
        casgstatus(gp, GDEAD, GRUNNABLE);
        lock(&sched.lock);
        gp->goid = ++sched.goidgen;
        sched.ngoroutine++;
        unlock(&sched.lock);
    }
    releasem(mp);
    return gp;
}

static int start(void (*fn)(void *), void *arg, size_t stack_max, uintptr_t gopc)
{
    if (!fn)
        return -EINVAL;
    struct g *gp = newproc(fn, arg, stack_max, gopc);
    if (!gp)
        return -ENOMEM;
    runq_put(gp);
    return 0;
}

int go(void (*fn)(void *), void *arg)
{
    return start(fn, arg, sched.stack_max, (uintptr_t)__builtin_return_address(0));
}

int go_with(const struct go_attr *attr, void (*fn)(void *), void *arg)
{
    static const struct go_attr none;
    const struct go_attr *a = attr ? attr : &none;
    size_t stack_max = a->stack_max_bytes ? a->stack_max_bytes : sched.stack_max;

    if (stack_max < GO_STACK_MIN || stack_max > GO_STACK_MAX || !tls_fits(stack_max))
        return -EINVAL;
    if (a->affinity)
        return -ENOTSUP;
    return start(fn, arg, stack_max, (uintptr_t)__builtin_return_address(0));
}

static void goexit0(struct g *gp)
{
    struct m *mp = getm();

    casgstatus(gp, GRUNNING, GDEAD);
    mp->curg = NULL;
    stack_unbind(mp->p, gp);
    lock(&sched.lock);
    sched.ngoroutine--;
    if (gp->goid == 1)
        sched.main_exited = true;
    unlock(&sched.lock);
    gfput(mp->p, gp);
    schedule();
}

_Noreturn void goexit(void)
{
    libc_thread_exit();
    mcall(goexit0);
    __builtin_unreachable();
}

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
    lock(&sched.lock);
    uint32_t n = sched.nmonline;
    unlock(&sched.lock);
    return (int)n;
}

int numgoroutine(void)
{
    lock(&sched.lock);
    uint32_t n = sched.ngoroutine;
    unlock(&sched.lock);
    return (int)n;
}

/* ---- start ------------------------------------------------------------------------------------ */

static void m_init(struct m *mp, struct p *pp, uint32_t id, const struct stack *g0_stack)
{
    mp->self = mp;
    mp->id = id;
    mp->g0 = mp->g = &mp->g0_storage;
    mp->g0->m = mp;
    mp->g0->stack = *g0_stack;
    mp->g0->sp = g0_stack->hi;
    mp->p = pp;
    pp->id = id;
    mcache_init(&pp->mcache);
    atomic_store_explicit(&mp->tlb_seen, TLB_IDLE, memory_order_relaxed);
    allm[id] = mp;
    allp[id] = pp;
}

void sched_init_m0(void)
{
    struct stack s = {(uintptr_t)m0_stack_lo, (uintptr_t)m0_stack_hi, (uintptr_t)m0_stack_lo};

    m_init(&m0, &p0, 0, &s);
    sched.nm = sched.nmonline = 1;
}

/* A wake-up only has to end the halt: m_sleep() looks at the flag. Or somebody waits in tlb_sync(). */
static void wake_isr(void)
{
    tlb_pass(getm());
}

static void timer_isr(void)
{
    atomic_fetch_add_explicit(&getm()->timer_irqs, 1, memory_order_relaxed);
}

void sched_init(void)
{
    tlb_idle_leave(&m0);
    sched_set_panic_hooks();
    malloc_set_reclaim(sched_reclaim_g0);
    irq_register(IRQ_WAKE, wake_isr);
    irq_register(IRQ_STOP, panic_stop_isr);
    irq_register(IRQ_TIMER, timer_isr);
    atomic_store_explicit(&m0.online, true, memory_order_release);
}

/* An M other than m0 with its P, and its g0 stack. */
static struct m *m_make(uint32_t id)
{
    struct {
        struct m m;
        struct p p;
    } * mp;
    struct stack s;
    uint64_t pa = page_alloc((sizeof *mp + PAGE_SIZE - 1) >> PAGE_SHIFT);

    if (pa == PAGE_NONE || stack_make_g0(&s))
        boot_fail("out of memory: M%u of %u (%zu pages in all)", id, platform_ncpu(), page_total());
    mp = memset(phys_to_virt(pa), 0, sizeof *mp);
    m_init(&mp->m, &mp->p, id, &s);
    return &mp->m;
}

/* A further core, when nothing of the machine is left to set up. */
static void m_start(struct m *mp)
{
    tlb_idle_leave(mp);
    lock(&sched.lock);
    sched.nmonline++;
    unlock(&sched.lock);
    /* Release: smp_boot()'s acquire sees this core counted. */
    atomic_store_explicit(&mp->online, true, memory_order_release);
    irq_enable();
    schedule();
}

/* Acquire: pairs with the release in m_start(). */
unsigned sched_count_online(void)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        count += atomic_load_explicit(&allm[i]->online, memory_order_acquire);
    return count;
}

void sched_start_cores(unsigned ncpu)
{
    for (unsigned i = 1; i < ncpu; i++)
        m_make(i);
    sched.nm = ncpu;
    if (smp_boot(allm, ncpu, m_start) == ncpu)
        return;
    for (unsigned i = 1; i < ncpu; i++)
        if (!atomic_load_explicit(&allm[i]->online, memory_order_acquire))
            kprintf("rt0: core %u does not start; going on without it\n", i);
}

_Noreturn void sched_run_main(void (*fn)(void *), void *arg)
{
    size_t stack_max = sched.stack_max > STACK_MAIN_BYTES ? sched.stack_max : STACK_MAIN_BYTES;
    struct g *gp = newproc(fn, arg, stack_max, 0);

    if (!gp)
        boot_fail("out of memory: the main goroutine (%zu pages in all)", page_total());
    irq_enable();
    execute(&m0, gp);
}
