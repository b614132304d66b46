/*
 * test_chan_threads.c - channels, select, deadlines, cancels and tickers on real threads, under ThreadSanitizer.
 *
 * Goal:   whatever ends a wait, it is ended once and by one; nobody touches a waiter's stack after that; no element is
 *         lost or doubled; what was done before a send is seen after its receive; no tick is early, or comes to who has
 *         stopped its ticker.
 * Method: a goroutine is a thread. What a core does on g0 when a goroutine has parked, another thread does: so the
 *         goroutine may go on, and return from the call, while its unlockf is still under way. Timers fire on one more
 *         thread. All do everything at random; elements point to plain memory, at which the sanitizer looks.
 *         Who readies a goroutine that does not wait breaks a rule.
 * Budget: 15 s.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "rt0/cancel.h"
#include "rt0/go.h"
#include "sched/chan.h"
#include "sched/random.h"
#include "tests/host/shim_sched/machine.h"

#include "tests/host/tap.h"

enum { WORKERS = 6, CHANS = 5, ROUNDS = 5000 };

/* ---- the machine ---- */

_Thread_local struct g *this_g;

static struct worker {
    pthread_t thread, g0;
    struct g g, g0_g;
    struct m m, m0;
    struct p p;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ready;                               // mutex
    bool parked;                              // mutex; g0 has something to do
    bool over;                                // mutex
    bool (*unlockf)(struct g *gp, void *arg); // mutex
    void *arg;                                // mutex
    uint64_t sent, received, xor, late, off;  // thread
    uint64_t ticks;                           // thread
} workers[WORKERS];

static atomic_uint broken;

_Noreturn void throw(const char *fmt, ...)
{
    printf("Bail out! throw: %s\n", fmt);
    fflush(stdout);
    _exit(1);
}

int64_t nanotime(void)
{
    return clock_nanotime();
}

int64_t deadline_after(int64_t ns)
{
    return nanotime() + ns;
}

void gosched(void)
{
    sched_yield();
}

uint64_t p_random(struct p *pp)
{
    return random_step(&pp->random);
}

static struct worker *worker_of(struct g *gp)
{
    return (struct worker *)((char *)gp - offsetof(struct worker, g));
}

static void make_ready(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    w->ready = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void goready(struct g *gp)
{
    uint32_t waiting = GWAITING;

    /* Acquire-release, as casgstatus(). */
    if (!atomic_compare_exchange_strong_explicit(&gp->status, &waiting, GRUNNABLE,
                                                 memory_order_acq_rel, memory_order_relaxed))
        atomic_fetch_add(&broken, 1);
    make_ready(worker_of(gp));
}

/* What park_m() does. */
static void *run_g0(void *arg)
{
    struct worker *w = arg;

    this_g = &w->g0_g;
    this_m = &w->m0;
    pthread_mutex_lock(&w->mutex);
    while (!w->over) {
        if (!w->parked) {
            pthread_cond_wait(&w->changed, &w->mutex);
            continue;
        }
        bool (*unlockf)(struct g * gp, void *arg) = w->unlockf;
        void *unlock_arg = w->arg;
        w->parked = false;
        pthread_mutex_unlock(&w->mutex);
        atomic_store_explicit(&w->g.status, GWAITING, memory_order_release);
        if (unlockf && !unlockf(&w->g, unlock_arg))
            goready(&w->g);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason)
{
    struct worker *w = worker_of(getg());

    (void)reason;
    pthread_mutex_lock(&w->mutex);
    w->unlockf = unlockf;
    w->arg = arg;
    w->parked = true;
    pthread_cond_broadcast(&w->changed);
    while (!w->ready)
        pthread_cond_wait(&w->changed, &w->mutex);
    w->ready = false;
    pthread_mutex_unlock(&w->mutex);
    atomic_store_explicit(&w->g.status, GRUNNING, memory_order_relaxed);
}

static bool release(struct g *gp, void *held)
{
    (void)gp;
    atomic_store_explicit((_Atomic(uint32_t) *)held, 0, memory_order_release);
    return true;
}

void goparkunlock(struct spinlock *l, enum waitreason reason)
{
    gopark(release, &l->held, reason);
}

/* ---- its timers: a list, and a thread that looks at it all the time ---- */

static struct {
    pthread_mutex_t mutex;
    struct timer *t[1024];
    int64_t when[1024], period[1024];
    unsigned n;
    atomic_bool over;
    atomic_uint refuse; // there is no memory for so many
} timers = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int timer_start(struct timer *t, int64_t ns, int64_t period_ns, void (*fn)(void *), void *arg)
{
    unsigned left = atomic_load(&timers.refuse);

    while (left)
        if (atomic_compare_exchange_weak(&timers.refuse, &left, left - 1))
            return -ENOMEM;
    pthread_mutex_lock(&timers.mutex);
    t->fn = fn;
    t->arg = arg;
    timers.t[timers.n] = t;
    timers.period[timers.n] = period_ns;
    timers.when[timers.n++] = nanotime() + ns;
    pthread_mutex_unlock(&timers.mutex);
    return 0;
}

static void timer_remove(unsigned i)
{
    timers.n--;
    timers.t[i] = timers.t[timers.n];
    timers.when[i] = timers.when[timers.n];
    timers.period[i] = timers.period[timers.n];
}

int timer_stop(struct timer *t)
{
    int found = 0;

    pthread_mutex_lock(&timers.mutex);
    for (unsigned i = 0; i < timers.n && !found; i++)
        if (timers.t[i] == t) {
            timer_remove(i);
            found = 1;
        }
    pthread_mutex_unlock(&timers.mutex);
    return found;
}

static bool fire_one(void)
{
    int64_t now = nanotime();

    pthread_mutex_lock(&timers.mutex);
    for (unsigned i = 0; i < timers.n; i++)
        if (timers.when[i] <= now) {
            void (*fn)(void *) = timers.t[i]->fn;
            void *arg = timers.t[i]->arg;
            if (timers.period[i])
                timers.when[i] = now + timers.period[i];
            else
                timer_remove(i);
            pthread_mutex_unlock(&timers.mutex);
            sched_yield(); // others may stop it meanwhile
            fn(arg);
            return true;
        }
    pthread_mutex_unlock(&timers.mutex);
    return false;
}

static void *run_timers(void *arg)
{
    static struct g g;
    static struct m m;
    static struct p p;

    machine_p(&p, &m, 0);
    this_g = &g;
    while (!atomic_load(&timers.over))
        if (!fire_one())
            sched_yield();
    return arg;
}

/* ---- what the workers do ---- */

static struct chan *chans[CHANS];
static struct cancel root, cancels[ROUNDS];
static atomic_uint current; // cancel

/* What an element points to: plain memory. Odd elements carry its number, too. */
struct cell {
    uint64_t number;
};

struct wide {
    struct cell *cell;
    uint64_t number, more;
};

static uint64_t draw(struct worker *w, uint64_t n)
{
    return (random_step(&w->p.random) >> 33) % n;
}

/* Both kinds of element begin with the pointer. */
static struct wide fresh(struct worker *w)
{
    struct cell *cell = malloc(sizeof *cell);

    cell->number = draw(w, UINT32_MAX) + 1;
    return (struct wide){cell, cell->number, ~cell->number};
}

static void sent(struct worker *w, const struct wide *e)
{
    w->sent++;
    w->xor ^= e->number;
}

static void received(struct worker *w, const struct chan *c, const struct wide *e)
{
    uint64_t number = e->cell->number;

    if (c->elem_bytes == sizeof *e && (e->number != number || e->more != ~number))
        atomic_fetch_add(&broken, 1);
    w->received++;
    w->xor ^= number;
    e->cell->number = 0;
    free(e->cell);
}

/* Whether the channels are still open. */
static bool done_with(struct worker *w, struct select_case *sc, int r)
{
    struct wide *e = sc->elem;

    if (r == 0 && sc->dir == SELECT_SEND)
        sent(w, e);
    else if (r == 0)
        received(w, sc->c, e);
    else if (r == -ETIMEDOUT)
        w->late++;
    else if (r == -ECANCELED)
        w->off++;
    else if (r != -EPIPE && r != -EAGAIN)
        atomic_fetch_add(&broken, 1);
    return r != -EPIPE;
}

static int64_t soon(struct worker *w)
{
    return draw(w, 8) ? nanotime() + (int64_t)draw(w, 100000) : DEADLINE_NOW;
}

static int one(struct worker *w, const struct select_case *sc)
{
    struct cancel *cancel = &cancels[atomic_load(&current)];
    bool s = sc->dir == SELECT_SEND;

    switch (draw(w, 5)) {
    case 0:
        return s ? chan_send(sc->c, sc->elem) : chan_recv(sc->c, sc->elem);
    case 1:
        return s ? chan_try_send(sc->c, sc->elem) : chan_try_recv(sc->c, sc->elem);
    case 2:
        return s ? chan_send_cancel(sc->c, sc->elem, DEADLINE_NONE, cancel)
                 : chan_recv_cancel(sc->c, sc->elem, DEADLINE_NONE, cancel);
    default:
        return s ? chan_send_cancel(sc->c, sc->elem, soon(w), draw(w, 2) ? cancel : NULL)
                 : chan_recv_until(sc->c, sc->elem, soon(w));
    }
}

/* One of its own: that is another one's the next moment, whose old ticks may still be under way. */
static void use_ticker(struct worker *w)
{
    int64_t period = 1000 + (int64_t)draw(w, 50000), from = nanotime(), t = 0;
    struct chan *c = draw(w, 2) ? ticker(period) : after_ns(period);
    struct select_case cases[2] = {{SELECT_RECV, NULL, NULL, 0}, {SELECT_RECV, c, &t, 0}};
    bool comes = c != NULL;
    int r;

    if (comes && draw(w, 3) == 0) {
        ticker_stop(c);
        if (chan_try_recv(c, &t) != -EAGAIN)
            atomic_fetch_add(&broken, 1);
        comes = false;
    }
    if (c && draw(w, 3) == 0) {
        period = 1000 + (int64_t)draw(w, 50000);
        from = nanotime();
        comes = ticker_reset(c, period) == 0;
    }
    if (comes && draw(w, 4)) {
        r = draw(w, 2) ? chan_recv(c, &t) : chan_select(cases, 2, DEADLINE_NONE);
        if (r < 0 || t < from + period)
            atomic_fetch_add(&broken, 1);
        w->ticks++;
    }
    chan_free(c);
}

static struct chan *everybodys; // a ticker

static void use_everybodys(struct worker *w)
{
    int64_t t;

    switch (draw(w, 8)) {
    case 0:
        ticker_stop(everybodys);
        break;
    case 1:
    case 2:
        ticker_reset(everybodys, 1000 + (int64_t)draw(w, 20000));
        break;
    default:
        if (chan_recv_until(everybodys, &t, soon(w)) == 0) {
            if (t > nanotime())
                atomic_fetch_add(&broken, 1);
            w->ticks++;
        }
    }
}

/* No channel has a lock behind which what is on the stack would wait. */
static void select_nothing(struct worker *w)
{
    struct select_case cases[3] = {{SELECT_RECV, NULL, NULL, 0}, {SELECT_SEND, NULL, NULL, 0}};
    struct cancel *cancel = &cancels[atomic_load(&current)];
    int r = chan_select_cancel(cases, (int)draw(w, 3), soon(w), draw(w, 2) ? cancel : NULL);

    if (r != -ETIMEDOUT && r != -EAGAIN && r != -ECANCELED)
        atomic_fetch_add(&broken, 1);
}

static bool turn(struct worker *w)
{
    struct select_case cases[12];
    struct wide e[12];
    int n = draw(w, 3) == 0 ? 1 : draw(w, 2) ? 2 : 2 + (int)draw(w, 11), i = 0, r;

    if (draw(w, 16) == 0)
        use_ticker(w);
    if (draw(w, 16) == 0)
        use_everybodys(w);
    if (draw(w, 16) == 0)
        select_nothing(w);
    for (int k = 0; k < n; k++) {
        e[k] = fresh(w);
        cases[k] = (struct select_case){draw(w, 2) ? SELECT_SEND : SELECT_RECV,
                                        chans[draw(w, CHANS)], &e[k], 0};
        if (cases[k].dir == SELECT_RECV)
            free(e[k].cell);
    }
    if (n == 1) {
        r = one(w, &cases[0]);
    } else {
        struct cancel *cancel = &cancels[atomic_load(&current)];
        r = draw(w, 4) == 0   ? chan_select_cancel(cases, n, DEADLINE_NONE, cancel)
            : draw(w, 3) == 0 ? chan_select(cases, n, DEADLINE_NONE)
                              : chan_select_cancel(cases, n, soon(w), draw(w, 2) ? cancel : NULL);
        i = r < 0 ? 0 : r;
        r = r < 0 ? r : cases[i].result;
    }
    bool go_on = done_with(w, &cases[i], r);
    for (int k = 0; k < n; k++)
        if (cases[k].dir == SELECT_SEND && (k != i || r))
            free(e[k].cell);
    return go_on;
}

static void *work(void *arg)
{
    struct worker *w = arg;

    this_g = &w->g;
    this_m = &w->m;
    while (turn(w))
        ;
    return NULL;
}

/* ---- the whole ---- */

/* Something goes on even if all of them wait. */
static void stir(struct worker *w)
{
    for (int i = 0; i < CHANS; i++) {
        struct wide e = fresh(w);
        struct select_case sc = {draw(w, 2) ? SELECT_SEND : SELECT_RECV, chans[i], &e, 0};
        if (sc.dir == SELECT_RECV)
            free(e.cell);
        int r = sc.dir == SELECT_SEND ? chan_try_send(chans[i], &e) : chan_try_recv(chans[i], &e);
        done_with(w, &sc, r);
        if (r && sc.dir == SELECT_SEND)
            free(e.cell);
    }
}

static void drain(struct worker *w)
{
    struct wide e;

    for (int i = 0; i < CHANS; i++)
        while (chan_try_recv(chans[i], &e) == 0)
            received(w, chans[i], &e);
}

static void worker_init(struct worker *w, unsigned i)
{
    machine_p(&w->p, &w->m, 0);
    w->p.random = i + 1;
    w->m0.p = &w->p;
    atomic_store(&w->g.status, GRUNNING);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
}

static void start(struct worker *w)
{
    if (pthread_create(&w->g0, NULL, run_g0, w) || pthread_create(&w->thread, NULL, work, w))
        abort();
}

static void stop(struct worker *w)
{
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->g0, NULL);
}

static void run_all(void)
{
    static const size_t caps[CHANS] = {0, 0, 1, 3, 0};
    struct worker *self = &workers[0];

    for (int i = 0; i < CHANS; i++)
        chans[i] = chan_make(i < 3 ? sizeof(struct cell *) : sizeof(struct wide), caps[i]);
    everybodys = ticker(10000);
    cancel_init(&root, NULL, DEADLINE_NONE);
    for (unsigned i = 0; i < ROUNDS; i++)
        cancel_init(&cancels[i], &root, DEADLINE_NONE);
    for (unsigned i = 1; i < WORKERS; i++)
        start(&workers[i]);
    for (unsigned i = 0; i + 1 < ROUNDS; i++) {
        usleep(200);
        atomic_store(&current, i + 1);
        cancel_fire(&cancels[i]);
        if (i % 8 == 0)
            atomic_store(&timers.refuse, 3);
        stir(self);
    }
    for (int i = 0; i < CHANS; i++)
        chan_close(chans[i]);
    cancel_fire(&root);
    for (unsigned i = 1; i < WORKERS; i++)
        stop(&workers[i]);
    chan_free(everybodys);
    drain(self);
}

int main(void)
{
    struct worker all = {0};
    pthread_t timer_thread;

    for (unsigned i = 0; i < WORKERS; i++)
        worker_init(&workers[i], i);
    this_g = &workers[0].g;
    this_m = &workers[0].m;
    if (pthread_create(&timer_thread, NULL, run_timers, NULL))
        abort();
    run_all();
    atomic_store(&timers.over, true);
    pthread_join(timer_thread, NULL);
    bool clean = true;
    for (int i = 0; i < CHANS; i++) {
        clean &= !chans[i]->recvq.first && !chans[i]->sendq.first;
        chan_free(chans[i]);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        clean &= !cancels[i].first;
        cancel_end(&cancels[i]);
    }
    cancel_end(&root);
    for (unsigned i = 0; i < WORKERS; i++) {
        all.sent += workers[i].sent;
        all.received += workers[i].received;
        all.xor ^= workers[i].xor ;
        all.late += workers[i].late;
        all.off += workers[i].off;
        all.ticks += workers[i].ticks;
    }
    ok(all.sent == all.received && all.xor == 0, "%lu elements sent, %lu received, the same ones",
       (unsigned long)all.sent, (unsigned long)all.received);
    ok(all.late > 0 && all.off > 0, "%lu times it was too late, %lu times called off",
       (unsigned long)all.late, (unsigned long)all.off);
    ok(all.ticks > 0, "%lu ticks received", (unsigned long)all.ticks);
    ok(atomic_load(&broken) == 0,
       "nobody was readied who did not wait, nothing was garbled or early");
    ok(clean && timers.n == 0, "queues, lists and timers are empty");
    return done();
}
