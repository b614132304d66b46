/*
 * c11.c - C11's threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "posix/timespec.h"
#include "rt0/go.h"
#include "rt0/time.h"

static int result_of(int err)
{
    switch (err) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
    case EAGAIN:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

/* ---- threads ---- */

/* The start function's result comes back in the register that a pointer comes in; what is above an int of it is
 * cut off in thrd_join(). */
int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
    return result_of(pthread_create(thread, NULL, (void *(*)(void *))(uintptr_t)start, arg));
}

thrd_t thrd_current(void)
{
    return pthread_self();
}

int thrd_equal(thrd_t a, thrd_t b)
{
    return pthread_equal(a, b);
}

int thrd_detach(thrd_t thread)
{
    return result_of(pthread_detach(thread));
}

int thrd_join(thrd_t thread, int *result)
{
    void *r;
    int err = pthread_join(thread, &r);

    if (!err && result)
        *result = (int)(intptr_t)r;
    return result_of(err);
}

void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

/* Nothing interrupts it, so nothing is left. */
int thrd_sleep(const struct timespec *time, struct timespec *left)
{
    if (!timespec_valid(time) || time->tv_sec < 0)
        return -2;
    sleep_ns(timespec_to_ns(time));
    if (left)
        *left = (struct timespec){0};
    return 0;
}

void thrd_yield(void)
{
    gosched();
}

/* ---- mutexes ---- */

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;

    if (type & ~(mtx_recursive | mtx_timed))
        return thrd_error;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    return result_of(pthread_mutex_init(m, &attr));
}

void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy(m);
}

int mtx_lock(mtx_t *m)
{
    return result_of(pthread_mutex_lock(m));
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict abstime)
{
    return result_of(pthread_mutex_timedlock(m, abstime));
}

int mtx_trylock(mtx_t *m)
{
    return result_of(pthread_mutex_trylock(m));
}

int mtx_unlock(mtx_t *m)
{
    return result_of(pthread_mutex_unlock(m));
}

/* ---- condition variables ---- */

int cnd_init(cnd_t *c)
{
    return result_of(pthread_cond_init(c, NULL));
}

void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy(c);
}

int cnd_signal(cnd_t *c)
{
    return result_of(pthread_cond_signal(c));
}

int cnd_broadcast(cnd_t *c)
{
    return result_of(pthread_cond_broadcast(c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result_of(pthread_cond_wait(c, m));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict abstime)
{
    return result_of(pthread_cond_timedwait(c, m, abstime));
}

/* ---- values of threads, once ---- */

int tss_create(tss_t *key, tss_dtor_t destructor)
{
    return pthread_key_create(key, destructor) ? thrd_error : thrd_success;
}

void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
    return pthread_setspecific(key, value) ? thrd_error : thrd_success;
}

void call_once(once_flag *flag, void (*fn)(void))
{
    pthread_once(flag, fn);
}
