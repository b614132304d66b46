/*
 * thread.h - what a goroutine is to POSIX.
 */
#ifndef POSIX_THREAD_H
#define POSIX_THREAD_H

#include <pthread.h>

#include "posix/monitor.h"
#include "rt0/cancel.h"

#define THREAD_NAME_BYTES 16

struct key_block;

/* Access:  o  its own goroutine   l  monitor.lock   c  constant once it runs   a  atomic, relaxed */
struct thread {
    struct monitor monitor;       // who waits in pthread_join()
    struct thread *joiner;        // l  one that has come to wait for it
    bool detached;                // l
    bool ended;                   // l  result is there
    void *result;                 // l
    struct g *g;                  // l  NULL: has not run yet
    void *(*start)(void *);       // c  NULL: not made by pthread_create()
    void *arg;                    // c
    char name[THREAD_NAME_BYTES]; // l
    struct sched_param param;     // c
    int policy;                   // c

    struct cancel cancel;              // pthread_cancel() fires it
    _Atomic(uint8_t) cancel_state;     // a  o stores
    _Atomic(uint8_t) cancel_type;      // a  o stores
    struct __pthread_cleanup *cleanup; // o  the last one pushed
    struct key_block *keys[32];        // o  key.c
    pthread_mutex_t *robust;           // o  that it holds
};

/* The calling goroutine's; made if there is none yet. Without memory for it the program ends. Ctx: G. */
struct thread *thread_self(void);
/* The same; NULL if there is none. */
struct thread *thread_self_if_any(void);

static inline struct thread *thread_of(pthread_t t)
{
    return (struct thread *)t;
}

/* What a call at which a thread may be called off waits with; NULL: it may not. Ctx: G. */
struct cancel *thread_cancel(void);
/* It was called off while it waited, and has put things in order. Ctx: G. */
_Noreturn void thread_canceled(void);

/* key.c: destructors, and the memory. */
void keys_end(struct thread *t);
/* mutex.c: what it holds has lost its owner. */
void robust_end(struct thread *t);

#endif
