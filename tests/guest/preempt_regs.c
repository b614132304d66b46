/*
 * preempt_regs.c - a goroutine that is preempted does not notice.
 *
 * Goal:   every register survives preemptions at random instructions: the general ones, flags, floating point
 *         and vectors with their control words, the thread pointer, and on x86-64 the red zone.
 * Method: more goroutines than cores, each with a pattern of its own in every register, in a loop of assembly
 *         (ARCH/preempt_regs.h) that leaves them as they were; slices of some microseconds. Each round begins
 *         at another depth of the stack, so frames of preemptions also lie over ends of pages, and make
 *         stacks grow. In some there is no room for one: then the preemption has to wait. How many a second
 *         there are depends on how the host runs the machine's timers: tests/check/preempt has 100,000 of them,
 *         by a clock that counts instructions.
 * Usage:  preempt_regs CORES [PREEMPTIONS]
 * Budget: 10 s.
 */
#include <alloca.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "preempt_regs.h"
#include "rt0/time.h"
#include "sched/sched.h"
#include "tests/guest/all_of.h"

#define SLICE_NS    5000
#define GIVE_UP_NS  INT64_C(50000000000)
#define ROUNDS      2000
#define DEPTH_BYTES 16384
#define STACK_BYTES 49152
#define ROOM_MIN    1024 // regs_spin() and its caller do with that
#define ROOM_MAX    4096
#define NEAR_END    8 // every so many rounds there is little more

static uint64_t wanted = 2000, before;
static int64_t give_up_at;
static _Atomic(uint64_t) spins;
static _Thread_local uint64_t own;

static uint64_t preemptions(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < sched.nprocs; i++)
        n += *(volatile uint64_t *)&allp[i]->stats.preempted;
    return n;
}

static bool enough(void)
{
    return preemptions() - before >= wanted || nanotime() > give_up_at;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void fill(void *buf, size_t bytes, uint64_t *state)
{
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)buf)[i] = (uint8_t)next_random(state);
}

/* A stack frame of so many bytes, then the loop. */
__attribute__((noinline)) static void spin_deep(size_t depth, const struct regs *in,
                                                struct regs *out)
{
    volatile uint8_t *space = alloca(depth + 1);

    space[0] = 1;
    regs_spin(in, out, regs_level());
    space[0] = 0;
}

static size_t choose_depth(uint64_t round, uint64_t *state)
{
    size_t left = (uintptr_t)__builtin_frame_address(0) - getg()->stack->lo;

    if (round % NEAR_END == 0)
        return left - ROOM_MIN - next_random(state) % (ROOM_MAX - ROOM_MIN);
    return next_random(state) % DEPTH_BYTES;
}

static void worker(void *arg)
{
    uint64_t state = (uintptr_t)arg * UINT64_C(0x9e3779b97f4a7c15) + 1, round = 0;
    struct regs *r = must(malloc(3 * sizeof *r));

    own = (uintptr_t)arg;
    do {
        fill(r, sizeof *r, &state);
        regs_make(&r[0], &r[1], ROUNDS + next_random(&state) % ROUNDS);
        spin_deep(choose_depth(round++, &state), &r[0], &r[2]);
        const char *bad = regs_compare(&r[1], &r[2], regs_level());
        fail_once(check(!bad, "%s has changed", bad) &&
                  check(own == (uintptr_t)arg, "a thread-local variable is another goroutine's"));
        atomic_fetch_add(&spins, 1);
    } while (!enough() && !atomic_load(&wrong));
    free(r);
    finish();
}

static void start_worker(int i)
{
    static const struct go_attr attr = {.stack_max_bytes = STACK_BYTES};

    if (go_with(&attr, worker, (void *)(intptr_t)i)) {
        ok(false, "out of memory");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int ncore = argc > 1 ? atoi(argv[1]) : 1, nworker = 3 * ncore + 1;

    if (argc > 2)
        wanted = strtoul(argv[2], NULL, 10);
    finished = make(0, 0);
    sched.slice_ticks = clock_ns_to_ticks(SLICE_NS);
    for (uint32_t i = 0; i < sched.nprocs; i++)
        allp[i]->slice_ticks = sched.slice_ticks;
    before = preemptions();
    give_up_at = nanotime() + GIVE_UP_NS;
    for (int i = 0; i < nworker; i++)
        start_worker(i);
    join(nworker);
    int bad = atomic_load(&wrong);
    uint64_t n = preemptions() - before;
    printf("# %lu preemptions in %lu rounds of the loop\n", n, atomic_load(&spins));
    ok(bad == 0, "%s: as they were", regs_describe());
    ok(n >= wanted, "so they are after %lu preemptions", wanted);
    return done();
}
