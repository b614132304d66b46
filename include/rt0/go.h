/*
 * rt0/go.h - goroutines.
 *
 * A goroutine is a C function on a stack of its own, run by whichever core is free. main() is the
 * first; when it returns or calls exit() the machine ends, whatever the others do.
 */
#ifndef RT0_GO_H
#define RT0_GO_H

#include <stddef.h>
#include <stdint.h>

#define GO_STACK_MIN ((size_t)16 << 10)
#define GO_STACK_MAX ((size_t)1 << 30)

/* What go_with() can be told. Zero is the default everywhere; fields may be added at the end. */
struct go_attr {
    const char *name; // for traces; kept, not copied
    size_t
        stack_max_bytes; // GO_STACK_MIN .. GO_STACK_MAX: how far its stack may grow; 0: as `stackmax=` says
    int prio;            // higher first, for scheduling policies that have priorities
    unsigned weight;     // ... shares
    int64_t deadline_ns; // ... deadlines
    uint64_t affinity;   // bit n: may run on core n; 0: on any
};

/*
 * go - run fn(arg) as a new goroutine.
 * Its stack begins with one page and grows as it is used, up to 256 KiB or what the kernel's key `stackmax=`
 * says, where the machine stops it with "stack overflow". It has its own errno and _Thread_local objects.
 * Returns 0, -EINVAL if fn is NULL, -ENOMEM.
 * Ctx: goroutine. Does not park.
 * Source: Go's go statement (newproc in src/runtime/proc.go).
 */
int go(void (*fn)(void *), void *arg);

/*
 * go_with - the same with attributes; attr may be NULL, and is not kept.
 * stack_max_bytes is rounded up to whole pages. The addresses reserved for it are the next power of two, 64 KiB
 * at least, the lowest page of which is never mapped: a power of two from there on gives a page less than
 * itself.
 * Returns also -EINVAL if stack_max_bytes is out of range or the program's _Thread_local objects would fill half
 * of it, or affinity names no core that runs goroutines.
 */
int go_with(const struct go_attr *attr, void (*fn)(void *), void *arg);

/* gosched - let every other runnable goroutine that waits run first. Ctx: goroutine. */
void gosched(void);

/*
 * goexit - end the calling goroutine; the others go on. From main() too: then the machine ends when
 * another goroutine calls exit(), and with a deadlock report if none is left.
 */
_Noreturn void goexit(void);

/* goid - the calling goroutine's number: 1 for main, never 0, never used again. */
uint64_t goid(void);

/* gocpu - the core (its M's number) that runs the caller; it may be another one the next moment.
 * Ctx: any. */
int gocpu(void);

/* numcpu - cores that run goroutines. Ctx: goroutine. */
int numcpu(void);

/*
 * gomaxprocs - let at most n cores run goroutines, from now on; more than there are is all of them.
 * Stops every core for a moment. Returns the number before; n < 1 only asks.
 * Ctx: goroutine. May park.
 * Source: Go's runtime.GOMAXPROCS.
 */
int gomaxprocs(int n);

/*
 * lockosthread - the calling goroutine stays on the core that it is on, until unlockosthread() has been
 * called as often. Others may run there, too (Go keeps them off the thread). It need not be undone before the end.
 * Ctx: goroutine.
 * Source: Go's runtime.LockOSThread.
 */
void lockosthread(void);
void unlockosthread(void);

/* numgoroutine - goroutines that have not ended, main included. Ctx: goroutine. */
int numgoroutine(void);

#endif
