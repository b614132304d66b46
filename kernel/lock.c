/*
 * lock.c - test-and-test-and-set spin locks with rank checking.
 *
 * Why not tickets: cores of a virtual machine are taken away by the host; a ticket then makes all
 * others wait for a core that does not run. The critical sections are short and contention is the
 * exception, so fairness is worth less than that.
 */
#include "kernel/lock.h"

#include "arch/arch.h"
#include "kernel/panic.h"
#include "sched/sched.h"

static const char *const rank_name[NRANK] = {
    [RANK_SYNC] = "sync",       [RANK_CANCEL] = "cancel",     [RANK_MUTEX] = "mutex",
    [RANK_CHAN] = "chan",       [RANK_FILES] = "files",       [RANK_TIMERS] = "timers",
    [RANK_POLICY] = "policy",   [RANK_MCENTRAL] = "mcentral", [RANK_SCHED] = "sched",
    [RANK_CONSOLE] = "console", [RANK_STACKPOOL] = "stacks",  [RANK_MHEAP] = "mheap",
    [RANK_VM] = "vm",           [RANK_PAGE] = "page",
};

/* What a growth fault takes must never be held on a goroutine's stack, where one may come. */
static void stack_check(const struct spinlock *l)
{
    const struct g *gp = getg();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    if (l->rank >= RANK_STACKPOOL && gp != gp->m->g0 && here >= gp->stack->lo &&
        here < gp->stack->hi)
        throw("lock: \"%s\" taken on a goroutine's stack", rank_name[l->rank]);
}

/* Channels are the one rank of which an M may hold several; their own order is by address. */
static void rank_check(const struct m *mp, const struct spinlock *l)
{
    for (uint32_t r = l->rank == RANK_CHAN ? l->rank + 1 : l->rank; r < NRANK; r++)
        if (mp->ranks_held[r])
            throw("lock order: taking \"%s\" (rank %u) while holding \"%s\" (rank %u)",
                  rank_name[l->rank], l->rank, rank_name[r], r);
}

void lock(struct spinlock *l)
{
    struct m *mp = acquirem();

    if (RT0_DEBUG) {
        stack_check(l);
        rank_check(mp, l);
    }
    /* Acquire: pairs with the release in unlock(). */
    while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
        while (atomic_load_explicit(&l->held, memory_order_relaxed))
            cpu_relax();
    if (RT0_DEBUG)
        mp->ranks_held[l->rank]++;
}

void unlock(struct spinlock *l)
{
    struct m *mp = getm();

    if (RT0_DEBUG && !lock_held(l))
        throw("unlock: \"%s\" is not locked", rank_name[l->rank]);
    if (RT0_DEBUG)
        mp->ranks_held[l->rank]--;
    /* Release: pairs with the acquire in lock(). */
    atomic_store_explicit(&l->held, 0, memory_order_release);
    releasem(mp);
}

bool lock_held(const struct spinlock *l)
{
    return atomic_load_explicit(&l->held, memory_order_relaxed);
}
