/*
 * schedstats.c - the figures of rt0/sched.h.
 *
 * Each P's are counted by the M that holds it, without atomics; this only collects. Another P's are read as they are
 * at that moment: a word is never torn. What lies on the scheduler's shortest paths is counted only while
 * schedstats=1 keeps every P on the longer ones.
 */
#include "sched/schedstats.h"

#include <errno.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/options.h"
#include "kernel/print.h"
#include "rt0/sched.h"
#include "sched/policy.h"
#include "sched/sched.h"

/* What another core may store meanwhile. */
#define PEEK(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

static void add_p(struct schedcounts *c, struct p *pp)
{
    struct pstats *s = &pp->stats;

    c->created += atomic_load_explicit(&pp->created, memory_order_relaxed);
    c->ended += atomic_load_explicit(&pp->ended, memory_order_relaxed);
    c->ran_ns += (uint64_t)clock_ticks_to_ns(PEEK(s->ended_ran));
    c->waited_ns += (uint64_t)clock_ticks_to_ns(PEEK(s->ended_waited));
    c->schedticks += p_schedtick(pp);
    c->ready += PEEK(s->ready);
    c->preempted += PEEK(s->preempted);
    c->deferred += PEEK(s->deferred);
    c->steals += PEEK(s->steals);
    c->stolen += PEEK(s->stolen);
    c->global += PEEK(s->global);
    c->overflow += PEEK(s->overflow);
    c->wakes += PEEK(s->wakes);
    c->ipis += PEEK(s->ipis);
    c->sleeps += PEEK(s->sleeps);
    c->polled += PEEK(s->polled);
    c->handoffs += PEEK(s->handoffs);
    c->timers += PEEK(s->timers);
}

int schedstats_read_p(unsigned p, struct schedcounts *c)
{
    if (p >= sched.nm)
        return -EINVAL;
    memset(c, 0, sizeof *c);
    add_p(c, allp[p]);
    return 0;
}

void schedstats_read(struct schedstats *st)
{
    memset(st, 0, sizeof *st);
    st->gomaxprocs = PEEK(sched.nprocs);
    st->cores = PEEK(sched.nmonline);
    st->policy = sched.policy ? sched.policy->name : policy_gmp.name;
    st->slice_ns = (int64_t)options.slice_ns;
    for (uint32_t i = 0; i < sched.nm; i++)
        add_p(&st->all, allp[i]);
}

void gostats_read(struct gostats *st)
{
    struct m *mp = acquirem();
    struct g *gp = mp->curg;

    st->cpu_ns = clock_ticks_to_ns(gp->ran + (cpu_counter() - mp->p->switched));
    st->wait_ns = clock_ticks_to_ns(gp->waited);
    releasem(mp);
}

/* ---- printing ---- */

/* Each count is a word: a name for each, in their order. */
static const char *const names[] = {
    "created",   "ended",    "ran_ns", "waited_ns", "schedticks", "ready",
    "preempted", "deferred", "steals", "stolen",    "global",     "overflow",
    "wakes",     "ipis",     "sleeps", "polled",    "handoffs",   "timers",
};
#define NCOUNTS (sizeof names / sizeof names[0])
_Static_assert(sizeof(struct schedcounts) == NCOUNTS * sizeof(uint64_t), "a name for each");

static void print_counts(const char *whose, const struct schedcounts *c)
{
    const uint64_t *words = (const uint64_t *)c;
    char text[(NCOUNTS + 1) * 32];
    size_t n = (size_t)ksnprintf(text, sizeof text, "schedstats: %s:", whose);

    for (size_t i = 0; i < NCOUNTS; i++)
        n += (size_t)ksnprintf(text + n, sizeof text - n, " %s=%lu", names[i], words[i]);
    text[n] = '\n';
    console_write(text, n + 1);
}

static void add_counts(struct schedcounts *to, const struct schedcounts *c)
{
    for (size_t i = 0; i < NCOUNTS; i++)
        ((uint64_t *)to)[i] += ((const uint64_t *)c)[i];
}

/* Other cores may still be counting: "all" is the sum of what the lines above it say. */
void schedstats_print(void)
{
    struct schedcounts c, all = {0};
    struct schedstats st;
    char whose[16];

    schedstats_read(&st);
    kprintf("schedstats: gomaxprocs=%u cores=%u policy=%s slice_ns=%ld\n", st.gomaxprocs, st.cores,
            st.policy, st.slice_ns);
    for (unsigned p = 0; schedstats_read_p(p, &c) == 0; p++) {
        ksnprintf(whose, sizeof whose, "P%u", p);
        print_counts(whose, &c);
        add_counts(&all, &c);
    }
    print_counts("all", &all);
}
