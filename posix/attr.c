/*
 * attr.c - what a thread is made with.
 *
 * A stack's size is how far it may grow; its memory is the machine's to give, so pthread_attr_setstack() is left
 * out. The guard is one page, whatever is asked for.
 */
#include <errno.h>
#include <string.h>

#include "posix/thread.h"
#include "rt0/go.h"

int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = (pthread_attr_t){.__guard_bytes = PAGE_SIZE, .__policy = SCHED_OTHER};
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED)
        return EINVAL;
    attr->__detached = state;
    return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
    *state = attr->__detached;
    return 0;
}

_Static_assert(PTHREAD_STACK_MIN == GO_STACK_MIN, "pthread.h");

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
    if (bytes < PTHREAD_STACK_MIN || bytes > GO_STACK_MAX)
        return EINVAL;
    attr->__stack_bytes = bytes;
    return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *restrict attr, size_t *restrict bytes)
{
    *bytes = attr->__stack_bytes ? attr->__stack_bytes : sched.stack_max;
    return 0;
}

int pthread_attr_getstack(const pthread_attr_t *restrict attr, void **restrict lowest,
                          size_t *restrict bytes)
{
    *lowest = attr->__stack_lo;
    return pthread_attr_getstacksize(attr, bytes);
}

int pthread_attr_setguardsize(pthread_attr_t *attr, size_t bytes)
{
    attr->__guard_bytes = bytes;
    return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *restrict attr, size_t *restrict bytes)
{
    *bytes = attr->__guard_bytes;
    return 0;
}

int pthread_attr_setinheritsched(pthread_attr_t *attr, int inherit)
{
    if (inherit != PTHREAD_INHERIT_SCHED && inherit != PTHREAD_EXPLICIT_SCHED)
        return EINVAL;
    attr->__explicit = inherit;
    return 0;
}

int pthread_attr_getinheritsched(const pthread_attr_t *restrict attr, int *restrict inherit)
{
    *inherit = attr->__explicit;
    return 0;
}

int pthread_attr_setschedpolicy(pthread_attr_t *attr, int policy)
{
    if (sched_get_priority_max(policy) < 0)
        return EINVAL;
    attr->__policy = policy;
    return 0;
}

int pthread_attr_getschedpolicy(const pthread_attr_t *restrict attr, int *restrict policy)
{
    *policy = attr->__policy;
    return 0;
}

int pthread_attr_setschedparam(pthread_attr_t *restrict attr,
                               const struct sched_param *restrict param)
{
    if (param->sched_priority < sched_get_priority_min(attr->__policy) ||
        param->sched_priority > sched_get_priority_max(attr->__policy))
        return EINVAL;
    attr->__param = *param;
    return 0;
}

int pthread_attr_getschedparam(const pthread_attr_t *restrict attr,
                               struct sched_param *restrict param)
{
    *param = attr->__param;
    return 0;
}

int pthread_attr_setscope(pthread_attr_t *attr, int scope)
{
    (void)attr;
    if (scope == PTHREAD_SCOPE_PROCESS)
        return ENOTSUP;
    return scope == PTHREAD_SCOPE_SYSTEM ? 0 : EINVAL;
}

int pthread_attr_getscope(const pthread_attr_t *restrict attr, int *restrict scope)
{
    (void)attr;
    *scope = PTHREAD_SCOPE_SYSTEM;
    return 0;
}

/* go_attr's mask has 64 bits; 0 is any core. */
int pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t bytes, const cpu_set_t *set)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < bytes * 8 && i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set))
            mask |= UINT64_C(1) << i;
    if (set && bytes && !mask)
        return EINVAL;
    attr->__affinity = mask;
    return 0;
}

int pthread_attr_getaffinity_np(const pthread_attr_t *attr, size_t bytes, cpu_set_t *set)
{
    if (bytes < sizeof *set)
        return EINVAL;
    memset(set, 0, bytes);
    set->__bits[0] = attr->__affinity ? attr->__affinity : ~0ul;
    return 0;
}

/* Of a thread that is there. Its stack does not change while it has not `ended`, which takes the lock. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
    struct thread *t = thread_of(thread);
    bool known = false;

    pthread_attr_init(attr);
    while (!known) {
        lock(&t->monitor.lock);
        known = t->ended || t->g;
        if (!t->ended && t->g) {
            attr->__stack_lo = (void *)t->g->stack->lo;
            attr->__stack_bytes = t->g->stack->hi - t->g->stack->lo;
        }
        attr->__detached = t->detached;
        attr->__policy = t->policy;
        attr->__param = t->param;
        unlock(&t->monitor.lock);
        if (!known)
            gosched(); // it has not begun
    }
    return 0;
}
