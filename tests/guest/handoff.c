/*
 * handoff.c - tokens go from goroutine to goroutine, and none is lost.
 *
 * Goal:   whoever is made runnable runs, whatever core goes to sleep at that moment: no lost wake-up, no goroutine
 *         readied twice or by nobody.
 * Method: many goroutines are parked, a few have a token. Who has one readies another one by chance, does something or
 *         nothing for a moment, and parks: by gopark(), on a semaphore or on a channel. With one token a lost
 *         wake-up stops all; with more, cores come and go all the time. Some goroutines are pinned. Now and then
 *         a token sleeps, so that every core goes to rest. A timer looks whether a goroutine waits
 *         in a queue while every other core sleeps, for long: it says where.
 * Budget: 4 s; with an argument as long as it takes.
 * Arguments: the number of cores; how many thousand hand-offs (30).
 */
#include <string.h>

#include "tests/guest/load.h"

enum { PARTIES = 64 };
enum state { HAS_TOKEN, PARKED, CLAIMED };
enum way { BY_GOPARK, BY_SEMA, BY_CHAN, WAYS };

struct party {
    struct g *g;
    atomic_int state;
    enum way way;
    struct sema sema;
    struct chan *c;
    uint64_t random;
};

static int ncore;
static struct party parties[PARTIES];
static atomic_long handoffs;
static long target;   // of this phase
static int rest_each; // 1 of so many tokens sleeps for a while; 0: none
static int resize_each;
static atomic_bool quit;
static atomic_int wrong, readied_by_nobody;

static uint32_t draw(struct party *p, uint32_t n)
{
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(p->random >> 33) % n;
}

/* ---- parking, waking ---- */

/* On g0: the party waits already. Its registers are saved, so it may be readied from here on. */
static bool publish(struct g *gp, void *arg)
{
    struct party *p = arg;

    if (gp != p->g)
        atomic_fetch_add(&wrong, 1);
    atomic_store(&p->state, PARKED);
    return true;
}

static void park(struct party *p)
{
    switch (p->way) {
    case BY_GOPARK:
        gopark(publish, p, WAIT_SEMA);
        break;
    case BY_SEMA:
        atomic_store(&p->state, PARKED);
        sema_acquire(&p->sema);
        break;
    default:
        atomic_store(&p->state, PARKED);
        chan_recv(p->c, NULL);
    }
    if (atomic_exchange(&p->state, HAS_TOKEN) != CLAIMED)
        atomic_fetch_add(&readied_by_nobody, 1);
}

static bool claim(struct party *p)
{
    int parked = PARKED;

    return atomic_compare_exchange_strong(&p->state, &parked, CLAIMED);
}

static void wake(struct party *p)
{
    switch (p->way) {
    case BY_GOPARK:
        goready(p->g);
        break;
    case BY_SEMA:
        sema_release(&p->sema);
        break;
    default:
        chan_send(p->c, NULL);
    }
}

static void wake_another(struct party *self)
{
    struct party *p;

    do
        p = &parties[draw(self, PARTIES)];
    while (!claim(p));
    wake(p);
}

/* ---- what a token does ---- */

static void work(uint32_t n)
{
    for (volatile uint32_t i = 0; i < n; i++)
        ;
}

static void linger(struct party *p)
{
    switch (draw(p, 8)) {
    case 0:
        work(draw(p, 20000));
        break;
    case 1:
    case 2:
        work(draw(p, 300));
        break;
    case 3:
        gosched();
        break;
    default:
        break;
    }
}

static void use_token(struct party *p)
{
    if (atomic_fetch_add(&handoffs, 1) >= target) {
        chan_send(finished, NULL);
        return;
    }
    if (rest_each && draw(p, (uint32_t)rest_each) == 0)
        sleep_ns(draw(p, 300000));
    if (resize_each && draw(p, (uint32_t)resize_each) == 0)
        gomaxprocs(1 + (int)draw(p, (uint32_t)ncore));
    linger(p);
    wake_another(p);
    linger(p);
}

static void party(void *arg)
{
    struct party *p = arg;

    p->g = getg();
    for (;;) {
        park(p);
        if (atomic_load(&quit))
            break;
        use_token(p);
    }
    chan_send(finished, NULL);
}

/* ---- the look-out ---- */

/* Whether a goroutine waits in a queue though every other core sleeps. */
static bool forgotten(char *where, size_t bytes)
{
    struct p *own = getm()->p;

    if (sched.nprocs == 1 || atomic_load(&sched.npidle) + 1 < sched.nprocs)
        return false;
    if (atomic_load(&sched.runqsize)) {
        snprintf(where, bytes, "the global queue has %u", atomic_load(&sched.runqsize));
        return true;
    }
    for (uint32_t i = 0; i < sched.nm; i++) {
        struct p *pp = allm[i]->p;
        if (pp != own && (!runqempty(pp) || __atomic_load_n(&allm[i]->inbox.n, __ATOMIC_RELAXED))) {
            snprintf(where, bytes,
                     "M%u with P%u: runqempty %d, inbox %zu, attention %#x, spinning %d", i, pp->id,
                     runqempty(pp), allm[i]->inbox.n, atomic_load(&pp->attention),
                     allm[i]->spinning);
            return true;
        }
    }
    return false;
}

static char lost[160];
static struct timer look_out;

/* On g0. A state that does not change for so long is none that somebody is about to end. */
static void look(void *arg)
{
    enum { LOOKS = 50 };
    static const int64_t look_ns = 1000000;
    long before = atomic_load(&handoffs);
    char where[sizeof lost];

    (void)arg;
    for (int i = 0; i < LOOKS; i++) {
        if (!forgotten(where, sizeof where) || atomic_load(&handoffs) != before)
            return;
        for (int64_t end = nanotime() + look_ns; nanotime() < end;)
            cpu_relax();
    }
    memcpy(lost, where, sizeof lost);
}

/* ---- phases ---- */

static void phase(const char *name, int tokens, long n)
{
    struct party self = {.random = (uint64_t)n + (uint64_t)tokens};

    atomic_store(&handoffs, 0);
    target = n;
    for (int i = 0; i < tokens; i++)
        wake_another(&self);
    join(tokens);
    gomaxprocs(ncore);
    ok(!lost[0], "%ld hand-offs of %d tokens, %s%s%s", n, tokens, name, lost[0] ? ": " : "", lost);
    lost[0] = 0;
}

static void start_parties(void)
{
    for (int i = 0; i < PARTIES; i++) {
        struct party *p = &parties[i];
        struct go_attr attr = {.affinity = i % 8 == 5 ? UINT64_C(1) << i / 8 % ncore : 0};
        *p = (struct party){.way = (enum way)(i % WAYS), .c = make(0, 1), .random = (uint64_t)i};
        if (go_with(&attr, party, p)) {
            ok(false, "out of memory");
            exit(1);
        }
    }
}

static void end_parties(void)
{
    atomic_store(&quit, true);
    for (int i = 0; i < PARTIES; i++) {
        while (!claim(&parties[i]))
            gosched();
        wake(&parties[i]);
    }
    join(PARTIES);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    long total = (argc > 2 ? atol(argv[2]) : 30) * 1000;
    long n = (total + 14) / 15 * 2; // seven phases, and one of half as many

    finished = make(0, 0);
    start_parties();
    timer_start(&look_out, 0, 200000000, look, NULL);
    phase("at work", 1, n);
    phase("at work", 2, n);
    phase("at work", ncore, n);
    phase("at work", 2 * ncore + 1, n);
    rest_each = 50;
    phase("that rest now and then", 1, n);
    phase("that rest now and then", 2, n);
    phase("that rest now and then", ncore, n);
    resize_each = 200;
    phase("while gomaxprocs() changes", ncore, n / 2);
    end_parties();
    timer_stop(&look_out);
    ok(atomic_load(&readied_by_nobody) == 0, "no goroutine ran that nobody had readied");
    ok(atomic_load(&wrong) == 0, "and each was the one that parked");
    return done();
}
