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
    [RANK_MUTEX] = "mutex", [RANK_CHAN] = "chan",           [RANK_FILES] = "files",
    [RANK_SCHED] = "sched", [RANK_STACKPOOL] = "stackpool", [RANK_HEAP] = "heap",
    [RANK_VM] = "vm",       [RANK_PAGE] = "page",           [RANK_CONSOLE] = "console",
};

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

    if (RT0_DEBUG)
        rank_check(mp, l);
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
