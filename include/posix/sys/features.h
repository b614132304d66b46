/*
 * sys/features.h - the libc's, and what there is of POSIX beneath the libc.
 *
 * A libc for bare machines takes these for absent, and then does not declare the functions.
 */
#ifndef RT0_POSIX_SYS_FEATURES_H
#define RT0_POSIX_SYS_FEATURES_H

#include_next <sys/features.h>

#if __POSIX_VISIBLE >= 199309
#define _POSIX_TIMERS          200809L
#define _POSIX_MONOTONIC_CLOCK 200809L
#define _POSIX_CLOCK_SELECTION 200809L
#define _POSIX_CPUTIME         200809L
#define _POSIX_THREAD_CPUTIME  200809L
#endif

#if __POSIX_VISIBLE >= 199506
#define _POSIX_THREADS               200809L
#define _POSIX_THREAD_ATTR_STACKSIZE 200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS 200809L
#define _POSIX_SEMAPHORES            200809L
#define _POSIX_TIMEOUTS              200809L
#define _POSIX_BARRIERS              200809L
#define _POSIX_SPIN_LOCKS            200809L
#define _POSIX_READER_WRITER_LOCKS   200809L
#endif

#endif
