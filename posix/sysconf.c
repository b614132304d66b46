/*
 * sysconf.c - what a program may ask of the system it runs on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "kernel/layout.h"
#include "kernel/page.h"
#include "rt0/go.h"

/* -1 with errno left alone: there is no limit, or no such option. */
long sysconf(int name)
{
    switch (name) {
    case _SC_NPROCESSORS_ONLN:
    case _SC_NPROCESSORS_CONF:
        return numcpu();
    case _SC_PAGESIZE:
        return PAGE_SIZE;
    case _SC_PHYS_PAGES:
        return (long)page_total();
    case _SC_CLK_TCK:
        return CLOCKS_PER_SEC;
    case _SC_THREAD_KEYS_MAX:
        return PTHREAD_KEYS_MAX;
    case _SC_THREAD_STACK_MIN:
        return PTHREAD_STACK_MIN;
    case _SC_THREAD_DESTRUCTOR_ITERATIONS:
        return PTHREAD_DESTRUCTOR_ITERATIONS;
    case _SC_SEM_VALUE_MAX:
        return SEM_VALUE_MAX;
    case _SC_THREADS:
    case _SC_SEMAPHORES:
    case _SC_BARRIERS:
    case _SC_SPIN_LOCKS:
    case _SC_READER_WRITER_LOCKS:
    case _SC_TIMERS:
    case _SC_TIMEOUTS:
    case _SC_CLOCK_SELECTION:
    case _SC_MONOTONIC_CLOCK:
    case _SC_CPUTIME:
    case _SC_THREAD_CPUTIME:
    case _SC_THREAD_ATTR_STACKSIZE:
    case _SC_THREAD_SAFE_FUNCTIONS:
    case _SC_VERSION:
        return 200809L;
    case _SC_THREAD_THREADS_MAX:
    case _SC_SEM_NSEMS_MAX:
    case _SC_THREAD_PROCESS_SHARED:
    case _SC_THREAD_PRIO_INHERIT:
    case _SC_THREAD_PRIO_PROTECT:
    case _SC_THREAD_PRIORITY_SCHEDULING:
    case _SC_THREAD_ATTR_STACKADDR:
        return -1;
    default:
        errno = EINVAL;
        return -1;
    }
}
