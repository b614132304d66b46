/*
 * test_balloon.c - free page reporting: which queue, and what becomes of a report.
 *
 * Goal:   the reporting queue is found however a device numbers it; a report is answered, given
 *         back or lost as the device behaves; a stopped machine is no dead device; each line has
 *         its text.
 * Method: the device of virtio_fake.h, and a clock that the test sets.
 * Time:   under 1 s.
 */
#include "kernel/balloon.h"

#include "kernel/options.h"
#include "kernel/print.h"
#include "tests/host/tap.h"
#include "tests/host/virtio_fake.h"

#include <errno.h>

#define F_STATS  2u
#define F_HINT   8u
#define F_REPORT 32u

struct options options = {.bootlog = true};

static char printed[400];
static int find_err;

void kprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kvsnprintf(printed + strlen(printed), sizeof(printed) - strlen(printed), fmt, ap);
    va_end(ap);
}

int virtio_find(struct virtio *v, unsigned id, struct errbuf *e)
{
    *v = fake_device;
    return find_err == -ENOTSUP ? fail(e, find_err, "legacy %u", id) : find_err;
}

/* The first of these that is a queue of the device; 0: balloon_open() says no. */
static unsigned open_with(uint32_t features, uint32_t queues)
{
    fake_init(VIRTIO_F_VERSION_1 | features, 0);
    for (unsigned i = 0; i < FAKE_QUEUES; i++)
        fake.queue_max[i] = queues >> i & 1 ? 32 : 0;
    printed[0] = '\0';
    return balloon_open() == 0 ? 0 : fake.queue;
}

static void test_open(void)
{
    ok(open_with(F_REPORT | F_STATS, 0x0f) == 3, "QEMU: no hints, queue 3");
    same(printed,
         "rt0: virtio-balloon (fake, registers at 0x1000): free memory goes back to the host\n");
    ok(fake.status == 15 && !fake.wrong && fake.taken == (VIRTIO_F_VERSION_1 | F_REPORT),
       "and it runs, without other features");
    ok(open_with(F_REPORT | F_STATS | F_HINT, 0x1f) == 4, "QEMU with hints: 4");
    ok(open_with(F_REPORT, 0x07) == 2, "neither stats nor hints, without gaps: 2");
    ok(open_with(F_REPORT | F_STATS, 0x17) == 4, "as the specification says: 4");
    ok(open_with(F_REPORT, 0x13) == 4, "the same without stats");
    options.bootlog = false;
    ok(open_with(F_REPORT | F_STATS, 0x0f) == 3 && printed[0] == '\0', "bootlog=0: no line");
    ok(open_with(F_REPORT | F_STATS, 0x07) == 0, "no queue for reports");
    same(printed,
         "rt0: virtio-balloon can't be used, free memory stays with this machine: no reporting "
         "queue, a queue 4 expected\n");
    ok(open_with(F_STATS, 0x0f) == 0, "no reports");
    same(printed,
         "rt0: virtio-balloon can't be used, free memory stays with this machine: features "
         "0x100000002 offered, free page reporting (0x20) expected; QEMU offers it by "
         "free-page-reporting=on\n");
    find_err = -ENOTSUP;
    ok(open_with(F_REPORT, 0x07) == 0, "none that can be used");
    same(printed,
         "rt0: virtio-balloon can't be used, free memory stays with this machine: legacy 5\n");
    find_err = -ENODEV;
    ok(open_with(F_REPORT, 0x07) == 0 && printed[0] == '\0', "no device: no line");
    find_err = 0;
}

static void make_report(void)
{
    static const struct memrange r[2] = {{0x100000, 0x200000}, {0x800000, 0x10000}};

    open_with(F_REPORT | F_STATS, 0x0f);
    printed[0] = '\0';
    balloon_report(r, 2);
}

static void test_answer(void)
{
    make_report();
    ok(fake_chain() == 2 && fake.desc[0].pa == 0x100000 && fake.desc[1].bytes == 0x10000,
       "two ranges, one chain");
    ok(balloon_poll() == BALLOON_WAIT && balloon_poll() == BALLOON_WAIT, "no answer yet");
    fake_answer();
    ok(balloon_poll() == BALLOON_GIVEN && printed[0] == '\0', "given");

    make_report();
    fake_now += INT64_C(3600000000000);
    ok(balloon_poll() == BALLOON_WAIT, "an hour during which nobody asked is no hour of waiting");
    fake_answer();
    ok(balloon_poll() == BALLOON_GIVEN, "given all the same");
}

/* Asks every millisecond: how many until the answer is no longer to wait. */
static unsigned wait_ms(enum balloon_answer *answer)
{
    unsigned n = 0;

    for (; (*answer = balloon_poll()) == BALLOON_WAIT && n < 2000; n++)
        fake_now += 999000;
    return n;
}

static void test_dead(void)
{
    enum balloon_answer answer;

    make_report();
    fake.was_reset = false;
    unsigned n = wait_ms(&answer);
    ok(answer == BALLOON_OFF && n >= 990 && n <= 1010 && fake.was_reset && fake.status == 0,
       "no answer for %u ms: reset", n);
    same(printed, "rt0: virtio-balloon: no answer to a report for 1000 ms; switched off\n");

    make_report();
    fake.stuck = true;
    wait_ms(&answer);
    ok(answer == BALLOON_LOST, "the reset is not confirmed");
    same(printed,
         "rt0: virtio-balloon: no answer to a report for 1000 ms; switched off, and what was "
         "reported is lost, since its reset does not end\n");
}

int main(void)
{
    test_open();
    test_answer();
    test_dead();
    return done();
}
