/*
 * test_sync_threads.c - mutexes, rwmutexes, conds, onces, wait groups and semaphores on real threads, under
 * ThreadSanitizer.
 *
 * Goal:   what one goroutine did before it let go of something is ordered before what the next one does that has it;
 *         nothing is lost when time or a cancel come at the same moment; no G is readied that does not wait.
 * Method: each goroutine is a thread (shim_sync). Plain memory, at which the sanitizer looks, changes under each
 *         object; limits are random and short; what was done is counted. A lost wake-up is a test that does not end.
 * Budget: 20 s.
 */
#include "tests/host/shim_sync/machine.h"

#include "rt0/cancel.h"
#include "sched/syncq.h"

enum { N = 6, TURNS = 8000 };

static struct cancel storm;
static long guarded;
static atomic_long got, gave_up; // relaxed: they must not order what the objects should

static void count(int err)
{
    if (err && err != -ETIMEDOUT && err != -ECANCELED)
        throw("error %d", err);
    atomic_fetch_add_explicit(err ? &gave_up : &got, 1, memory_order_relaxed);
}

static void begin(void)
{
    guarded = 0;
    atomic_store(&got, 0);
    atomic_store(&gave_up, 0);
    storm = (struct cancel){0};
}

/* A deadline and a cancel, either of which may be none. */
static int64_t some_deadline(struct thread *t)
{
    return thread_draw(t, 3) ? nanotime() + (int64_t)thread_draw(t, 30000) : DEADLINE_NONE;
}

static struct cancel *some_cancel(struct thread *t)
{
    return thread_draw(t, 3) ? NULL : &storm;
}

/* Late, so that most of the time calls wait with it. */
static void maybe_fire(struct thread *t, int turn)
{
    if (t->number == 0 && turn == TURNS * 3 / 4)
        cancel_fire(&storm);
}

/* ---- mutex ---- */

static struct mutex mutex;

/* In the first half some have no limit: they wait for ever if they are forgotten. In the second half all have, so that
 * who unlocks it may find only such as have given up. */
static int lock_somehow(struct thread *t, bool limited)
{
    if (limited)
        return mutex_lock_until(&mutex, nanotime() + (int64_t)thread_draw(t, 10000));
    if (thread_draw(t, 3))
        return mutex_lock_cancel(&mutex, some_deadline(t), some_cancel(t));
    mutex_lock(&mutex);
    return 0;
}

static void lock_and_count(struct thread *t)
{
    for (int i = 0; i < TURNS; i++) {
        maybe_fire(t, i);
        int err = lock_somehow(t, i > TURNS / 2);
        count(err);
        if (err)
            continue;
        guarded++;
        if (thread_draw(t, 8) == 0)
            sched_yield();
        mutex_unlock(&mutex);
    }
}

static void test_mutex(void)
{
    begin();
    machine_run(lock_and_count, N);
    ok(guarded == atomic_load(&got) && !mutex.state && !mutex.waiters.first,
       "mutex: %ld times, %ld gave up", guarded, atomic_load(&gave_up));
}

/* ---- rwmutex ---- */

static struct rwmutex rw;
static atomic_long read_wrong;

static void read_or_write(struct thread *t)
{
    for (int i = 0; i < TURNS; i++) {
        bool writer = thread_draw(t, 3) == 0;
        maybe_fire(t, i);
        int err = writer ? rwmutex_lock_cancel(&rw, some_deadline(t), some_cancel(t))
                         : rwmutex_rlock_cancel(&rw, some_deadline(t), some_cancel(t));
        if (err || writer)
            count(err);
        if (err)
            continue;
        long before = guarded;
        if (thread_draw(t, 8) == 0)
            sched_yield();
        if (guarded != before)
            atomic_fetch_add_explicit(&read_wrong, 1, memory_order_relaxed);
        if (writer) {
            guarded = before + 1;
            rwmutex_unlock(&rw);
        } else {
            rwmutex_runlock(&rw);
        }
    }
}

static void test_rwmutex(void)
{
    begin();
    machine_run(read_or_write, N);
    ok(guarded == atomic_load(&got) && !read_wrong && !rw.state && !rw.writers[0],
       "rwmutex: %ld writers, %ld gave up", guarded, atomic_load(&gave_up));
}

/* ---- cond ---- */

static struct cond cond;
static long items;

/* Odd ones take, even ones bring; of those that take some never give up: a lost signal leaves them asleep. */
static void bring_or_take(struct thread *t)
{
    for (int i = 0; i < TURNS; i++) {
        maybe_fire(t, i);
        mutex_lock(&mutex);
        if (t->number % 2 == 0) {
            items++;
            if (thread_draw(t, 16))
                cond_signal(&cond);
            else
                cond_broadcast(&cond);
        } else {
            while (items == 0)
                if (t->number == 1)
                    cond_wait(&cond, &mutex);
                else
                    count(cond_wait_cancel(&cond, &mutex, some_deadline(t), some_cancel(t)));
            items--;
            guarded++;
        }
        mutex_unlock(&mutex);
        if (t->number % 2 == 0) // those that take are to wait
            for (uint64_t n = thread_draw(t, 4); n > 0; n--)
                sched_yield();
    }
}

static void test_cond(void)
{
    begin();
    machine_run(bring_or_take, N);
    ok(items == 0 && guarded == N / 2 * TURNS && !cond.waiting && !cond.waiters.first,
       "cond: %ld items, %ld waits were given up", guarded, atomic_load(&gave_up));
}

/* ---- sema ---- */

static struct sema sema = SEMA_INIT(1);

static void acquire_and_count(struct thread *t)
{
    for (int i = 0; i < TURNS; i++) {
        int err = 0;
        maybe_fire(t, i);
        if (thread_draw(t, 3) == 0)
            sema_acquire(&sema);
        else
            err = sema_acquire_cancel(&sema, some_deadline(t), some_cancel(t));
        count(err);
        if (err)
            continue;
        guarded++;
        if (thread_draw(t, 8) == 0)
            sched_yield();
        if (thread_draw(t, 2))
            sema_release(&sema);
        else
            sema_release_handoff(&sema);
    }
}

static void test_sema(void)
{
    begin();
    machine_run(acquire_and_count, N);
    ok(guarded == atomic_load(&got) && sema.state == 1 && !sema.waiters.first,
       "sema: %ld times, %ld gave up", guarded, atomic_load(&gave_up));
}

/* ---- waitgroup and once ---- */

static struct round {
    struct waitgroup wg;
    struct once once;
    long written[N];
    long once_written;
    int waiting; // mutex
} rounds[TURNS / 4];

static void write_once(void *arg)
{
    ((struct round *)arg)->once_written++;
}

/* All write and are done; all wait, and read what the others wrote. The last to have waited uses the memory. */
static void write_and_wait(struct thread *t)
{
    for (int i = 0; i < TURNS / 4; i++) {
        struct round *r = &rounds[i];
        r->written[t->number] = i;
        while (once_do_cancel(&r->once, write_once, r, some_deadline(t), NULL))
            ;
        if (r->once_written != 1)
            throw("once");
        waitgroup_done(&r->wg);
        while (waitgroup_wait_cancel(&r->wg, some_deadline(t), NULL))
            atomic_fetch_add_explicit(&gave_up, 1, memory_order_relaxed);
        for (int j = 0; j < N; j++)
            if (r->written[j] != i)
                throw("waitgroup");
        mutex_lock(&mutex);
        bool last = --r->waiting == 0;
        mutex_unlock(&mutex);
        if (last)
            memset((void *)r, 0xee, sizeof *r);
    }
}

static void test_waitgroup(void)
{
    size_t touched = 0;

    begin();
    for (int i = 0; i < TURNS / 4; i++) {
        rounds[i].waiting = N;
        waitgroup_add(&rounds[i].wg, N);
    }
    machine_run(write_and_wait, N);
    for (size_t i = 0; i < sizeof rounds; i++)
        touched += ((unsigned char *)rounds)[i] != 0xee;
    ok(touched == 0, "waitgroup, once: all see what all did, %ld waits were given up",
       atomic_load(&gave_up));
}

/* ---- what is freed by the last one ---- */

static struct object {
    struct mutex mutex;
    struct rwmutex rw;
    int refs, rw_refs;
} objects[TURNS / 4];

static void drop_all(struct thread *t)
{
    for (int i = 0; i < TURNS / 4; i++) {
        struct object *o = &objects[i];
        while (mutex_lock_cancel(&o->mutex, some_deadline(t), NULL))
            ;
        bool last = --o->refs == 0;
        mutex_unlock(&o->mutex);
        if (last)
            memset((void *)&o->mutex, 0xee, sizeof o->mutex);
        if (thread_draw(t, 2)) {
            rwmutex_rlock(&o->rw);
            rwmutex_runlock(&o->rw);
        }
        while (rwmutex_lock_cancel(&o->rw, some_deadline(t), NULL))
            ;
        last = --o->rw_refs == 0;
        rwmutex_unlock(&o->rw);
        if (last)
            memset((void *)&o->rw, 0xee, sizeof o->rw);
    }
}

static void test_memory(void)
{
    size_t touched = 0;

    begin();
    for (int i = 0; i < TURNS / 4; i++)
        objects[i].refs = objects[i].rw_refs = N;
    machine_run(drop_all, N);
    for (int i = 0; i < TURNS / 4; i++)
        for (size_t j = 0; j < offsetof(struct object, refs); j++)
            touched += ((unsigned char *)&objects[i])[j] != 0xee;
    ok(touched == 0, "the last one to unlock is the last one to touch: %zu bytes", touched);
}

/* ---- the moment between giving up and leaving the queue ---- */

/*
 * One waits, with a cancel; one brings what it waits for; a third one holds the queue's lock until the cancel was
 * fired and the second wants the lock, or soon will. So whoever gets it first, the wait is over and still queued.
 */
static struct clash {
    struct mutex mutex;
    struct rwmutex rw;
    struct sema sema;
    struct waitgroup wg;
    struct cond cond;
} clash;

struct clash_of {
    const char *name;
    struct sync_waiters *waiters;
    void (*begin)(void);
    int (*wait)(void);
    void (*give)(void);
    bool (*is_over)(int err); // what is left, after a wait that gave err
};

static const struct clash_of *clashing;
static atomic_bool clash_given;
static int clash_err;

static void clash_mutex_begin(void)
{
    mutex_lock(&clash.mutex);
}

static int clash_mutex_wait(void)
{
    int err = mutex_lock_cancel(&clash.mutex, DEADLINE_NONE, &storm);

    if (!err)
        mutex_unlock(&clash.mutex);
    return err;
}

static void clash_mutex_give(void)
{
    mutex_unlock(&clash.mutex);
}

static bool clash_mutex_over(int err)
{
    (void)err;
    return clash.mutex.state == 0;
}

static void clash_rw_begin(void)
{
    rwmutex_lock(&clash.rw);
}

static int clash_rw_wait(void)
{
    int err = rwmutex_rlock_cancel(&clash.rw, DEADLINE_NONE, &storm);

    if (!err)
        rwmutex_runlock(&clash.rw);
    return err;
}

static void clash_rw_give(void)
{
    rwmutex_unlock(&clash.rw);
}

static bool clash_rw_over(int err)
{
    (void)err;
    return clash.rw.state == 0;
}

static void clash_none_begin(void)
{
}

static int clash_sema_wait(void)
{
    return sema_acquire_cancel(&clash.sema, DEADLINE_NONE, &storm);
}

static void clash_sema_give(void)
{
    sema_release(&clash.sema);
}

static bool clash_sema_over(int err)
{
    return clash.sema.state == (err ? 1 : 0);
}

static void clash_wg_begin(void)
{
    waitgroup_add(&clash.wg, 1);
}

/* Whether it gave up or not: when the counter is zero the memory is its own. */
static int clash_wg_wait(void)
{
    int err = waitgroup_wait_cancel(&clash.wg, DEADLINE_NONE, &storm);

    waitgroup_wait(&clash.wg);
    memset((void *)&clash.wg, 0xee, sizeof clash.wg);
    return err;
}

static void clash_wg_give(void)
{
    waitgroup_done(&clash.wg);
}

static bool clash_wg_over(int err)
{
    (void)err;
    for (size_t i = 0; i < sizeof clash.wg; i++)
        if (((unsigned char *)&clash.wg)[i] != 0xee)
            return false;
    return true;
}

static int clash_cond_wait(void)
{
    mutex_lock(&clash.mutex);
    int err = cond_wait_cancel(&clash.cond, &clash.mutex, DEADLINE_NONE, &storm);
    mutex_unlock(&clash.mutex);
    return err;
}

static void clash_cond_give(void)
{
    cond_signal(&clash.cond);
}

static bool clash_cond_over(int err)
{
    (void)err;
    return clash.cond.waiting == 0 && clash.mutex.state == 0;
}

static void yield_some(struct thread *t)
{
    for (uint64_t n = thread_draw(t, 6); n > 0; n--)
        sched_yield();
}

static void clash_conduct(struct thread *t)
{
    struct syncq *q = syncq_of(clashing->waiters);
    bool queued = false;

    while (!queued) {
        lock(&q->lock);
        queued = q->q.first != NULL;
        if (!queued)
            unlock(&q->lock);
        sched_yield();
    }
    atomic_store(&clash_given, true);
    yield_some(t);
    cancel_fire(&storm);
    yield_some(t);
    unlock(&q->lock);
}

static void clash_part(struct thread *t)
{
    if (t->number == 0) {
        clash_err = clashing->wait();
    } else if (t->number == 1) {
        while (!atomic_load(&clash_given))
            sched_yield();
        clashing->give();
    } else {
        clash_conduct(t);
    }
}

static void test_clash(const struct clash_of *c)
{
    enum { ROUNDS = 120 };
    int bad = 0, cancelled = 0;

    clashing = c;
    for (int i = 0; i < ROUNDS; i++) {
        begin();
        memset((void *)&clash, 0, sizeof clash);
        atomic_store(&clash_given, false);
        this_g = &threads[0].g;
        this_m = &threads[0].m;
        c->begin();
        machine_run_from(clash_part, 3, (uint64_t)i);
        cancelled += clash_err != 0;
        bad += (clash_err && clash_err != -ECANCELED) || !c->is_over(clash_err);
    }
    ok(bad == 0, "%s: of %d waits that could end for both reasons %d were cancelled", c->name,
       ROUNDS, cancelled);
}

static void test_clashes(void)
{
    static const struct clash_of of[] = {
        {"mutex", &clash.mutex.waiters, clash_mutex_begin, clash_mutex_wait, clash_mutex_give,
         clash_mutex_over},
        {"rwmutex", &clash.rw.waiters, clash_rw_begin, clash_rw_wait, clash_rw_give, clash_rw_over},
        {"sema", &clash.sema.waiters, clash_none_begin, clash_sema_wait, clash_sema_give,
         clash_sema_over},
        {"waitgroup", &clash.wg.waiters, clash_wg_begin, clash_wg_wait, clash_wg_give,
         clash_wg_over},
        {"cond", &clash.cond.waiters, clash_none_begin, clash_cond_wait, clash_cond_give,
         clash_cond_over},
    };

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        test_clash(&of[i]);
}

int main(void)
{
    machine_start();
    test_mutex();
    test_rwmutex();
    test_cond();
    test_sema();
    test_waitgroup();
    test_memory();
    test_clashes();
    machine_end();
    return done();
}
