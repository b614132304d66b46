/*
 * trace.h - the event seam: every scheduling event passes trace_event().
 *
 * Off, it is one predictable branch. On, an event is 32 bytes in the ring of the P on which it happened, which keeps
 * the newest (tracebuf= bytes of them); the rings are read when the program ends, or by a reader of its own. What the
 * events become is no matter of the scheduler. Today:
 *
 *   trace=1      a line for each event that is still there, by time, in nanoseconds since power-on:
 *                "trace: 81234567 P0 G7 GoPark chan receive"; "-" for an event that is of no goroutine
 *   tracehash=1  "tracehash: 0123456789abcdef (N events)": a hash of all events since boot, their times included.
 *                Two runs that have the same did the same at the same times.
 */
#ifndef SCHED_TRACE_H
#define SCHED_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct g;
struct p;

enum trace_kind {
    TRACE_GO_CREATE,  // g was made; arg: its parent's goid
    TRACE_GO_START,   // g runs; arg: 1 if it inherits the slice
    TRACE_GO_END,     // g ended
    TRACE_GO_SCHED,   // g gave way (gosched)
    TRACE_GO_PREEMPT, // g was preempted
    TRACE_GO_PARK,    // g waits; arg: enum waitreason
    TRACE_GO_READY,   // g was made runnable; arg: goid of who did it, 0: g0
    TRACE_STEAL,      // arg: id of the P stolen from; g: the first of them
    TRACE_P_IDLE,     // the P goes to sleep
    TRACE_P_WAKE,     // the P is at work again
    TRACE_P_SPIN,     // it looks for work
    TRACE_TIMER,      // timers ran; arg: how many
    TRACE_STW_BEGIN,  // the world stops
    TRACE_STW_END,
    TRACE_PROCS, // gomaxprocs changed; arg: to what
    NTRACE
};

extern bool trace_on; // c  after boot

/* goid: whom it is about, 0: nobody. Ctx: preemption off, by the M that holds pp. */
void trace_record(struct p *pp, enum trace_kind kind, uint64_t goid, uint64_t arg);

static inline void trace_event(struct p *pp, enum trace_kind kind, uint64_t goid, uint64_t arg)
{
    if (__builtin_expect(trace_on, 0))
        trace_record(pp, kind, goid, arg);
}

/* As the command line says: trace=1, tracehash=1; begins with the caller's P. Without memory for its ring it stops
 * the boot. Ctx: boot, before vm_seal(). */
void trace_init(bool text, bool hash);
/* The ring of a further P, before its first event; nothing to do if tracing is off, or pp has one. Ctx: boot. 0 or
 * -ENOMEM. */
int trace_init_p(struct p *pp);
/* The events as text, the hash. Ctx: at the program's end, when the other cores have stopped and this one prints
 * without the console's lock (console_break_lock()). */
void trace_finish(void);

#endif
