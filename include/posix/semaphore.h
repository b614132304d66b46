/*
 * semaphore.h - POSIX semaphores (docs/posix.md): they return 0, or -1 with errno set.
 */
#ifndef _SEMAPHORE_H
#define _SEMAPHORE_H

#include <fcntl.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SEM_VALUE_MAX
#define SEM_VALUE_MAX 2147483647
#endif

typedef struct {
    struct __monitor __monitor;
    unsigned __value;
} sem_t;

#define SEM_FAILED ((sem_t *)0)

int sem_init(sem_t *s, int shared, unsigned value);
int sem_destroy(sem_t *s);
int sem_wait(sem_t *s);
int sem_trywait(sem_t *s);
int sem_timedwait(sem_t *__restrict s, const struct timespec *__restrict abstime);
int sem_clockwait(sem_t *__restrict s, clockid_t clock, const struct timespec *__restrict abstime);
int sem_post(sem_t *s);
int sem_getvalue(sem_t *__restrict s, int *__restrict value);

/* Names are the program's: there is no other. With O_CREAT: mode_t, unsigned value. */
sem_t *sem_open(const char *name, int flags, ...);
int sem_close(sem_t *s);
int sem_unlink(const char *name);

#ifdef __cplusplus
}
#endif

#endif
