/*
 * once.c - something that is done once, by whoever comes first.
 *
 * The state goes from NEW to RUNNING and to DONE, or back to NEW if the thread ends inside: then one of those
 * that wait does it.
 */
#include "posix/thread.h"

enum { NEW, RUNNING, DONE };

static void set_state(pthread_once_t *once, unsigned state)
{
    struct monitor *mon = monitor(&once->__monitor);

    lock(&mon->lock);
    /* Release: pairs with the acquire in pthread_once(). */
    __atomic_store_n(&once->__state, state, __ATOMIC_RELEASE);
    struct sudog *waiters = monitor_dequeue_all(mon);
    unlock(&mon->lock);
    monitor_ready_all(waiters);
}

static void give_up(void *once)
{
    set_state(once, NEW);
}

/* True: the caller is to do it. False: somebody has. */
static bool come_first(pthread_once_t *once)
{
    struct monitor *mon = monitor(&once->__monitor);

    for (;;) {
        struct waiter w;
        struct sudog sg = {.g = getg(), .waiter = &w};
        wait_begin_plain(&w);
        lock(&mon->lock);
        if (once->__state != RUNNING)
            break;
        monitor_park(mon, &w, &sg, WAIT_SYNC_MUTEX_LOCK);
    }
    bool first = once->__state == NEW;
    if (first)
        once->__state = RUNNING;
    unlock(&mon->lock);
    return first;
}

int pthread_once(pthread_once_t *once, void (*fn)(void))
{
    if (__atomic_load_n(&once->__state, __ATOMIC_ACQUIRE) == DONE || !come_first(once))
        return 0;
    pthread_cleanup_push(give_up, once);
    fn();
    pthread_cleanup_pop(0);
    set_state(once, DONE);
    return 0;
}
