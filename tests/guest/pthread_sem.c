/*
 * pthread_sem.c - POSIX semaphores, and threads that are called off.
 *
 * Goal, method and budget: as those of pthread.c.
 * Argument: the number of cores.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt0/go.h"
#include "rt0/time.h"
#include "tests/guest/pthreads.h"

/* ---- semaphores ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t items, room;
static int ring[4], in, out;
static atomic_long consumed;

static void *produce(void *arg)
{
    for (int i = 1; i <= ROUNDS; i++) {
        sem_wait(&room);
        pthread_mutex_lock(&mutex);
        ring[in++ % 4] = i;
        pthread_mutex_unlock(&mutex);
        sem_post(&items);
    }
    return arg;
}

static void *consume(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(&items);
        pthread_mutex_lock(&mutex);
        atomic_fetch_add(&consumed, ring[out++ % 4]);
        pthread_mutex_unlock(&mutex);
        sem_post(&room);
    }
    return arg;
}

static void *wait_for_sem(void *arg)
{
    sem_wait(arg);
    return arg;
}

static bool fails(int result, int err)
{
    return result == -1 && errno == err;
}

static void test_sem(void)
{
    pthread_t t[4];
    sem_t s, *a, *b;
    int value;

    sem_init(&items, 0, 0);
    sem_init(&room, 0, 4);
    for (int i = 0; i < 4; i++)
        t[i] = spawn(i % 2 ? produce : consume, NULL);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    ok(consumed == (long)ROUNDS * (ROUNDS + 1), "what is produced is consumed");
    sem_init(&s, 0, SEM_VALUE_MAX);
    ok(fails(sem_post(&s), EOVERFLOW) && fails(sem_init(&s, 0, SEM_VALUE_MAX + 1u), EINVAL),
       "too many tokens");
    sem_init(&s, 0, 0);
    ok(fails(sem_trywait(&s), EAGAIN) && fails(sem_timedwait(&s, &past), ETIMEDOUT) &&
           fails(sem_timedwait(&s, &no_time), EINVAL) &&
           fails(sem_clockwait(&s, CLOCK_THREAD_CPUTIME_ID, &past), EINVAL) &&
           sem_getvalue(&s, &value) == 0 && value == 0,
       "none");
    ok(fails(sem_open("/x", 0) == SEM_FAILED ? -1 : 0, ENOENT), "no such name");
    ok(fails(sem_open("", O_CREAT, 0600, 1) == SEM_FAILED ? -1 : 0, EINVAL) &&
           fails(sem_open("/", O_CREAT, 0600, 1) == SEM_FAILED ? -1 : 0, EINVAL) &&
           fails(sem_open("/x", O_CREAT, 0600, SEM_VALUE_MAX + 1u) == SEM_FAILED ? -1 : 0, EINVAL),
       "none, too many tokens");
    a = sem_open("/x", O_CREAT, 0600, 1);
    b = sem_open("/x", O_CREAT, 0600, 5);
    ok(a && a == b && sem_trywait(b) == 0 && fails(sem_trywait(a), EAGAIN), "one name, one");
    ok(sem_open("/x", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED && errno == EEXIST, "EEXIST");
    ok(sem_unlink("/x") == 0 && fails(sem_unlink("/x"), ENOENT) && sem_close(a) == 0 &&
           sem_close(b) == 0 && fails(sem_close(&s), EINVAL),
       "it ends when nobody has it");
}

/* Tokens are posted while waiters' times come. */
static struct {
    sem_t s;
    int64_t ns;
    atomic_int got;
} late;

static void *wait_late(void *arg)
{
    struct timespec until = from_now(CLOCK_MONOTONIC, late.ns);

    if (sem_clockwait(&late.s, CLOCK_MONOTONIC, &until) == 0)
        atomic_fetch_add(&late.got, 1);
    return arg;
}

static void test_sem_late(void)
{
    pthread_t t[4];
    int value, lost = 0;

    for (int i = 0; i < 200; i++) {
        sem_init(&late.s, 0, 0);
        late.ns = 50000 + i * 2000;
        atomic_store(&late.got, 0);
        for (int k = 0; k < 4; k++) {
            t[k] = spawn(wait_late, NULL);
            settles(t[k]);
        }
        for (int64_t from = nanotime(); nanotime() - from < late.ns - 20000;)
            ;
        for (int k = 0; k < 4; k++) {
            sem_post(&late.s);
            for (volatile int j = 0; j < i; j++)
                ;
        }
        for (int k = 0; k < 4; k++)
            join(t[k]);
        sem_getvalue(&late.s, &value);
        lost += 4 - value - atomic_load(&late.got);
    }
    ok(lost == 0, "no token is lost to a waiter whose time has come: %d", lost);
}

/* A semaphore on a stack that goes as soon as the token has come. */
static void *post_it(void *arg)
{
    sem_post(arg);
    return NULL;
}

static __attribute__((noinline)) pthread_t wait_on_stack(void)
{
    sem_t s;

    sem_init(&s, 0, 0);
    pthread_t t = spawn(post_it, &s);
    sem_wait(&s);
    memset(&s, 0x5a, sizeof s);
    __asm__ volatile("" ::"r"(&s) : "memory");
    return t;
}

static void test_sem_gone(void)
{
    for (int i = 0; i < ROUNDS; i++)
        join(wait_on_stack());
    ok(true, "%d semaphores are overwritten when the token has come", ROUNDS);
}

/* ---- calling off ---- */

struct pair {
    pthread_mutex_t m;
    pthread_cond_t c;
};

static int order;

static void clean(void *arg)
{
    order = order * 10 + (int)(intptr_t)arg;
}

static void *wait_cleaned(void *arg)
{
    struct pair *ts = arg;

    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    pthread_cleanup_push(clean, (void *)3);
    pthread_cleanup_pop(0);
    pthread_mutex_lock(&ts->m);
    for (;;)
        pthread_cond_wait(&ts->c, &ts->m);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_disabled(void *arg)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    sem_wait(arg);
    pthread_setcancelstate(before, NULL);
    order = 7;
    pthread_testcancel();
    order = 8;
    return NULL;
}

static void *sleep_long(void *arg)
{
    sleep(1000000);
    return arg;
}

static void test_cancel(void)
{
    struct pair ts = {.m = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, .c = PTHREAD_COND_INITIALIZER};
    sem_t s;
    pthread_t t = spawn(wait_cleaned, &ts);

    settles(t);
    ok(pthread_cancel(t) == 0 && join(t) == PTHREAD_CANCELED && order == 21,
       "a wait for a condition is called off, and handlers run, last in first out");
    ok(ts.m.__owner != 0 && pthread_cond_destroy(&ts.c) == 0, "with the mutex locked");
    sem_init(&s, 0, 0);
    t = spawn(wait_for_sem, &s);
    settles(t);
    pthread_cancel(t);
    ok(join(t) == PTHREAD_CANCELED, "a wait for a semaphore");
    t = spawn(sleep_long, NULL);
    settles(t);
    pthread_cancel(t);
    ok(join(t) == PTHREAD_CANCELED, "a sleep");
    t = spawn(wait_disabled, &s);
    settles(t);
    pthread_cancel(t);
    sem_post(&s);
    ok(join(t) == PTHREAD_CANCELED && order == 7, "not while that is disabled, but then");
}

int main(void)
{
    test_sem();
    test_sem_late();
    test_sem_gone();
    test_cancel();
    return done();
}
