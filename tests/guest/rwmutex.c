/*
 * rwmutex.c - readers together, writers alone, and neither keeps the other out for ever.
 *
 * Goal:   a writer excludes all others; one that waits lets no new reader in, and has its turn when those that were
 *         there have left; readers that wait have theirs between two writers; who gives up takes nothing with it.
 * Method: goroutines are made to wait one by one, and let go on one by one; where a race is needed many do at random
 *         what they can, and count who is inside.
 * Budget: 3 s.
 * Argument: the number of cores.
 * Source: the cases are those of Go's rwmutex_test.go, written anew. What is misuse is in tests/check/misuse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/sync.h"
#include "rt0/time.h"
#include "tests/guest/parks.h"

static struct rwmutex rw;

static bool is_clean(struct rwmutex *r)
{
    return atomic_load(&r->state) == 0 && !r->waiters.lock && !r->waiters.first && !r->writers[0];
}

static int rlock_it(struct call *call)
{
    rwmutex_rlock(call->on);
    return 0;
}

static int lock_it(struct call *call)
{
    rwmutex_lock(call->on);
    return 0;
}

static int rlock_limited(struct call *call)
{
    return rwmutex_rlock_cancel(call->on, call->deadline_ns, call->cancel);
}

static int lock_limited(struct call *call)
{
    return rwmutex_lock_cancel(call->on, call->deadline_ns, call->cancel);
}

static bool reader_parks(struct call *call)
{
    *call = (struct call){.fn = rlock_it, .on = &rw};
    return parks(call, WAIT_SYNC_RWMUTEX_RLOCK);
}

static bool writer_parks(struct call *call)
{
    *call = (struct call){.fn = lock_it, .on = &rw};
    return parks(call, WAIT_SYNC_RWMUTEX_LOCK);
}

static bool is_in(struct call *call)
{
    return atomic_load(&call->returned);
}

/* ---- who gets in ---- */

static void test_try(void)
{
    ok(rwmutex_trylock(&rw) == 0 && rwmutex_trylock(&rw) == -EBUSY &&
           rwmutex_tryrlock(&rw) == -EBUSY,
       "a writer excludes writers and readers");
    rwmutex_unlock(&rw);
    ok(rwmutex_tryrlock(&rw) == 0 && rwmutex_tryrlock(&rw) == 0 && rwmutex_trylock(&rw) == -EBUSY,
       "a reader excludes writers only");
    rwmutex_runlock(&rw);
    ok(rwmutex_trylock(&rw) == -EBUSY, "until the last one has left");
    rwmutex_runlock(&rw);
    ok(is_clean(&rw), "then it is free");
}

/* Go's TestParallelReaders: all are inside before one leaves. */
static atomic_int inside;
static int readers;

static void read_together(void *arg)
{
    (void)arg;
    rwmutex_rlock(&rw);
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&inside) < readers)
        gosched();
    rwmutex_runlock(&rw);
    finish();
}

static void test_parallel_readers(int procs, int n)
{
    int before = gomaxprocs(procs);

    atomic_store(&inside, 0);
    readers = n;
    all_of(read_together, n);
    ok(is_clean(&rw), "%d readers at once on %d Ps", n, gomaxprocs(0));
    gomaxprocs(before);
}

static void test_turns(void)
{
    struct call w1, w2, r1, r2, r3;

    rwmutex_rlock(&rw);
    bool parked = writer_parks(&w1);
    ok(parked && rwmutex_tryrlock(&rw) == -EBUSY, "a writer that waits keeps new readers out");
    parked = reader_parks(&r1) & writer_parks(&w2);
    parked &= reader_parks(&r2);
    rwmutex_runlock(&rw);
    join(1);
    ok(parked && is_in(&w1) && !is_in(&r1) && !is_in(&r2) && !is_in(&w2),
       "it has its turn when the reader has left");
    parked = reader_parks(&r3);
    rwmutex_unlock(&rw);
    join(3);
    ok(parked && is_in(&r1) && is_in(&r2) && is_in(&r3) && !is_in(&w2),
       "then all readers that wait, also those behind another writer");
    rwmutex_runlock(&rw);
    rwmutex_runlock(&rw);
    ok(is_parked(&w2, WAIT_SYNC_RWMUTEX_LOCK), "the other writer waits for the last of them");
    rwmutex_runlock(&rw);
    join(1);
    ok(is_in(&w2), "and has its turn");
    rwmutex_unlock(&rw);
    ok(is_clean(&rw), "nothing is left behind");
}

enum { NWRITER = 10 };
static int order[NWRITER], norder;

static int write_in_turn(struct call *call)
{
    rwmutex_lock(&rw);
    order[norder++] = call->number;
    rwmutex_unlock(&rw);
    return 0;
}

static void test_writers_in_order(void)
{
    struct call calls[NWRITER];
    bool good = true;

    rwmutex_lock(&rw);
    for (int i = 0; i < NWRITER; i++) {
        calls[i] = (struct call){.fn = write_in_turn, .number = i};
        good &= parks(&calls[i], WAIT_SYNC_RWMUTEX_LOCK);
    }
    rwmutex_unlock(&rw);
    join(NWRITER);
    for (int i = 0; i < NWRITER; i++)
        good &= order[i] == i;
    ok(good && norder == NWRITER, "writers are served in the order of their coming");
}

/* ---- Go's HammerRWMutex ---- */

static atomic_int activity; // readers, and 10000 for each writer

static void hammer_read(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        if (i % 4 || rwmutex_tryrlock(&rw))
            rwmutex_rlock(&rw);
        int n = atomic_fetch_add(&activity, 1) + 1;
        fail_once(n >= 1 && n < 10000);
        for (volatile int j = 0; j < 50; j++)
            ;
        if (i % 16 == 0)
            gosched();
        atomic_fetch_sub(&activity, 1);
        rwmutex_runlock(&rw);
    }
    finish();
}

static void hammer_write(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        if (i % 4 || rwmutex_trylock(&rw))
            rwmutex_lock(&rw);
        fail_once(atomic_fetch_add(&activity, 10000) == 0);
        for (volatile int j = 0; j < 50; j++)
            ;
        if (i % 16 == 0)
            gosched();
        atomic_fetch_sub(&activity, 10000);
        rwmutex_unlock(&rw);
    }
    finish();
}

static void test_hammer(int procs, int nreader)
{
    int before = gomaxprocs(procs);

    atomic_store(&wrong, 0);
    start(hammer_write, NULL);
    for (int i = 0; i < nreader / 2; i++)
        start(hammer_read, NULL);
    start(hammer_write, NULL);
    for (int i = nreader / 2; i < nreader; i++)
        start(hammer_read, NULL);
    join(nreader + 2);
    ok(atomic_load(&wrong) == 0 && is_clean(&rw), "2 writers and %d readers on %d Ps", nreader,
       gomaxprocs(0));
    gomaxprocs(before);
}

/* ---- limits ---- */

/* The last writer that waits gives up: the readers behind it go on beside the one that is inside. */
static void test_writer_leaves(void)
{
    struct cancel cancel = {0};
    struct call w = {
        .fn = lock_limited, .on = &rw, .deadline_ns = DEADLINE_NONE, .cancel = &cancel};
    struct call other, r1, r2;

    rwmutex_rlock(&rw);
    bool parked = parks(&w, WAIT_SYNC_RWMUTEX_LOCK);
    parked &= reader_parks(&r1) & reader_parks(&r2) & writer_parks(&other);
    cancel_fire(&cancel);
    join(1);
    ok(parked && w.result == -ECANCELED && !is_in(&r1) && !is_in(&r2),
       "a writer gives up: another one still keeps the readers out");
    rwmutex_runlock(&rw);
    join(1);
    check(is_in(&other), "the other writer is in");
    rwmutex_unlock(&rw);
    join(2);
    rwmutex_runlock(&rw); // r1's
    cancel = (struct cancel){0};
    w = (struct call){
        .fn = lock_limited, .on = &rw, .deadline_ns = nanotime() + 20 * MS, .cancel = &cancel};
    parks(&w, WAIT_SYNC_RWMUTEX_LOCK);
    r1 = (struct call){.fn = rlock_it, .on = &rw};
    start(make_call, &r1);
    join(2);
    ok(w.result == -ETIMEDOUT && is_in(&r1), "the last one gives up: the readers go on");
    rwmutex_runlock(&rw);
    rwmutex_runlock(&rw);
    ok(is_clean(&rw), "nothing is left behind");
}

static void test_limited(void)
{
    struct cancel fired = {0};

    cancel_fire(&fired);
    ok(rwmutex_lock_cancel(&rw, DEADLINE_NONE, &fired) == -ECANCELED &&
           rwmutex_rlock_cancel(&rw, DEADLINE_NONE, &fired) == -ECANCELED && is_clean(&rw),
       "a cancel that was fired: not even a free one is locked");
    ok(rwmutex_rlock_until(&rw, DEADLINE_NOW) == 0 && rwmutex_rlock_until(&rw, 1) == 0,
       "a free one is locked, however late");
    rwmutex_runlock(&rw);
    test_limits("rwmutex_lock", lock_limited, &rw, WAIT_SYNC_RWMUTEX_LOCK);
    rwmutex_runlock(&rw);
    ok(rwmutex_lock_until(&rw, DEADLINE_NOW) == 0, "for writing, too");
    test_limits("rwmutex_lock by two", lock_limited, &rw, WAIT_SYNC_RWMUTEX_LOCK);
    test_limits("rwmutex_rlock", rlock_limited, &rw, WAIT_SYNC_RWMUTEX_RLOCK);
    rwmutex_unlock(&rw);
    ok(is_clean(&rw), "none of them left anything behind");
    test_writer_leaves();
}

static struct cancel storm;
static atomic_long got, missed;

/* 0, if it is in. */
static int enter(uint64_t *seed, bool writer)
{
    int64_t until = nanotime() + (int64_t)draw(seed, 60) * US;
    struct cancel *cancel = draw(seed, 2) ? &storm : NULL;

    if (draw(seed, 3))
        return writer ? rwmutex_lock_cancel(&rw, until, cancel)
                      : rwmutex_rlock_cancel(&rw, until, cancel);
    if (writer)
        rwmutex_lock(&rw);
    else
        rwmutex_rlock(&rw);
    return 0;
}

static void enter_in_a_storm(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < 200; i++) {
        bool writer = draw(&seed, 3) == 0;
        int err = enter(&seed, writer), weight = writer ? 10000 : 1;
        fail_once(err == 0 || err == -ETIMEDOUT || err == -ECANCELED);
        atomic_fetch_add(err ? &missed : &got, 1);
        if (err)
            continue;
        int n = atomic_fetch_add(&activity, weight);
        fail_once(writer ? n == 0 : n < 10000);
        if (draw(&seed, 100) == 0)
            cancel_fire(&storm);
        if (draw(&seed, 3) == 0)
            gosched();
        atomic_fetch_sub(&activity, weight);
        if (writer)
            rwmutex_unlock(&rw);
        else
            rwmutex_runlock(&rw);
    }
    finish();
}

static void test_storm(void)
{
    int bad = 0;

    for (int round = 0; round < 4; round++) {
        storm = (struct cancel){0};
        bad += all_of(enter_in_a_storm, 12);
    }
    ok(bad == 0 && is_clean(&rw), "limits of all kinds come when it does: %ld got in, %ld gave up",
       atomic_load(&got), atomic_load(&missed));
}

/* ---- its memory ---- */

/* Who leaves as a writer, and is the last one to do so, may free it. */
struct object {
    struct rwmutex rw;
    int refs;
};

enum { OWNERS = 4, OBJECTS = 300 };

static struct object *objects;

static void drop_all(void *arg)
{
    uint64_t seed = (uintptr_t)arg;

    for (int i = 0; i < OBJECTS; i++) {
        struct object *o = &objects[i];
        if (draw(&seed, 2)) {
            rwmutex_rlock(&o->rw);
            rwmutex_runlock(&o->rw);
        }
        if (rwmutex_lock_until(&o->rw, nanotime() + (int64_t)draw(&seed, 20) * US))
            rwmutex_lock(&o->rw);
        bool last = --o->refs == 0;
        rwmutex_unlock(&o->rw);
        if (last)
            memset((void *)o, 0xee, sizeof *o);
    }
    finish();
}

/* So may a reader who sees that the writer has been there. */
static void write_then_read(void *arg)
{
    bool writer = arg != NULL;

    for (int i = 0; i < OBJECTS; i++) {
        struct object *o = &objects[i];
        if (writer) {
            rwmutex_lock(&o->rw);
            o->refs = 0;
            rwmutex_unlock(&o->rw);
            continue;
        }
        for (int refs = 1; refs;) {
            rwmutex_rlock(&o->rw);
            refs = o->refs;
            rwmutex_runlock(&o->rw);
        }
        memset((void *)o, 0xee, sizeof *o);
    }
    finish();
}

static void test_memory(void (*fn)(void *), int n, const char *who)
{
    size_t touched = 0;

    objects = must(calloc(OBJECTS, sizeof *objects));
    for (int i = 0; i < OBJECTS; i++)
        objects[i].refs = n;
    all_of(fn, n);
    for (size_t i = 0; i < OBJECTS * sizeof *objects; i++)
        touched += ((unsigned char *)objects)[i] != 0xee;
    ok(touched == 0, "nobody touches it after the last %s has left: %zu bytes", who, touched);
    free(objects);
}

int main(int argc, char **argv)
{
    int ncore = argc > 1 ? atoi(argv[1]) : numcpu();

    finished = make(0, 0);
    test_try();
    test_parallel_readers(1, 4);
    test_parallel_readers(ncore, 4);
    test_parallel_readers(ncore, 10);
    test_turns();
    test_writers_in_order();
    test_hammer(1, 1);
    test_hammer(1, 10);
    test_hammer(ncore, 1);
    test_hammer(ncore, 10);
    test_limited();
    test_storm();
    test_memory(drop_all, OWNERS, "writer");
    test_memory(write_then_read, 2, "reader");
    return done();
}
