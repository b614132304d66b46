/*
 * sched.c - priorities by POSIX's numbers, and cores.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "rt0/go.h"

#define PRIORITY_MAX 99

int sched_get_priority_max(int policy)
{
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return PRIORITY_MAX;
    if (policy == SCHED_OTHER)
        return 0;
    errno = EINVAL;
    return -1;
}

int sched_get_priority_min(int policy)
{
    int max = sched_get_priority_max(policy);

    return max == PRIORITY_MAX ? 1 : max;
}

int sched_getcpu(void)
{
    return gocpu();
}
