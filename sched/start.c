/*
 * start.c - Ms and Ps at boot: m0, the other cores, how many Ps live.
 *
 * Protocol:  every M is made with a dead P. A core that comes up sleeps at once (stopm()); when all
 *            have come, or were given up, the boot CPU puts the Ps of those that came first into allp, lets as
 *            many live as gomaxprocs= says, and wakes their Ms.
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/tlb.h"
#include "sched/policy.h"
#include "sched/sched.h"
#include "sched/trace.h"

#include <string.h>

static struct p p0;

static void m_init(struct m *mp, struct p *pp, uint32_t id, struct stack *g0_stack, uintptr_t g0_sp)
{
    mp->self = mp;
    mp->id = id;
    mp->g0 = mp->g = &mp->g0_storage;
    mp->g0->m = mp;
    mp->g0->stack = g0_stack;
    mp->g0->sp = g0_sp;
    mp->p = pp;
    pp->id = id;
    atomic_store_explicit(&pp->m, mp, memory_order_relaxed);
    atomic_store_explicit(&pp->status, PDEAD, memory_order_relaxed);
    atomic_store_explicit(&pp->attention, ATT_TICKLESS | ATT_NEWBORN, memory_order_relaxed);
    pp->alarm_ns = INT64_MAX;
    pp->retry_ns = 5000;
    pp->slice_ticks = sched.slice_ticks;
    pp->global_in = pp->tick_base = GLOBAL_EVERY;
    mcache_init(&pp->mcache);
    timers_init(&pp->timers);
    atomic_store_explicit(&mp->tlb_seen, TLB_IDLE, memory_order_relaxed);
    mp->flushed = true;
    allm[id] = mp;
    allp[id] = pp;
}

void sched_init_m0(void)
{
    static struct stack s;

    s = (struct stack){(uintptr_t)m0_stack_lo, (uintptr_t)m0_stack_hi, (uintptr_t)m0_stack_lo};
    m_init(&m0, &p0, 0, &s, s.hi);
    atomic_store_explicit(&p0.status, PRUNNING, memory_order_relaxed);
    sched.nm = sched.nmonline = sched.nprocs = 1;
    sched.constructing = true;
}

static void stop_isr(struct trapframe *tf)
{
    panic_stop_isr(tf);
}

void sched_init(void)
{
    tlb_idle_leave(&m0);
    sched_set_panic_hooks();
    malloc_set_reclaim(sched_reclaim_g0);
    irq_register(IRQ_WAKE, wake_isr);
    irq_register(IRQ_STOP, stop_isr);
    irq_register(IRQ_TIMER, timer_isr);
    irq_register(IRQ_BACKTRACE, sysmon_backtrace_isr);
    atomic_store_explicit(&m0.online, true, memory_order_release);
}

/* ---- what the command line said ------------------------------------------------------------------- */

static const struct sched_policy *choose_policy(void)
{
    const struct sched_policy *pol = policy_find(options.policy);
    char names[128];

    if (!pol) {
        policy_names(names, sizeof names);
        boot_fail("command line: policy=%s: there are %s", options.policy, names);
    }
    return pol == &policy_gmp ? NULL : pol;
}

static bool hooks_wanted(void)
{
    return sched.policy || sched.stats || sched.seeded || trace_on;
}

static void p_configure(struct p *pp)
{
    pp->slice_ticks = sched.slice_ticks;
    if (sched.seeded)
        pp->global_in = pp->tick_base = (uint32_t)(1 + p_random(pp) % GLOBAL_EVERY);
    if (hooks_wanted())
        p_attend_to(pp, ATT_HOOKS);
    if (trace_init_p(pp) || (sched.policy && sched.policy->init_p && sched.policy->init_p(pp)))
        boot_fail("out of memory: P%u of %u (%zu pages in all)", pp->id, platform_ncpu(),
                  page_total());
}

void sched_configure(void)
{
    sched.slice_ticks = clock_ns_to_ticks((int64_t)options.slice_ns);
    sched.stats = options.schedstats;
    sched.seeded = options.has_seed;
    random_seed(options.has_seed ? options.seed : cpu_counter());
    sched.policy = choose_policy();
    trace_init(options.trace, options.tracehash);
    if (sched.policy && sched.policy->init && sched.policy->init())
        boot_fail("out of memory: the policy %s", sched.policy->name);
    p_configure(m0.p);
}

/* ---- further cores -------------------------------------------------------------------------------- */

/* An M other than m0 with its P, and its g0 stack. */
static void m_make(uint32_t id)
{
    struct {
        struct m m;
        struct p p;
    } * mp;
    struct stacktop *top = NULL;
    uint64_t pa = page_alloc((sizeof *mp + PAGE_SIZE - 1) >> PAGE_SHIFT);

    if (pa == PAGE_NONE || !(top = stack_make_g0()))
        boot_fail("out of memory: M%u of %u (%zu pages in all)", id, platform_ncpu(), page_total());
    mp = memset(phys_to_virt(pa), 0, sizeof *mp);
    m_init(&mp->m, &mp->p, id, &top->stack, (uintptr_t)top);
    p_configure(&mp->p);
}

/* A further core, when nothing of the machine is left to set up. */
static void m_start(struct m *mp)
{
    tlb_idle_leave(mp);
    /* Release: sched_count_online()'s acquire sees what this core did. */
    atomic_store_explicit(&mp->online, true, memory_order_release);
    irq_enable();
    schedule();
}

static bool is_online(uint32_t i)
{
    return atomic_load_explicit(&allm[i]->online, memory_order_acquire);
}

unsigned sched_count_online(void)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        count += is_online(i);
    return count;
}

/* allp: those of online Ms first, each half in the order of their Ms. All Ms but this one sleep. */
static void order_ps(void)
{
    uint32_t n = 0;

    for (int online = 1; online >= 0; online--)
        for (uint32_t i = 0; i < sched.nm; i++)
            if (is_online(i) == online) {
                allp[n] = allm[i]->p;
                allp[n]->id = n;
                n++;
            }
}

static void start_ps(void)
{
    uint32_t n = sched.nmonline;

    if (options.gomaxprocs && options.gomaxprocs < n)
        n = (uint32_t)options.gomaxprocs;
    lock(&sched.lock);
    sched.nprocs = n;
    for (uint32_t i = 0; i < n; i++) {
        struct m *mp = atomic_load_explicit(&allp[i]->m, memory_order_relaxed);
        atomic_store_explicit(&allp[i]->status, PRUNNING, memory_order_relaxed);
        if (m_unpark_locked(mp))
            m_wake(mp);
    }
    unlock(&sched.lock);
}

void sched_start_cores(unsigned ncpu)
{
    for (unsigned i = 1; i < ncpu; i++)
        m_make(i);
    sched.nm = ncpu;
    sched.nmonline = ncpu > 1 ? smp_boot(allm, ncpu, m_start) : 1;
    for (unsigned i = 1; i < ncpu; i++)
        if (!is_online(i))
            kprintf("rt0: core %u does not start; going on without it\n", i);
    order_ps();
    start_ps();
    sysmon_init();
}
