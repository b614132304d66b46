/*
 * sync.c - wait groups and semaphores.
 *
 * waitgroup_add_done  a waitgroup_add() and its waitgroup_done(), nobody waits
 * waitgroup_wait0     waitgroup_wait() with nothing to wait for
 * sema_uncontended    a sema_acquire() and its sema_release(), nobody waits
 * sema_pingpong       two goroutines on one P wake each other: one way
 * sema_handoff        a token goes round four goroutines on one P, by sema_release_handoff(): one
 *                     acquire
 */
#include "bench/bench.h"
#include "rt0/sync.h"

enum { CALLS = 100000, ROUNDS = 20000, RING = 4 };

static struct waitgroup wg, ended;
static struct sema token = SEMA_INIT(1), there, back;

static void add_done(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        waitgroup_add(&wg, 1);
        waitgroup_done(&wg);
    }
}

static void wait0(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++)
        waitgroup_wait(&wg);
}

static void acquire_release(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        sema_acquire(&token);
        sema_release(&token);
    }
}

static double waitgroup_add_done(void)
{
    return bench_time(add_done, NULL, CALLS);
}

static double waitgroup_wait0(void)
{
    return bench_time(wait0, NULL, CALLS);
}

static double sema_uncontended(void)
{
    return bench_time(acquire_release, NULL, CALLS);
}

/* ---- two and more ---- */

static void pong(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        sema_acquire(&there);
        sema_release(&back);
    }
    waitgroup_done(&ended);
}

static void ping(void *arg)
{
    (void)arg;
    waitgroup_add(&ended, 1);
    bench_require(go(pong, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        sema_release(&there);
        sema_acquire(&back);
    }
    waitgroup_wait(&ended);
}

static double sema_pingpong(void)
{
    return bench_time(ping, NULL, 2 * ROUNDS);
}

static void take_turns(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS / RING; i++) {
        sema_acquire(&token);
        gosched();
        sema_release_handoff(&token);
    }
    waitgroup_done(&ended);
}

static void ring(void *arg)
{
    (void)arg;
    waitgroup_add(&ended, RING);
    for (int i = 0; i < RING; i++)
        bench_require(go(take_turns, NULL) == 0);
    waitgroup_wait(&ended);
    bench_require(sema_tryacquire(&token) == 0);
    sema_release(&token);
}

static double sema_handoff(void)
{
    return bench_time(ring, NULL, ROUNDS);
}

static const struct bench benches[] = {
    {"waitgroup_add_done", .sample = waitgroup_add_done},
    {"waitgroup_wait0", .sample = waitgroup_wait0},
    {"sema_uncontended", .sample = sema_uncontended},
    {"sema_pingpong", .sample = sema_pingpong},
    {"sema_handoff", .sample = sema_handoff},
};

int main(int argc, char **argv)
{
    gomaxprocs(1);
    return bench_main(benches, LENGTH(benches), argc, argv);
}
