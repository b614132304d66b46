/*
 * pthread.c - POSIX threads keep POSIX's promises.
 *
 * Goal:   what each function returns, in refusals too; mutual exclusion; who waits goes on; the memory of an object
 *         may be used again as soon as the standard says so; what runs at a thread's end.
 * Method: threads and no fixed sleeps: where a case needs a thread that waits, settles() lets others run until it
 *         is parked; deadlines are past, or far away, or raced against on purpose.
 * Budget: 10 s.
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
#include "tests/guest/hoard.h"
#include "tests/guest/pthreads.h"

/* ---- threads ---- */

static void *echo(void *arg)
{
    return arg;
}

static void *wait_for_sem(void *arg)
{
    sem_wait(arg);
    return arg;
}

static void *join_it(void *arg)
{
    return (void *)(intptr_t)pthread_join(*(pthread_t *)arg, NULL);
}

static void test_join(void)
{
    pthread_t t[200], main_thread = pthread_self();
    char name[16];
    static sem_t s; // the detached one may come to it last
    bool all = true;

    for (intptr_t i = 0; i < 200; i++)
        t[i] = spawn(echo, (void *)i);
    for (intptr_t i = 0; i < 200; i++)
        all &= join(t[i]) == (void *)i;
    ok(all, "200 threads' results");
    sem_init(&s, 0, 0);
    t[0] = spawn(wait_for_sem, &s);
    t[1] = spawn(join_it, &t[0]);
    settles(t[1]);
    ok(pthread_tryjoin_np(t[0], NULL) == EINVAL && pthread_detach(t[0]) == EINVAL,
       "one that somebody joins is not joined or detached by others");
    sem_post(&s);
    ok(join(t[1]) == NULL, "who is told of its end");
    t[0] = spawn(wait_for_sem, &s);
    ok(pthread_tryjoin_np(t[0], NULL) == EBUSY, "EBUSY while it runs");
    ok(pthread_timedjoin_np(t[0], NULL, &past) == ETIMEDOUT &&
           pthread_timedjoin_np(t[0], NULL, &no_time) == EINVAL,
       "ETIMEDOUT, EINVAL");
    ok(pthread_setname_np(t[0], "a name") == 0 &&
           pthread_getname_np(t[0], name, sizeof name) == 0 && strcmp(name, "a name") == 0 &&
           pthread_setname_np(t[0], "sixteen characters") == ERANGE &&
           pthread_getname_np(t[0], name, 3) == ERANGE,
       "names have up to 15 characters");
    sem_post(&s);
    join(t[0]);
    t[1] = spawn(join_it, &main_thread);
    settles(t[1]);
    ok(pthread_join(t[1], NULL) == EDEADLK && pthread_join(main_thread, NULL) == EINVAL,
       "no circle of joins");
    pthread_cancel(t[1]);
    ok(join(t[1]) == PTHREAD_CANCELED, "a join is called off");
    ok(pthread_join(main_thread, NULL) == EDEADLK, "nobody joins himself");
    t[0] = spawn(wait_for_sem, &s);
    ok(pthread_detach(t[0]) == 0 && pthread_detach(t[0]) == EINVAL &&
           pthread_join(t[0], NULL) == EINVAL,
       "a detached one is not joined");
    sem_post(&s);
}

static void *use_stack(void *arg)
{
    pthread_attr_t attr;
    void *lo;
    size_t bytes;
    volatile char far[1 << 20];

    for (size_t i = 0; i < sizeof far; i += 1024)
        far[i] = 1;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &lo, &bytes);
    *(bool *)arg = (char *)far > (char *)lo && (char *)far + sizeof far < (char *)lo + bytes;
    return NULL;
}

static void test_attr(void)
{
    pthread_attr_t attr;
    struct sched_param param = {.sched_priority = 7};
    size_t bytes;
    bool inside = false;
    pthread_t t;
    int state;

    pthread_attr_init(&attr);
    ok(pthread_attr_setstacksize(&attr, 100) == EINVAL &&
           pthread_attr_setstacksize(&attr, 4 << 20) == 0 &&
           pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes == 4 << 20,
       "stack sizes");
    ok(pthread_create(&t, &attr, use_stack, &inside) == 0 && pthread_join(t, NULL) == 0 && inside,
       "a thread uses a megabyte of 4, and knows where it is");
    ok(pthread_attr_setschedparam(&attr, &param) == EINVAL &&
           pthread_attr_setschedpolicy(&attr, 1234) == EINVAL &&
           pthread_attr_setschedpolicy(&attr, SCHED_FIFO) == 0 &&
           pthread_attr_setschedparam(&attr, &param) == 0 &&
           pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0 &&
           pthread_create(&t, &attr, echo, NULL) == 0 &&
           pthread_getschedparam(t, &state, &param) == 0 && state == SCHED_FIFO &&
           param.sched_priority == 7 && pthread_join(t, NULL) == 0,
       "priorities are told");
    ok(pthread_attr_setdetachstate(&attr, 99) == EINVAL &&
           pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
           pthread_attr_getdetachstate(&attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED,
       "detached");
    ok(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == ENOTSUP, "no scopes");
}

/* ---- mutexes ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded;

static void *count_guarded(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(arg);
        long v = guarded;
        if (i % 16 == 0)
            sched_yield();
        guarded = v + 1;
        pthread_mutex_unlock(arg);
    }
    return NULL;
}

static void *lock_timed(void *arg)
{
    return (void *)(intptr_t)pthread_mutex_timedlock(arg, &past);
}

static void *lock_it(void *arg)
{
    return (void *)(intptr_t)pthread_mutex_lock(arg);
}

static void *lock_and_unlock(void *arg)
{
    pthread_mutex_lock(arg);
    return (void *)(intptr_t)pthread_mutex_unlock(arg);
}

static int try_elsewhere(pthread_mutex_t *m)
{
    return (int)(intptr_t)join(spawn(lock_timed, m));
}

static void test_mutex(void)
{
    pthread_mutex_t check_m = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_t rec = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutexattr_t attr;
    pthread_t t;

    all_of(count_guarded, &mutex);
    ok(guarded == THREADS * ROUNDS, "%d threads count to %d: %ld", THREADS, THREADS * ROUNDS,
       guarded);
    pthread_mutex_lock(&mutex);
    ok(pthread_mutex_trylock(&mutex) == EBUSY && pthread_mutex_destroy(&mutex) == EBUSY &&
           try_elsewhere(&mutex) == ETIMEDOUT,
       "EBUSY and ETIMEDOUT while it is taken");
    ok(pthread_mutex_timedlock(&mutex, &past) == ETIMEDOUT &&
           pthread_mutex_timedlock(&mutex, &no_time) == EINVAL &&
           pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL,
       "by its owner, too");
    t = spawn(lock_and_unlock, &mutex);
    settles(t);
    pthread_mutex_unlock(&mutex);
    ok(join(t) == NULL && pthread_mutex_timedlock(&mutex, &no_time) == 0,
       "a time is looked at only by who waits");
    pthread_mutex_unlock(&mutex);
    ok(pthread_mutex_unlock(&mutex) == EPERM && pthread_mutex_destroy(&mutex) == 0, "free");
    pthread_mutex_init(&mutex, NULL);
    ok(pthread_mutex_lock(&check_m) == 0 && pthread_mutex_lock(&check_m) == EDEADLK &&
           pthread_mutex_unlock(&check_m) == 0 && pthread_mutex_unlock(&check_m) == EPERM,
       "error checking");
    ok(pthread_mutex_lock(&rec) == 0 && pthread_mutex_trylock(&rec) == 0 &&
           pthread_mutex_unlock(&rec) == 0 && try_elsewhere(&rec) == ETIMEDOUT &&
           pthread_mutex_unlock(&rec) == 0 && pthread_mutex_unlock(&rec) == EPERM &&
           try_elsewhere(&rec) == 0,
       "recursive");
    pthread_mutexattr_init(&attr);
    ok(pthread_mutexattr_settype(&attr, 99) == EINVAL &&
           pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == ENOTSUP,
       "no other kinds");
}

static atomic_bool stop;

static void *hog(void *arg)
{
    while (!atomic_load(&stop)) {
        pthread_mutex_lock(arg);
        for (volatile int i = 0; i < 100000; i++) // nearly all of its time
            ;
        pthread_mutex_unlock(arg);
    }
    return NULL;
}

static void test_mutex_starving(void)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_t hogs[2];

    atomic_store(&stop, false);
    hogs[0] = spawn(hog, &m);
    hogs[1] = spawn(hog, &m);
    for (int i = 0; i < 30; i++)
        lock_and_unlock(&m);
    atomic_store(&stop, true);
    join(hogs[0]);
    join(hogs[1]);
    ok(pthread_mutex_trylock(&m) == 0 && !m.__monitor.__first,
       "two that lock it again and again do not keep a third one out");
}

/* A waiter that was woken in vain after more than a millisecond gets it at the next unlock. False: it was not in
 * vain. */
static bool starve(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    pthread_t t = spawn(lock_and_unlock, m);
    settles(t);
    for (int64_t from = nanotime(); nanotime() - from < 2000000;)
        sched_yield();
    pthread_mutex_unlock(m);
    bool again = pthread_mutex_trylock(m) == 0;
    if (again) {
        settles(t);
        again = !__atomic_load_n(&thread_of(t)->ended, __ATOMIC_RELAXED); // had it in between
        if (again)
            ok(m->__starving, "a waiter that was overtaken for a millisecond is next");
        pthread_mutex_unlock(m);
    }
    join(t);
    return again;
}

static void test_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_t t;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &attr);
    join(spawn(lock_it, &m));
    ok(pthread_mutex_lock(&m) == EOWNERDEAD, "its owner has ended");
    ok(pthread_mutex_consistent(&m) == 0 && pthread_mutex_consistent(&m) == EINVAL &&
           pthread_mutex_unlock(&m) == 0 && pthread_mutex_lock(&m) == 0 &&
           pthread_mutex_unlock(&m) == 0,
       "and all is well again");
    join(spawn(lock_it, &m));
    pthread_mutex_lock(&m);
    t = spawn(lock_it, &m);
    settles(t);
    pthread_mutex_unlock(&m);
    ok(join(t) == (void *)ENOTRECOVERABLE && pthread_mutex_lock(&m) == ENOTRECOVERABLE &&
           pthread_mutex_trylock(&m) == ENOTRECOVERABLE,
       "or never, also for who waits");
}

/* ---- condition variables ---- */

struct turns {
    pthread_mutex_t m;
    pthread_cond_t c;
    int turn, of;
};

static void *take_turns(void *arg)
{
    struct turns *ts = arg;

    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&ts->m);
        int me = ts->turn++; // a number, and the next one
        while (ts->of != me)
            pthread_cond_wait(&ts->c, &ts->m);
        ts->of++;
        pthread_cond_broadcast(&ts->c);
        pthread_mutex_unlock(&ts->m);
    }
    return NULL;
}

static void *wait_cond(void *arg)
{
    struct turns *ts = arg;

    pthread_mutex_lock(&ts->m);
    while (ts->turn == 0)
        pthread_cond_wait(&ts->c, &ts->m);
    ts->turn--;
    pthread_mutex_unlock(&ts->m);
    return NULL;
}

static void test_cond(void)
{
    struct turns ts = {.m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER};
    struct timespec soon;
    pthread_t t[3];
    int err;

    all_of(take_turns, &ts);
    ok(ts.of == THREADS * ROUNDS, "turns");
    ts.turn = 0;
    for (int i = 0; i < 3; i++) {
        t[i] = spawn(wait_cond, &ts);
        settles(t[i]);
    }
    ok(pthread_cond_destroy(&ts.c) == EBUSY, "destroying it while threads wait");
    pthread_mutex_lock(&ts.m);
    ts.turn = 1;
    pthread_cond_signal(&ts.c);
    pthread_mutex_unlock(&ts.m);
    join(t[0]);
    ok(ts.turn == 0, "a signal is for the first");
    pthread_mutex_lock(&ts.m);
    ts.turn = 2;
    pthread_cond_broadcast(&ts.c);
    pthread_mutex_unlock(&ts.m);
    join(t[1]);
    join(t[2]);
    pthread_mutex_lock(&ts.m);
    soon = from_now(CLOCK_MONOTONIC, 1000000);
    do
        err = pthread_cond_clockwait(&ts.c, &ts.m, CLOCK_MONOTONIC, &soon);
    while (err == 0);
    ok(err == ETIMEDOUT && pthread_cond_timedwait(&ts.c, &ts.m, &past) == ETIMEDOUT &&
           pthread_cond_timedwait(&ts.c, &ts.m, &no_time) == EINVAL,
       "ETIMEDOUT, EINVAL");
    struct timespec now = from_now(CLOCK_MONOTONIC, 0);
    ok(now.tv_sec > soon.tv_sec || (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec),
       "not early");
    ok(pthread_mutex_unlock(&ts.m) == 0 && pthread_mutex_destroy(&ts.m) == 0 &&
           pthread_cond_destroy(&ts.c) == 0,
       "and has the mutex again");
}

/* Waiters with deadlines that come while others broadcast, destroy and overwrite the condition. */
struct gone {
    pthread_cond_t *c;
    int64_t ns;
    bool over;
};
static pthread_mutex_t gone_lock = PTHREAD_MUTEX_INITIALIZER;

static void *wait_gone(void *arg)
{
    struct gone *g = arg;
    struct timespec until = from_now(CLOCK_MONOTONIC, g->ns);

    pthread_mutex_lock(&gone_lock);
    if (!g->over)
        pthread_cond_clockwait(g->c, &gone_lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&gone_lock);
    return NULL;
}

static void test_cond_destroyed(void)
{
    int refused = 0;

    for (int i = 0; i < 200; i++) {
        pthread_cond_t c = PTHREAD_COND_INITIALIZER;
        struct gone g = {.c = &c, .ns = 20000 + i * 500};
        pthread_t t[4];
        for (int k = 0; k < 4; k++)
            t[k] = spawn(wait_gone, &g);
        for (int k = 0; k < i; k++)
            sched_yield();
        pthread_mutex_lock(&gone_lock);
        g.over = true;
        pthread_cond_broadcast(&c);
        pthread_mutex_unlock(&gone_lock);
        refused += pthread_cond_destroy(&c) != 0;
        memset(&c, 0xa5, sizeof c);
        for (int k = 0; k < 4; k++)
            join(t[k]);
        for (size_t k = 0; k < sizeof c; k++)
            if (((unsigned char *)&c)[k] != 0xa5)
                refused++;
    }
    ok(refused == 0,
       "200 conditions are overwritten after a broadcast, whatever the waiters' time");
}

/* ---- read-write locks ---- */

static struct {
    pthread_rwlock_t l;
    long a, b;
    atomic_int torn;
} rw = {.l = PTHREAD_RWLOCK_INITIALIZER};

static void *read_and_write(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 8 == 0) {
            pthread_rwlock_wrlock(&rw.l);
            rw.a++;
            if (i % 16 == 0)
                sched_yield();
            rw.b++;
        } else {
            pthread_rwlock_rdlock(&rw.l);
            if (rw.a != rw.b)
                atomic_fetch_add(&rw.torn, 1);
        }
        pthread_rwlock_unlock(&rw.l);
    }
    return arg;
}

static void *write_lock(void *arg)
{
    int err = pthread_rwlock_wrlock(arg);

    pthread_rwlock_unlock(arg);
    return (void *)(intptr_t)err;
}

static void *read_lock(void *arg)
{
    int err = pthread_rwlock_rdlock(arg);

    pthread_rwlock_unlock(arg);
    return (void *)(intptr_t)err;
}

static void *write_lock_soon(void *arg)
{
    struct timespec soon = from_now(CLOCK_REALTIME, 20000000);

    return (void *)(intptr_t)pthread_rwlock_timedwrlock(arg, &soon);
}

static void test_rwlock(void)
{
    pthread_rwlock_t w = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    pthread_t t[2];
    int gave_up = 0;

    all_of(read_and_write, NULL);
    ok(rw.torn == 0 && rw.a == rw.b && pthread_rwlock_destroy(&rw.l) == 0, "nothing is torn");
    pthread_rwlock_rdlock(&rw.l);
    t[0] = spawn(write_lock, &rw.l);
    settles(t[0]);
    ok(pthread_rwlock_tryrdlock(&rw.l) == 0 && pthread_rwlock_trywrlock(&rw.l) == EBUSY,
       "readers come in again while a writer waits");
    pthread_rwlock_unlock(&rw.l);
    pthread_rwlock_unlock(&rw.l);
    ok(join(t[0]) == NULL && pthread_rwlock_unlock(&rw.l) == EPERM, "then it writes");
    pthread_rwlock_wrlock(&rw.l);
    ok(pthread_rwlock_wrlock(&rw.l) == EDEADLK && pthread_rwlock_rdlock(&rw.l) == EDEADLK &&
           pthread_rwlock_tryrdlock(&rw.l) == EBUSY,
       "not again under itself");
    pthread_rwlock_unlock(&rw.l);
    pthread_rwlock_rdlock(&w);
    t[0] = spawn(write_lock, &w);
    settles(t[0]);
    ok(pthread_rwlock_tryrdlock(&w) == EBUSY, "with writers first they wait");
    pthread_rwlock_unlock(&w);
    join(t[0]);
    pthread_rwlock_rdlock(&w);
    for (int i = 0; i < 10; i++) {
        t[0] = spawn(write_lock_soon, &w);
        settles(t[0]);
        t[1] = spawn(read_lock, &w);
        gave_up += join(t[0]) == (void *)ETIMEDOUT && join(t[1]) == NULL;
    }
    ok(gave_up == 10, "until the writer has given up");
    pthread_rwlock_unlock(&w);
}

/* ---- barriers, spin locks, once ---- */

static struct {
    pthread_barrier_t b;
    atomic_int serial, early, at[ROUNDS];
} bar;

static void *meet(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&bar.at[i], 1);
        if (pthread_barrier_wait(&bar.b) == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&bar.serial, 1);
        if (atomic_load(&bar.at[i]) != THREADS)
            atomic_fetch_add(&bar.early, 1);
    }
    return arg;
}

static pthread_spinlock_t spin;

static void *count_spinning(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spin);
        (*(long *)arg)++;
        pthread_spin_unlock(&spin);
    }
    return NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int once_ran, once_seen;
static sem_t once_go;

static void run_once(void)
{
    sem_wait(&once_go);
    atomic_fetch_add(&once_ran, 1);
}

static void *call_once_(void *arg)
{
    pthread_once(&once, run_once);
    atomic_fetch_add(&once_seen, atomic_load(&once_ran));
    return arg;
}

static void test_barrier_spin_once(void)
{
    long spun = 0;
    pthread_t t[3];

    ok(pthread_barrier_init(&bar.b, NULL, 0) == EINVAL &&
           pthread_barrier_init(&bar.b, NULL, INT32_MAX + 1u) == EINVAL,
       "a barrier for nobody, for too many");
    pthread_barrier_init(&bar.b, NULL, THREADS);
    all_of(meet, NULL);
    ok(bar.early == 0 && bar.serial == ROUNDS && pthread_barrier_destroy(&bar.b) == 0,
       "%d meetings of %d", ROUNDS, THREADS);
    pthread_spin_init(&spin, 0);
    all_of(count_spinning, &spun);
    ok(spun == THREADS * ROUNDS && pthread_spin_trylock(&spin) == 0 &&
           pthread_spin_trylock(&spin) == EBUSY,
       "spin locks");
    sem_init(&once_go, 0, 0);
    for (int i = 0; i < 3; i++) {
        t[i] = spawn(call_once_, NULL);
        settles(t[i]);
    }
    pthread_cancel(t[0]);
    ok(join(t[0]) == PTHREAD_CANCELED && once_ran == 0, "the first to call it is called off");
    sem_post(&once_go);
    join(t[1]);
    join(t[2]);
    ok(once_ran == 1 && once_seen == 2, "and another does it, once");
}

/* ---- keys ---- */

static pthread_key_t key, again, dead;
static atomic_int destroyed, destroyed_again;

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, (int)(intptr_t)value);
}

static void set_again(void *value)
{
    atomic_fetch_add(&destroyed_again, 1);
    pthread_setspecific(again, value);
}

static void *set_values(void *arg)
{
    pthread_setspecific(key, arg);
    pthread_setspecific(again, arg);
    pthread_setspecific(dead, arg);
    pthread_key_delete(dead);
    return pthread_getspecific(key);
}

static void set_in_goroutine(void *arg)
{
    pthread_setspecific(key, arg);
}

static void test_keys(void)
{
    pthread_key_t more[PTHREAD_KEYS_MAX];
    int n = 0;

    ok(pthread_key_create(&key, destroy) == 0 && pthread_key_create(&again, set_again) == 0 &&
           pthread_key_create(&dead, destroy) == 0 && pthread_getspecific(key) == NULL,
       "keys");
    ok(join(spawn(set_values, (void *)1)) == (void *)1 && destroyed == 1,
       "a destructor is called at the end, but not that of a deleted key");
    ok(destroyed_again == PTHREAD_DESTRUCTOR_ITERATIONS, "four times if it sets the value again");
    ok(pthread_setspecific(dead, &n) == EINVAL && pthread_key_delete(dead) == EINVAL,
       "a deleted key is refused");
    go(set_in_goroutine, (void *)10);
    while (atomic_load(&destroyed) != 11)
        sched_yield();
    ok(true, "a plain goroutine's values are destroyed, too");
    while (n < PTHREAD_KEYS_MAX && pthread_key_create(&more[n], NULL) == 0)
        n++;
    ok(n == PTHREAD_KEYS_MAX - 2 && pthread_key_create(&dead, NULL) == EAGAIN,
       "%d keys and no more", PTHREAD_KEYS_MAX);
    while (n > 0)
        pthread_key_delete(more[--n]);
}

/* ---- what is refused ---- */

static void test_attr_refused(void)
{
    pthread_attr_t a;
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_rwlockattr_t r;
    pthread_barrierattr_t b;
    cpu_set_t none, far;
    pthread_t t;

    CPU_ZERO(&none);
    CPU_ZERO(&far);
    CPU_SET(63, &far);
    pthread_attr_init(&a);
    ok(pthread_attr_setinheritsched(&a, 99) == EINVAL && pthread_attr_setscope(&a, 99) == EINVAL &&
           pthread_attr_setaffinity_np(&a, sizeof none, &none) == EINVAL &&
           pthread_attr_getaffinity_np(&a, 1, &none) == EINVAL &&
           pthread_attr_setaffinity_np(&a, sizeof far, &far) == 0 &&
           pthread_create(&t, &a, echo, NULL) == EINVAL,
       "attributes of threads, a core that is not there");
    pthread_mutexattr_init(&m);
    ok(pthread_mutexattr_setpshared(&m, 99) == EINVAL &&
           pthread_mutexattr_setrobust(&m, 99) == EINVAL &&
           pthread_mutexattr_setprotocol(&m, 99) == EINVAL &&
           pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_PROTECT) == ENOTSUP,
       "of mutexes");
    pthread_condattr_init(&c);
    pthread_rwlockattr_init(&r);
    pthread_barrierattr_init(&b);
    ok(pthread_condattr_setpshared(&c, 99) == EINVAL &&
           pthread_condattr_setclock(&c, CLOCK_THREAD_CPUTIME_ID) == EINVAL &&
           pthread_rwlockattr_setpshared(&r, 99) == EINVAL &&
           pthread_rwlockattr_setkind_np(&r, 99) == EINVAL &&
           pthread_barrierattr_setpshared(&b, 99) == EINVAL,
       "of condition variables, rwlocks and barriers");
    ok(pthread_setcancelstate(99, NULL) == EINVAL && pthread_setcanceltype(99, NULL) == EINVAL &&
           pthread_setconcurrency(-1) == EINVAL,
       "states that are none");
    errno = 0;
    ok(sched_get_priority_max(99) == -1 && errno == EINVAL && sched_get_priority_min(99) == -1,
       "a policy that is none");
    errno = 0;
    ok(sysconf(-5) == -1 && errno == EINVAL, "a figure that is none");
}

static void *wait_at_barrier(void *b)
{
    pthread_barrier_wait(b);
    return NULL;
}

static void test_use_refused(void)
{
    pthread_mutex_t rec = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_barrier_t b;

    pthread_mutex_lock(&rec);
    rec.__depth = UINT32_MAX;
    int deep = pthread_mutex_lock(&rec);
    rec.__depth = 1;
    rwlock.__readers = UINT32_MAX;
    int crowded = pthread_rwlock_rdlock(&rwlock);
    rwlock.__readers = 0;
    ok(deep == EAGAIN && crowded == EAGAIN && pthread_mutex_unlock(&rec) == 0,
       "too often, by too many: EAGAIN");
    ok(pthread_cond_wait(&c, &checked) == EPERM &&
           pthread_cond_timedwait(&c, &rec, &past) == EPERM &&
           pthread_cond_clockwait(&c, &rec, CLOCK_THREAD_CPUTIME_ID, &past) == EINVAL,
       "a wait without the mutex, or by no clock");
    ok(pthread_rwlock_clockrdlock(&rwlock, CLOCK_THREAD_CPUTIME_ID, &past) == EINVAL &&
           pthread_rwlock_timedwrlock(&rwlock, &no_time) == EINVAL,
       "times for rwlocks");
    pthread_barrier_init(&b, NULL, 2);
    pthread_t t = spawn(wait_at_barrier, &b);
    settles(t);
    int in_use = pthread_barrier_destroy(&b);
    pthread_barrier_wait(&b);
    join(t);
    ok(in_use == EBUSY && pthread_barrier_destroy(&b) == 0, "a barrier at which somebody waits");
}

/* The errors of each, and nothing that gives way in between: what ends meanwhile gives memory back. */
static struct {
    int created, named, set;
} poor;

static void *be_poor(void *value)
{
    pthread_t t;
    struct hoard *all = hoard_take();

    poor.set = pthread_setspecific(key, value);
    poor.created = pthread_create(&t, NULL, echo, NULL);
    poor.named = sem_open("/none", O_CREAT, 0600, 1) == SEM_FAILED ? errno : 0;
    hoard_give_back(all);
    return NULL;
}

/* On one P, so that no other one's cache has any, when all others have ended. */
static void test_no_memory(void)
{
    int procs = gomaxprocs(1);

    while (numgoroutine() > 1)
        sched_yield();
    join(spawn(be_poor, &poor));
    ok(poor.created == EAGAIN && poor.named == ENOMEM && poor.set == ENOMEM,
       "without memory: no thread (%d), no name (%d), no value (%d)", poor.created, poor.named,
       poor.set);
    gomaxprocs(procs);
}

int main(void)
{
    test_join();
    test_attr();
    test_mutex();
    test_mutex_starving();
    while (!starve(&mutex))
        ;
    test_robust();
    test_cond();
    test_cond_destroyed();
    test_rwlock();
    test_barrier_spin_once();
    test_keys();
    test_attr_refused();
    test_use_refused();
    test_no_memory();
    return done();
}
