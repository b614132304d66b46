/*
 * scavenge.c - which free pages go back to the host, and when.
 *
 *                  total
 *   |---------------------------------------------------------|
 *   |  in use  |  free, backed      | scavenged |  not opened |
 *   |---- goal -----|-- excess -----|
 *
 * Goal:      the host keeps what was in use at the peak of the last two epochs, and 10% more (at
 *            least RETAIN_MIN): pages that will be wanted again soon. What is free and backed
 *            beyond that is excess. Go has the heap's size at the last garbage collection where
 *            this has a peak.
 * Peak:      what nobody sees counts too: pages that have become backed since the last look were in
 *            use meanwhile, and an epoch in which nobody looked may have had any peak.
 * Pacing:    a step reports at most STEP_PAGES; then comes a pause of 99 times what the step took,
 *            so that scavenging takes 1% of one core, however slow the device.
 * Protocol:  s.busy is the right to do anything here, tried for by a step, waited for by a batch.
 *            Pages on their way are in s.range; whoever is busy next asks for the answer. So no
 *            core waits for the device for long, and a device that hangs stops nobody.
 * Invariant: pages between page_scavenge_take() and page_scavenge_done() are in s.range, or lost
 *            for good because the device may still have them. Their contents are never touched
 *            here.
 * Why wait for epochs: what was freed a moment ago is the likeliest to be allocated next, and the
 *            cost of a wrong guess is a fault in the host for every page.
 */
#include "kernel/scavenge.h"

#include <stdatomic.h>

#include "kernel/balloon.h"
#include "kernel/layout.h"
#include "kernel/page.h"
#include "rt0/time.h"

#define RETAIN_PERCENT 10
#define RETAIN_MIN     ((size_t)(4 << 20) >> PAGE_SHIFT)

/* Of one core's time: 1%. A step that took longer than COST_MAX_NS did not run: the host had taken
 * the core. */
#define PAUSE_RATIO 99
#define COST_MAX_NS INT64_C(1000000)

#define STEP_PAGES  ((size_t)(2 << 20) >> PAGE_SHIFT)
#define BATCH_PAGES ((size_t)(8 << 20) >> PAGE_SHIFT)

/* What is freed now goes back after one of these, but before three have passed. */
#define EPOCH_NS SCAVENGE_LOOK_NS

/* With nothing to do, figures are looked at so often at most, however often cores go idle. */
#define LOOK_NS INT64_C(100000000)

/* A step waits this long for the answer; then others ask, in intervals of POLL_NS. */
#define SPIN_NS INT64_C(50000)
#define POLL_NS INT64_C(1000000)

#define PEAK_UNKNOWN SIZE_MAX

enum device { UNKNOWN, READY, NONE };

/* Access: b who set busy   a atomic */
static struct {
    _Atomic(bool) busy;      // a  exchange, acquire; store, release
    _Atomic(int64_t) due_ns; // a  relaxed, stored by b; before that time a step has nothing to do

    /* The report that has no answer yet. */
    struct memrange range[BALLOON_RANGES]; // b
    unsigned nrange;                       // b  0: there is none
    int64_t cost_ns;                       // b  what it has taken of cores' time so far
    enum device device;                    // b
    unsigned ranges_max;                   // b  the device's, of a report

    /* The goal, in pages. */
    int64_t epoch_ns;   // b  when this epoch began
    size_t peak;        // b  in use, in this epoch
    size_t peak_before; // b  in the one before
    size_t backed;      // b  at the last look
} s = {.peak_before = PEAK_UNKNOWN, .epoch_ns = INT64_MIN / 2};

static bool try_busy(void)
{
    /* Acquire: pairs with the release in end_busy(). */
    return !atomic_exchange_explicit(&s.busy, true, memory_order_acquire);
}

static void end_busy(void)
{
    atomic_store_explicit(&s.busy, false, memory_order_release);
}

static int64_t due(void)
{
    return atomic_load_explicit(&s.due_ns, memory_order_relaxed);
}

static void set_due(int64_t when_ns)
{
    atomic_store_explicit(&s.due_ns, when_ns, memory_order_relaxed);
}

/* ---- reports: busy ----------------------------------------------------------------- */

/* Looks for the device at the first need. Without one no step is due ever again. */
static bool have_device(void)
{
    if (s.device == UNKNOWN) {
        s.ranges_max = balloon_open();
        s.device = s.ranges_max ? READY : NONE;
    }
    if (s.device == NONE)
        set_due(INT64_MAX);
    return s.device == READY;
}

/* Takes up to max free pages, and reports them: how many. */
static size_t report(size_t max)
{
    size_t pages = 0;

    while (s.nrange < s.ranges_max && max - pages >= PAGE_GROUP) {
        uint64_t pa;
        size_t n = page_scavenge_take(max - pages, &pa);

        if (n == 0)
            break;
        s.range[s.nrange++] = (struct memrange){pa, n << PAGE_SHIFT};
        pages += n;
    }
    if (s.nrange)
        balloon_report(s.range, s.nrange);
    return pages;
}

/* The device is done with the report: its pages are the allocator's again, unless they are lost. */
static void finish(enum balloon_answer answer)
{
    for (unsigned i = 0; i < s.nrange && answer != BALLOON_LOST; i++)
        page_scavenge_done(s.range[i].base, s.range[i].bytes >> PAGE_SHIFT,
                           answer == BALLOON_GIVEN);
    s.nrange = 0;
    if (answer != BALLOON_GIVEN)
        s.device = NONE;
}

/* Asks for the answer to the report until there is one or it is `until_ns`; the clock is looked at
 * between two questions, which is pause enough. */
static enum balloon_answer wait(int64_t until_ns)
{
    enum balloon_answer answer;

    while ((answer = balloon_poll()) == BALLOON_WAIT && nanotime() < until_ns)
        ;
    if (answer != BALLOON_WAIT)
        finish(answer);
    return answer;
}

/* ---- steps: busy ----------------------------------------------------------------- */

static size_t backed(const struct pagestats *st)
{
    return st->opened - st->scavenged;
}

static void note_peak(int64_t now_ns, const struct pagestats *st)
{
    int64_t age_ns = now_ns - s.epoch_ns;
    size_t grown = backed(st) > s.backed ? backed(st) - s.backed : 0;
    size_t used = st->in_use + grown;

    s.backed = backed(st);
    if (age_ns < EPOCH_NS) {
        s.peak = used > s.peak ? used : s.peak;
        return;
    }
    /* If nobody looked for a whole epoch, its peak is not known. */
    s.peak_before = age_ns < 2 * EPOCH_NS ? s.peak : PEAK_UNKNOWN;
    s.epoch_ns = age_ns < 2 * EPOCH_NS ? s.epoch_ns + EPOCH_NS : now_ns;
    s.peak = used;
}

/* Backed pages beyond what is to be kept for `used` pages in use. */
static size_t excess(const struct pagestats *st, size_t used)
{
    size_t extra = used / 100 * RETAIN_PERCENT;

    extra = extra > RETAIN_MIN ? extra : RETAIN_MIN;
    return backed(st) > used + extra ? backed(st) - used - extra : 0;
}

/* How many pages a step may take now. 0: none, and when to look again. */
static size_t look(int64_t now_ns, int64_t *next_ns)
{
    struct pagestats st;

    page_stats(&st);
    note_peak(now_ns, &st);
    if (excess(&st, st.in_use) < PAGE_GROUP) {
        set_due(now_ns + LOOK_NS);
        *next_ns = INT64_MAX;
        return 0;
    }
    size_t peak = s.peak > s.peak_before ? s.peak : s.peak_before;
    size_t pages = peak == PEAK_UNKNOWN ? 0 : excess(&st, peak);
    if (pages < PAGE_GROUP) {
        *next_ns = s.epoch_ns + EPOCH_NS;
        set_due(*next_ns);
        return 0;
    }
    return pages < STEP_PAGES ? pages : STEP_PAGES;
}

/* The answer to the report, waited for until `until_ns`: then a pause; or it is left for later. */
static bool collect(int64_t began_ns, int64_t until_ns, int64_t *next_ns)
{
    enum balloon_answer answer = wait(until_ns);
    int64_t now_ns = nanotime();

    s.cost_ns += now_ns - began_ns;
    s.cost_ns = s.cost_ns < COST_MAX_NS ? s.cost_ns : COST_MAX_NS;
    *next_ns = answer == BALLOON_WAIT    ? now_ns + POLL_NS
               : answer == BALLOON_GIVEN ? now_ns + PAUSE_RATIO * s.cost_ns
                                         : INT64_MAX;
    set_due(*next_ns);
    return answer == BALLOON_GIVEN;
}

static bool step(int64_t now_ns, int64_t *next_ns)
{
    if (s.nrange)
        return collect(now_ns, now_ns, next_ns);
    size_t pages = look(now_ns, next_ns);
    if (pages == 0)
        return false;
    s.cost_ns = 0;
    if (have_device() && report(pages)) {
        collect(now_ns, nanotime() + SPIN_NS, next_ns);
        return true;
    }
    /* No device; or the excess lies in runs that are too short to be taken. */
    *next_ns = INT64_MAX;
    if (s.device == READY)
        set_due(now_ns + LOOK_NS);
    return false;
}

/* ---- for everybody ----------------------------------------------------------------- */

bool scavenge_step(int64_t now_ns, int64_t *next_ns)
{
    bool worked = false;

    *next_ns = due();
    if (now_ns < *next_ns)
        return false;
    if (!try_busy()) {
        *next_ns = now_ns + POLL_NS;
        return false;
    }
    /* Another core may have done a step since it was looked at. */
    *next_ns = due();
    if (now_ns >= *next_ns)
        worked = step(now_ns, next_ns);
    end_busy();
    return worked;
}

size_t scavenge_batch(void)
{
    size_t pages = 0;

    /* A step takes some 100 us, another core's batch as long as the device does. */
    while (!try_busy())
        while (atomic_load_explicit(&s.busy, memory_order_relaxed))
            ;
    if (s.nrange)
        wait(INT64_MAX);
    if (have_device()) {
        pages = report(BATCH_PAGES);
        if (pages && wait(INT64_MAX) != BALLOON_GIVEN)
            pages = 0;
    }
    end_busy();
    return pages;
}
