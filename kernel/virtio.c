/*
 * virtio.c - virtio devices: agreement on features, and split queues that are polled.
 *
 * Protocol:  virtio_begin(), virtq_open(), virtio_run(); then virtq_submit() and virtq_done() in
 *            turns. A request is a chain of descriptors that always begins at descriptor 0, since
 *            the request before it is done. The driver owns the descriptors and avail, the device
 *            owns used.
 * Invariant: avail.index == q->submitted; used.index is that or one less.
 * Ordering:  VIRTIO_F_ORDER_PLATFORM is not taken, so the device is to be treated as one more core
 *            (virtio 6.1): what orders cores orders it, and caches are coherent. The descriptors
 *            are released by the store to avail.index; the answer is acquired by the load of
 *            used.index.
 * Why no interrupts: the answer comes within microseconds, to a core that has nothing else to do.
 * Why no look at used.flags: VIRTQ_USED_F_NO_NOTIFY only allows to leave out a notification; with
 *            one request at a time each one is the first that the device sees.
 * Source:    virtio 1.2, 2.7 (split virtqueues) and 3.1 (device initialization).
 */
#include "kernel/virtio.h"

#include <errno.h>

#include "kernel/vm.h"
#include "rt0/time.h"

/* Device status. */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u

#define DESC_NEXT  1u
#define DESC_WRITE 2u

#define AVAIL_NO_INTERRUPT 1u

#define RESET_NS INT64_C(100000000)

uint64_t virtio_features(const struct virtio *v)
{
    return v->transport->features(v, 0) | (uint64_t)v->transport->features(v, 1) << 32;
}

/* Status 0 says that the device has let go of all queues. */
bool virtio_reset(const struct virtio *v)
{
    int64_t end = nanotime() + RESET_NS;

    v->transport->set_status(v, 0);
    while (v->transport->status(v))
        if (nanotime() > end)
            return false;
    return true;
}

static void add_status(const struct virtio *v, uint32_t bits)
{
    v->transport->set_status(v, v->transport->status(v) | bits);
}

int virtio_begin(const struct virtio *v, uint64_t want, struct errbuf *e)
{
    if (!virtio_reset(v))
        return fail(e, -EIO, "no end of its reset, status %#x, 0 expected",
                    (unsigned)v->transport->status(v));
    add_status(v, STATUS_ACKNOWLEDGE);
    add_status(v, STATUS_DRIVER);
    uint64_t offered = virtio_features(v);
    if (want & ~offered)
        return fail(e, -ENOTSUP, "features %#llx offered, %#llx expected among them",
                    (unsigned long long)offered, (unsigned long long)want);
    v->transport->take_features(v, 0, (uint32_t)want);
    v->transport->take_features(v, 1, (uint32_t)(want >> 32));
    add_status(v, STATUS_FEATURES_OK);
    if (!(v->transport->status(v) & STATUS_FEATURES_OK))
        return fail(e, -ENOTSUP, "features %#llx refused, though offered",
                    (unsigned long long)want);
    return 0;
}

void virtio_run(const struct virtio *v)
{
    add_status(v, STATUS_DRIVER_OK);
}

/* The largest power of two up to max and to what a struct virtq_ring has room for; max is not 0. */
static uint32_t queue_size(uint32_t max)
{
    uint32_t size = VIRTIO_QUEUE_MAX;

    while (size > max)
        size /= 2;
    return size;
}

int virtq_open(struct virtq *q, const struct virtio *v, unsigned queue, struct virtq_ring *ring)
{
    uint32_t max = v->transport->queue_max(v, queue);

    if (max == 0)
        return -ENOENT;
    *q = (struct virtq){.ring = ring, .queue = queue, .size = queue_size(max)};
    ring->avail.flags = AVAIL_NO_INTERRUPT;
    atomic_store_explicit(&ring->avail.index, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->used.index, 0, memory_order_relaxed);
    /* What is above, before the register writes that let the device look. */
    atomic_thread_fence(memory_order_seq_cst);
    v->transport->queue_enable(v, queue, q->size, image_phys(ring->desc), image_phys(&ring->avail),
                               image_phys(&ring->used));
    return 0;
}

void virtq_submit(struct virtq *q, const struct virtio *v, const struct memrange *ranges,
                  unsigned n)
{
    struct virtq_ring *r = q->ring;

    for (unsigned i = 0; i < n; i++) {
        bool last = i + 1 == n;

        r->desc[i] = (struct virtq_desc){
            .pa = ranges[i].base,
            .bytes = (uint32_t)ranges[i].bytes,
            .flags = DESC_WRITE | (last ? 0 : DESC_NEXT),
            .next = last ? 0 : (uint16_t)(i + 1),
        };
    }
    r->avail.ring[q->submitted++ % q->size] = 0;
    /* Release: pairs with the device's acquiring load. */
    atomic_store_explicit(&r->avail.index, q->submitted, memory_order_release);
    /* The index before the notification. That is a store to a device register, which C's fences do
     * not speak of; their instructions (a locked one, dmb ish) order it too, and the hypervisor,
     * where the store traps, runs after all that its core stored before. */
    atomic_thread_fence(memory_order_seq_cst);
    v->transport->notify(v, q->queue);
}

bool virtq_done(const struct virtq *q)
{
    /* Acquire: pairs with the device's release, after its last access to the ranges. */
    return atomic_load_explicit(&q->ring->used.index, memory_order_acquire) == q->submitted;
}
