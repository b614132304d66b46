/*
 * threads.h - C11's threads: POSIX's (pthread.h) by other names.
 */
#ifndef _THREADS_H
#define _THREADS_H

#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#else
#define thread_local _Thread_local
#endif

#define TSS_DTOR_ITERATIONS 4
#define ONCE_FLAG_INIT \
    {                  \
        {0, 0, 0}, 0   \
    }

enum { mtx_plain = 0, mtx_recursive = 1, mtx_timed = 2 };
enum { thrd_success = 0, thrd_busy = 1, thrd_error = 2, thrd_nomem = 3, thrd_timedout = 4 };

typedef pthread_t thrd_t;
typedef pthread_mutex_t mtx_t;
typedef pthread_cond_t cnd_t;
typedef pthread_key_t tss_t;
typedef pthread_once_t once_flag;
typedef int (*thrd_start_t)(void *);
typedef void (*tss_dtor_t)(void *);

int thrd_create(thrd_t *thread, thrd_start_t start, void *arg);
thrd_t thrd_current(void);
int thrd_equal(thrd_t a, thrd_t b);
int thrd_detach(thrd_t thread);
int thrd_join(thrd_t thread, int *result);
void thrd_exit(int result) __attribute__((__noreturn__));
int thrd_sleep(const struct timespec *time, struct timespec *left);
void thrd_yield(void);

int mtx_init(mtx_t *m, int type);
void mtx_destroy(mtx_t *m);
int mtx_lock(mtx_t *m);
int mtx_timedlock(mtx_t *__restrict m, const struct timespec *__restrict abstime);
int mtx_trylock(mtx_t *m);
int mtx_unlock(mtx_t *m);

int cnd_init(cnd_t *c);
void cnd_destroy(cnd_t *c);
int cnd_signal(cnd_t *c);
int cnd_broadcast(cnd_t *c);
int cnd_wait(cnd_t *c, mtx_t *m);
int cnd_timedwait(cnd_t *__restrict c, mtx_t *__restrict m,
                  const struct timespec *__restrict abstime);

int tss_create(tss_t *key, tss_dtor_t destructor);
void tss_delete(tss_t key);
void *tss_get(tss_t key);
int tss_set(tss_t key, void *value);

void call_once(once_flag *flag, void (*fn)(void));

#ifdef __cplusplus
}
#endif

#endif
