/*
 * g.c - the life of struct g: making, reusing, printing.
 *
 * Protocol:  a struct g is carved from a page once and never given back, so a stale pointer to one is
 *            always a struct g. Dead ones wait in the gfree list of the P on which they ended; a P that
 *            has GFREE_MAX gives half of them to sched.gfree, and one that has none takes from there
 *            before it carves a page: goroutines may be made on one core and end on another for ever.
 * Invariant: every struct g is in allgs for ever; a G in a gfree list is GDEAD and has no stack.
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
    [GWAITING] = "waiting", [GDEAD] = "dead",
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

/* One page of fresh Gs into pp's list. */
static void gfree_carve(struct p *pp)
{
    uint64_t pa = page_alloc(1);

    if (pa == PAGE_NONE)
        return;
    struct g *gs = memset(phys_to_virt(pa), 0, PAGE_SIZE);
    lock(&sched.lock);
    for (size_t i = 0; i < PAGE_SIZE / sizeof *gs; i++) {
        gs[i].alllink = sched.allgs;
        sched.allgs = &gs[i];
        atomic_store_explicit(&gs[i].status, GIDLE, memory_order_relaxed);
    }
    unlock(&sched.lock);
    for (size_t i = 0; i < PAGE_SIZE / sizeof *gs; i++) {
        casgstatus(&gs[i], GIDLE, GDEAD);
        gfput(pp, &gs[i]);
    }
}

struct g *gfget(struct p *pp)
{
    if (!pp->gfree)
        gfree_refill(pp);
    if (!pp->gfree)
        gfree_carve(pp);
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
            status == GWAITING ? waitreason_text[gp->waitreason] : status_text[status]);
    if (gp->tls)
        traceback(pc, fp, gp->stack.lo, gp->stack.hi);
    print_gopc(gp);
}

/* One that does not run: where its switchframe says. A goroutine that has never run has none. */
static void g_print_parked(struct g *gp)
{
    const struct switchframe *f = (const struct switchframe *)gp->sp;

    g_print(gp, gp->tls ? f->pc : 0, gp->tls ? f->fp : 0);
}

/* Not under sched.lock: the other cores are stopped, and one of them may have held it. */
void g_print_waiting(void)
{
    for (struct g *gp = sched.allgs; gp; gp = gp->alllink) {
        uint32_t status = atomic_load_explicit(&gp->status, memory_order_acquire);
        if (status != GWAITING && status != GRUNNABLE)
            continue;
        kprintf("\n");
        g_print_parked(gp);
    }
}

/* ---- what panic.c asks the scheduler ---- */

static bool within(uintptr_t x, uintptr_t lo, uintptr_t hi)
{
    return x >= lo && x < hi;
}

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

static bool overflow(uintptr_t addr, uintptr_t sp)
{
    const struct g *gp = getg();
    const struct stack *s = &gp->stack;

    if (!within(addr, s->guard, s->lo))
        return false;
    if (gp == gp->m->g0)
        kprintf("runtime: the g0 stack of M%u exceeds its %zu bytes\n", gp->m->id,
                (size_t)(s->hi - s->lo));
    else
        kprintf("runtime: goroutine stack exceeds %zu-byte limit\n", (size_t)(s->hi - s->lo));
    kprintf("runtime: sp=%#lx stack=[%#lx, %#lx]\n", sp, s->lo, s->hi);
    return true;
}

void sched_set_panic_hooks(void)
{
    static const struct panic_hooks hooks = {describe, g_print_waiting, overflow};

    panic_set_hooks(&hooks);
}
