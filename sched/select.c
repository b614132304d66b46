/*
 * select.c - one of several channel operations.
 *
 * Protocol:  all channels are locked, in the order of their addresses; each case is tried, in an order that chance
 *            gives; if none could be done a sudog goes to each channel's queue, and the goroutine parks, which unlocks
 *            them. Whoever dequeues one of the sudogs and wins the claim (wait.h) completes that case; the goroutine
 *            then takes the others out, one channel after the other.
 *            A deadline or cancel is set up between a first try and a second: no lock may be held then, and most of
 *            them find something at once.
 * Memory:    a case needs a sudog and a place in each of the two orders. For up to SMALL cases they lie on the stack.
 *            For more they are taken from a cache of blocks for 2^k cases, into which a select puts them back: so
 *            there are as many as selects were under way at once, and nothing is allocated after that. The cache
 *            keeps KEPT_BYTES; what is more goes back to malloc().
 * Short way: two different channels with no deadline to keep, NOPREEMPT as in chan.c.
 * Why the order is by address: it is the one order that all selects agree on (docs/locking.md).
 * Source:    Go's select.go (selectgo).
 */
#include <stdlib.h>

#include "rt0/cancel.h"
#include "sched/chan.h"
#include "sched/random.h"

#define SMALL      8
#define KEPT_BYTES ((size_t)8 << 20)

/* What a select works with. cases[] are the caller's; the other arrays have n elements each: one for each case whose
 * channel is not NULL. */
struct sel {
    struct select_case *cases;
    uint16_t *poll;   // indices into cases: in random order
    uint16_t *lock;   // ... in the order of their channels' addresses
    struct sudog *sg; // the k-th is that of case lock[k]
    uint32_t n;
};

ALWAYS_INLINE bool sends(const struct select_case *sc)
{
    return sc->dir == SELECT_SEND;
}

ALWAYS_INLINE struct waitq *queue_of(const struct select_case *sc)
{
    return sends(sc) ? &sc->c->sendq : &sc->c->recvq;
}

/* ---- orders ---------------------------------------------------------------------------------- */

static uint64_t random_seed_here(void)
{
    struct m *mp = acquirem();
    uint64_t seed = p_random(mp->p);

    releasem(mp);
    return seed | 1;
}

/* A permutation, each as likely, built inside out. */
static void shuffle(struct sel *s, int ncases)
{
    uint64_t random = random_seed_here();
    uint32_t n = 0;

    for (int i = 0; i < ncases; i++) {
        if (!s->cases[i].c)
            continue;
        uint32_t j = (uint32_t)((random_step(&random) >> 32) * (n + 1) >> 32);
        s->poll[n] = s->poll[j];
        s->poll[j] = (uint16_t)i;
        n++;
    }
    s->n = n;
}

static bool before(const struct sel *s, uint16_t a, uint16_t b)
{
    return (uintptr_t)s->cases[a].c < (uintptr_t)s->cases[b].c;
}

/* The element at `at` of a heap of n, largest first, sinks to its place. */
static void sift_down(struct sel *s, uint32_t at, uint32_t n)
{
    uint16_t moved = s->lock[at];

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(s, s->lock[child], s->lock[child + 1]))
            child++;
        if (!before(s, moved, s->lock[child]))
            break;
        s->lock[at] = s->lock[child];
    }
    s->lock[at] = moved;
}

static void sort_large(struct sel *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        s->lock[i] = s->poll[i];
    for (uint32_t i = s->n / 2; i-- > 0;)
        sift_down(s, i, s->n);
    for (uint32_t n = s->n; n-- > 1;) {
        uint16_t last = s->lock[n];
        s->lock[n] = s->lock[0];
        s->lock[0] = last;
        sift_down(s, 0, n);
    }
}

static void sort_small(struct sel *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = i;
        for (; at > 0 && before(s, s->poll[i], s->lock[at - 1]); at--)
            s->lock[at] = s->lock[at - 1];
        s->lock[at] = s->poll[i];
    }
}

/* ---- locks ----------------------------------------------------------------------------------- */

static struct chan *chan_at(const struct sel *s, uint32_t k)
{
    return s->cases[s->lock[k]].c;
}

/* A channel that comes several times comes in a row. */
static void lock_all(const struct sel *s)
{
    for (uint32_t k = 0; k < s->n; k++)
        if (k == 0 || chan_at(s, k) != chan_at(s, k - 1))
            lock(&chan_at(s, k)->lock);
}

/* Looks at nothing after the last one. */
static void unlock_all(const struct sel *s)
{
    for (uint32_t k = s->n; k-- > 0;)
        if (k == 0 || chan_at(s, k) != chan_at(s, k - 1))
            unlock(&chan_at(s, k)->lock);
}

/* For wait_park(). Until the last lock is free the goroutine can't be through with dequeue_others(): so only if there is
 * a lock. */
static bool unlock_all_after_park(struct g *gp, void *s)
{
    (void)gp;
    unlock_all(s);
    return true;
}

/* ---- trying, waiting ------------------------------------------------------------------------- */

/* The index of the case that was done, or -EAGAIN. The locks are held, and afterwards too if that is what it gives. */
static int try_locked(const struct sel *s)
{
    for (uint32_t k = 0; k < s->n; k++) {
        struct select_case *sc = &s->cases[s->poll[k]];
        struct sudog *wake = NULL;
        int r = sends(sc) ? chan_put(sc->c, sc->elem, &wake, KNOWN_NOTHING)
                          : chan_take(sc->c, sc->elem, &wake, KNOWN_NOTHING);
        if (r == -EAGAIN)
            continue;
        int index = s->poll[k];
        sc->result = r;
        unlock_all(s);
        if (wake)
            sudog_ready(wake);
        return index;
    }
    return -EAGAIN;
}

static void enqueue_locked(const struct sel *s, struct waiter *w)
{
    for (uint32_t k = 0; k < s->n; k++) {
        struct select_case *sc = &s->cases[s->lock[k]];
        struct sudog *sg = &s->sg[k];
        sg->g = w->g;
        sg->waiter = w;
        sg->elem = sc->elem;
        waitq_push(queue_of(sc), sg);
    }
}

static void dequeue_others(const struct sel *s, const struct waiter *w)
{
    for (uint32_t k = 0; k < s->n; k++) {
        struct select_case *sc = &s->cases[s->lock[k]];
        if (&s->sg[k] == w->by)
            continue;
        lock(&sc->c->lock);
        waitq_remove(queue_of(sc), &s->sg[k]);
        unlock(&sc->c->lock);
    }
}

/* w has begun. The locks are held. */
static int wait_locked(const struct sel *s, struct waiter *w, int ncases)
{
    enqueue_locked(s, w);
    wait_park(w, s->n ? unlock_all_after_park : NULL, (void *)s,
              ncases ? WAIT_SELECT : WAIT_SELECT_NO_CASES);
    dequeue_others(s, w);
    int err = wait_end(w);
    if (err)
        return err;
    int index = s->lock[w->by - s->sg];
    s->cases[index].result = w->by->result;
    return index;
}

static int run(struct sel *s, int ncases, int64_t deadline_ns, struct cancel *cancel)
{
    struct waiter w;
    int r;

    shuffle(s, ncases);
    (s->n <= SMALL ? sort_small : sort_large)(s);
    lock_all(s);
    if ((r = try_locked(s)) != -EAGAIN)
        return r;
    if (deadline_ns == DEADLINE_NONE && !cancel) {
        wait_begin_plain(&w);
        return wait_locked(s, &w, ncases);
    }
    unlock_all(s);
    if ((r = wait_begin(&w, deadline_ns, cancel)) != 0)
        return r;
    lock_all(s);
    if ((r = try_locked(s)) == -EAGAIN)
        return wait_locked(s, &w, ncases);
    wait_end(&w);
    return r;
}

/* ---- many cases ------------------------------------------------------------------------------ */

/* For 1 << log cases. */
struct block {
    struct block *next; // cache.lock, while it is there
    uint32_t log;
};

#define LOG_MAX 16
_Static_assert(1 << LOG_MAX == SELECT_CASES_MAX, "an index is of 16 bits");
#define CASE_BYTES (sizeof(struct sudog) + 2 * sizeof(uint16_t))

static struct {
    struct spinlock lock;
    size_t bytes;                    // lock; in all of them
    struct block *free[LOG_MAX + 1]; // lock
} cache = {.lock = SPINLOCK_INIT(RANK_MUTEX)};

static size_t block_bytes(uint32_t log)
{
    return sizeof(struct block) + (CASE_BYTES << log);
}

static struct block *block_get(uint32_t log)
{
    lock(&cache.lock);
    struct block *b = cache.free[log];
    if (b) {
        cache.free[log] = b->next;
        cache.bytes -= block_bytes(log);
    }
    unlock(&cache.lock);
    if (!b && (b = malloc(block_bytes(log))) != NULL)
        b->log = log;
    return b;
}

static void block_put(struct block *b)
{
    size_t bytes = block_bytes(b->log);

    lock(&cache.lock);
    bool keep = cache.bytes + bytes <= KEPT_BYTES;
    if (keep) {
        b->next = cache.free[b->log];
        cache.free[b->log] = b;
        cache.bytes += bytes;
    }
    unlock(&cache.lock);
    if (!keep)
        free(b);
}

static __attribute__((noinline)) int select_large(struct select_case *cases, int n,
                                                  int64_t deadline_ns, struct cancel *cancel)
{
    uint32_t log = 32 - (uint32_t)__builtin_clz((uint32_t)n - 1);
    struct block *b = block_get(log);

    if (!b)
        return -ENOMEM;
    struct sel s = {.cases = cases, .sg = (struct sudog *)(b + 1)};
    s.poll = (uint16_t *)(s.sg + ((size_t)1 << log));
    s.lock = s.poll + ((size_t)1 << log);
    int r = run(&s, n, deadline_ns, cancel);
    block_put(b);
    return r;
}

/* ---- few ------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int select_small(struct select_case *cases, int n,
                                                  int64_t deadline_ns, struct cancel *cancel)
{
    uint16_t poll[SMALL], order[SMALL];
    struct sudog sg[SMALL];
    struct sel s = {.cases = cases, .poll = poll, .lock = order, .sg = sg};

    return run(&s, n, deadline_ns, cancel);
}

static __attribute__((noinline)) int select_one(struct select_case *sc, int64_t deadline_ns,
                                                struct cancel *cancel)
{
    int r = sends(sc) ? chan_send_cancel(sc->c, sc->elem, deadline_ns, cancel)
                      : chan_recv_cancel(sc->c, sc->elem, deadline_ns, cancel);

    if (r && r != -EPIPE)
        return r;
    sc->result = r;
    return 0;
}

int chan_select_cancel(struct select_case *cases, int n, int64_t deadline_ns, struct cancel *cancel)
{
    int err = cancel ? cancel_err(cancel) : 0;

    if (n < 0 || n > SELECT_CASES_MAX)
        return -EINVAL;
    for (int i = 0; i < n; i++)
        if ((unsigned)cases[i].dir > SELECT_RECV)
            return -EINVAL;
    if (err)
        return err;
    if (n == 1)
        return select_one(cases, deadline_ns, cancel);
    return n <= SMALL ? select_small(cases, n, deadline_ns, cancel)
                      : select_large(cases, n, deadline_ns, cancel);
}

/* ---- two, by the short way ------------------------------------------------------------------- */

ALWAYS_INLINE void release_two(struct chan *a, struct chan *b)
{
    chan_release(a);
    chan_release(b);
}

/* gopark() callback. */
static NOPREEMPT bool release_two_after_park(struct g *gp, void *arg)
{
    const struct select_case *cases = arg;

    (void)gp;
    release_two(cases[0].c, cases[1].c);
    return true;
}

ALWAYS_INLINE void push_case(struct select_case *sc, struct sudog *sg, struct waiter *w)
{
    sg->g = w->g;
    sg->waiter = w;
    sg->elem = sc->elem;
    waitq_push(queue_of(sc), sg);
}

/* Both locks are held, and have been released when this returns. */
static NOPREEMPT int park_two(struct select_case *cases)
{
    struct waiter w;
    struct sudog sg[2];

    wait_begin_plain(&w);
    push_case(&cases[0], &sg[0], &w);
    push_case(&cases[1], &sg[1], &w);
    gopark(release_two_after_park, cases, WAIT_SELECT);
    /* Nothing is held from here on. */
    int index = w.by != &sg[0], other = !index;
    struct chan *c = cases[other].c;
    if (chan_trylock(c)) {
        waitq_remove(queue_of(&cases[other]), &sg[other]);
        chan_release(c);
    } else {
        lock(&c->lock);
        waitq_remove(queue_of(&cases[other]), &sg[other]);
        unlock(&c->lock);
    }
    cases[index].result = sg[index].result;
    return index;
}

/* Perhaps: those who wait may have been claimed by others. */
ALWAYS_INLINE bool seems_ready(const struct chan *c, enum select_dir dir)
{
    return dir == SELECT_SEND ? c->count < c->cap || c->recvq.first : c->count || c->sendq.first;
}

/* The commonest of all: two that would receive, and nothing there. One comparison for both. */
ALWAYS_INLINE bool nothing_to_receive(const struct select_case *cases, const struct chan *a,
                                      const struct chan *b)
{
    return cases[0].dir == SELECT_RECV && cases[1].dir == SELECT_RECV &&
           (a->count | b->count | (uintptr_t)a->sendq.first | (uintptr_t)b->sendq.first) == 0;
}

/* cases[index] seems to be ready. Both locks are held, and have been released when this returns. */
static NOPREEMPT int do_any_of_two(struct select_case *cases, int64_t deadline_ns, int index)
{
    struct select_case *sc = &cases[index];
    struct sudog *wake = NULL;
    int r = sends(sc) ? chan_put(sc->c, sc->elem, &wake, KNOWN_PLAIN)
                      : chan_take(sc->c, sc->elem, &wake, KNOWN_PLAIN);

    release_two(cases[0].c, cases[1].c);
    if (__builtin_expect(r == -EAGAIN, 0))
        return chan_select_cancel(cases, 2, deadline_ns, NULL);
    sc->result = r;
    if (wake)
        sudog_ready(wake);
    return index;
}

ALWAYS_INLINE int do_one_of_two(struct select_case *cases, int64_t deadline_ns, int index,
                                struct chan *a, struct chan *b)
{
    struct select_case *sc = &cases[index];
    struct chan *c = index ? b : a;

    if (sends(sc) || c->kind || !has_elem(c))
        return do_any_of_two(cases, deadline_ns, index);
    buffer_take(c, sc->elem, KNOWN_8);
    release_two(a, b);
    sc->result = 0;
    return index;
}

/* Something may be ready. The same of the locks. */
ALWAYS_INLINE int try_two(struct select_case *cases, int64_t deadline_ns, struct chan *a,
                          struct chan *b)
{
    bool first = seems_ready(a, cases[0].dir), second = seems_ready(b, cases[1].dir);

    if (first && second) {
        uint64_t *random = &getm()->p->random;
        if (*random) // else it has not begun
            return do_any_of_two(cases, deadline_ns, (int)(random_step(random) >> 63));
    } else if (first || second) {
        return do_one_of_two(cases, deadline_ns, second, a, b);
    } else if (deadline_ns == DEADLINE_NONE) {
        return park_two(cases);
    }
    release_two(a, b);
    return chan_select_cancel(cases, 2, deadline_ns, NULL);
}

/* Nobody waits for a lock here, so they may be taken in any order. */
NOPREEMPT int chan_select(struct select_case *cases, int n, int64_t deadline_ns)
{
    struct chan *a, *b;

    if (n != 2 || !(a = cases[0].c) || !(b = cases[1].c) || a == b || !chan_trylock(a))
        return chan_select_cancel(cases, n, deadline_ns, NULL);
    if (!chan_trylock(b)) {
        chan_release(a);
        return chan_select_cancel(cases, n, deadline_ns, NULL);
    }
    if ((a->kind | b->kind) <= KNOWN_PLAIN) {
        if (!nothing_to_receive(cases, a, b)) {
            if (((unsigned)cases[0].dir | (unsigned)cases[1].dir) <= SELECT_RECV)
                return try_two(cases, deadline_ns, a, b);
        } else if (deadline_ns == DEADLINE_NOW) {
            release_two(a, b);
            return -EAGAIN;
        } else if (deadline_ns == DEADLINE_NONE) {
            return park_two(cases);
        }
    }
    release_two(a, b);
    return chan_select_cancel(cases, n, deadline_ns, NULL);
}
