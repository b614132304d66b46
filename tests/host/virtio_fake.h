/*
 * virtio_fake.h - a virtio device for tests: registers as variables, behind the seam of virtio.h.
 *
 * It keeps what the driver tells it and checks the order; the test decides what it offers, whether
 * it agrees and when it answers. Single-threaded. Time passes by a microsecond each time it is
 * asked for.
 */
#ifndef TESTS_HOST_VIRTIO_FAKE_H
#define TESTS_HOST_VIRTIO_FAKE_H

#include "kernel/virtio.h"
#include "kernel/vm.h"
#include "rt0/time.h"

#define FAKE_QUEUES 6

static struct {
    uint64_t offered;
    uint64_t taken;
    uint32_t status;
    bool stuck;                      // its status never becomes 0
    bool disagrees;                  // it does not keep FEATURES_OK
    bool was_reset;                  // set_status(0), since the test cleared it
    bool wrong;                      // something came out of order
    uint32_t queue_max[FAKE_QUEUES]; // 0: no such queue
    unsigned queue;                  // the one that was enabled
    uint32_t size;
    struct virtq_desc *desc;
    uint16_t *avail; // flags, index, ring
    uint16_t *used;  // flags, index, ring
    unsigned notified;
} fake;

static int64_t fake_now;

int64_t nanotime(void)
{
    return fake_now += 1000;
}

uint64_t image_phys(const void *in_image)
{
    return (uint64_t)(uintptr_t)in_image;
}

static uint32_t fake_features(const struct virtio *v, unsigned word)
{
    (void)v;
    return (uint32_t)(fake.offered >> 32 * word);
}

static void fake_take(const struct virtio *v, unsigned word, uint32_t bits)
{
    (void)v;
    fake.wrong |= fake.status != 3;
    fake.taken &= ~(UINT64_C(0xffffffff) << 32 * word);
    fake.taken |= (uint64_t)bits << 32 * word;
}

static uint32_t fake_status(const struct virtio *v)
{
    (void)v;
    return fake.status;
}

/* 1, 3, 11, 15: each step on top of the one before; 0 at any time. */
static void fake_set_status(const struct virtio *v, uint32_t status)
{
    (void)v;
    fake.was_reset |= status == 0;
    fake.wrong |= status != 0 && status != 1 && status != 3 && status != 11 && status != 15;
    fake.wrong |= status != 0 && (status & fake.status) != fake.status;
    fake.status = fake.stuck ? 128 : status;
    if (fake.disagrees)
        fake.status &= ~8u;
}

static uint32_t fake_queue_max(const struct virtio *v, unsigned queue)
{
    (void)v;
    return queue < FAKE_QUEUES ? fake.queue_max[queue] : 0;
}

static void fake_enable(const struct virtio *v, unsigned queue, uint32_t size, uint64_t desc,
                        uint64_t avail, uint64_t used)
{
    (void)v;
    fake.wrong |= fake.status != 11;
    fake.queue = queue;
    fake.size = size;
    fake.desc = (struct virtq_desc *)(uintptr_t)desc;
    fake.avail = (uint16_t *)(uintptr_t)avail;
    fake.used = (uint16_t *)(uintptr_t)used;
}

static void fake_notify(const struct virtio *v, unsigned queue)
{
    (void)v;
    fake.wrong |= fake.status != 15 || queue != fake.queue;
    fake.notified++;
}

static const struct virtio_transport fake_transport = {
    .name = "fake",
    .features = fake_features,
    .take_features = fake_take,
    .status = fake_status,
    .set_status = fake_set_status,
    .queue_max = fake_queue_max,
    .queue_enable = fake_enable,
    .notify = fake_notify,
};

static const struct virtio fake_device = {.transport = &fake_transport, .phys = 0x1000};

/* As if it had just been powered on, with those features and queues 0 to n - 1. */
static inline void fake_init(uint64_t offered, unsigned n)
{
    memset(&fake, 0, sizeof(fake));
    fake.offered = offered;
    for (unsigned i = 0; i < n; i++)
        fake.queue_max[i] = 32;
}

/* The chain that the newest request begins with: how many descriptors, 0 if it is not in order. */
static inline unsigned fake_chain(void)
{
    unsigned i = fake.avail[2 + (uint16_t)(fake.avail[1] - 1) % fake.size];
    unsigned n = 1;

    for (; n <= fake.size && fake.desc[i].flags == 3; n++)
        i = fake.desc[i].next;
    return n <= fake.size && fake.desc[i].flags == 2 ? n : 0;
}

/* The device is done with all it was given. */
static inline void fake_answer(void)
{
    fake.used[1] = fake.avail[1];
}

#endif
