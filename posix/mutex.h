/*
 * mutex.h - what condition variables need of mutexes.
 */
#ifndef POSIX_MUTEX_H
#define POSIX_MUTEX_H

#include "posix/thread.h"

/* Gives m up, however deep. *depth is for mutex_regain(). Returns 0; EPERM: it is not the caller's. Nobody is
 * readied and m stays taken until mutex_let_go(). Ctx: G. */
int mutex_give_up(pthread_mutex_t *m, unsigned *depth);

/* The second half, for the goroutine that began it. Ctx: G or g0, no locks. */
void mutex_let_go(pthread_mutex_t *m);

/* Takes m again, as deep as it was. Returns 0, EOWNERDEAD, ENOTRECOVERABLE. Ctx: G. May park. */
int mutex_regain(pthread_mutex_t *m, unsigned depth);

#endif
