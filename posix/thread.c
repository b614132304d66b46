/*
 * thread.c - threads: goroutines that others can wait for.
 *
 * Lifetime:  a struct thread is made by pthread_create(), or when a goroutine that has none is asked who it is
 *            (thread_self()). It is freed by the last of two: its goroutine's end, and pthread_join() or
 *            pthread_detach(). `ended` and `detached` change under its lock; the end's last access is the
 *            release of that lock. Nobody joins a goroutine that is no thread's, so it counts as detached; main
 *            can be joined.
 * The end:   pthread_exit(), the return of the start function, and the end of a goroutine that has a struct
 *            thread all come to thread_end(): cleanup handlers, destructors of keys, robust mutexes, and then the
 *            result is there for who joins.
 * The last:  POSIX ends the process with status 0 when its last thread ends, and main counts as one. `living`
 *            counts them.
 * Left out:  the stack is the scheduler's: a thread that was joined may have some instructions left to run on it.
 */
#include "posix/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/libc.h"
#include "posix/deadline.h"
#include "rt0/go.h"

/* What self is after the end. */
static struct thread gone;

static _Thread_local struct thread *self; // NULL: nobody has asked yet
static _Atomic(unsigned) living = 1;      // relaxed, but the last decrement: acquire-release

/* ---- who it is ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) struct thread *adopt(void)
{
    struct thread *t = calloc(1, sizeof(struct thread));

    if (!t)
        throw("out of memory: a thread's state for goroutine %lu", goid());
    t->g = getg();
    t->detached = goid() != 1;
    if (goid() != 1)
        atomic_fetch_add_explicit(&living, 1, memory_order_relaxed);
    strcpy(t->name, goid() == 1 ? "main" : "goroutine");
    return self = t;
}

struct thread *thread_self(void)
{
    return self ? self : adopt();
}

struct thread *thread_self_if_any(void)
{
    return self;
}

pthread_t pthread_self(void)
{
    return (pthread_t)thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void thread_free(struct thread *t)
{
    cancel_end(&t->cancel);
    free(t);
}

/* Whoever joins it may free it once the lock is released. */
static void publish(struct thread *t, void *result)
{
    lock(&t->monitor.lock);
    bool detached = t->detached;
    t->result = result;
    t->ended = true;
    struct sudog *joiners = monitor_dequeue_all(&t->monitor);
    unlock(&t->monitor.lock);
    monitor_ready_all(joiners);
    if (detached)
        thread_free(t);
}

static void thread_end(struct thread *t, void *result)
{
    struct __pthread_cleanup *c;

    atomic_store_explicit(&t->cancel_state, PTHREAD_CANCEL_DISABLE, memory_order_relaxed);
    while ((c = t->cleanup) != NULL) {
        t->cleanup = c->__next;
        c->__routine(c->__arg);
    }
    keys_end(t);
    robust_end(t);
    if (atomic_fetch_sub_explicit(&living, 1, memory_order_acq_rel) == 1)
        exit(0);
    self = &gone;
    publish(t, result);
}

/* A goroutine that is not pthread_create()'s ends, or one by goexit(). */
void posix_thread_exit(void)
{
    if (self != &gone && (self || goid() == 1))
        thread_end(thread_self(), NULL);
}

_Noreturn void pthread_exit(void *result)
{
    thread_end(thread_self(), result);
    goexit();
}

void __pthread_cleanup_push(struct __pthread_cleanup *c)
{
    struct thread *t = thread_self();

    c->__next = t->cleanup;
    t->cleanup = c;
}

void __pthread_cleanup_pop(struct __pthread_cleanup *c, int execute)
{
    thread_self()->cleanup = c->__next;
    if (execute)
        c->__routine(c->__arg);
}

/* ---- the beginning ------------------------------------------------------------------------------ */

static void run(void *arg)
{
    struct thread *t = arg;

    self = t;
    lock(&t->monitor.lock);
    t->g = getg();
    unlock(&t->monitor.lock);
    pthread_exit(t->start(t->arg));
}

static void set_up(struct thread *t, const pthread_attr_t *attr, struct go_attr *ga)
{
    t->policy = SCHED_OTHER;
    strcpy(t->name, "thread");
    if (!attr)
        return;
    t->detached = attr->__detached;
    if (attr->__explicit == PTHREAD_EXPLICIT_SCHED) {
        t->policy = attr->__policy;
        t->param = attr->__param;
        ga->prio = attr->__param.sched_priority;
    }
    ga->stack_max_bytes = attr->__stack_bytes;
    ga->affinity = attr->__affinity;
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
                   void *(*start)(void *), void *restrict arg)
{
    struct thread *t = calloc(1, sizeof(struct thread));
    struct go_attr ga = {0};

    if (!t)
        return EAGAIN;
    set_up(t, attr, &ga);
    t->start = start;
    t->arg = arg;
    *thread = (pthread_t)t;
    atomic_fetch_add_explicit(&living, 1, memory_order_relaxed);
    int err = go_with(&ga, run, t);
    if (err) {
        atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
        thread_free(t);
    }
    return err == -ENOMEM ? EAGAIN : -err;
}

/* ---- joining ------------------------------------------------------------------------------------ */

/* Waits until t has ended. Ctx: t->joiner is the caller. */
static int wait_for_end(struct thread *t, int64_t deadline, struct cancel *cancel)
{
    struct waiter w;
    struct sudog sg = {.g = getg(), .waiter = &w};
    int err = wait_begin(&w, deadline, cancel);

    if (err)
        return -err;
    lock(&t->monitor.lock);
    if (t->ended) {
        unlock(&t->monitor.lock);
        wait_end(&w);
        return 0;
    }
    monitor_park(&t->monitor, &w, &sg, WAIT_WAITGROUP);
    if (!w.by) {
        lock(&t->monitor.lock);
        waitq_remove(&t->monitor.q, &sg);
        unlock(&t->monitor.lock);
    }
    return -wait_end(&w);
}

/* Two that wait for each other do so for ever, unless one of them is called off. */
static bool joins_in_circle(struct thread *t, struct thread *me)
{
    return t == me ||
           (__atomic_load_n(&me->joiner, __ATOMIC_RELAXED) == t && !cancel_err(&t->cancel));
}

static int begin_join(struct thread *t, struct thread *me, bool wait)
{
    int err = 0;

    lock(&t->monitor.lock);
    if (t->detached || t->joiner)
        err = EINVAL;
    else if (joins_in_circle(t, me))
        err = EDEADLK;
    else if (!t->ended && !wait)
        err = EBUSY;
    else
        t->joiner = me;
    unlock(&t->monitor.lock);
    return err;
}

static void give_up_join(struct thread *t)
{
    lock(&t->monitor.lock);
    t->joiner = NULL;
    unlock(&t->monitor.lock);
}

static int join(pthread_t thread, void **result, bool wait, clockid_t clock,
                const struct timespec *abstime)
{
    struct thread *t = thread_of(thread);
    struct cancel *cancel = wait ? thread_cancel() : NULL;
    int64_t deadline;

    if (wait)
        pthread_testcancel();
    int err = deadline_of(clock, abstime, &deadline);
    if (err || (err = begin_join(t, thread_self(), wait)) != 0)
        return err;
    if (wait && (err = wait_for_end(t, deadline, cancel)) != 0) {
        give_up_join(t);
        if (err == ECANCELED)
            thread_canceled();
        return err;
    }
    if (result)
        *result = t->result;
    thread_free(t);
    return 0;
}

int pthread_join(pthread_t thread, void **result)
{
    return join(thread, result, true, CLOCK_REALTIME, NULL);
}

int pthread_tryjoin_np(pthread_t thread, void **result)
{
    return join(thread, result, false, CLOCK_REALTIME, NULL);
}

int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *abstime)
{
    return join(thread, result, true, CLOCK_REALTIME, abstime);
}

int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                         const struct timespec *abstime)
{
    return join(thread, result, true, clock, abstime);
}

int pthread_detach(pthread_t thread)
{
    struct thread *t = thread_of(thread);
    bool ended = false;
    int err = 0;

    lock(&t->monitor.lock);
    if (t->detached || t->joiner) {
        err = EINVAL;
    } else {
        t->detached = true;
        ended = t->ended;
    }
    unlock(&t->monitor.lock);
    if (ended)
        thread_free(t);
    return err;
}

/* ---- calling off -------------------------------------------------------------------------------- */

static bool cancelable(struct thread *t)
{
    return atomic_load_explicit(&t->cancel_state, memory_order_relaxed) == PTHREAD_CANCEL_ENABLE;
}

struct cancel *thread_cancel(void)
{
    return self && cancelable(self) ? &self->cancel : NULL;
}

_Noreturn void thread_canceled(void)
{
    pthread_exit(PTHREAD_CANCELED);
}

int pthread_cancel(pthread_t thread)
{
    struct thread *t = thread_of(thread);

    cancel_fire(&t->cancel);
    if (t == self && atomic_load_explicit(&t->cancel_type, memory_order_relaxed))
        pthread_testcancel();
    return 0;
}

void pthread_testcancel(void)
{
    struct cancel *c = thread_cancel();

    if (c && cancel_err(c))
        thread_canceled();
}

int pthread_setcancelstate(int state, int *before)
{
    struct thread *t = thread_self();

    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (before)
        *before = atomic_load_explicit(&t->cancel_state, memory_order_relaxed);
    atomic_store_explicit(&t->cancel_state, (uint8_t)state, memory_order_relaxed);
    return 0;
}

int pthread_setcanceltype(int type, int *before)
{
    struct thread *t = thread_self();

    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (before)
        *before = atomic_load_explicit(&t->cancel_type, memory_order_relaxed);
    atomic_store_explicit(&t->cancel_type, (uint8_t)type, memory_order_relaxed);
    return 0;
}

/* ---- the rest ----------------------------------------------------------------------------------- */

int pthread_yield(void)
{
    gosched();
    return 0;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
    struct thread *t = thread_of(thread);
    size_t bytes = strlen(name) + 1;

    if (bytes > sizeof t->name)
        return ERANGE;
    lock(&t->monitor.lock);
    memcpy(t->name, name, bytes);
    unlock(&t->monitor.lock);
    return 0;
}

int pthread_getname_np(pthread_t thread, char *name, size_t bytes)
{
    struct thread *t = thread_of(thread);
    char copy[THREAD_NAME_BYTES];

    lock(&t->monitor.lock);
    memcpy(copy, t->name, sizeof copy);
    unlock(&t->monitor.lock);
    if (strlen(copy) >= bytes)
        return ERANGE;
    strcpy(name, copy);
    return 0;
}

int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
    struct thread *t = thread_of(thread);

    *policy = t->policy;
    *param = t->param;
    return 0;
}

/* A hint that is kept and not used: every goroutine may run on every core. */
static _Atomic(int) concurrency;

int pthread_setconcurrency(int level)
{
    if (level < 0)
        return EINVAL;
    atomic_store_explicit(&concurrency, level, memory_order_relaxed);
    return 0;
}

int pthread_getconcurrency(void)
{
    return atomic_load_explicit(&concurrency, memory_order_relaxed);
}

/* There is no fork() that could call them. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    (void)prepare;
    (void)parent;
    (void)child;
    return 0;
}
