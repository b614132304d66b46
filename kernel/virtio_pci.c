/*
 * virtio_pci.c - virtio devices on a PCI bus.
 *
 * Protocol:  a vendor capability for each group of registers says in which BAR it lies, and where.
 *            The firmware has set the BARs. Registers are accessed by their own width (virtio
 *            4.1.3.1), those of 64 bits in two halves.
 * Bounds:    a list of capabilities has at most 48 members (it lies in 192 bytes, each takes 4 or
 *            more), so one that leads back into itself ends too. A region must lie inside 64 bits
 *            and hold the registers that are used of it.
 * Why bus 0 only: QEMU's machines have their devices there unless told otherwise; a bridge's buses
 *            would need its numbers checked first.
 * Source:    virtio 1.2, 4.1; PCI Local Bus Specification 3.0, 6.
 */
#include "kernel/virtio.h"

#include <errno.h>

#include "kernel/vm.h"

#define FUNCTIONS 256 // of a bus: 32 devices, 8 functions each

/* Configuration space. */
#define PCI_ID              0x00
#define PCI_COMMAND         0x04 // and the status register
#define PCI_HEADER          0x0c // its type in bits 16-23
#define PCI_BAR             0x10
#define PCI_CAPABILITIES    0x34
#define COMMAND_MEMORY      UINT32_C(0x002)
#define COMMAND_MASTER      UINT32_C(0x004)
#define COMMAND_NO_INTX     UINT32_C(0x400)
#define STATUS_CAPABILITIES UINT32_C(0x00100000)
#define HEADER_MULTI        UINT32_C(0x00800000)
#define NO_FUNCTION         UINT32_C(0xffffffff)
#define BARS                6
#define CAPABILITIES_MAX    48
#define CAPABILITY_VENDOR   0x09

#define VENDOR     0x1af4
#define DEVICE     0x1040 // + type
#define DEVICE_OLD 0x1000 // a transitional device's, + enum below

/* Kinds of region (cfg_type). */
enum region_kind { REGION_COMMON = 1, REGION_NOTIFY = 2 };

struct region {
    uint64_t pa;
    uint32_t bytes; // 0: not found
    unsigned capability;
};

/* Registers of the common configuration. */
enum common {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    DEVICE_STATUS = 0x14,    // 8 bits
    QUEUE_SELECT = 0x16,     // 16 bits
    QUEUE_SIZE = 0x18,       // 16 bits
    QUEUE_ENABLE = 0x1c,     // 16 bits
    QUEUE_NOTIFY_OFF = 0x1e, // 16 bits
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    COMMON_BYTES = 0x38,
};

static volatile uint16_t *reg16(const struct virtio *v, enum common reg)
{
    return (volatile uint16_t *)(v->dev.pci.common + reg);
}

static volatile uint32_t *reg32(const struct virtio *v, enum common reg)
{
    return (volatile uint32_t *)(v->dev.pci.common + reg);
}

static uint32_t features(const struct virtio *v, unsigned word)
{
    *reg32(v, DEVICE_FEATURE_SELECT) = word;
    return *reg32(v, DEVICE_FEATURE);
}

static void take_features(const struct virtio *v, unsigned word, uint32_t bits)
{
    *reg32(v, DRIVER_FEATURE_SELECT) = word;
    *reg32(v, DRIVER_FEATURE) = bits;
}

static uint32_t status(const struct virtio *v)
{
    return v->dev.pci.common[DEVICE_STATUS];
}

static void set_status(const struct virtio *v, uint32_t value)
{
    v->dev.pci.common[DEVICE_STATUS] = (uint8_t)value;
}

/* Where that queue is notified; beyond the region: NULL. */
static volatile uint16_t *notify_reg(const struct virtio *v, unsigned queue)
{
    *reg16(v, QUEUE_SELECT) = (uint16_t)queue;
    uint64_t offset = (uint64_t)*reg16(v, QUEUE_NOTIFY_OFF) * v->dev.pci.notify_multiplier;

    return offset + 2 <= v->dev.pci.notify_bytes ? (volatile uint16_t *)(v->dev.pci.notify + offset)
                                                 : NULL;
}

/* A queue that can't be notified is none. */
static uint32_t queue_max(const struct virtio *v, unsigned queue)
{
    *reg16(v, QUEUE_SELECT) = (uint16_t)queue;
    uint32_t max = *reg16(v, QUEUE_SIZE);

    return max && notify_reg(v, queue) ? max : 0;
}

static void set_pair(const struct virtio *v, enum common reg, uint64_t value)
{
    *reg32(v, reg) = (uint32_t)value;
    *reg32(v, reg + 4) = (uint32_t)(value >> 32);
}

static void queue_enable(const struct virtio *v, unsigned queue, uint32_t size, uint64_t desc,
                         uint64_t avail, uint64_t used)
{
    *reg16(v, QUEUE_SELECT) = (uint16_t)queue;
    *reg16(v, QUEUE_SIZE) = (uint16_t)size;
    set_pair(v, QUEUE_DESC, desc);
    set_pair(v, QUEUE_DRIVER, avail);
    set_pair(v, QUEUE_DEVICE, used);
    *reg16(v, QUEUE_ENABLE) = 1;
}

static void notify(const struct virtio *v, unsigned queue)
{
    *notify_reg(v, queue) = (uint16_t)queue;
}

static const struct virtio_transport transport = {
    .name = "PCI",
    .features = features,
    .take_features = take_features,
    .status = status,
    .set_status = set_status,
    .queue_max = queue_max,
    .queue_enable = queue_enable,
    .notify = notify,
};

/* ---- finding ----------------------------------------------------------------- */

/* A byte, which need not begin a word. */
static unsigned read_byte(const struct pci_access *pci, unsigned function, unsigned offset)
{
    return pci->read(function, offset & ~3u) >> 8 * (offset & 3) & 0xff;
}

/* The physical address in a memory BAR; 0: it is of another kind, or nobody has set it. */
static uint64_t bar_address(const struct pci_access *pci, unsigned function, unsigned bar)
{
    uint32_t low = bar < BARS ? pci->read(function, PCI_BAR + 4 * bar) : 0;

    if (low & 1) // I/O ports
        return 0;
    if ((low >> 1 & 3) != 2)
        return low & ~UINT32_C(0xf);
    if (bar + 1 == BARS)
        return 0;
    return (low & ~UINT32_C(0xf)) | (uint64_t)pci->read(function, PCI_BAR + 4 * bar + 4) << 32;
}

/* Fills in what the virtio capability at `at` says, unless an earlier one of its kind was usable:
 * the first that the driver can use is the one to use (virtio 4.1.4.1). */
static void read_capability(const struct pci_access *pci, unsigned function, unsigned at,
                            struct region *common, struct region *notify_region)
{
    unsigned kind = pci->read(function, at) >> 24;
    struct region *r = kind == REGION_COMMON   ? common
                       : kind == REGION_NOTIFY ? notify_region
                                               : NULL;
    uint64_t bar = bar_address(pci, function, pci->read(function, at + 4) & 0xff);
    uint32_t bytes = pci->read(function, at + 12);

    if (!r || r->bytes || !bar)
        return;
    if (__builtin_add_overflow(bar, pci->read(function, at + 8), &r->pa) || r->pa % 4 != 0 ||
        bytes > UINT64_MAX - r->pa || bytes < (r == common ? COMMON_BYTES : 2))
        return;
    r->bytes = bytes;
    r->capability = at;
}

static void read_capabilities(const struct pci_access *pci, unsigned function,
                              struct region *common, struct region *notify_region)
{
    unsigned at = read_byte(pci, function, PCI_CAPABILITIES) & ~3u;

    if (!(pci->read(function, PCI_COMMAND) & STATUS_CAPABILITIES))
        return;
    for (unsigned i = 0; i < CAPABILITIES_MAX && at >= 0x40; i++) {
        uint32_t head = pci->read(function, at);

        /* The last word that is read of it is at + 16. */
        if ((head & 0xff) == CAPABILITY_VENDOR && at + 20 <= 256)
            read_capability(pci, function, at, common, notify_region);
        at = head >> 8 & 0xfc;
    }
}

/* Only as much of a region as is used is mapped: the registers of all queues lie in the first page
 * of notifications or near it, and a device may claim gigabytes. */
static uint32_t capped(uint32_t bytes)
{
    return bytes < 0x10000 ? bytes : 0x10000;
}

/* The function is a device of the right type: make it usable. */
static int open_function(struct virtio *v, const struct pci_access *pci, unsigned function,
                         struct errbuf *e)
{
    struct region common = {0}, notify_region = {0};

    read_capabilities(pci, function, &common, &notify_region);
    if (!common.bytes || !notify_region.bytes)
        return fail(
            e, -ENOTSUP,
            "legacy, or its BARs are not set (no capabilities of virtio 1.0 that can be used), "
            "at PCI %02x.%x; QEMU makes it modern by disable-modern=off",
            function / 8, function % 8);
    *v = (struct virtio){
        .transport = &transport,
        .phys = common.pa,
        .dev.pci = {
            .common = vm_map_device(common.pa, COMMON_BYTES),
            .notify = vm_map_device(notify_region.pa, capped(notify_region.bytes)),
            .notify_bytes = capped(notify_region.bytes),
            .notify_multiplier = pci->read(function, notify_region.capability + 16),
        }};
    if (!v->dev.pci.common || !v->dev.pci.notify)
        return fail(e, -ENOMEM, "no memory to map its registers at %#llx",
                    (unsigned long long)common.pa);
    /* The status half of the register is written 1 to clear: zeroes leave it. */
    uint32_t command = pci->read(function, PCI_COMMAND) & 0xffff;
    pci->write(function, PCI_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
    return 0;
}

/* Transitional devices have numbers of their own; of those only this one is asked for. */
static bool is_type(uint32_t pci_id, unsigned id)
{
    uint32_t device = pci_id >> 16;

    return (pci_id & 0xffff) == VENDOR &&
           (device == DEVICE + id || (id == VIRTIO_ID_BALLOON && device == DEVICE_OLD + 2));
}

int virtio_pci_find(struct virtio *v, const struct pci_access *pci, unsigned id, struct errbuf *e)
{
    for (unsigned function = 0; function < FUNCTIONS;) {
        uint32_t pci_id = pci->read(function, PCI_ID);

        if (is_type(pci_id, id))
            return open_function(v, pci, function, e);
        /* The others of a device only if its first says that there are some. */
        if (function % 8 == 0 &&
            (pci_id == NO_FUNCTION || !(pci->read(function, PCI_HEADER) & HEADER_MULTI)))
            function += 8;
        else
            function++;
    }
    return -ENODEV;
}
