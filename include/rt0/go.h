/*
 * rt0/go.h - goroutines.
 *
 * A goroutine is a C function on a stack of its own, run by whichever core is free. main() is the
 * first; when it returns or calls exit() the machine ends, whatever the others do.
 */
#ifndef RT0_GO_H
#define RT0_GO_H

#include <stdint.h>

/*
 * go - run fn(arg) as a new goroutine.
 * It has a stack of 64 KiB below which the machine stops it with "stack overflow", and its own errno
 * and _Thread_local objects.
 * Returns 0, -EINVAL if fn is NULL, -ENOMEM.
 * Ctx: goroutine. Does not park.
 * Source: Go's go statement (newproc in src/runtime/proc.go).
 */
int go(void (*fn)(void *), void *arg);

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

/* numgoroutine - goroutines that have not ended, main included. Ctx: goroutine. */
int numgoroutine(void);

#endif
