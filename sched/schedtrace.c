/*
 * schedtrace.c - the scheduler's state on the console, in Go's format.
 *
 * Protocol:  takes no lock but the console's: it must be able to print what a core that is stuck has done to the
 *            others. So each figure is read by itself while the cores go on, and two of them may not fit together.
 *            Structs are never freed; a pointer that is stale by the time it is followed still leads to a G or P.
 *            Text is collected and leaves in pieces of whole lines: a report that fits OUT_BYTES is one piece, which
 *            nobody else's output tears.
 * Meaning:   figures of Go's for which nothing exists here are printed as what Go prints when there is none:
 *            needspinning, system calls, locked Ms that idle, mallocing, throwing, preemptoff, dying. Every M has
 *            a P, so the P of an M is nil only if it is not live; an M that sleeps is blocked. Dead Gs are left
 *            out.
 * Source:    the format is that of Go 1.26's schedtrace (proc.go).
 */
#include "sched/schedtrace.h"

#include <stdarg.h>

#include "kernel/console.h"
#include "kernel/print.h"
#include "sched/sched.h"

/* The short form of MAX_CPUS Ps with large numbers, and the header of the long form. */
#define OUT_BYTES 16384
#define LINE_MAX  200

/* As many as a report of a failure lists. */
#define GS_MAX 1000

/* Go's bit of a goroutine whose stack somebody looks at. */
#define GO_GSCAN 0x1000

static struct {
    atomic_flag busy;
    size_t bytes;
    char text[OUT_BYTES];
} out;

static void out_flush(void)
{
    console_write(out.text, out.bytes);
    out.bytes = 0;
}

/* At most LINE_MAX bytes. */
static __attribute__((format(printf, 1, 2))) void put(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = kvsnprintf(out.text + out.bytes, OUT_BYTES - out.bytes, fmt, ap);
    va_end(ap);
    out.bytes += (size_t)n < OUT_BYTES - out.bytes ? (size_t)n : OUT_BYTES - out.bytes - 1;
}

/* Makes room for a line. */
static void begin_line(void)
{
    if (OUT_BYTES - out.bytes <= LINE_MAX)
        out_flush();
}

/* " name=7", or " name=nil" */
static void put_id(const char *name, bool there, uint64_t id)
{
    if (there)
        put(" %s=%lu", name, id);
    else
        put(" %s=nil", name);
}

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

/* What another core may store meanwhile. */
#define PEEK(field)  __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define RELAXED(var) atomic_load_explicit(&(var), memory_order_relaxed)

static unsigned count_sleeping(void)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        n += RELAXED(allm[i]->idle);
    return n;
}

static uint32_t runq_length(const struct p *pp)
{
    uint32_t head = RELAXED(pp->runqhead);
    uint32_t n = RELAXED(pp->runqtail) - head;

    /* The head may have moved on since it was read. */
    return n <= RUNQ_LEN ? n : RUNQ_LEN;
}

static void put_header(void)
{
    static int64_t start;
    int64_t now = clock_nanotime();

    if (!start)
        start = now;
    put("SCHED %ldms: gomaxprocs=%u idleprocs=%u threads=%u spinningthreads=%u needspinning=0 "
        "idlethreads=%u runqueue=%u",
        (now - start) / 1000000, PEEK(sched.nprocs), RELAXED(sched.npidle), PEEK(sched.nmonline),
        RELAXED(sched.nmspinning), count_sleeping(), RELAXED(sched.runqsize));
}

static void put_short(uint32_t nprocs)
{
    put(" [");
    for (uint32_t i = 0; i < nprocs; i++)
        put(" %u", runq_length(allp[i]));
    put(" ] schedticks=[");
    for (uint32_t i = 0; i < nprocs; i++)
        put(" %u", p_schedtick(allp[i]));
    put(" ]\n");
}

static void put_p(uint32_t i)
{
    struct p *pp = allp[i];
    struct m *mp = RELAXED(pp->m);

    begin_line();
    put("  P%u: status=%u schedtick=%u syscalltick=0", i, RELAXED(pp->status), p_schedtick(pp));
    put_id("m", mp != NULL, mp ? mp->id : 0);
    put(" runqsize=%u gfreecnt=%u timerslen=%u\n", runq_length(pp), (unsigned)PEEK(pp->ngfree),
        PEEK(pp->timers.n));
}

static void put_m(struct m *mp)
{
    struct p *pp = PEEK(mp->p);
    struct g *gp = PEEK(mp->curg);
    bool live = pp && RELAXED(pp->status) != PDEAD;

    begin_line();
    put("  M%u:", mp->id);
    put_id("p", live, live ? pp->id : 0);
    put_id("curg", gp != NULL, gp ? gp->goid : 0);
    put(" mallocing=0 throwing=0 preemptoff= locks=%u dying=0 spinning=%s blocked=%s",
        PEEK(mp->locks), truth(PEEK(mp->spinning)), truth(RELAXED(mp->idle)));
    bool locked = gp && PEEK(gp->lockcount);
    put_id("lockedg", locked, locked ? gp->goid : 0);
    put("\n");
}

static void put_g(struct g *gp, void *count)
{
    uint32_t status = RELAXED(gp->status);
    bool waits = status == GWAITING || status == GSCAN;
    struct m *mp = status == GRUNNING ? PEEK(gp->m) : NULL;

    if (status == GDEAD || ++*(size_t *)count > GS_MAX)
        return;
    begin_line();
    put("  G%lu: status=%u(%s)", PEEK(gp->goid), status == GSCAN ? GWAITING | GO_GSCAN : status,
        waits ? waitreason_text[PEEK(gp->waitreason)] : "");
    put_id("m", mp != NULL, mp ? mp->id : 0);
    put_id("lockedm", PEEK(gp->lockcount), PEEK(gp->lockedm));
    put("\n");
}

static void put_detailed(uint32_t nprocs)
{
    size_t gs = 0;

    put(" gcwaiting=%s nmidlelocked=0 stopwait=%u sysmonwait=false\n",
        truth(RELAXED(sched.gcwaiting)), PEEK(sched.stopwait));
    for (uint32_t i = 0; i < nprocs; i++)
        put_p(i);
    for (uint32_t i = 0; i < sched.nm; i++)
        put_m(allm[i]);
    g_each(put_g, &gs);
    begin_line();
    if (gs > GS_MAX)
        put("  ...%zu more goroutines...\n", gs - GS_MAX);
}

void schedtrace(bool detailed)
{
    uint32_t nprocs = PEEK(sched.nprocs);

    /* Acquire, release: the text of who printed last has left. */
    if (atomic_flag_test_and_set_explicit(&out.busy, memory_order_acquire))
        return;
    put_header();
    if (detailed)
        put_detailed(nprocs);
    else
        put_short(nprocs);
    out_flush();
    atomic_flag_clear_explicit(&out.busy, memory_order_release);
}
