/*
 * virtio_mmio.c - virtio devices whose registers lie at an address that somebody has to name.
 *
 * Protocol:  every register is 32 bits wide and is accessed whole. QueueSel picks the queue that
 *            the Queue registers speak of.
 * Why no legacy: version 1 is laid out by page numbers and has no agreement on features. QEMU's
 *            transports are legacy unless told otherwise; those without a device name type 0 either
 *            way.
 * Source:    virtio 1.2, 4.2.2.
 */
#include "kernel/virtio.h"

#include <errno.h>
#include <string.h>

#include "kernel/number.h"
#include "kernel/vm.h"

#define MAGIC   UINT32_C(0x74726976) // "virt"
#define VERSION 2

/* Of one range of the key virtio_mmio: 128 transports. Each is looked at. */
#define RANGE_MAX 0x10000

enum reg {
    MAGIC_VALUE = 0x000,
    VERSION_NUMBER = 0x004,
    DEVICE_ID = 0x008,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DEVICE_LOW = 0x0a0,
};

static uint32_t get(const struct virtio *v, enum reg reg)
{
    return *(volatile uint32_t *)(v->dev.mmio.regs + reg);
}

static void set(const struct virtio *v, enum reg reg, uint32_t value)
{
    *(volatile uint32_t *)(v->dev.mmio.regs + reg) = value;
}

/* Low half at reg, high half behind it. */
static void set_pair(const struct virtio *v, enum reg reg, uint64_t value)
{
    set(v, reg, (uint32_t)value);
    set(v, reg + 4, (uint32_t)(value >> 32));
}

static uint32_t features(const struct virtio *v, unsigned word)
{
    set(v, DEVICE_FEATURES_SEL, word);
    return get(v, DEVICE_FEATURES);
}

static void take_features(const struct virtio *v, unsigned word, uint32_t bits)
{
    set(v, DRIVER_FEATURES_SEL, word);
    set(v, DRIVER_FEATURES, bits);
}

static uint32_t status(const struct virtio *v)
{
    return get(v, STATUS);
}

static void set_status(const struct virtio *v, uint32_t value)
{
    set(v, STATUS, value);
}

static uint32_t queue_max(const struct virtio *v, unsigned queue)
{
    set(v, QUEUE_SEL, queue);
    return get(v, QUEUE_NUM_MAX);
}

static void queue_enable(const struct virtio *v, unsigned queue, uint32_t size, uint64_t desc,
                         uint64_t avail, uint64_t used)
{
    set(v, QUEUE_SEL, queue);
    set(v, QUEUE_NUM, size);
    set_pair(v, QUEUE_DESC_LOW, desc);
    set_pair(v, QUEUE_DRIVER_LOW, avail);
    set_pair(v, QUEUE_DEVICE_LOW, used);
    set(v, QUEUE_READY, 1);
}

static void notify(const struct virtio *v, unsigned queue)
{
    set(v, QUEUE_NOTIFY, queue);
}

static const struct virtio_transport transport = {
    .name = "MMIO",
    .features = features,
    .take_features = take_features,
    .status = status,
    .set_status = set_status,
    .queue_max = queue_max,
    .queue_enable = queue_enable,
    .notify = notify,
};

int virtio_mmio_open(struct virtio *v, struct memrange regs, unsigned id, struct errbuf *e)
{
    volatile uint8_t *mapped = vm_map_device(regs.base, regs.bytes);

    if (!mapped)
        return fail(e, -ENOMEM, "no memory to map its registers at %#llx",
                    (unsigned long long)regs.base);
    *v = (struct virtio){.transport = &transport, .phys = regs.base, .dev.mmio.regs = mapped};
    if (get(v, MAGIC_VALUE) != MAGIC || get(v, DEVICE_ID) != id)
        return -ENODEV;
    uint32_t version = get(v, VERSION_NUMBER);
    if (version != VERSION)
        return fail(
            e, -ENOTSUP,
            "legacy (version %u of virtio-mmio, 2 expected), at %#llx; QEMU makes it modern by "
            "-global virtio-mmio.force-legacy=false",
            (unsigned)version, (unsigned long long)regs.base);
    return 0;
}

/* Takes a number off the text at *at, up to what stands between numbers. */
static bool take_number(const char **at, uint64_t *value)
{
    const char *begin = *at;

    *at += strcspn(begin, "@,");
    return number_parse(begin, *at, value) == 0;
}

/* One range off the text at *at. */
static bool take_range(const char **at, struct memrange *r)
{
    uint64_t end;

    return take_number(at, &r->bytes) && *(*at)++ == '@' && take_number(at, &r->base) &&
           r->bytes != 0 && r->bytes <= RANGE_MAX && r->bytes % VIRTIO_MMIO_BYTES == 0 &&
           r->base % 4 == 0 && !__builtin_add_overflow(r->base, r->bytes, &end);
}

int virtio_mmio_parse(const char *text, struct memrange *list, unsigned max, unsigned *n,
                      struct errbuf *e)
{
    for (*n = 0;; text++) {
        const char *begin = text;

        if (*n == max)
            return fail(e, -E2BIG, "cmdline: virtio_mmio: more than %u ranges, the next is %.48s",
                        max, begin);
        if (!take_range(&text, &list[*n]) || (*text != ',' && *text != '\0'))
            return fail(e, -EINVAL,
                        "cmdline: virtio_mmio=%.48s: not SIZE@BASE[,SIZE@BASE...] with SIZE a "
                        "multiple of %#x up to %#x, BASE of 4",
                        begin, VIRTIO_MMIO_BYTES, RANGE_MAX);
        ++*n;
        if (*text == '\0')
            return 0;
    }
}
