/*
 * reclaim.c - winning memory back when there is none, or when asked to.
 *
 * In this order: the single pages in every P's cache, unmapped pages that rest (limbo.c), free stacks, and of
 * parked goroutines' stacks what lies below their stack pointer. A P's free stacks are its own; another M is
 * asked for them: `wanted` is raised, and it hands them to the pool at its next schedule(), or at once if it
 * idles. Only idle ones are waited for.
 *
 * Invariant: nothing here waits for a core that may wait for the caller: it holds no lock of
 *            RANK_STACKPOOL or above, and a core with m->idle set takes no other.
 */
#include "arch/arch.h"
#include "kernel/irq.h"
#include "kernel/page.h"
#include "kernel/tlb.h"
#include "sched/sched.h"

static _Atomic(uint64_t) wanted;

bool reclaim_asked(const struct m *mp)
{
    return atomic_load_explicit(&mp->p->trimmed, memory_order_relaxed) !=
           atomic_load_explicit(&wanted, memory_order_relaxed);
}

bool reclaim_honour(struct m *mp)
{
    uint64_t want = atomic_load_explicit(&wanted, memory_order_relaxed);

    if (!reclaim_asked(mp))
        return false;
    stackcache_flush(mp->p);
    /* Release: pairs with the acquire in holds_out(). */
    atomic_store_explicit(&mp->p->trimmed, want, memory_order_release);
    return true;
}

static bool holds_out(const struct m *mp, uint64_t want)
{
    return atomic_load_explicit(&mp->idle, memory_order_relaxed) &&
           atomic_load_explicit(&mp->p->trimmed, memory_order_acquire) < want;
}

static void ask_idle(void)
{
    uint64_t want = atomic_fetch_add_explicit(&wanted, 1, memory_order_relaxed) + 1;

    for (uint32_t i = 0; i < sched.nm; i++)
        p_attend_to(allp[i], ATT_RECLAIM);
    /* Seq_cst: pairs with the fence in set_idle(). Either it sees the wish, or this sees that it idles. */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < sched.nm; i++)
        if (holds_out(allm[i], want))
            irqchip_send(allm[i], IRQ_WAKE);
    for (uint32_t i = 0; i < sched.nm; i++)
        while (holds_out(allm[i], want)) {
            tlb_pass(getm());
            cpu_relax();
        }
}

static size_t drop_pages(void)
{
    size_t pages = 0;

    for (uint32_t i = 0; i < sched.nm; i++)
        pages += page_cache_drop(&allp[i]->pagecache);
    return pages;
}

static void shrink_parked(struct g *gp, void *pages)
{
    if (!scan_begin(gp))
        return;
    *(size_t *)pages += shrinkstack(gp, true);
    scan_end(gp);
}

static size_t reclaim(void)
{
    size_t pages = drop_pages(), shrunk = 0;

    ask_idle();
    g_each(shrink_parked, &shrunk);
    pages += stackpool_release();
    drop_pages();
    return pages + shrunk;
}

/* While one core reclaims, the others wait for what it wins: it may have in hand all that there is. */
size_t sched_reclaim(void)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    bool waited = false;

    /* Acquire: pairs with the release below. */
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
        waited = true;
        tlb_pass(getm());
        cpu_relax();
    }
    size_t pages = waited ? 1 : reclaim();
    atomic_flag_clear_explicit(&busy, memory_order_release);
    return pages;
}

size_t sched_reclaim_g0(void)
{
    stackcache_flush(getm()->p);
    return sched_reclaim();
}
