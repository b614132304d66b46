/*
 * rt0/sched.h - what the scheduler counts.
 *
 * With the kernel's key schedstats=1 all of it is counted. Without it, the scheduler's shortest paths stay short:
 * ready, ran_ns and waited_ns leave out what happens there, so they are too low, and nobody's waiting is timed.
 */
#ifndef RT0_SCHED_H
#define RT0_SCHED_H

#include <stdint.h>

/* What one P has done since boot, or all of them. */
struct schedcounts {
    uint64_t created;    // goroutines made
    uint64_t ended;      // goroutines that ended,
    uint64_t ran_ns;     // how long these ran,
    uint64_t waited_ns;  // and how long they were runnable while others ran
    uint64_t schedticks; // times a goroutine began a slice (modulo 2^32 for each P)
    uint64_t ready;      // times a goroutine was made runnable
    uint64_t preempted;  // times a goroutine did not give way by itself
    uint64_t deferred;   // preemptions put off: the core held something
    uint64_t steals;     // times something was stolen from another P,
    uint64_t stolen;     // goroutines so taken
    uint64_t global;     // goroutines taken from the global queue
    uint64_t overflow;   // goroutines that went there since the P's own queue was full
    uint64_t wakes;      // idle Ps woken
    uint64_t ipis;       // interrupts sent to cores that slept
    uint64_t sleeps;     // times the core halted
    uint64_t polled;     // idle times that ended before it halted
    uint64_t handoffs;   // times the P was given to another core
    uint64_t timers;     // timers run
};

/* A picture taken while other goroutines run is only nearly consistent. */
struct schedstats {
    unsigned gomaxprocs; // Ps that are live
    unsigned cores;      // cores that run goroutines
    const char *policy;  // name of the scheduling policy
    int64_t
        slice_ns; // how long a goroutine runs while others wait, if the policy does not say otherwise
    struct schedcounts all;
};

/* schedstats_read - fill in *st. Ctx: goroutine. */
void schedstats_read(struct schedstats *st);

/*
 * schedstats_read_p - what the P of number p has done. Those that are not live now (gomaxprocs) have figures, too.
 * Returns 0, or -EINVAL if there is no such P: they are numbered from 0.
 * Ctx: goroutine.
 */
int schedstats_read_p(unsigned p, struct schedcounts *c);

/* Time of one goroutine. */
struct gostats {
    int64_t cpu_ns;  // on a core, up to now
    int64_t wait_ns; // runnable, while others ran; counted with schedstats=1
};

/* gostats_read - fill in *st for the calling goroutine. Ctx: goroutine. */
void gostats_read(struct gostats *st);

#endif
