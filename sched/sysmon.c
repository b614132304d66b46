/*
 * sysmon.c - looks after all cores: long runners, stuck cores, background work, schedtrace.
 *
 * Protocol:  one M at a time is the holder; its clock is armed for `due`, running or asleep. The part that looks
 *            (sysmon_isr()) runs in its timer's interrupt and takes no lock, so nothing that is stuck can keep it
 *            from running; what needs g0 is left to the next schedule() (ATT_JOB). When every live P is idle the holder
 *            sleeps without an alarm, with `resting` set; the first M that wakes becomes the holder.
 *
 *                holder: resting = true; fence; all idle?     who wakes: npidle-- (before); fence; resting?
 *
 * Deputy:    the holder may itself be stuck with interrupts masked while nobody else has an alarm. So another M, the
 *            deputy, has one for `due` and OVERDUE_NS more, running or asleep: if `due` has not moved by then it takes
 *            over, else its clock is armed again, five times a second. The holder appoints it, with an interrupt, when
 *            there is none or it is that itself. When its alarm finds the holder resting the deputy resigns; what ends
 *            the rest at that moment is seen by one of the two:
 *
 *                deputy: deputy = NULL; resting?              who wakes: resting = false; deputy?
 *
 * Retake:    a P whose G runs without an end of its slice is told when something waits that it could run.
 * Period:    20 us after something was to be done, doubled each time up to 10 ms (Go's numbers).
 * Watchdog:  a core that has not switched for half of `watchdog=` is told to; one that has not by the end of it is
 *            stuck with preemption off: it is asked where it is (IRQ_BACKTRACE, on x86-64 an NMI).
 */
#include "arch/arch.h"
#include "kernel/console_input.h"
#include "kernel/irq.h"
#include "kernel/options.h"
#include "kernel/print.h"
#include "kernel/traceback.h"
#include "rt0/go.h"
#include "rt0/time.h"
#include "sched/schedtrace.h"
#include "sched/sched.h"

#define PERIOD_MIN_NS INT64_C(20000)
#define PERIOD_MAX_NS INT64_C(10000000)
#define OVERDUE_NS    INT64_C(200000000)
#define NS_PER_MS     INT64_C(1000000)

static _Atomic(struct m *) monitor = &m0; // a  relaxed; the holder
static _Atomic(bool) resting = true; // a  seq_cst; it sleeps without an alarm; or boot is not over
static _Atomic(struct m *) deputy;   // a  seq_cst; NULL: nobody
static _Atomic(int64_t) due;         // a  relaxed; holder stores, and who is about to be it
static _Atomic(bool) dump_wanted;    // a  relaxed; Ctrl-\ was pressed
static int64_t period_ns = PERIOD_MIN_NS;      // holder
static _Atomic(int64_t) trace_due = INT64_MAX; // a  relaxed; the next schedtrace

/* What the holder knows of a core. */
struct watch {
    uint64_t switched; // its P's, when it was last seen to change
    int64_t since;     // when that was
    int64_t told;      // when it was told to switch; 0: it was not
    bool reported;
};
static struct watch watches[MAX_CPUS]; // holder; by M

/* ---- who and when ---------------------------------------------------------------------------------- */

int64_t sysmon_due(struct m *mp)
{
    int64_t when = atomic_load_explicit(&due, memory_order_relaxed);

    if (atomic_load_explicit(&monitor, memory_order_relaxed) == mp)
        return atomic_load_explicit(&resting, memory_order_relaxed) ? INT64_MAX : when;
    if (atomic_load_explicit(&deputy, memory_order_relaxed) == mp)
        return when + OVERDUE_NS;
    return INT64_MAX;
}

static bool all_idle(void)
{
    return atomic_load_explicit(&sched.npidle, memory_order_seq_cst) == sched.nprocs;
}

/* Any other that answers; one that idles rather than one that is at work. NULL: there is none. */
static struct m *choose_deputy(const struct m *holder)
{
    struct m *best = NULL;

    for (uint32_t i = 1; i < sched.nm; i++) {
        struct m *mp = allm[(holder->id + i) % sched.nm];
        if (!atomic_load_explicit(&mp->online, memory_order_relaxed) || watches[mp->id].reported)
            continue;
        if (atomic_load_explicit(&mp->idle, memory_order_relaxed))
            return mp;
        if (!best)
            best = mp;
    }
    return best;
}

/* By the holder. The interrupt is for the deputy's clock to be armed. */
static void appoint(struct m *holder)
{
    struct m *old = atomic_load_explicit(&deputy, memory_order_seq_cst);

    if (old && old != holder && !watches[old->id].reported)
        return;
    struct m *to = choose_deputy(holder);
    if (to && atomic_compare_exchange_strong_explicit(&deputy, &old, to, memory_order_seq_cst,
                                                      memory_order_relaxed))
        irqchip_send(to, IRQ_WAKE);
}

static void become(struct m *mp)
{
    bool yes = true;
    int64_t now = clock_nanotime();

    /* Before: who sees that nobody rests does not see what was due before the rest. */
    atomic_store_explicit(&due, now + PERIOD_MIN_NS, memory_order_relaxed);
    /* Release: pairs with the acquire in sysmon_take_over(). */
    if (!atomic_compare_exchange_strong_explicit(&resting, &yes, false, memory_order_seq_cst,
                                                 memory_order_relaxed))
        return;
    period_ns = PERIOD_MIN_NS;
    atomic_store_explicit(&monitor, mp, memory_order_release);
    appoint(mp);
    background_resume(now);
}

void sysmon_rest(struct m *mp)
{
    if (atomic_load_explicit(&monitor, memory_order_acquire) != mp || !all_idle() ||
        options.schedtrace_ms)
        return;
    atomic_store_explicit(&resting, true, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if (!all_idle())
        become(mp);
}

void sysmon_wake(struct m *mp)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&resting, memory_order_relaxed))
        become(mp);
    else
        sysmon_take_over(mp, clock_nanotime());
}

/* The holder is itself stuck with interrupts masked, or its virtual core was taken away. */
void sysmon_take_over(struct m *mp, int64_t now)
{
    struct m *old = atomic_load_explicit(&monitor, memory_order_relaxed);

    if (old == mp || atomic_load_explicit(&resting, memory_order_acquire) ||
        now - atomic_load_explicit(&due, memory_order_relaxed) < OVERDUE_NS)
        return;
    if (atomic_compare_exchange_strong_explicit(&monitor, &old, mp, memory_order_acq_rel,
                                                memory_order_relaxed))
        atomic_store_explicit(&due, now, memory_order_relaxed);
}

static void resign(struct m *mp)
{
    struct m *self = mp, *none = NULL;

    atomic_compare_exchange_strong_explicit(&deputy, &self, NULL, memory_order_seq_cst,
                                            memory_order_relaxed);
    if (!atomic_load_explicit(&resting, memory_order_seq_cst))
        atomic_compare_exchange_strong_explicit(&deputy, &none, mp, memory_order_seq_cst,
                                                memory_order_relaxed);
}

/* The deputy's alarm. True: it is the holder from now on. */
static bool stand_in(struct m *mp, int64_t now)
{
    if (atomic_load_explicit(&resting, memory_order_relaxed))
        resign(mp);
    else
        sysmon_take_over(mp, now);
    return atomic_load_explicit(&monitor, memory_order_relaxed) == mp;
}

static bool works(struct p *pp)
{
    return atomic_load_explicit(&pp->status, memory_order_relaxed) == PRUNNING;
}

/* ---- where a core is -------------------------------------------------------------------------------- */

#define ANSWER_FRAMES 32
#define ANSWER_NS     INT64_C(1000000000) // a host may have taken the virtual core away

/* By the core that is asked, which may hold the console: so it does not print. */
static struct {
    _Atomic(bool) given; // a  release, acquire
    _Atomic(struct m *)
        of;        // a  relaxed; who was asked: one that comes too late for another's is dropped
    uint64_t goid; // 0: on g0
    unsigned n;
    uintptr_t pcs[ANSWER_FRAMES];
} answer;

static void where_am_i(struct trapframe *tf)
{
    struct g *gp = getg();

    if (atomic_load_explicit(&answer.of, memory_order_relaxed) != getm())
        return;
    answer.goid = gp->goid;
    answer.n = traceback_collect(trapframe_pc(tf), trapframe_fp(tf), gp->stack->committed,
                                 gp->stack->hi, answer.pcs, ANSWER_FRAMES);
    atomic_store_explicit(&answer.given, true, memory_order_release);
}

void sysmon_backtrace_isr(struct trapframe *tf)
{
    where_am_i(tf);
}

/* ---- looking at the others, in the timer's interrupt ------------------------------------------------- */

/* It was left without an end of its slice when nothing else waited. The holder's own P tick() has seen to. */
static bool retake(struct p *pp)
{
    uint32_t att = atomic_load_explicit(&pp->attention, memory_order_relaxed);

    if (!(att & ATT_TICKLESS) || !work_waits(pp))
        return false;
    p_notify(pp, 0);
    return true;
}

/* For long, but the holder is none that has to be replaced meanwhile. */
static bool await_answer(void)
{
    int64_t now = clock_nanotime(), give_up = now + ANSWER_NS;

    for (; !atomic_load_explicit(&answer.given, memory_order_acquire); now = clock_nanotime()) {
        if (now > give_up)
            return false;
        if (atomic_load_explicit(&monitor, memory_order_relaxed) == getm())
            atomic_store_explicit(&due, now, memory_order_relaxed);
    }
    return true;
}

/* Printed from the interrupt: nothing else may ever get a turn. */
static void report(struct m *mp, int64_t ns, struct trapframe *tf)
{
    kprintf_urgent(
        "rt0: watchdog: M%u has not switched goroutines for %ld ms: preemption is off (locks=%u)\n",
        mp->id, ns / NS_PER_MS, __atomic_load_n(&mp->locks, __ATOMIC_RELAXED));
    atomic_store_explicit(&answer.given, false, memory_order_relaxed);
    atomic_store_explicit(&answer.of, mp, memory_order_seq_cst);
    if (mp == getm())
        where_am_i(tf);
    else
        irqchip_send(mp, IRQ_BACKTRACE);
    if (!await_answer()) {
        kprintf_urgent("  it does not answer: it has interrupts masked\n");
        return;
    }
    if (answer.goid)
        kprintf_urgent("goroutine %lu [running]:\n", answer.goid);
    else
        kprintf_urgent("g0 of M%u:\n", mp->id);
    traceback_print(answer.pcs, answer.n, kprintf_urgent);
}

/* When the host kept a holder from its work until it was replaced there may be two for a moment: one asks at a time, and
 * each core is named once. What can't be done now is left to the next look. */
static void report_once(struct watch *w, struct m *mp, int64_t now, struct trapframe *tf)
{
    static _Atomic(bool) asking; // a  acquire, release; guards `answer` and `reported`

    if (atomic_exchange_explicit(&asking, true, memory_order_acquire))
        return;
    if (!w->reported) {
        w->reported = true;
        report(mp, now - w->since, tf);
    }
    atomic_store_explicit(&asking, false, memory_order_release);
}

static void watch(struct m *mp, int64_t now, struct trapframe *tf)
{
    struct watch *w = &watches[mp->id];
    uint64_t switched = __atomic_load_n(&mp->p->switched, __ATOMIC_RELAXED);
    int64_t limit = (int64_t)options.watchdog_ms * NS_PER_MS;

    if (switched != w->switched || !works(mp->p)) {
        *w = (struct watch){switched, now, 0, false};
    } else if (w->told && now - w->told >= limit / 2 && !w->reported) {
        report_once(w, mp, now, tf);
    } else if (!w->told && now - w->since >= limit / 2) {
        w->told = now; // when nobody looked for long, it has half of the limit from here on
        p_notify(mp->p, ATT_YIELD);
    }
}

static bool job_due(int64_t now)
{
    return background_next_ns() <= now ||
           now >= atomic_load_explicit(&trace_due, memory_order_relaxed) ||
           atomic_load_explicit(&dump_wanted, memory_order_relaxed);
}

bool sysmon_isr(struct m *mp, int64_t now, struct trapframe *tf)
{
    bool busy = false;

    if (atomic_load_explicit(&monitor, memory_order_relaxed) != mp && !stand_in(mp, now))
        return false;
    appoint(mp);
    for (uint32_t i = 0; i < sched.nprocs; i++)
        if (works(allp[i]))
            busy |= retake(allp[i]);
    if (options.watchdog_ms)
        for (uint32_t i = 0; i < sched.nm; i++)
            if ((allm[i] != mp || tf) &&
                atomic_load_explicit(&allm[i]->online, memory_order_relaxed))
                watch(allm[i], now, tf);
    bool job = job_due(now);
    if (busy || job)
        period_ns = PERIOD_MIN_NS;
    else if (period_ns < PERIOD_MAX_NS)
        period_ns *= 2;
    atomic_store_explicit(&due, now + period_ns, memory_order_relaxed);
    return job;
}

/* ---- all goroutines, when Ctrl-\\ is pressed ---------------------------------------------------------- */

#define DUMP_KEY '\034'

/* In a goroutine of its own: stopping the world may have to wait. */
static void dump(void *unused)
{
    (void)unused;
    stop_the_world();
    kprintf("SIGQUIT: quit\n");
    g_print_waiting();
    kprintf("\n");
    start_the_world();
}

/* Ctx: isr. */
static void dump_key(void)
{
    struct p *pp = getm()->p;

    atomic_store_explicit(&dump_wanted, true, memory_order_relaxed);
    p_attend_to(pp, ATT_JOB);
    pp->alarm_ns = 0;
    clock_arm(0); // what interrupts do to whoever runs is the timer's to say
}

bool sysmon_job_urgent(void)
{
    return atomic_load_explicit(&dump_wanted, memory_order_relaxed);
}

/* ---- what needs g0 ---------------------------------------------------------------------------------- */

void sysmon_job(struct m *mp)
{
    int64_t now = clock_nanotime();

    if (background_next_ns() <= now) {
        mcache_flush(&mp->p->mcache);
        background_step();
    }
    /* From the queue of a P that is idle or dead nobody would take the goroutine. */
    if (sysmon_job_urgent() && works(mp->p)) {
        atomic_store_explicit(&dump_wanted, false, memory_order_relaxed);
        if (go(dump, NULL))
            kprintf("rt0: no memory for a goroutine that prints the others\n");
    }
    if (now >= atomic_load_explicit(&trace_due, memory_order_relaxed)) {
        atomic_store_explicit(&trace_due, now + (int64_t)options.schedtrace_ms * NS_PER_MS,
                              memory_order_relaxed);
        schedtrace(options.scheddetail);
    }
}

void sysmon_init(void)
{
    console_set_key_handler(DUMP_KEY, dump_key);
    int64_t now = clock_nanotime();

    atomic_store_explicit(&due, now + PERIOD_MIN_NS, memory_order_relaxed);
    atomic_store_explicit(&resting, false, memory_order_relaxed);
    if (options.schedtrace_ms)
        atomic_store_explicit(&trace_due, now + (int64_t)options.schedtrace_ms * NS_PER_MS,
                              memory_order_relaxed);
    appoint(&m0); // it may be stuck before it has looked once
}
