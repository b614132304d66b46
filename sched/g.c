/*
 * g.c - the life of struct g: making, reusing, printing.
 *
 * Protocol:  a struct g is carved from a run of pages once and never given back, so a stale pointer to one is
 *            always a struct g. The runs form a list that only grows, so it is walked without a lock. Dead ones
 *            wait in the gfree list of the P on which they ended (gfree.h); a P that has GFREE_MAX gives half of
 *            them to sched.gfree, and one that has none takes so many from there before it carves a page:
 *            goroutines may be made on one core and end on another for ever. They move as batches, whose
 *            number of Gs does not matter under the lock.
 * Invariant: every struct g is in a block of allgs for ever; a G in a gfree list is GDEAD and has no stack.
 */
#include "kernel/page.h"
#include "kernel/print.h"
#include "kernel/traceback.h"
#include "sched/gfree.h"
#include "sched/sched.h"
#include "sched/trace.h"

#include <string.h>

const char *const waitreason_text[NWAITREASON] = {
    [WAIT_NONE] = "",
    [WAIT_CHAN_RECEIVE] = "chan receive",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECEIVE_NIL] = "chan receive (nil chan)",
    [WAIT_CHAN_SEND_NIL] = "chan send (nil chan)",
    [WAIT_LIBC_LOCK] = "libc lock",
    [WAIT_SLEEP] = "sleep",
    [WAIT_SEMA] = "semacquire",
    [WAIT_WAITGROUP] = "sync.WaitGroup.Wait",
    [WAIT_STOP_THE_WORLD] = "stopping the world",
    [WAIT_SELECT] = "select",
    [WAIT_SELECT_NO_CASES] = "select (no cases)",
    [WAIT_SYNC_MUTEX_LOCK] = "sync.Mutex.Lock",
    [WAIT_SYNC_RWMUTEX_RLOCK] = "sync.RWMutex.RLock",
    [WAIT_SYNC_RWMUTEX_LOCK] = "sync.RWMutex.Lock",
    [WAIT_SYNC_COND_WAIT] = "sync.Cond.Wait",
};

static const char *const status_text[NGSTATUS] = {
    [GIDLE] = "idle",       [GRUNNABLE] = "runnable", [GRUNNING] = "running",
    [GWAITING] = "waiting", [GDEAD] = "dead",         [GSCAN] = "waiting",
};

/* n Gs, linked, from first on. */
static void batch_put(struct g *first, uint64_t n)
{
    first->batch_n = n;
    lock(&sched.lock);
    first->batch_next = sched.gfree;
    sched.gfree = first;
    unlock(&sched.lock);
}

static struct g *batch_get(void)
{
    lock(&sched.lock);
    struct g *first = sched.gfree;
    if (first)
        sched.gfree = first->batch_next;
    unlock(&sched.lock);
    return first;
}

/* pp has none. */
static void gfree_refill(struct p *pp)
{
    struct g *first = batch_get();

    if (!first)
        return;
    pp->gfree = pp->gbatch = first;
    pp->ngfree = first->batch_n;
}

void gfput(struct p *pp, struct g *gp)
{
    gfree_put(pp, gp);
    if (pp->ngfree == GFREE_BATCH)
        pp->gbatch = gp;
    if (pp->ngfree != GFREE_MAX)
        return;
    batch_put(pp->gbatch, GFREE_BATCH);
    pp->ngfree = GFREE_BATCH;
    pp->gbatch = gp;
}

void gfree_flush(struct p *pp)
{
    if (pp->ngfree > GFREE_BATCH) {
        batch_put(pp->gbatch, GFREE_BATCH);
        pp->ngfree -= GFREE_BATCH;
    }
    if (pp->ngfree)
        batch_put(pp->gfree, pp->ngfree);
    pp->ngfree = 0;
}

/* ---- where they come from ---- */

#define BLOCK_PAGES 4

struct gblock {
    struct gblock *next; // c once published
    _Alignas(CACHE_LINE) struct g gs[];
};
#define BLOCK_GS ((BLOCK_PAGES * PAGE_SIZE - sizeof(struct gblock)) / sizeof(struct g))

static _Atomic(struct gblock *) allgs; // a  release in block_publish(), acquire in g_each_block()
static _Atomic(size_t) nblocks;        // a  relaxed

struct gblock *g_each_block(struct gblock *b, void (*visit)(struct g *gp, void *arg), void *arg)
{
    if (!b)
        b = atomic_load_explicit(&allgs, memory_order_acquire);
    for (size_t i = 0; b && i < BLOCK_GS; i++)
        visit(&b->gs[i], arg);
    return b ? b->next : NULL;
}

void g_each(void (*visit)(struct g *gp, void *arg), void *arg)
{
    struct gblock *b = NULL;

    do
        b = g_each_block(b, visit, arg);
    while (b);
}

size_t g_pages(void)
{
    return BLOCK_PAGES * atomic_load_explicit(&nblocks, memory_order_relaxed);
}

size_t g_structs(void)
{
    return BLOCK_GS * atomic_load_explicit(&nblocks, memory_order_relaxed);
}

static void block_publish(struct gblock *b)
{
    struct gblock *old = atomic_load_explicit(&allgs, memory_order_relaxed);

    do
        b->next = old;
    while (!atomic_compare_exchange_weak_explicit(&allgs, &old, b, memory_order_release,
                                                  memory_order_relaxed));
    atomic_fetch_add_explicit(&nblocks, 1, memory_order_relaxed);
}

/* A block of fresh Gs into pp's list, which hands on what is too much. Ctx: g0. */
static void gfree_carve(void *p)
{
    struct p *pp = p;
    uint64_t pa = page_alloc(BLOCK_PAGES);

    for (int tries = 0; pa == PAGE_NONE && tries < RECLAIM_TRIES && sched_reclaim_g0(); tries++)
        pa = page_alloc(BLOCK_PAGES);
    if (pa == PAGE_NONE)
        return;
    struct gblock *b = memset(phys_to_virt(pa), 0, BLOCK_PAGES * PAGE_SIZE);
    for (size_t i = 0; i < BLOCK_GS; i++)
        g_reset(&b->gs[i]);
    block_publish(b);
    for (size_t i = 0; i < BLOCK_GS; i++)
        gfput(pp, &b->gs[i]);
}

struct g *gfget(struct p *pp)
{
    if (!pp->ngfree)
        gfree_refill(pp);
    if (!pp->ngfree)
        systemstack(gfree_carve, pp);
    return gfree_get(pp);
}

/* What ended is read first: whoever ends or is made meanwhile is counted as living. */
uint64_t g_count(void)
{
    uint64_t created = 0, ended = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        ended += atomic_load_explicit(&allp[i]->ended, memory_order_acquire);
    for (uint32_t i = 0; i < sched.nm; i++)
        created += atomic_load_explicit(&allp[i]->created, memory_order_relaxed);
    return created - ended;
}

static void print_gopc(const struct g *gp)
{
    uintptr_t offset;
    const char *name = gp->gopc ? ksym_find(gp->gopc - 1, &offset) : NULL;

    if (name)
        kprintf("created by %s+%#lx in goroutine %lu\n", name, offset + 1, gp->parent_goid);
}

/* It has a stack, and unless it runs, registers on it. */
static bool has_run(const struct g *gp)
{
    return !(gp->prep & PREP_BIND);
}

/* As far as background.c has noticed, as in Go, where the collector does. */
static int64_t waited_minutes(const struct g *gp)
{
    if (!has_run(gp))
        return 0;
    const struct stacktop *top = stack_top_of(gp->stack);
    if (top->seen_sp != gp->sp || top->seen_goid != gp->goid)
        return 0;
    return (clock_nanotime() - top->wait_since) / INT64_C(60000000000);
}

void g_print(struct g *gp, uintptr_t pc, uintptr_t fp)
{
    uint32_t status = atomic_load_explicit(&gp->status, memory_order_acquire);

    bool waits = status == GWAITING || status == GSCAN;

    kprintf("goroutine %lu [%s", gp->goid,
            waits ? waitreason_text[gp->waitreason] : status_text[status]);
    if (waits && waited_minutes(gp))
        kprintf(", %ld minutes", waited_minutes(gp));
    kprintf("%s]:\n", gp->lockcount ? ", locked to thread" : "");
    if (has_run(gp))
        traceback(pc, fp, gp->stack->committed, gp->stack->hi);
    print_gopc(gp);
}

/* One that does not run: where its switchframe says. A goroutine that has never run has none. */
static void g_print_parked(struct g *gp)
{
    const struct switchframe *f = (const struct switchframe *)gp->sp;

    g_print(gp, has_run(gp) ? f->pc : 0, has_run(gp) ? f->fp : 0);
}

/* A console takes some thousands of lines a second; of a million goroutines the first will do. */
#define PRINT_MAX 1000

static void print_waiting(struct g *gp, void *count)
{
    uint32_t status = atomic_load_explicit(&gp->status, memory_order_acquire);

    if (status != GWAITING && status != GRUNNABLE && status != GSCAN)
        return;
    if (++*(size_t *)count > PRINT_MAX)
        return;
    kprintf("\n");
    g_print_parked(gp);
}

void g_print_waiting(void)
{
    size_t count = 0;

    g_each(print_waiting, &count);
    if (count > PRINT_MAX)
        kprintf("\n...%zu more goroutines...\n", count - PRINT_MAX);
}

/* ---- what panic.c asks the scheduler ---- */

static void describe(uintptr_t pc, uintptr_t fp)
{
    struct m *mp = getm();
    struct g *gp = mp->curg;

    if (gp && getg() == gp) {
        g_print(gp, pc, fp);
        return;
    }
    kprintf("g0 of M%u:\n", mp->id);
    traceback(pc, fp, mp->g0->stack->lo, mp->g0->stack->hi);
    if (gp) {
        kprintf("\n");
        g_print_parked(gp);
    } else {
        g_print_waiting();
    }
}

void sched_set_panic_hooks(void)
{
    static const struct panic_hooks hooks = {describe, g_print_waiting, stack_fault, stack_explain,
                                             trace_finish};

    panic_set_hooks(&hooks);
}
