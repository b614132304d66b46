/*
 * g.c - the life of struct g: making, reusing, printing.
 *
 * Protocol:  a struct g is carved from a run of pages once and never given back, so a stale pointer to one is
 *            always a struct g. The runs form a list that only grows, so it is walked without a lock. Dead ones wait in the gfree list of the P on which they ended; a P that
 *            has GFREE_MAX gives half of them to sched.gfree, and one that has none takes from there
 *            before it carves a page: goroutines may be made on one core and end on another for ever.
 * Invariant: every struct g is in a block of allgs for ever; a G in a gfree list is GDEAD and has no stack.
 */
#include "kernel/page.h"
#include "kernel/print.h"
#include "kernel/traceback.h"
#include "sched/sched.h"

#include <string.h>

const char *const waitreason_text[NWAITREASON] = {
    [WAIT_NONE] = "",
    [WAIT_CHAN_RECEIVE] = "chan receive",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECEIVE_NIL] = "chan receive (nil chan)",
    [WAIT_CHAN_SEND_NIL] = "chan send (nil chan)",
    [WAIT_LIBC_LOCK] = "libc lock",
};

static const char *const status_text[NGSTATUS] = {
    [GIDLE] = "idle",       [GRUNNABLE] = "runnable", [GRUNNING] = "running",
    [GWAITING] = "waiting", [GDEAD] = "dead",         [GSCAN] = "waiting",
};

static void push(struct g **list, struct g *gp)
{
    gp->schedlink = *list;
    *list = gp;
}

static struct g *pop(struct g **list)
{
    struct g *gp = *list;

    if (gp) {
        *list = gp->schedlink;
        gp->schedlink = NULL;
    }
    return gp;
}

/* Half of what pp may keep goes to the others. */
static void gfree_spill(struct p *pp)
{
    lock(&sched.lock);
    for (; pp->ngfree > GFREE_MAX / 2; pp->ngfree--)
        push(&sched.gfree, pop(&pp->gfree));
    unlock(&sched.lock);
}

static void gfree_refill(struct p *pp)
{
    struct g *gp;

    lock(&sched.lock);
    for (; pp->ngfree < GFREE_MAX / 2 && (gp = pop(&sched.gfree)) != NULL; pp->ngfree++)
        push(&pp->gfree, gp);
    unlock(&sched.lock);
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
        atomic_store_explicit(&b->gs[i].status, GDEAD, memory_order_relaxed);
    block_publish(b);
    for (size_t i = 0; i < BLOCK_GS; i++)
        gfput(pp, &b->gs[i]);
}

struct g *gfget(struct p *pp)
{
    if (!pp->gfree)
        gfree_refill(pp);
    if (!pp->gfree)
        systemstack(gfree_carve, pp);
    struct g *gp = pop(&pp->gfree);
    if (gp)
        pp->ngfree--;
    return gp;
}

void gfput(struct p *pp, struct g *gp)
{
    push(&pp->gfree, gp);
    if (++pp->ngfree == GFREE_MAX)
        gfree_spill(pp);
}

static void print_gopc(const struct g *gp)
{
    uintptr_t offset;
    const char *name = gp->gopc ? ksym_find(gp->gopc - 1, &offset) : NULL;

    if (name)
        kprintf("created by %s+%#lx in goroutine %lu\n", name, offset + 1, gp->parent_goid);
}

void g_print(struct g *gp, uintptr_t pc, uintptr_t fp)
{
    uint32_t status = atomic_load_explicit(&gp->status, memory_order_acquire);

    kprintf("goroutine %lu [%s]:\n", gp->goid,
            status == GWAITING || status == GSCAN ? waitreason_text[gp->waitreason]
                                                  : status_text[status]);
    if (gp->tls)
        traceback(pc, fp, gp->stack.committed, gp->stack.hi);
    print_gopc(gp);
}

/* One that does not run: where its switchframe says. A goroutine that has never run has none. */
static void g_print_parked(struct g *gp)
{
    const struct switchframe *f = (const struct switchframe *)gp->sp;

    g_print(gp, gp->tls ? f->pc : 0, gp->tls ? f->fp : 0);
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
    traceback(pc, fp, mp->g0->stack.lo, mp->g0->stack.hi);
    if (gp) {
        kprintf("\n");
        g_print_parked(gp);
    } else {
        g_print_waiting();
    }
}

void sched_set_panic_hooks(void)
{
    static const struct panic_hooks hooks = {describe, g_print_waiting, stack_fault, stack_explain};

    panic_set_hooks(&hooks);
}
