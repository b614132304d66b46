/*
 * tlb.c - epochs of the translation caches.
 *
 * Protocol:  `asked` is the highest stamp that cores were asked to pass; mp->tlb_seen the highest that core
 *            mp has passed, or TLB_IDLE. Who unmaps clears entries, then takes the stamp asked + 1. Raising
 *            `asked` to it is put off until somebody wants the pages, so many unmappings share one flush.
 *            A core passes by reading `asked`, then flushing, then storing what it read to tlb_seen.
 * Why it is right: a core that stores s has read asked >= s, which was raised after the entries were cleared
 *            (seq_cst on both sides), and flushed after that: it can hold nothing of them. An idle core may
 *            hold stale entries but uses none: it first stores a number (so it counts again), then flushes.
 * Invariant: tlb_seen <= asked, or TLB_IDLE.
 */
#include "kernel/tlb.h"

#include "arch/arch.h"
#include "kernel/irq.h"
#include "sched/sched.h"

static _Atomic(uint64_t) asked;

#if RT0_DEBUG
bool tlb_broken;
#else
#define tlb_broken false
#endif

uint64_t tlb_unmapped(void)
{
    if (tlb_broken)
        return 0;
    /* Seq_cst: the stamp is read after the entries were cleared. Pairs with the load in tlb_pass(). */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&asked, memory_order_seq_cst) + 1;
}

static void ask(uint64_t stamp)
{
    uint64_t old = atomic_load_explicit(&asked, memory_order_seq_cst);

    while (old < stamp && !atomic_compare_exchange_weak_explicit(
                              &asked, &old, stamp, memory_order_seq_cst, memory_order_seq_cst))
        ;
    if (old >= stamp)
        return;
    for (uint32_t i = 0; i < sched.nm; i++)
        p_attend_to(allp[i], ATT_TLB);
}

static bool m_lags(const struct m *mp, uint64_t stamp)
{
    /* Seq_cst: pairs with the stores in tlb_pass() and tlb_idle_leave(). */
    return atomic_load_explicit(&mp->tlb_seen, memory_order_seq_cst) < stamp;
}

static bool all_passed(uint64_t stamp)
{
    for (uint32_t i = 0; i < sched.nm; i++)
        if (m_lags(allm[i], stamp))
            return false;
    return true;
}

/* It always asks: an idle core passes by what `asked` says when it wakes. */
bool tlb_passed(uint64_t stamp)
{
    ask(stamp);
    return all_passed(stamp);
}

void tlb_sync(uint64_t stamp)
{
    struct m *self = getm();

    ask(stamp);
    for (uint32_t i = 0; i < sched.nm; i++)
        if (allm[i] != self && m_lags(allm[i], stamp))
            irqchip_send(allm[i], IRQ_WAKE);
    /* Another core may wait here for this one, both with interrupts masked: so this one passes, too. */
    while (!all_passed(stamp)) {
        tlb_pass(self);
        cpu_relax();
    }
}

void tlb_pass(struct m *mp)
{
    uint64_t stamp = atomic_load_explicit(&asked, memory_order_seq_cst);
    uint64_t seen = atomic_load_explicit(&mp->tlb_seen, memory_order_relaxed);
    if (seen >= stamp)
        return;
    mmu_flush_local();
    /* The core's own interrupt handler may have passed a later one meanwhile. */
    while (seen < stamp &&
           !atomic_compare_exchange_weak_explicit(&mp->tlb_seen, &seen, stamp, memory_order_seq_cst,
                                                  memory_order_relaxed))
        ;
}

void tlb_idle_enter(struct m *mp)
{
    mp->tlb_before_idle = atomic_load_explicit(&mp->tlb_seen, memory_order_relaxed);
    atomic_store_explicit(&mp->tlb_seen, TLB_IDLE, memory_order_seq_cst);
}

/* First it counts again, with what it had passed before it slept, then it passes. Who asked before that store
 * may have taken this core for passed; the load in tlb_pass() comes after it and sees that. */
void tlb_idle_leave(struct m *mp)
{
    atomic_store_explicit(&mp->tlb_seen, mp->tlb_before_idle, memory_order_seq_cst);
    tlb_pass(mp);
}
