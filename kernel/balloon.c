/*
 * balloon.c - virtio-balloon as far as free page reporting needs it.
 *
 * Protocol:  a report is one chain of device-writable descriptors, a range of free pages in each.
 *            When the device has used it, the host has dropped the pages' memory (QEMU: madvise),
 *            or has chosen not to. They are usable again either way: the next access finds memory.
 * Bounds:    a device that has not answered after ANSWER_NS of waiting is switched off by a reset.
 *            Until it confirms that, it may still drop pages at any time, also ones that are in use
 *            again by then; so without a confirmation they are lost.
 * Why not page poison (feature 4): it promises the contents of pages that come back, and nobody
 *            here expects a page to have any (kernel/page.h: not zeroed).
 * Why no inflation: it takes pages away for good, at the host's wish; reports leave the choice
 *            here.
 * Source:    virtio 1.2, 5.5.2 (queues) and 5.5.6.7 (free page reporting).
 */
#include "kernel/balloon.h"

#include <errno.h>

#include "kernel/options.h"
#include "kernel/print.h"
#include "rt0/time.h"

#define F_STATS_VQ       (UINT64_C(1) << 1)
#define F_FREE_PAGE_HINT (UINT64_C(1) << 3)
#define F_REPORTING      (UINT64_C(1) << 5)

#define REPORTING_QUEUE 4

#define ANSWER_NS INT64_C(1000000000)

/* At most so much of the time between two questions counts as waiting: the whole machine may have
 * been stopped meanwhile, device included, or all cores too busy to ask. */
#define LOOK_NS INT64_C(10000000)

/* Access: o whoever is the scavenger (kernel/scavenge.c) */
static struct virtio device;   // o
static struct virtq queue;     // o
static struct virtq_ring ring; // o, and the device
static int64_t asked_ns;       // o  when the device was last looked at
static int64_t waited_ns;      // o  how long it has owed an answer

/*
 * The specification numbers the reporting queue 4. Devices (QEMU, cloud-hypervisor) number without
 * gaps instead: behind inflate, deflate and those of stats and hints that are offered. A number that
 * no queue has shows by a length of 0, so both can be tried. A device that has a queue for what it
 * does not offer could be mistaken; it would not answer, and be switched off.
 */
static int open_queue(uint64_t offered)
{
    unsigned compact = 2 + !!(offered & F_STATS_VQ) + !!(offered & F_FREE_PAGE_HINT);

    if (virtq_open(&queue, &device, compact, &ring) == 0)
        return 0;
    return virtq_open(&queue, &device, REPORTING_QUEUE, &ring);
}

static int open_device(struct errbuf *e)
{
    int err = virtio_find(&device, VIRTIO_ID_BALLOON, e);

    if (err)
        return err;
    uint64_t offered = virtio_features(&device);
    if (!(offered & F_REPORTING))
        return fail(
            e, -ENOTSUP,
            "features %#llx offered, free page reporting (%#llx) expected; QEMU offers it by "
            "free-page-reporting=on",
            (unsigned long long)offered, (unsigned long long)F_REPORTING);
    err = virtio_begin(&device, VIRTIO_F_VERSION_1 | F_REPORTING, e);
    if (err)
        return err;
    if (open_queue(offered))
        return fail(e, -ENOTSUP, "no reporting queue, a queue %d expected", REPORTING_QUEUE);
    virtio_run(&device);
    return 0;
}

unsigned balloon_open(void)
{
    struct errbuf e;
    int err = open_device(&e);

    if (err && err != -ENODEV)
        kprintf("rt0: virtio-balloon can't be used, free memory stays with this machine: %s\n",
                e.text);
    if (err)
        return 0;
    if (options.bootlog)
        kprintf("rt0: virtio-balloon (%s, registers at %#llx): free memory goes back to the host\n",
                device.transport->name, (unsigned long long)device.phys);
    return queue.size;
}

void balloon_report(const struct memrange *ranges, unsigned n)
{
    waited_ns = 0;
    asked_ns = nanotime();
    virtq_submit(&queue, &device, ranges, n);
}

static enum balloon_answer give_up(void)
{
    bool confirmed = virtio_reset(&device);

    kprintf("rt0: virtio-balloon: no answer to a report for %lld ms; switched off%s\n",
            (long long)(ANSWER_NS / 1000000),
            confirmed ? "" : ", and what was reported is lost, since its reset does not end");
    return confirmed ? BALLOON_OFF : BALLOON_LOST;
}

enum balloon_answer balloon_poll(void)
{
    int64_t now = nanotime();

    if (virtq_done(&queue))
        return BALLOON_GIVEN;
    waited_ns += now - asked_ns < LOOK_NS ? now - asked_ns : LOOK_NS;
    asked_ns = now;
    return waited_ns < ANSWER_NS ? BALLOON_WAIT : give_up();
}
