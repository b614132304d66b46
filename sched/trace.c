/*
 * trace.c - the events of the scheduler: recorded, hashed, printed.
 *
 * Protocol:  a P's ring and hash are written only by the M that holds the P, with preemption off: no atomics,
 *            no line that two cores write. They are read when the other cores have stopped. An event is counted
 *            after it has been written, so a core that fails in between leaves no half of one.
 * Invariant: the ring holds the newest events, at most mask + 1 of them; number i is in slot i & mask. The hash is of
 *            every event since boot: not of an address, and not of what the ring still holds, so that two runs
 *            have the same hash exactly if each P did the same at the same times.
 */
#include "sched/trace.h"

#include <errno.h>
#include <string.h>

#include "kernel/options.h"
#include "kernel/print.h"
#include "sched/sched.h"

struct event {
    uint64_t time; // counter
    uint32_t kind;
    uint32_t p;
    uint64_t goid;
    uint64_t arg;
};
_Static_assert(sizeof(struct event) == 32, "two in a cache line");

/* Access: o, as of the P that it belongs to. */
struct tracebuf {
    uint64_t n; // o  events since boot
    uint64_t hash;
    uint64_t mask;      // c
    struct event *ring; // c  NULL: only the hash is wanted
    uint64_t at;        // trace_finish(): the next one to print
};

SEALED bool trace_on;
static SEALED bool want_text, want_hash;

static const char *const kind_name[NTRACE] = {
    [TRACE_GO_CREATE] = "GoCreate", [TRACE_GO_START] = "GoStart",     [TRACE_GO_END] = "GoEnd",
    [TRACE_GO_SCHED] = "GoSched",   [TRACE_GO_PREEMPT] = "GoPreempt", [TRACE_GO_PARK] = "GoPark",
    [TRACE_GO_READY] = "GoReady",   [TRACE_STEAL] = "Steal",          [TRACE_P_IDLE] = "PIdle",
    [TRACE_P_WAKE] = "PWake",       [TRACE_P_SPIN] = "PSpin",         [TRACE_TIMER] = "Timers",
    [TRACE_STW_BEGIN] = "STWBegin", [TRACE_STW_END] = "STWEnd",       [TRACE_PROCS] = "Procs",
};

/* ---- recording ---- */

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/* A word at a time instead of FNV's byte: the shift brings the upper half down, which the product never does. */
static uint64_t hash_add(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * HASH_PRIME;
    return hash ^ hash >> 32;
}

static uint64_t hash_event(uint64_t hash, const struct event *e)
{
    hash = hash_add(hash, e->time);
    hash = hash_add(hash, (uint64_t)e->p << 32 | e->kind);
    hash = hash_add(hash, e->goid);
    return hash_add(hash, e->arg);
}

void trace_record(struct p *pp, enum trace_kind kind, uint64_t goid, uint64_t arg)
{
    struct tracebuf *tb = pp->trace;
    struct event e = {cpu_counter(), kind, pp->id, goid, arg};

    if (want_hash)
        tb->hash = hash_event(tb->hash, &e);
    if (tb->ring)
        tb->ring[tb->n & tb->mask] = e;
    atomic_signal_fence(memory_order_release);
    tb->n++;
}

/* ---- what the command line asks for ---- */

/* The largest power of two that tracebuf= has room for. */
static uint64_t ring_slots(void)
{
    uint64_t slots = options.tracebuf / sizeof(struct event);

    return UINT64_C(1) << (63 - __builtin_clzll(slots));
}

int trace_init_p(struct p *pp)
{
    uint64_t slots = want_text ? ring_slots() : 0;
    size_t bytes = sizeof(struct tracebuf) + slots * sizeof(struct event);

    if (!trace_on || pp->trace)
        return 0;
    uint64_t pa = page_alloc((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT);
    if (pa == PAGE_NONE)
        return -ENOMEM;
    /* The ring is first, so that its events don't straddle cache lines. */
    struct event *ring = phys_to_virt(pa);
    pp->trace = (struct tracebuf *)(ring + slots);
    *pp->trace = (struct tracebuf){
        .hash = HASH_BEGIN, .mask = slots - 1, .ring = slots ? ring : NULL};
    return 0;
}

void trace_init(bool text, bool hash)
{
    want_text = text;
    want_hash = hash;
    trace_on = text || hash;
    if (trace_init_p(getm()->p))
        boot_fail("trace: no memory for %lu bytes of events, use a smaller tracebuf=",
                  options.tracebuf);
}

/* ---- printing ---- */

static void arg_text(char *buf, size_t bytes, const struct event *e)
{
    buf[0] = '\0';
    switch (e->kind) {
    case TRACE_GO_CREATE:
    case TRACE_GO_READY:
        if (e->arg)
            ksnprintf(buf, bytes, " by G%lu", e->arg);
        break;
    case TRACE_GO_START:
        if (e->arg)
            ksnprintf(buf, bytes, " inherits slice");
        break;
    case TRACE_GO_PARK:
        ksnprintf(buf, bytes, " %s", e->arg < NWAITREASON ? waitreason_text[e->arg] : "?");
        break;
    case TRACE_STEAL:
        ksnprintf(buf, bytes, " from P%lu", e->arg);
        break;
    case TRACE_TIMER:
    case TRACE_PROCS:
        ksnprintf(buf, bytes, " %lu", e->arg);
        break;
    }
}

static void print_event(const struct event *e)
{
    char who[24] = "-", arg[48];

    if (e->goid)
        ksnprintf(who, sizeof who, "G%lu", e->goid);
    arg_text(arg, sizeof arg, e);
    kprintf("trace: %ld P%u %s %s%s\n", clock_ticks_to_ns(e->time), e->p, who,
            e->kind < NTRACE ? kind_name[e->kind] : "?", arg);
}

/* NULL: a P that was not made. */
static struct tracebuf *buf_of(unsigned i)
{
    return allp[i] ? allp[i]->trace : NULL;
}

static const struct event *event_at(const struct tracebuf *tb)
{
    return &tb->ring[tb->at & tb->mask];
}

/* To the oldest event that is still there. */
static void rewind_all(void)
{
    for (unsigned i = 0; i < sched.nm; i++) {
        struct tracebuf *tb = buf_of(i);
        if (!tb)
            continue;
        tb->at = tb->n > tb->mask + 1 ? tb->n - (tb->mask + 1) : 0;
        if (tb->at)
            kprintf("trace: the first %lu of P%u's %lu events are lost, tracebuf= keeps more\n",
                    tb->at, allp[i]->id, tb->n);
    }
}

/* Whose next event is the earliest; NULL: all are printed. */
static struct tracebuf *earliest(void)
{
    struct tracebuf *first = NULL;

    for (unsigned i = 0; i < sched.nm; i++) {
        struct tracebuf *tb = buf_of(i);
        if (tb && tb->at < tb->n && (!first || event_at(tb)->time < event_at(first)->time))
            first = tb;
    }
    return first;
}

static void print_text(void)
{
    struct tracebuf *tb;

    rewind_all();
    while ((tb = earliest()) != NULL) {
        print_event(event_at(tb));
        tb->at++;
    }
}

static void print_hash(void)
{
    uint64_t hash = HASH_BEGIN, n = 0;

    for (unsigned i = 0; i < sched.nm; i++) {
        struct tracebuf *tb = buf_of(i);
        if (!tb)
            continue;
        hash = hash_add(hash_add(hash, allp[i]->id), tb->hash);
        n += tb->n;
    }
    kprintf("tracehash: %016lx (%lu events)\n", hash, n);
}

void trace_finish(void)
{
    if (want_text)
        print_text();
    if (want_hash)
        print_hash();
}
