/*
 * mutex.c - mutexes exclude, starve nobody, and forget nobody.
 *
 * Goal:   one goroutine at a time has it, and sees what the one before did; who is woken too late is handed it; who
 *         gives up has nothing and takes nothing away from others; the last one to unlock it may give its memory back.
 * Method: plain memory is counted under it by many; the word is looked at where one core is all there is; limits
 *         are random and short, so that they come when the mutex does.
 * Budget: 3 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's mutex_test.go, written anew. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

enum { WAITERS = 2, WOKEN = 4, STARVING = 8 }; // sched/mutex.c

static struct mutex m;

static bool is_clean(struct mutex *mutex)
{
    return atomic_load(&mutex->state) == 0 && !mutex->waiters.lock && !mutex->waiters.first &&
           !mutex->waiters.last;
}

static int lock_it(struct call *call)
{
    mutex_lock(call->on);
    return 0;
}

static int lock_limited(struct call *call)
{
    return mutex_lock_cancel(call->on, call->deadline_ns, call->cancel);
}

static void unlock_it(void *mutex)
{
    mutex_unlock(mutex);
    finish();
}

static void test_one(void)
{
    struct mutex zero = {0};
    struct call call = {.fn = lock_it, .on = &zero};

    ok(mutex_trylock(&zero) == 0 && mutex_trylock(&zero) == -EBUSY, "zero bytes are unlocked");
    mutex_unlock(&zero);
    mutex_lock(&zero);
    ok(mutex_trylock(&zero) == -EBUSY, "who has it has it once");
    start(unlock_it, &zero);
    join(1);
    ok(mutex_lock_until(&zero, 1) == 0, "another goroutine may unlock it");
    ok(parks(&call, WAIT_SYNC_MUTEX_LOCK), "who wants it waits");
    mutex_unlock(&zero);
    join(1);
    ok(atomic_load(&call.returned) && mutex_trylock(&zero) == -EBUSY, "and has it then");
    mutex_unlock(&zero);
    ok(is_clean(&zero), "nothing is left behind");
}

/* ---- exclusion ---- */

static long guarded;

/* Go's HammerMutex. */
static void hammer(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        if (i % 3 == 0) {
            if (mutex_trylock(&m))
                mutex_lock(&m);
        } else {
            mutex_lock(&m);
        }
        long v = guarded;
        if (i % 64 == (int)(intptr_t)arg)
            gosched();
        guarded = v + 1;
        mutex_unlock(&m);
    }
    finish();
}

static void test_hammer(void)
{
    guarded = 0;
    all_of(hammer, 10);
    ok(guarded == 10000 && is_clean(&m), "10 goroutines count to 10000 under it: %ld", guarded);
}

/* ---- starving ---- */

/* On one P: what runs, runs alone. W was woken, a millisecond after it came, and found the mutex locked again. */
static void test_starving(void)
{
    struct call w = {.fn = lock_it, .on = &m}, n = {.fn = lock_it, .on = &m};
    int procs = gomaxprocs(1);

    mutex_lock(&m);
    bool parked = parks(&w, WAIT_SYNC_MUTEX_LOCK);
    sleep_ns(2 * MS);
    struct m *mp = acquirem();
    mutex_unlock(&m);
    uint32_t freed = atomic_load(&m.state);
    bool barged = mutex_trylock(&m) == 0;
    releasem(mp);
    ok(parked && freed == WOKEN && barged, "who runs may take it before the one that is woken");
    parked = is_parked(&w, WAIT_SYNC_MUTEX_LOCK);
    ok(parked && atomic_load(&m.state) == (MUTEX_LOCKED | WAITERS | STARVING),
       "who has waited for a millisecond, and is late, starves");
    parked = parks(&n, WAIT_SYNC_MUTEX_LOCK);
    mp = acquirem();
    mutex_unlock(&m);
    int tried = mutex_trylock(&m);
    releasem(mp);
    ok(parked && tried == -EBUSY, "then it is handed over: nobody gets in between");
    join(1);
    ok(atomic_load(&w.returned) && !atomic_load(&n.returned), "to the one that starves");
    mutex_unlock(&m);
    join(1);
    mutex_unlock(&m);
    ok(atomic_load(&n.returned) && is_clean(&m), "and then to the next");
    gomaxprocs(procs);
}

/* Go's TestMutexFairness: one that keeps it all the time, and one that wants it now and then. */
static atomic_bool enough;

static void keep(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough)) {
        mutex_lock(&m);
        for (int64_t until = nanotime() + 100 * US; nanotime() < until;)
            ;
        mutex_unlock(&m);
    }
    finish();
}

static void test_fairness(void)
{
    atomic_store(&enough, false);
    start(keep, NULL);
    start(keep, NULL);
    for (int i = 0; i < 10; i++) {
        sleep_ns(100 * US);
        mutex_lock(&m);
        mutex_unlock(&m);
    }
    atomic_store(&enough, true);
    join(2);
    ok(is_clean(&m), "beside two that always want it a third gets it ten times");
}

/* ---- limits ---- */

static void test_limited(void)
{
    struct cancel fired = {0};
    struct call first = {.fn = lock_limited, .on = &m}, second = {.fn = lock_it, .on = &m};

    cancel_fire(&fired);
    ok(mutex_lock_cancel(&m, DEADLINE_NONE, &fired) == -ECANCELED && is_clean(&m),
       "a cancel that was fired: not even a free one is locked");
    ok(mutex_lock_until(&m, DEADLINE_NOW) == 0, "DEADLINE_NOW locks a free one");
    test_limits("mutex_lock", lock_limited, &m, WAIT_SYNC_MUTEX_LOCK);
    ok(atomic_load(&m.state) == MUTEX_LOCKED, "none of them is counted as waiting any more");
    first.deadline_ns = nanotime() + 5 * MS;
    start(make_call, &first);
    bool parked = parks(&second, WAIT_SYNC_MUTEX_LOCK);
    join(1);
    ok(parked && first.result == -ETIMEDOUT && !atomic_load(&second.returned),
       "one gives up before another");
    mutex_unlock(&m);
    join(1);
    mutex_unlock(&m);
    ok(atomic_load(&second.returned) && is_clean(&m), "which gets it");
}

/* Woken, then late, then out of time: what woke it is passed on. On one P. False: it was out of time too soon. */
static bool late_and_over(int64_t ns)
{
    struct call late = {.fn = lock_limited, .on = &m}, next = {.fn = lock_it, .on = &m};

    mutex_lock(&m);
    late.deadline_ns = nanotime() + ns;
    start(make_call, &late);
    while (atomic_load(&m.state) == MUTEX_LOCKED && nanotime() < late.deadline_ns)
        gosched();
    bool parked = parks(&next, WAIT_SYNC_MUTEX_LOCK);
    struct m *mp = acquirem();
    mutex_unlock(&m);
    bool in_time = nanotime() < late.deadline_ns;
    check(mutex_trylock(&m) == 0, "nobody else runs");
    while (nanotime() < late.deadline_ns)
        ;
    releasem(mp);
    join(1);
    if (in_time)
        ok(parked && late.result == -ETIMEDOUT && atomic_load(&m.state) == (MUTEX_LOCKED | WAITERS),
           "one that was woken for nothing gives up: another is to be woken");
    mutex_unlock(&m);
    join(1);
    mutex_unlock(&m);
    return in_time;
}

static void test_late_and_over(void)
{
    int procs = gomaxprocs(1);

    for (int64_t ns = 5 * MS; !late_and_over(ns); ns *= 2)
        ;
    ok(is_clean(&m), "and is");
    gomaxprocs(procs);
}

static struct cancel storm;
static atomic_long got;

static void lock_in_a_storm(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 300; i++) {
        int64_t until = nanotime() + (int64_t)draw(&seed, 60) * US;
        int err = 0;
        switch (draw(&seed, 4)) {
        case 0:
            mutex_lock(&m);
            break;
        case 1:
            err = mutex_lock_cancel(&m, DEADLINE_NONE, &storm);
            break;
        case 2:
            err = mutex_lock_cancel(&m, until, &storm);
            break;
        default:
            err = mutex_lock_until(&m, until);
            break;
        }
        fail_once(err == 0 || err == -ETIMEDOUT || err == -ECANCELED);
        if (err)
            continue;
        guarded++;
        if (i == 150 && draw(&seed, 8) == 0)
            cancel_fire(&storm);
        if (draw(&seed, 4) == 0)
            gosched();
        mutex_unlock(&m);
        atomic_fetch_add(&got, 1);
    }
    finish();
}

static void test_storm(void)
{
    long bad = 0;

    guarded = 0;
    for (int round = 0; round < 4; round++) {
        storm = (struct cancel){0};
        bad += all_of(lock_in_a_storm, 12);
    }
    ok(bad == 0 && guarded == atomic_load(&got) && is_clean(&m),
       "limits of all kinds come when it does: %ld of %d got it", guarded, 4 * 12 * 300);
}

/* ---- its memory ---- */

/* The last one to unlock it is the last one to touch it. */
struct object {
    struct mutex mutex;
    int refs;
};

enum { OWNERS = 4, OBJECTS = 300 };

static struct object *objects;

static void drop_all(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < OBJECTS; i++) {
        struct object *o = &objects[i];
        if (mutex_lock_until(&o->mutex, nanotime() + (int64_t)draw(&seed, 20) * US))
            mutex_lock(&o->mutex);
        bool last = --o->refs == 0;
        mutex_unlock(&o->mutex);
        if (last)
            memset((void *)o, 0xee, sizeof *o);
    }
    finish();
}

static void test_memory(void)
{
    size_t touched = 0;

    objects = must(calloc(OBJECTS, sizeof *objects));
    for (int i = 0; i < OBJECTS; i++)
        objects[i].refs = OWNERS;
    all_of(drop_all, OWNERS);
    for (size_t i = 0; i < OBJECTS * sizeof *objects; i++)
        touched += ((unsigned char *)objects)[i] != 0xee;
    ok(touched == 0, "nobody touches it after the last unlock: %zu bytes", touched);
    free(objects);
}

int main(void)
{
    finished = make(0, 0);
    test_one();
    test_hammer();
    test_starving();
    test_fairness();
    test_limited();
    test_late_and_over();
    test_storm();
    test_memory();
    return done();
}
