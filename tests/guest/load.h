/*
 * load.h - goroutines of all kinds that keep the cores busy until they are told to end, each of which shows
 * that it gets on, that it is on one core only, and that its core may run it.
 *
 *      load_slices(ns);        those that wait for the end of a slice wait for less
 *      load_start(n);          n of each kind
 *      load_progress("..."):   waits until every one of them has got on
 *      load_end();             waits until all have ended; the checks that failed
 */
#ifndef TESTS_GUEST_LOAD_H
#define TESTS_GUEST_LOAD_H

#include <stdint.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "sched/schedtrace.h"
#include "tests/guest/many.h"

#define PATIENCE_NS INT64_C(25000000000) // a hang says so before the machine is stopped for it

#define LOAD_LOOK_NS INT64_C(200000) // between two looks at the others, who have the core meanwhile

struct worker {
    const char *kind;
    void (*fn)(struct worker *w);
    atomic_ulong turns;
    unsigned long seen; // of the turns, by load_progress()
    atomic_bool inside, ended;
    struct chan *in, *out;
    struct sema *wait, *post;
    uint64_t affinity; // 0: any core
    bool locked;       // calls lockosthread()
    int core;          // where it was then
};

static struct worker *load;
static int load_n;
static atomic_bool load_stop;
static atomic_int load_left, load_wrong;

static inline bool load_goes_on(void)
{
    return !atomic_load_explicit(&load_stop, memory_order_relaxed);
}

/* Calls nothing: for loops that only an interrupt ends. */
static inline void load_count(struct worker *w)
{
    atomic_fetch_add_explicit(&w->turns, 1, memory_order_relaxed);
}

static inline bool load_core_allowed(const struct worker *w, unsigned core)
{
    return (!w->affinity || w->affinity >> core & 1) && (!w->locked || w->core == (int)core);
}

enum {
    LOAD_TWICE = 1,
    LOAD_CURG = 2,
    LOAD_HOLDS = 4,
    LOAD_LIVES = 8,
    LOAD_RUNS = 16,
    LOAD_CORE = 32
};

static inline void load_fault(const struct worker *w, int what)
{
    if (what && atomic_fetch_add(&load_wrong, 1) < 3)
        printf("# %s %d is wrong: %#x\n", w->kind, (int)(w - load), what);
}

/* The caller is on one core, whose M holds a P that lives, and that may run it. */
static inline void load_turn(struct worker *w)
{
    int wrong = atomic_exchange(&w->inside, true) ? LOAD_TWICE : 0;
    struct m *mp = acquirem();

    wrong |= mp->curg == getg() && getg()->m == mp ? 0 : LOAD_CURG;
    wrong |= atomic_load(&mp->p->m) == mp ? 0 : LOAD_HOLDS;
    wrong |= mp->p->id < sched.nprocs ? 0 : LOAD_LIVES;
    wrong |= atomic_load(&mp->p->status) == PRUNNING ? 0 : LOAD_RUNS;
    wrong |= load_core_allowed(w, mp->id) ? 0 : LOAD_CORE;
    releasem(mp);
    load_fault(w, wrong);
    load_count(w);
    atomic_store(&w->inside, false);
}

/* ---- kinds ---- */

static inline void load_hog(struct worker *w)
{
    while (load_goes_on())
        load_count(w);
}

static inline void load_yield(struct worker *w)
{
    while (load_goes_on()) {
        load_turn(w);
        gosched();
    }
}

static inline void load_sleep(struct worker *w)
{
    for (int64_t ns = 1000; load_goes_on(); ns = ns * 3 % 1000003) {
        load_turn(w);
        sleep_ns(ns);
    }
}

/* Two of them hand an element on; the one that ends closes its channel, which ends the other. */
static inline void load_chan(struct worker *w)
{
    int v = 0;

    do
        load_turn(w);
    while (load_goes_on() && chan_send(w->out, &v) == 0 && chan_recv(w->in, &v) == 0);
    chan_close(w->out);
    while (chan_recv(w->in, &v) == 0)
        ;
}

static inline void load_sema(struct worker *w)
{
    while (load_goes_on()) {
        load_turn(w);
        sema_release(w->post);
        sema_acquire(w->wait);
    }
    sema_release(w->post);
}

static inline void load_child(void *done)
{
    sema_release(done);
}

/* Makes others that end at once. */
static inline void load_spawn(struct worker *w)
{
    while (load_goes_on()) {
        struct sema done = SEMA_INIT(0);
        load_turn(w);
        start(load_child, &done);
        sema_acquire(&done);
        /* The child may still be in sema_release(), but done with `done`. */
    }
}

/* ---- all of them ---- */

static inline void load_run(void *arg)
{
    struct worker *w = arg;

    if (w->locked) {
        struct m *mp = acquirem();
        lockosthread();
        w->core = (int)mp->id;
        releasem(mp);
    }
    w->fn(w);
    atomic_store(&w->ended, true);
    atomic_fetch_sub(&load_left, 1);
}

static inline struct worker *load_add(const char *kind, void (*fn)(struct worker *w))
{
    struct worker *w = &load[load_n++];

    w->kind = kind;
    w->fn = fn;
    return w;
}

static inline void load_add_pair(const char *kind, void (*fn)(struct worker *w))
{
    struct worker *a = load_add(kind, fn), *b = load_add(kind, fn);

    a->in = b->out = make(sizeof(int), 0);
    a->out = b->in = make(sizeof(int), 1);
    a->wait = b->post = must(calloc(1, sizeof(struct sema)));
    a->post = b->wait = must(calloc(1, sizeof(struct sema)));
}

enum { LOAD_KINDS = 8 }; // workers for each n

/* n of each kind, not yet running: the caller may pin some. */
static inline void load_make(int n)
{
    load = must(calloc((size_t)n * LOAD_KINDS, sizeof *load));
    load_n = 0;
    atomic_store(&load_stop, false);
    for (int i = 0; i < n; i++) {
        load_add("hog", load_hog);
        load_add("yielder", load_yield);
        load_add("sleeper", load_sleep);
        load_add("spawner", load_spawn);
        load_add_pair("channel", load_chan);
        load_add_pair("semaphore", load_sema);
    }
}

static inline void load_go(void)
{
    atomic_store(&load_left, load_n);
    for (int i = 0; i < load_n; i++) {
        struct go_attr attr = {.affinity = load[i].affinity};
        if (go_with(&attr, load_run, &load[i])) {
            ok(false, "go_with(affinity %#lx)", (unsigned long)attr.affinity);
            exit(1);
        }
    }
}

static inline void load_start(int n)
{
    load_make(n);
    load_go();
}

/* ---- how long each has a core ---- */

/* Many loops that call nothing share few cores of the host: whole slices of theirs take long. */
static inline void load_slices(int64_t ns)
{
    sched.slice_ticks = clock_ns_to_ticks(ns);
    for (uint32_t i = 0; i < sched.nm; i++)
        allp[i]->slice_ticks = sched.slice_ticks;
}

/* ---- waiting for them ---- */

/* Everything that tells why. */
static inline _Noreturn void load_hang(const char *what)
{
    for (int i = 0; i < load_n; i++)
        if (!atomic_load(&load[i].ended))
            printf("# %s %d: %lu turns, %lu seen, cores %#lx, locked to %d\n", load[i].kind, i,
                   atomic_load(&load[i].turns), load[i].seen, (unsigned long)load[i].affinity,
                   load[i].locked ? load[i].core : -1);
    schedtrace(true);
    ok(false, "%s: somebody does not get on", what);
    exit(1);
}

/* Each of the workers makes a turn at least that begins after the call. */
static inline void load_progress(const char *what)
{
    int64_t give_up = nanotime() + PATIENCE_NS;

    for (int i = 0; i < load_n; i++)
        load[i].seen = atomic_load(&load[i].turns);
    for (int i = 0; i < load_n; i++)
        while (atomic_load(&load[i].turns) - load[i].seen < 2) {
            if (nanotime() > give_up)
                load_hang(what);
            sleep_ns(LOAD_LOOK_NS);
        }
}

/* Returns how many checks of theirs failed. */
static inline int load_end(const char *what)
{
    int64_t give_up = nanotime() + PATIENCE_NS;

    atomic_store(&load_stop, true);
    while (atomic_load(&load_left)) {
        if (nanotime() > give_up)
            load_hang(what);
        sleep_ns(LOAD_LOOK_NS);
    }
    while (numgoroutine() > 1)
        gosched();
    for (int i = 0; i < load_n; i++)
        if (load[i].in && i + 1 < load_n && load[i + 1].out == load[i].in) {
            chan_free(load[i].in);
            chan_free(load[i].out);
            free(load[i].wait);
            free(load[i].post);
        }
    free(load);
    return atomic_exchange(&load_wrong, 0);
}

#endif
