/*
 * memstats.c - the figures of rt0/mem.h, and memreclaim().
 *
 * Every part counts its own; this only collects. Free stacks are counted where they are: other Ps' caches
 * are read as they are at that moment.
 */
#include "rt0/mem.h"

#include <string.h>

#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/print.h"
#include "kernel/scavenge.h"
#include "kernel/vm.h"
#include "rt0/go.h"
#include "sched/memstats.h"
#include "sched/sched.h"

static size_t cached_pages(void)
{
    size_t n = 0;

    for (uint32_t i = 0; i < sched.nm; i++) {
        uint64_t group = atomic_load_explicit(&allp[i]->pagecache.group, memory_order_relaxed);
        n += (size_t)__builtin_popcountll(group & ((1 << PAGE_GROUP) - 1));
    }
    return n;
}

static size_t free_stacks(void)
{
    size_t n = stackpool_count();

    for (uint32_t i = 0; i < sched.nm; i++)
        n += __atomic_load_n(&allp[i]->nstackcache, __ATOMIC_RELAXED);
    return n;
}

static void collect(void *arg)
{
    struct memstats *st = arg;
    struct pagestats ps;

    page_stats(&ps);
    st->pages = ps.total;
    st->pages_in_use = ps.in_use;
    st->pages_cached = cached_pages();
    st->pages_scavenged = ps.scavenged;
    st->pages_meta = ps.meta;
    st->g_pages = g_pages();
    st->g_structs = g_structs();
    st->stacks = atomic_load_explicit(&arena.slots, memory_order_relaxed);
    st->stacks_free = free_stacks();
    st->stack_reserved = atomic_load_explicit(&arena.reserved, memory_order_relaxed);
    st->stack_pages = atomic_load_explicit(&arena.pages, memory_order_relaxed);
    st->stack_limbo = atomic_load_explicit(&arena.limbo, memory_order_relaxed);
    st->stack_tables = vm_arena_tables() + arena_map_pages();
}

void memstats_read(struct memstats *st)
{
    memset(st, 0, sizeof *st);
    malloc_memstats(st);
    systemstack(collect, st);
    st->goroutines = (size_t)numgoroutine();
}

static void print_classes(const struct memstats *st)
{
    for (unsigned i = 0; i < MEM_CLASSES; i++) {
        const struct memclass *c = &st->classes[i];
        if (c->spans && c->object_bytes)
            kprintf("memstats: class %u (%zu bytes): %zu spans, %zu objects\n", i, c->object_bytes,
                    c->spans, c->objects);
        else if (c->spans)
            kprintf("memstats: large: %zu spans, %zu objects\n", c->spans, c->objects);
    }
}

void memstats_print(void)
{
    static struct memstats st;

    memstats_read(&st);
    kprintf("memstats: %zu pages, %zu in use, %zu of these cached, %zu scavenged, %zu for the "
            "allocator's tables\n",
            st.pages, st.pages_in_use, st.pages_cached, st.pages_scavenged, st.pages_meta);
    kprintf("memstats: heap: %zu pages in %zu spans, %zu bytes allocated, %zu pages of tables\n",
            st.heap_pages, st.heap_spans, st.heap_bytes, st.heap_meta);
    print_classes(&st);
    kprintf("memstats: %zu goroutines, %zu structs in %zu pages\n", st.goroutines, st.g_structs,
            st.g_pages);
    kprintf(
        "memstats: %zu stacks, %zu free; %zu KiB reserved, %zu pages mapped, %zu resting, %zu of "
        "tables\n",
        st.stacks, st.stacks_free, st.stack_reserved >> 10, st.stack_pages, st.stack_limbo,
        st.stack_tables);
}

/* On g0 with the caller's registers saved, so that its own stack can be shrunk, too. */
static void reclaim_m(struct g *gp)
{
    mcache_flush(&getm()->p->mcache);
    shrinkstack(gp, true);
    sched_reclaim_g0();
    /* Another core may have been at it before this stack was shrunk. */
    while (limbo_rests(stack_top_of(gp->stack)))
        limbo_drain(true);
    stack_take_back(gp);
    gp->prep &= (uint8_t)~PREP_SHRUNK;
    gogo(gp);
}

static void scavenge(void *pages)
{
    *(size_t *)pages = scavenge_batch();
}

void memreclaim(void)
{
    size_t given = 1;

    mcall(reclaim_m);
    /* Others may free all the while. */
    for (size_t all = page_total(); given && all; all -= given < all ? given : all)
        systemstack(scavenge, &given);
}
