/*
 * virtio.h - talking to a virtio device: a transport below, one queue at a time above.
 *
 *        balloon.c      what the requests mean
 *        virtio.c       features, one split queue, polling
 *      -------------    struct virtio_transport: the seam
 *        virtio_mmio.c  registers at an address that somebody names
 *        virtio_pci.c   registers in BARs that capabilities name
 *
 * Devices of virtio 1.0 and later only (VIRTIO_F_VERSION_1); a legacy one is refused with a line
 * that says so. No interrupts: whoever submits asks for the end. Everything here and in the
 * transports is for one core at a time; the owner of a struct virtio sees to that
 * (kernel/scavenge.c).
 *
 * Source: Virtual I/O Device (VIRTIO) version 1.2, sections 2 (queues), 3.1 (initialization), 4.1
 * (PCI) and 4.2 (MMIO).
 */
#ifndef KERNEL_VIRTIO_H
#define KERNEL_VIRTIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/bootinfo.h"
#include "kernel/errbuf.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio 1.0 is little-endian");

/* Device types. */
#define VIRTIO_ID_BALLOON 5

/* Feature bits of every device. */
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* The longest chain, and so the longest queue that is asked for. */
#define VIRTIO_QUEUE_MAX 32

/* ---- transports ----------------------------------------------------------------- */

struct virtio;

/*
 * The seam. A transport moves these values and knows nothing of what they mean. Each call is a few
 * accesses to device registers; under a hypervisor each of those leaves the guest. Ctx: boot or g0.
 */
struct virtio_transport {
    const char *name; // for the boot log

    /* Feature bits [32 * word, 32 * word + 32): those offered, and those that the driver takes. */
    uint32_t (*features)(const struct virtio *v, unsigned word);
    void (*take_features)(const struct virtio *v, unsigned word, uint32_t bits);

    uint32_t (*status)(const struct virtio *v);
    void (*set_status)(const struct virtio *v, uint32_t status);

    /* The longest that queue may be; 0: there is no such queue. */
    uint32_t (*queue_max)(const struct virtio *v, unsigned queue);

    /* The queue's three parts lie at these physical addresses, and it may be used. */
    void (*queue_enable)(const struct virtio *v, unsigned queue, uint32_t size, uint64_t desc,
                         uint64_t avail, uint64_t used);

    /* There is something new in the queue. */
    void (*notify)(const struct virtio *v, unsigned queue);
};

/* A virtio-mmio device. */
struct virtio_mmio {
    volatile uint8_t *regs;
};

/* A virtio-pci device. */
struct virtio_pci {
    volatile uint8_t *common; // struct virtio_pci_common_cfg
    volatile uint8_t *notify; // where queues are notified ...
    uint32_t notify_bytes;    // ... in a region of that size
    uint32_t notify_multiplier;
};

/* An open device. Access: c constant after it was found. */
struct virtio {
    const struct virtio_transport *transport; // c
    uint64_t phys;                            // c  where its registers lie, for the boot log
    union {
        struct virtio_mmio mmio; // c
        struct virtio_pci pci;   // c
    } dev;
};

/*
 * virtio_mmio_open - the device whose registers are at `regs`, if it is of type id.
 * Returns 0; -ENODEV: no transport, or nothing or something else behind it; -ENOTSUP: it is of that
 * type, but legacy; -ENOMEM: its registers can't be mapped. The last two with a line in e.
 * Ctx: boot or g0, one core at a time.
 */
int virtio_mmio_open(struct virtio *v, struct memrange regs, unsigned id, struct errbuf *e);

/* Registers of one virtio-mmio device; neighbours lie that far apart in QEMU's machines. */
#define VIRTIO_MMIO_BYTES 0x200

/*
 * virtio_mmio_parse - the value of the key virtio_mmio: SIZE@BASE[,SIZE@BASE...], numbers in
 * decimal or hex. Each names a run of SIZE / 0x200 transports, like Linux's virtio_mmio.device
 * (which has interrupts too).
 * Returns 0 and *n ranges in list; -EINVAL or -E2BIG with a line in e.
 */
int virtio_mmio_parse(const char *text, struct memrange *list, unsigned max, unsigned *n,
                      struct errbuf *e);

/* How to reach the configuration space of a function of bus 0: `function` is device * 8 + function,
 * offset a multiple of 4 below 256. A function that is not there reads as ones. */
struct pci_access {
    uint32_t (*read)(unsigned function, unsigned offset);
    void (*write)(unsigned function, unsigned offset, uint32_t value);
};

/* virtio_pci_find - the first device of type id on PCI bus 0. Returns as virtio_mmio_open(). */
int virtio_pci_find(struct virtio *v, const struct pci_access *pci, unsigned id, struct errbuf *e);

/* Checks the key virtio_mmio; a wrong one stops the boot. Ctx: boot, after options_parse(). */
void virtio_init(void);

/* virtio_find - the first device of type id: among what the key virtio_mmio names, then where the
 * machine's description (device tree, PCI) has it. Returns as virtio_mmio_open(). Ctx: g0. */
int virtio_find(struct virtio *v, unsigned id, struct errbuf *e);

/* ---- devices ----------------------------------------------------------------- */

uint64_t virtio_features(const struct virtio *v);

/*
 * virtio_begin - reset the device and agree on features.
 * want  all of these, and no others; VIRTIO_F_VERSION_1 must be among them.
 * Returns 0; -EIO (it does not come out of reset) or -ENOTSUP (it lacks one of them, or does not
 * agree), with a line in e. Ctx: boot or g0.
 */
int virtio_begin(const struct virtio *v, uint64_t want, struct errbuf *e);

/* The queues are enabled: the device may work. */
void virtio_run(const struct virtio *v);

/* Takes everything back from the device. False: it has not confirmed within a tenth of a second,
 * and may go on reading and writing what it was given. */
bool virtio_reset(const struct virtio *v);

/* ---- queues ----------------------------------------------------------------- */

struct virtq_desc {
    uint64_t pa;
    uint32_t bytes;
    uint16_t flags;
    uint16_t next;
};
_Static_assert(sizeof(struct virtq_desc) == 16, "virtio 2.7.5");

/* What device and driver share. It lies in the kernel's image, which is physically contiguous. */
struct virtq_ring {
    _Alignas(16) struct virtq_desc desc[VIRTIO_QUEUE_MAX];
    struct {
        uint16_t flags;
        _Atomic(uint16_t) index;
        uint16_t ring[VIRTIO_QUEUE_MAX];
    } avail;
    struct {
        _Alignas(4) uint16_t flags;
        _Atomic(uint16_t) index;
        struct {
            uint32_t id;
            uint32_t bytes;
        } ring[VIRTIO_QUEUE_MAX];
    } used;
};
_Static_assert(offsetof(struct virtq_ring, avail) % 2 == 0, "virtio 2.7: alignment");
_Static_assert(offsetof(struct virtq_ring, used) % 4 == 0, "virtio 2.7: alignment");

/* A queue with one request under way at most. */
struct virtq {
    struct virtq_ring *ring; // in the kernel's image
    unsigned queue;          // the device's number for it
    uint32_t size;           // a power of two up to VIRTIO_QUEUE_MAX: the longest request
    uint16_t submitted;      // requests so far
};

/* Makes q the device's queue number `queue`; -ENOENT: the device has none of that number. Between
 * virtio_begin() and virtio_run(). */
int virtq_open(struct virtq *q, const struct virtio *v, unsigned queue, struct virtq_ring *ring);

/* Hands the device n (1 to q->size) ranges to write to, as one request. They are the device's until
 * virtq_done(), or until virtio_reset() has returned true. */
void virtq_submit(struct virtq *q, const struct virtio *v, const struct memrange *ranges,
                  unsigned n);

/* The device is done with the request; what it did before is seen after this. */
bool virtq_done(const struct virtq *q);

#endif
