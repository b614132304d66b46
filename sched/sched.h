/*
 * sched.h - G, M, P and what the files of sched/ share.
 *
 *      G  a goroutine: a stack, saved registers, a state
 *      M  a core of the machine, with its own g0 stack on which the scheduler runs
 *      P  the right to run Gs, and the caches that go with it; an M runs Gs only while it holds one
 *
 *        M0 ── P0 ── G (running)         sched.runq: G G G ...     (runnable)
 *        M1 ── P1 ── G (running)         sched.midle: M2           (no work, halted)
 *        M2    P2                        a channel's sendq, recvq  (waiting)
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

/* Go's states; casgstatus() checks each transition. */
enum gstatus {
    GIDLE,     // no goroutine: a g0
    GRUNNABLE, // in a run queue
    GRUNNING,  // on an M
    GWAITING,  // parked; only who holds what it waits for may ready it
    GDEAD,     // ended; in a gfree list
    GSCAN,     // waiting, and somebody looks at its stack: may not be readied meanwhile
    NGSTATUS
};

enum waitreason {
    WAIT_NONE,
    WAIT_CHAN_RECEIVE,
    WAIT_CHAN_SEND,
    WAIT_CHAN_RECEIVE_NIL,
    WAIT_CHAN_SEND_NIL,
    WAIT_LIBC_LOCK,
    NWAITREASON
};

struct g {
    uintptr_t sp;             // w  its struct switchframe, while it does not run
    struct m *m;              // w  whose core it runs on (the last one, while it waits)
    _Atomic(uint32_t) status; // a  enum gstatus; casgstatus()
    uint8_t waitreason;       // w  enum waitreason
    bool shrunk;              // w  in GSCAN or by itself: pages of its stack may rest
    uint32_t stack_max;       // c  while it lives; bytes
    struct stack stack;       // w  bound at the first run
    uintptr_t tls;            // w  the libc's thread pointer, inside the stack
    struct g *schedlink;      // s  next in a run queue; o  next in a gfree list
    uint64_t goid;            // c  while it lives
    void (*fn)(void *);       // c  while it lives
    void *arg;                // c  while it lives
    uint64_t parent_goid;     // c  while it lives; who called go()
    uintptr_t gopc;           // c  while it lives; where go() was called
};
_Static_assert(sizeof(struct g) <= 128, "a million of them");
_Static_assert(offsetof(struct g, sp) == G_SP, "switch.S");
_Static_assert(offsetof(struct g, m) == G_M, "switch.S, cpu.h");

#define STACK_CACHE_MAX 32
#define GFREE_MAX       64

struct p {
    _Alignas(CACHE_LINE) struct mcache mcache; // o  malloc()'s; first, which saves it an addition
    uint32_t id;                               // c  index in allp
    struct pagecache pagecache;                // o, or whoever drops it: single pages
    struct g *gfree;                           // o  dead Gs, ready for reuse
    uint32_t ngfree;                           // o  how many
    struct stacktop *stackcache; // o  free stacks of the default size, last used first
    uint32_t nstackcache;        // o
    _Atomic(uint64_t) trimmed; // a  release by the holder, acquire in reclaim.c: requests honoured
};

struct m {
    struct g *g;    // o  what runs now: g0 or curg (x86-64 only: arm64 has it in TPIDR_EL1)
    struct m *self; // c  (x86-64: read through GS)
    struct g *g0;   // c
    uint32_t locks; // o  > 0: no preemption on this core
    uint32_t id;    // c  index in allm
    struct p *p;    // o
    struct g *curg; // o  the goroutine, or NULL between two
    bool (*park_unlockf)(struct g *gp,
                         void *arg); // o  gopark()'s arguments, on their way to park_m()
    void *park_arg;                  // o
    uint8_t ranks_held[NRANK];       // o  debug: locks held of each lock_rank
    _Atomic(bool) online;            // a  release by the core once it can take interrupts
    _Atomic(bool) stopped;           // a  release by panic_stop_isr(): the core runs no more
    _Atomic(bool) wakeup;            // a  release by m_wake(), acquire in m_sleep()
    _Atomic(bool) idle;              // a  relaxed; in m_sleep()
    _Atomic(uint64_t) timer_irqs;    // a  relaxed; IRQ_TIMERs taken
    _Atomic(uint64_t) tlb_seen;      // a  seq_cst; tlb.c
    uint64_t tlb_before_idle;        // o
    int64_t background_ns;           // o  for when background.c has armed the clock
    struct m *schedlink;             // s  next in midle
    struct g g0_storage;             // what g0 points at
    struct arch_m arch;              // the architecture's (cpu.h)
};
_Static_assert(offsetof(struct m, g) == M_G, "switch.S, cpu.h");
_Static_assert(offsetof(struct m, self) == M_SELF, "cpu.h");
_Static_assert(offsetof(struct m, g0) == M_G0, "switch.S");
_Static_assert(offsetof(struct m, locks) == M_LOCKS, "switch.S");

/* Linked through schedlink; whoever owns it says which lock guards it. */
struct gqueue {
    struct g *head;
    struct g *tail;
    size_t n;
};

struct sched {
    struct spinlock lock;
    struct gqueue runq;  // s  runnable Gs
    struct m *midle;     // s  Ms that sleep, or are about to
    uint32_t nmidle;     // s
    uint32_t nm;         // c  once the cores are started: Ms in allm
    uint32_t nmonline;   // s  Ms that schedule; less than nm if a core did not start
    struct g *gfree;     // s  dead Gs that a P had too many of
    size_t stack_max;    // c  of a goroutine that asks for nothing else
    uint64_t goidgen;    // s
    uint32_t ngoroutine; // s  Gs that are not dead
    bool main_exited;    // s  main called goexit()
};

extern struct sched sched;
extern struct m m0;
extern struct m *allm[MAX_CPUS];
extern struct p *allp[MAX_CPUS];

/* ---- preemption (no preemption happens while m->locks > 0) ---- */

static inline struct m *acquirem(void)
{
    struct m *mp = getm();
    mp->locks++;
    atomic_signal_fence(memory_order_seq_cst);
    return mp;
}

static inline void releasem(struct m *mp)
{
    atomic_signal_fence(memory_order_seq_cst);
    mp->locks--;
}

/*
 * For functions that use the P without acquirem(): they call nothing outside of this section, and a core
 * is never preempted while its pc is in it. Saves the counting of m->locks on the hottest paths.
 */
#define NOPREEMPT __attribute__((section(".text.nopreempt"), noinline))

/* ---- runq.c: sched.lock held ---- */
void gqueue_push(struct gqueue *q, struct g *gp);
struct g *gqueue_pop(struct gqueue *q);

/* ---- proc.c ---- */

/* m0, g0 and p0 out of static memory, so that locks and getg() work. Ctx: the first C code of a boot. */
void sched_init_m0(void);
/* Handlers and panic hooks. Ctx: boot. */
void sched_init(void);
/* Makes an M for each further core and starts it; warns about those that do not come. Ctx: boot. */
void sched_start_cores(unsigned ncpu);
/* Cores that can take interrupts, the boot CPU included. Ctx: boot. */
unsigned sched_count_online(void);
/* Starts the main goroutine and turns the boot CPU into M0 for good. Ctx: boot. */
_Noreturn void sched_run_main(void (*fn)(void *), void *arg);

/*
 * gopark - the current G waits. On g0, when its state is saved, unlockf(arg) is called to let go of
 * what makes it findable; if that returns false it runs on at once. Ctx: G.
 */
void gopark(bool (*unlockf)(struct g *gp, void *arg), void *arg, enum waitreason reason);

/* A waiting G becomes runnable. The caller alone found it. Ctx: G or g0. */
void goready(struct g *gp);

void casgstatus(struct g *gp, enum gstatus from, enum gstatus to);

/* Holds a waiting G in GSCAN, where goready() waits for it: false if it does not wait. Ctx: g0 or isr. */
bool scan_begin(struct g *gp);
void scan_end(struct g *gp);

/* ---- g.c ---- */
struct g *gfget(struct p *pp); // NULL: no memory
/* Calls visit for every struct g there is, dead ones included. Takes no lock. Ctx: any. */
void g_each(void (*visit)(struct g *gp, void *arg), void *arg);
/* The same for one block of them: begins with NULL, gives the next one, or NULL after the last. */
struct gblock *g_each_block(struct gblock *b, void (*visit)(struct g *gp, void *arg), void *arg);
size_t g_pages(void);
size_t g_structs(void);
void gfput(struct p *pp, struct g *gp);
extern const char *const waitreason_text[NWAITREASON];
/* "goroutine 7 [chan receive]:" with its traceback; pc and fp say where a running one is. */
void g_print(struct g *gp, uintptr_t pc, uintptr_t fp);
/* g_print() of every goroutine that is not running. Ctx: panicking. */
void g_print_waiting(void);
void sched_set_panic_hooks(void);

#endif
