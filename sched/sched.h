/*
 * sched.h - G, M, P and what the files of sched/ share.
 *
 *      G  a goroutine: a stack, saved registers, a state
 *      M  a core of the machine, with its own g0 stack on which the scheduler runs
 *      P  the right to run Gs: a run queue, timers, caches; an M runs Gs only while it holds a live one
 *
 *        M0 ── P0 ── G (running)      P0's runnext and ring: G G G ...     (runnable)
 *        M1 ── P1 ── G (running)      P1's: G                   sched.runq: G G ...
 *        M2 ── P2    halted, P2 in sched.idle
 *        M3 ── P3    P3 is dead: gomaxprocs is 3                a channel's sendq, recvq  (waiting)
 *
 * Every M has a P at all times, and keeps it when it sleeps: what a P has cached stays with its core. Of the
 * Ps, allp[0 .. nprocs) are live. Where the right to run must move, two Ms swap Ps (pinned.c).
 *
 * Access letters on fields:  o  only the M that the struct belongs to (for a P: the M that holds it)
 *                            s  sched.lock            a  atomic, order stated where it is used
 *                            c  constant once published  w  the M on which the G runs; else its waker
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/malloc.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "sched/stack.h"
#include "sched/timers.h"

struct sched_policy;
struct tracebuf;

/* Go's states, by Go's numbers: schedtrace prints them. */
enum gstatus {
    GIDLE = 0,     // no goroutine: a g0
    GRUNNABLE = 1, // in a run queue
    GRUNNING = 2,  // on an M
    GWAITING = 4,  // parked; only who holds what it waits for may ready it
    GSCAN = 5,     // waiting, and somebody looks at its stack: may not be readied meanwhile
    GDEAD = 6,     // ended; in a gfree list
    NGSTATUS
};

enum waitreason {
    WAIT_NONE,
    WAIT_CHAN_RECEIVE,
    WAIT_CHAN_SEND,
    WAIT_CHAN_RECEIVE_NIL,
    WAIT_CHAN_SEND_NIL,
    WAIT_LIBC_LOCK,
    WAIT_SLEEP,
    WAIT_SEMA,
    WAIT_WAITGROUP,
    WAIT_STOP_THE_WORLD,
    WAIT_SELECT,
    WAIT_SELECT_NO_CASES,
    WAIT_SYNC_MUTEX_LOCK,
    WAIT_SYNC_RWMUTEX_RLOCK,
    WAIT_SYNC_RWMUTEX_LOCK,
    WAIT_SYNC_COND_WAIT,
    NWAITREASON
};

/* What execute() has to do before it can switch to a G; 0: nothing. */
enum gprep {
    PREP_BIND = 1,   // it has no stack yet
    PREP_SHRUNK = 2, // pages of its stack may rest
    PREP_PINNED = 4, // it may run on some cores only
    PREP_OTHER = 8,  // with PREP_BIND: not all about it is as go() makes it
};

/* What go_with() was told, but for the stack. */
struct gattr {
    const char *name;
    int prio;
    unsigned weight;
    int64_t deadline_ns;
    uint64_t affinity;   // 0: any core
    uintptr_t policy[4]; // the policy's own, while the G is queued
};

struct g {
    uintptr_t sp; // w  its struct switchframe, while it does not run
    struct m *m;  // w  whose core it runs on (the last one, while it waits)
    union {
        struct {
            _Atomic(uint32_t) status; // a  enum gstatus; casgstatus(), setgstatus()
            uint8_t prep;             // w, or in GSCAN; enum gprep
            uint8_t zero;
            uint16_t lockcount; // w  lockosthread() less unlockosthread(); > 0 implies PREP_PINNED
        };
        uint64_t
            plain; // the same at once: PLAIN_BORN, or a status: in that state, with nothing to prepare
    };
    uint32_t stack_max;  // c  while it lives; bytes
    uint16_t lockedm;    // w  the core it is locked to, while lockcount > 0
    uint8_t waitreason;  // w  enum waitreason
    struct stack *stack; // w  bound at the first run; NULL: none
    uintptr_t tls;       // w  the libc's thread pointer, inside the stack
    struct g *schedlink; // whose list it is in: next
    uint64_t goid;       // c  while it lives
    union {
        struct {                // before the first run
            void (*fn)(void *); // c
            void *arg;          // c
        };
        struct {             // after
            uint64_t ran;    // w  counter ticks on a core, up to the last switch
            uint64_t waited; // w  ticks runnable; counted while sched.stats
        };
    };
    union {
        struct {                  // while it lives
            uint64_t parent_goid; // c  who called go()
            uintptr_t gopc;       // c  where go() was called
        };
        struct {                  // dead, the first of a batch in sched.gfree
            struct g *batch_next; // s
            uint64_t batch_n;     // s  how many Gs it is
        };
    };
    struct gattr *attr; // c  while it lives; NULL: defaults
    uint64_t since;     // w  counter, when it became runnable; while sched.stats
    /* Dead: plain == GDEAD, stack_max is what go() gives, stack, attr and since are zero: go() sets the rest. */
};
/* g->plain of what go() has just made: GRUNNABLE, with nothing but PREP_BIND. */
#define PLAIN_BORN (GRUNNABLE | (uint64_t)PREP_BIND << 32)
_Static_assert(offsetof(struct g, prep) == offsetof(struct g, plain) + 4, "PLAIN_BORN");
_Static_assert(sizeof(struct g) <= 128, "a million of them");
_Static_assert(offsetof(struct g, sp) == G_SP, "switch.S");
_Static_assert(offsetof(struct g, m) == G_M, "switch.S, cpu.h");
_Static_assert(offsetof(struct g, tls) == G_TLS, "switch.S");

/* Linked through schedlink; whoever owns it says which lock guards it. */
struct gqueue {
    struct g *head;
    struct g *tail;
    size_t n;
};

/* Why a P's next schedule() must not take the short way. Set by anybody, cleared by the M that holds it. */
enum attention {
    ATT_TICKLESS = 1 << 0, // no end of slice is armed: who queues a G arms it
    ATT_TIMER = 1 << 1,    // a timer of the P may be due
    ATT_SLICE = 1 << 2,    // what runs has had its slice, and others wait
    ATT_YIELD = 1 << 3,    // what runs is to give way, whatever its slice
    ATT_STOP = 1 << 4,     // the world is to stop
    ATT_HANDOFF = 1 << 5,  // a core without a live P has pinned Gs: give it this one
    ATT_INBOX = 1 << 6,    // the M's inbox has Gs
    ATT_TLB = 1 << 7,      // tlb_pass()
    ATT_RECLAIM = 1 << 8,  // reclaim_honour()
    ATT_JOB = 1 << 9,      // sysmon_job()
    ATT_HOOKS = 1 << 10,   // for good: tracing, statistics, a seed, or another policy than gmp
    ATT_NEWBORN = 1 << 11, // main() has not begun: new Gs wait for that
};
/* What an interrupted G is taken off its core for. */
#define ATT_PREEMPTS (ATT_TIMER | ATT_SLICE | ATT_YIELD | ATT_STOP | ATT_HANDOFF | ATT_JOB)

/* How many Gs run between two looks at the global queue, if the P's own never ends (Go's number). */
#define GLOBAL_EVERY 61

#define STACK_CACHE_MAX 32
#define GFREE_BATCH     32
#define GFREE_MAX       (2 * GFREE_BATCH)
#define RUNQ_LEN        256
#define GOID_BATCH      256

enum pstatus { PIDLE = 0, PRUNNING = 1, PGCSTOP = 3, PDEAD = 4 }; // Go's numbers

/* What schedstats= prints; each is counted by the M that holds the P. */
struct pstats {
    uint64_t ready;                   // Gs made runnable here
    uint64_t preempted;               // Gs that did not give way by themselves
    uint64_t deferred;                // preemptions put off: the core held something
    uint64_t steals;                  // times that something was stolen by this P
    uint64_t stolen;                  // Gs so taken
    uint64_t global;                  // Gs taken from the global queue
    uint64_t overflow;                // Gs that went there since the ring was full
    uint64_t wakes;                   // idle Ps woken
    uint64_t ipis;                    // interrupts sent to Ms that slept
    uint64_t sleeps;                  // times that the core halted
    uint64_t polled;                  // idle times that ended before it halted
    uint64_t handoffs;                // times that the P was given to another M
    uint64_t timers;                  // timers run
    uint64_t ended_ran, ended_waited; // time of the Gs that ended here
};

struct p {
    _Alignas(CACHE_LINE) struct mcache mcache; // o  malloc()'s; first, which saves it an addition

    /* The line of every switch. */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) attention; // a  enum attention; or: seq_cst
    uint32_t id;                                      // c  index in allp
    union {
        struct {
            uint32_t global_in; // o  so many switches until the global queue's turn
            uint32_t tick_base; // o  p_schedtick()
        };
        uint64_t ticks; // both, for who reads them from elsewhere
    };
    uint64_t slice_ticks;        // o  how long this slice is
    uint64_t slice_start;        // o  counter; next to switched: one store for both
    uint64_t switched;           // o  counter, at the last switch
    struct g *gfree;             // o  dead Gs, ready for reuse; gfree.h
    uint64_t ngfree;             // o  how many
    struct stacktop *stackcache; // o  free stacks of the default size, last used first

    uint32_t nstackcache;      // o
    struct g *gbatch;          // o  gfree.h
    _Atomic(uint64_t) created; // a  relaxed, o stores: Gs made here
    uint64_t goid_base; // o  the last one's number, less created; another one for each GOID_BATCH
    _Atomic(uint64_t) ended;    // a  release, o stores; acquire in g_count()
    _Atomic(struct m *) m;      // a  relaxed; who holds it
    _Atomic(uint32_t) status;   // a  enum pstatus; changes under sched.lock
    uint64_t random;            // o  state of p_random()
    struct pagecache pagecache; // o, or whoever drops it: single pages
    _Atomic(uint64_t) trimmed;  // a  release by the holder, acquire in reclaim.c: requests honoured
    int64_t alarm_ns;           // o  for when the clock is armed; INT64_MAX: it is not
    int64_t retry_ns;           // o  until a preemption that was put off is tried again
    struct pstats stats;        // o
    struct timers timers;       // timers.c
    void *policy;               // the policy's own
    struct tracebuf *trace;     // o  trace.c

    /* The line that thieves write. */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) runqhead;         // a  acquire; compare-exchange release
    _Atomic(uint32_t) runqtail;                              // a  o stores, release
    _Atomic(struct g *) runnext;                             // a  runq.c
    _Alignas(CACHE_LINE) _Atomic(struct g *) runq[RUNQ_LEN]; // a  relaxed, by head and tail
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ticks: tick_base is its upper half");

/* Gs switched to on pp, slices inherited left out: what global_in has come down by since boot. Ctx: any. */
static inline uint32_t p_schedtick(const struct p *pp)
{
    uint64_t ticks = __atomic_load_n(&pp->ticks, __ATOMIC_RELAXED);

    return (uint32_t)(ticks >> 32) - (uint32_t)ticks;
}

/* Begins another GLOBAL_EVERY switches. One store: p_schedtick() does not fall, whoever asks. */
static inline void p_global_turn(struct p *pp)
{
    uint64_t base = (uint32_t)(pp->tick_base + GLOBAL_EVERY);

    __atomic_store_n(&pp->ticks, base << 32 | GLOBAL_EVERY, __ATOMIC_RELAXED);
}

struct m {
    struct g *g;    // o  what runs now: g0 or curg (x86-64 only: arm64 has it in TPIDR_EL1)
    struct m *self; // c  (x86-64: read through GS)
    struct g *g0;   // c
    uint32_t locks; // o  > 0: no preemption on this core
    _Atomic(uint32_t) preempt; // a  relaxed; a preemption was put off: releasem() makes up for it
    uintptr_t preempt_pc;      // o  where asyncpreempt() shall go back to
    uintptr_t preempt_state;   // o  (arm64) and with which SPSR_EL1
    uint32_t id;               // c  index in allm
    bool spinning;             // o, or who wakes it: looks for work, and is counted in nmspinning
    struct p *p;               // o; swapped by pinned.c under sched.lock
    struct g *curg;            // o  the goroutine, or NULL between two
    bool (*park_unlockf)(struct g *gp,
                         void *arg); // o  gopark()'s arguments, on their way to park_m()
    void *park_arg;                  // o
    uint32_t ranks_held[NRANK];      // o  debug: locks held of each lock_rank
    _Atomic(bool) online;            // a  release by the core once it can take interrupts
    _Atomic(bool) stopped;           // a  release by panic_stop_isr(): the core runs no more
    _Atomic(bool) wakeup;            // a  release by m_wake(), acquire in m_sleep()
    _Atomic(bool) polling; // a  seq_cst; in m_sleep(), not halted: needs no interrupt to see wakeup
    _Atomic(bool) idle;    // a  relaxed; in m_sleep()
    _Atomic(uint64_t) timer_irqs; // a  relaxed; IRQ_TIMERs taken
    _Atomic(uint64_t) tlb_seen;   // a  seq_cst; tlb.c
    uint64_t tlb_before_idle;     // o
    struct gqueue inbox;          // s  pinned Gs that wait for this core
    bool wants_p;                 // s  in sched.pwanted
    struct p *nextp;              // s  given by another M
    bool parked;                  // s  sleeps without a live P: who gives it one wakes it, once
    bool flushed;                 // o  caches of its dead P are given back
    struct m *schedlink;          // s  next in pwanted
    struct g g0_storage;          // what g0 points at
    struct arch_m arch;           // the architecture's (cpu.h)
};
_Static_assert(offsetof(struct m, g) == M_G, "switch.S, cpu.h");
_Static_assert(offsetof(struct m, self) == M_SELF, "cpu.h");
_Static_assert(offsetof(struct m, g0) == M_G0, "switch.S");
_Static_assert(offsetof(struct m, locks) == M_LOCKS, "switch.S");
_Static_assert(offsetof(struct m, preempt) == M_PREEMPT, "switch.S");
_Static_assert(offsetof(struct m, preempt_pc) == M_PREEMPT_PC, "preempt.S");
_Static_assert(offsetof(struct m, preempt_state) == M_PREEMPT_STATE, "preempt.S");

struct sched {
    struct spinlock lock;
    struct gqueue runq;           // s  the global queue
    _Atomic(uint32_t) runqsize;   // a  relaxed; its length, for who does not hold the lock
    uint64_t idle[MAX_CPUS / 64]; // s  bit i: allp[i] is live, and its M sleeps or is about to
    _Atomic(uint32_t) npidle;     // a  s stores; bits in idle
    _Atomic(uint32_t) nmspinning; // a  seq_cst; Ms that look for work
    _Atomic(bool) gcwaiting;      // a  s stores; the world is to stop, or has
    _Atomic(uint32_t) stopwait;   // a  release, acquire: Ps that have not stopped yet
    uint32_t nprocs;              // c  while the world runs: live Ps (gomaxprocs)
    uint32_t nm;                  // c  once the cores are started: Ms in allm
    uint32_t nmonline;            // s  Ms that schedule; less than nm if a core did not start
    struct m *pwanted;            // s  Ms without a live P that have pinned Gs
    uint64_t inbox_cores;         // s  bit i: core i may be allowed what is in another's inbox
    struct g *gfree;              // s  dead Gs that a P had too many of: a list of batches (g.c)
    size_t stack_max;             // c  of a goroutine that asks for nothing else
    _Atomic(uint64_t) goidgen;    // a  relaxed; the last number handed to a P
    uint64_t slice_ticks;         // c  after boot; counter ticks
    bool main_exited;             // s  main called goexit()
    bool constructing;            // s  main() has not begun
    struct gqueue newborn;        // s  Gs made by constructors
    bool seeded;                  // c  after boot: seed= was given
    bool stats;                   // c  after boot: waiting is timed too
    const struct sched_policy *policy; // c  after boot; NULL: gmp
};

extern struct sched sched;
extern struct m m0;
extern struct m *allm[MAX_CPUS];
extern struct p *allp[MAX_CPUS]; // live ones first; changes while the world is stopped

void preempt_deferred(void);

/* ---- preemption ------------------------------------------------------------------------------------
 * None happens on g0, while m->locks > 0, or while the pc is in a NOPREEMPT function. */

/* acquirem() is the architecture's (cpu.h): counting must not be torn from finding the M. */
static inline void releasem(struct m *mp)
{
    atomic_signal_fence(memory_order_seq_cst);
    mp->locks--;
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&mp->preempt, memory_order_relaxed), 0))
        preempt_deferred();
}

/*
 * For functions that use the P without acquirem(): they call nothing outside of this section, and a core
 * is never preempted while its pc is in it. Saves the counting of m->locks on the hottest paths.
 */
#define NOPREEMPT __attribute__((section(".text.nopreempt"), noinline))
/* For what NOPREEMPT functions use: the compiler finds the ways into the scheduler cold, and would call it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- runq.c: queues ---- */

/* sched.lock, or whatever guards q. */
void gqueue_push(struct gqueue *q, struct g *gp);
void gqueue_push_all(struct gqueue *q, struct gqueue *from);
struct g *gqueue_pop(struct gqueue *q);

/* Queues gp on pp: as runnext (what was that goes to the ring's end), or at the ring's end; half of a full
 * ring goes to the global queue. Ctx: M that holds pp, preemption off. Source: Go's runqput. */
void runqput(struct p *pp, struct g *gp, bool next);
/* The next one, or NULL; *inherit: it was runnext and goes on with the slice that is. Ctx: as runqput(). */
struct g *runqget(struct p *pp, bool *inherit);
/* Steals half of victim's ring into pp's: one of them, or NULL; its runnext too if asked for, and there is
 * nothing else. Ctx: M that holds pp. */
struct g *runqsteal(struct p *pp, struct p *victim, bool runnext);
/* Whether it has nothing; not spuriously, whatever others do to it meanwhile. Ctx: any. */
bool runqempty(struct p *pp);
/* All of pp's Gs to q. Ctx: M that holds pp, or the world is stopped. */
void runqdrain(struct p *pp, struct gqueue *q);

void globrunqput_locked(struct g *gp);
void globrunqput_all_locked(struct gqueue *q);
/* One G, and up to max - 1 more, a fair share, into pp's ring. */
struct g *globrunqget_locked(struct p *pp, uint32_t max);
/* The same by who does not hold the lock; nothing there costs no lock. */
void globrunqput(struct g *gp);
struct g *globrunqget(struct p *pp, uint32_t max);

/* ---- proc.c: the life of a G on its M ---- */

/* m0, g0 and p0 out of static memory, so that locks and getg() work. Ctx: the first C code of a boot. */
void sched_init_m0(void);
/* Handlers and panic hooks. Ctx: boot. */
void sched_init(void);
/* What the command line said: slice, policy, seed ... Ctx: boot, after clock_init(). */
void sched_configure(void);
/* Makes an M for each further core and starts it; warns about those that do not come. Ctx: boot. */
void sched_start_cores(unsigned ncpu);
/* Cores that can take interrupts, the boot CPU included. Ctx: boot. */
unsigned sched_count_online(void);
/* Starts the main goroutine and turns the boot CPU into M0 for good. Ctx: boot. */
_Noreturn void sched_run_main(void (*fn)(void *), void *arg);
/* Every constructor has returned: what they started may run. Ctx: main goroutine. */
void sched_constructed(void);

/*
 * gopark - the current G waits. On g0, when its state is saved, unlockf(arg) is called to let go of
 * what makes it findable; if that returns false it runs on at once. Ctx: G.
 */
void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason);

/*
 * goparkunlock - the current G waits; l is released when its state is saved. l was taken in the caller, without
 * counting it in m->locks, and debug builds know nothing of it. Ctx: G, in a NOPREEMPT function that uses
 * nothing of its M after it. Source: Go's goparkunlock.
 */
void goparkunlock(struct spinlock *l, enum waitreason reason);

/* A waiting G becomes runnable. The caller alone found it. Ctx: G or g0. */
void goready(struct g *gp);

/* Runs gp next. Ctx: g0. */
_Noreturn void execute(struct m *mp, struct g *gp, bool inherit);
_Noreturn void schedule(void);

void casgstatus(struct g *gp, enum gstatus from, enum gstatus to);

/* Holds a waiting G in GSCAN, where goready() waits for it: false if it does not wait. Ctx: g0 or isr. */
bool scan_begin(struct g *gp);
void scan_end(struct g *gp);

/* gp ran until now: its slice is over or it has to leave the core; a timer made another one ready. Ctx: g0. */
_Noreturn void goyield_preempted(struct m *mp, struct g *gp);
_Noreturn void goyield_woken(struct m *mp, struct g *gp);

/* ---- findrunnable.c ---- */
/* An order in which to look at others' queues: each once, another one each time, independent of others'. */
struct steal_order {
    uint32_t n, at, step;
};
struct steal_order steal_order_random(uint32_t n, uint64_t random);
uint32_t steal_order_next(struct steal_order *o);
/* mp is counted in nmspinning no more. Its caller looks into the queues again, or has something to run. */
void stop_spinning(struct m *mp);
/* Never NULL; sleeps while there is nothing. Ctx: g0. */
struct g *findrunnable(struct m *mp, bool *inherit);
/* Something was queued: wakes an idle P if nobody is looking for work. Ctx: preemption off, no locks of
 * RANK_SCHED and above. Source: Go's wakep. */
void wakep(void);
/* Something waits that pp could run. Ctx: any; a hint. */
bool work_waits(struct p *pp);

/* ---- idle.c ---- */
void pidle_put_locked(struct p *pp);
struct p *pidle_get_locked(void);
/* Takes pp off the idle ones: false if it is not among them any more. */
bool pidle_take_locked(struct p *pp);
/* Ends mp's sleep. Its P was taken off idle (or it is to look at its inbox). Ctx: any but isr. */
void m_wake(struct m *mp);
/* If pp is idle it is woken; if it runs without an end of its slice it is told that something waits.
 * Ctx: preemption off. */
void p_wake(struct p *pp);
/* Sleeps until m_wake(), or until a timer of a live P is due or a job that needs it: then false. Ctx: g0. */
bool m_sleep(struct m *mp);

/* ---- preempt.c: slices, alarms, attention ---- */
/* Sets bits for pp and, if its M is another one that runs, interrupts it. Ctx: any, preemption off. */
void p_notify(struct p *pp, uint32_t bits);
static inline void p_attend_to(struct p *pp, uint32_t bits)
{
    atomic_fetch_or_explicit(&pp->attention, bits, memory_order_seq_cst);
}
/* Does what the bits of mp's P ask for; returns with a P that lives. Ctx: g0, no G. */
void attend(struct m *mp);
/* Arms the clock of an M that is about to halt. Ctx: interrupts masked. */
void alarm_idle(struct m *mp);
void timer_isr(struct trapframe *tf);
void wake_isr(struct trapframe *tf);
/* Something now waits on pp, which had no alarm for the end of the slice. Ctx: M that holds pp. */
void slice_arm(struct p *pp);
/* pp has an earlier timer than before. Ctx: preemption off. */
void alarm_earlier(struct p *pp);

/* Runs what is due of the timers of `of`, counted as pp's. Ctx: g0, M that holds pp. */
void p_run_timers(struct p *pp, struct p *of);

/* ---- pinned.c ---- */
bool pinned_allows(const struct g *gp, const struct m *mp);
/* Queues a pinned G on a core that it may run on. Ctx: preemption off. */
void pinned_put(struct g *gp);
/* mp is about to idle: a G that waits for another core, and may run on this one, goes to its inbox. */
void pinned_fetch_locked(struct m *mp);
/* mp's P is to be given to an M that wants one: it is, unless there is none any more. Ctx: g0, no G. */
void handoffp(struct m *mp);
/* mp's P is dead: takes the one that was given to it, or sleeps until one is or its own lives. Ctx: g0, no G. */
void stopm(struct m *mp);
/* Its own P lives again, or it has nextp: true if it must be woken. */
bool m_unpark_locked(struct m *mp);
/* Other Ps live now than before; all their Ms will look at their attention. Ctx: world about to start. */
void pinned_resized_locked(void);

/* ---- stop.c ---- */
/* Nobody else runs a G until the world is started again; every other G's registers are on its stack.
 * Ctx: G, may park. */
void stop_the_world(void);
/* mp's P is to stop: it does, until the world is started. Ctx: g0, no G. */
void gcstopm(struct m *mp);
void start_the_world(void);

/* ---- g.c ---- */
struct g *gfget(struct p *pp); // NULL: no memory
/* Calls visit for every struct g there is, dead ones included. Takes no lock. Ctx: any. */
void g_each(void (*visit)(struct g *gp, void *arg), void *arg);
/* The same for one block of them: begins with NULL, gives the next one, or NULL after the last. */
struct gblock *g_each_block(struct gblock *b, void (*visit)(struct g *gp, void *arg), void *arg);
size_t g_pages(void);
size_t g_structs(void);
void gfput(struct p *pp, struct g *gp);
void gfree_flush(struct p *pp); // pp's dead Gs to the others
/* Goroutines that have not ended; never too few. Ctx: any. */
uint64_t g_count(void);
extern const char *const waitreason_text[NWAITREASON];
/* "goroutine 7 [chan receive]:" with its traceback; pc and fp say where a running one is. */
void g_print(struct g *gp, uintptr_t pc, uintptr_t fp);
/* g_print() of every goroutine that is not running. Ctx: panicking, or the world is stopped. */
void g_print_waiting(void);
void sched_set_panic_hooks(void);

/* ---- sysmon.c ---- */
/* Whether mp's alarm is sysmon's, and when it is due; INT64_MAX: it is another M's. Ctx: preemption off. */
int64_t sysmon_due(struct m *mp);
/* On the timer's interrupt: looks at the other cores. True: sysmon_job() is wanted soon. Ctx: isr. */
bool sysmon_isr(struct m *mp, int64_t now,
                struct trapframe *tf); // tf: what was interrupted; NULL: mp sleeps
/* What needs g0: shrinking, scavenging, schedtrace, a dump that was asked for. Ctx: g0, no locks. */
void sysmon_job(struct m *mp);
/* A job that sysmon_job() must do soon, though every P is idle. Ctx: any. */
bool sysmon_job_urgent(void);
/* mp is about to halt; has been woken. Ctx: g0. */
void sysmon_rest(struct m *mp);
void sysmon_wake(struct m *mp);
/* mp becomes the holder if that has not looked for long. Ctx: any, preemption off. */
void sysmon_take_over(struct m *mp, int64_t now);
void sysmon_backtrace_isr(struct trapframe *tf);
void sysmon_init(void); // Ctx: boot

/* ---- random.c: the one source ---- */
void random_seed(uint64_t seed);
uint64_t p_random(struct p *pp); // Ctx: M that holds pp

#endif
