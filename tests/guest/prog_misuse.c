/*
 * prog_misuse.c - misuses what is in rt0/sync.h, and timers, in the way that its argument names;
 * tests/check/misuse looks at the report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"
#include "rt0/time.h"
#include "sched/rmutex.h"
#include "sched/sched.h"

#define WAY(fn) \
    {           \
#fn, fn \
    }
#define NOINLINE __attribute__((noinline, noclone))

static struct waitgroup wg;
static struct sema sema;
static struct mutex mutex;
static struct rwmutex rwmutex;
static struct cond cond;
static struct once once;
static struct chan *chan;
static struct timer timer;

static void wait_here(void *arg)
{
    (void)arg;
    waitgroup_wait(&wg);
}

static NOINLINE void wg_negative(void)
{
    waitgroup_add(&wg, 1);
    waitgroup_done(&wg);
    waitgroup_done(&wg);
}

static NOINLINE void wg_negative_waited(void)
{
    waitgroup_add(&wg, 1);
    go(wait_here, NULL);
    while (!(uint32_t)atomic_load(&wg.state))
        gosched();
    waitgroup_add(&wg, -2);
}

static NOINLINE void wg_overflow(void)
{
    waitgroup_add(&wg, INT32_MAX);
    waitgroup_add(&wg, 1);
}

/* Between the last done and the next add the goroutine that waits can't run: this one keeps the
 * only core. */
static NOINLINE void wg_reused(void)
{
    waitgroup_add(&wg, 1);
    go(wait_here, NULL);
    while (!(uint32_t)atomic_load(&wg.state))
        gosched();
    struct m *mp = acquirem();
    waitgroup_done(&wg);
    waitgroup_add(&wg, 1);
    releasem(mp);
    gosched();
}

/* What the word is while the last done lets those go on who wait. */
static NOINLINE void wg_concurrent(void)
{
    atomic_store(&wg.state, 1);
    waitgroup_add(&wg, 1);
}

static NOINLINE void sema_overflow(void)
{
    sema = (struct sema)SEMA_INIT(INT32_MAX);
    sema_release(&sema);
}

/* ---- mutexes ---- */

static NOINLINE void mutex_unlocked(void)
{
    mutex_unlock(&mutex);
}

static void lock_here(void *arg)
{
    (void)arg;
    mutex_lock(&mutex);
    goexit();
}

/* One waits: so the word is not that of a mutex that is free. */
static NOINLINE void mutex_unlocked_twice(void)
{
    mutex_lock(&mutex);
    go(lock_here, NULL);
    while (atomic_load(&mutex.state) == MUTEX_LOCKED)
        gosched();
    struct m *mp = acquirem();
    mutex_unlock(&mutex);
    mutex_unlock(&mutex);
    releasem(mp);
}

static NOINLINE void rwmutex_runlocked(void)
{
    rwmutex_runlock(&rwmutex);
}

static NOINLINE void rwmutex_runlocked_writer(void)
{
    rwmutex_lock(&rwmutex);
    rwmutex_runlock(&rwmutex);
}

static NOINLINE void rwmutex_unlocked(void)
{
    rwmutex_unlock(&rwmutex);
}

static NOINLINE void rwmutex_unlocked_reader(void)
{
    rwmutex_rlock(&rwmutex);
    rwmutex_unlock(&rwmutex);
}

static void write_here(void *arg)
{
    (void)arg;
    rwmutex_lock(&rwmutex);
}

static void one_writes_after(uint64_t state)
{
    go(write_here, NULL);
    while (atomic_load(&rwmutex.state) == state)
        gosched();
}

static NOINLINE void rwmutex_runlocked_waited(void)
{
    rwmutex_lock(&rwmutex);
    one_writes_after(atomic_load(&rwmutex.state));
    rwmutex_runlock(&rwmutex);
}

static NOINLINE void rwmutex_unlocked_waited(void)
{
    rwmutex_rlock(&rwmutex);
    one_writes_after(atomic_load(&rwmutex.state));
    rwmutex_unlock(&rwmutex);
}

/* ---- the libc's locks ---- */

static struct rmutex rmutex = RMUTEX_INIT;

static NOINLINE void libc_unlocked(void)
{
    rmutex_unlock(&rmutex);
}

static void lock_libc_here(void *arg)
{
    (void)arg;
    rmutex_lock(&rmutex);
}

static NOINLINE void libc_unlocked_other(void)
{
    go(lock_libc_here, NULL);
    while (!rmutex.owner)
        gosched();
    rmutex_unlock(&rmutex);
}

/* ---- conds, onces ---- */

static NOINLINE void cond_copied(void)
{
    struct cond copy;

    cond_signal(&cond);
    memcpy((void *)&copy, (void *)&cond, sizeof copy);
    cond_signal(&copy);
}

static NOINLINE void cond_without_mutex(void)
{
    cond_wait(&cond, &mutex);
}

static void do_again(void *arg)
{
    once_do(&once, do_again, arg);
}

static NOINLINE void once_again(void)
{
    once_do(&once, do_again, NULL);
}

static void end_here(void *arg)
{
    (void)arg;
    goexit();
}

static void do_and_end(void *arg)
{
    once_do(&once, end_here, arg);
}

static NOINLINE void once_goexit(void)
{
    go(do_and_end, NULL);
    while (!atomic_load(&once.mutex.state))
        gosched();
    once_do(&once, end_here, NULL);
}

/* ---- functions of timers that block ---- */

static NOINLINE void in_timer(void (*fn)(void *))
{
    timer_start(&timer, 0, 0, fn, NULL);
    for (;;)
        gosched();
}

static void sleeps(void *arg)
{
    (void)arg;
    sleep_ns(1);
}

static void receives(void *arg)
{
    (void)arg;
    chan_recv(chan, NULL);
}

static void waits(void *arg)
{
    (void)arg;
    waitgroup_add(&wg, 1);
    waitgroup_wait(&wg);
}

static void acquires(void *arg)
{
    (void)arg;
    sema_acquire(&sema);
}

static void locks(void *arg)
{
    (void)arg;
    mutex_lock(&mutex);
    mutex_lock(&mutex);
}

static void reads(void *arg)
{
    (void)arg;
    rwmutex_lock(&rwmutex);
    rwmutex_rlock(&rwmutex);
}

static void writes(void *arg)
{
    (void)arg;
    rwmutex_lock(&rwmutex);
    rwmutex_lock(&rwmutex);
}

static void yields(void *arg)
{
    (void)arg;
    gosched();
}

static void timer_sleeps(void)
{
    in_timer(sleeps);
}

static void timer_receives(void)
{
    chan = chan_make(0, 0);
    in_timer(receives);
}

static void timer_waits(void)
{
    in_timer(waits);
}

static void timer_acquires(void)
{
    in_timer(acquires);
}

static void timer_locks(void)
{
    in_timer(locks);
}

static void timer_reads(void)
{
    in_timer(reads);
}

static void timer_writes(void)
{
    in_timer(writes);
}

static void timer_yields(void)
{
    in_timer(yields);
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    WAY(wg_negative),
    WAY(wg_negative_waited),
    WAY(wg_overflow),
    WAY(wg_reused),
    WAY(wg_concurrent),
    WAY(mutex_unlocked),
    WAY(mutex_unlocked_twice),
    WAY(rwmutex_runlocked),
    WAY(rwmutex_runlocked_writer),
    WAY(rwmutex_runlocked_waited),
    WAY(rwmutex_unlocked),
    WAY(rwmutex_unlocked_reader),
    WAY(rwmutex_unlocked_waited),
    WAY(libc_unlocked),
    WAY(libc_unlocked_other),
    WAY(cond_copied),
    WAY(cond_without_mutex),
    WAY(once_again),
    WAY(once_goexit),
    WAY(sema_overflow),
    WAY(timer_sleeps),
    WAY(timer_receives),
    WAY(timer_waits),
    WAY(timer_acquires),
    WAY(timer_locks),
    WAY(timer_reads),
    WAY(timer_writes),
    WAY(timer_yields),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].fn();
    printf("went on\n");
    return 1;
}
