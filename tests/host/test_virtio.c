/*
 * test_virtio.c - virtio devices: agreement, queues, and the registers of both transports.
 *
 * Goal:   a device is used only if it agrees to what is needed; requests are chains as virtio 1.2
 *         has them; registers are found where MMIO and PCI put them, and not where they can't be;
 *         each refusal has its text.
 * Method: a device behind the seam (virtio_fake.h); memory in place of registers; a configuration
 *         space in an array, with every byte of the capabilities set to random values.
 * Time:   under 1 s.
 */
#include "tests/host/tap.h"
#include "tests/host/virtio_fake.h"

#include <errno.h>

#define F_THIS (UINT64_C(1) << 5)

static struct errbuf e;
static struct virtio v;

/* ---- agreement and queues ----------------------------------------------------------------- */

static int begin(void)
{
    e.text[0] = '\0';
    return virtio_begin(&fake_device, VIRTIO_F_VERSION_1 | F_THIS, &e);
}

static void test_begin(void)
{
    fake_init(VIRTIO_F_VERSION_1 | F_THIS | 0xc0, 1);
    fake.status = 15;
    ok(begin() == 0 && !fake.wrong && fake.was_reset && fake.status == 11, "agreed, after a reset");
    ok(fake.taken == (VIRTIO_F_VERSION_1 | F_THIS), "no other features are taken");
    virtio_run(&fake_device);
    ok(fake.status == 15 && !fake.wrong, "it runs");

    fake_init(F_THIS, 1);
    ok(begin() == -ENOTSUP && fake.taken == 0, "version 1 is missing");
    same(e.text, "features 0x20 offered, 0x100000020 expected among them");
    fake_init(VIRTIO_F_VERSION_1 | F_THIS, 1);
    fake.disagrees = true;
    ok(begin() == -ENOTSUP, "it does not agree");
    same(e.text, "features 0x100000020 refused, though offered");
    fake_init(VIRTIO_F_VERSION_1 | F_THIS, 1);
    fake.stuck = true;
    ok(begin() == -EIO, "no end of the reset");
    same(e.text, "no end of its reset, status 0x80, 0 expected");
}

static void open_queue(struct virtq *q, struct virtq_ring *ring, uint32_t max)
{
    fake_init(VIRTIO_F_VERSION_1 | F_THIS, 3);
    fake.queue_max[2] = max;
    begin();
    memset(ring, 0xaa, sizeof(*ring));
    ok(virtq_open(q, &fake_device, 3, ring) == -ENOENT, "queue 3 is not there");
    ok(virtq_open(q, &fake_device, 2, ring) == 0 && fake.queue == 2 && fake.size == q->size,
       "a queue of up to %u: %u", (unsigned)max, (unsigned)q->size);
    ok(fake.avail[0] == 1 && fake.avail[1] == 0 && fake.used[1] == 0,
       "it is empty, and no interrupts are wanted");
    virtio_run(&fake_device);
}

static void test_queue(void)
{
    static struct virtq_ring ring;
    static struct memrange r[VIRTIO_QUEUE_MAX];
    struct virtq q;
    bool good = true;

    open_queue(&q, &ring, 1);
    ok(q.size == 1, "size 1");
    open_queue(&q, &ring, 31);
    ok(q.size == 16, "a power of two");
    open_queue(&q, &ring, 1024);
    ok(q.size == VIRTIO_QUEUE_MAX, "no more than there is room for");
    for (unsigned i = 0; i < VIRTIO_QUEUE_MAX; i++)
        r[i] = (struct memrange){(uint64_t)(i + 1) << 33, 0x1000 * (i + 1)};
    /* More often than the index has numbers. */
    for (unsigned i = 0; i < 70000; i++) {
        unsigned n = i % VIRTIO_QUEUE_MAX + 1;

        virtq_submit(&q, &fake_device, r, n);
        good &= !virtq_done(&q) && fake_chain() == n && fake.notified == i + 1;
        good &= fake.desc[n - 1].pa == r[n - 1].base && fake.desc[n - 1].bytes == r[n - 1].bytes;
        fake_answer();
        good &= virtq_done(&q);
    }
    ok(good && !fake.wrong, "70000 requests, one after another");
}

/* ---- MMIO ----------------------------------------------------------------- */

static _Alignas(16) uint8_t window[0x20000];
static uint64_t window_pa = 0xfeb00000;
static uint64_t mapped_pa[8];
static unsigned nmapped;

/* What is asked for beyond the window can't be mapped. */
void *vm_map_device(uint64_t pa, size_t bytes)
{
    mapped_pa[nmapped++ % 8] = pa;
    if (pa < window_pa || pa - window_pa > sizeof(window) ||
        bytes > sizeof(window) - (pa - window_pa))
        return NULL;
    return window + (pa - window_pa);
}

static uint32_t word(unsigned at)
{
    uint32_t value;

    memcpy(&value, window + at, 4);
    return value;
}

static void put_word(unsigned at, uint32_t value)
{
    memcpy(window + at, &value, 4);
}

static int open_mmio(uint32_t magic, uint32_t version, uint32_t id)
{
    memset(window, 0, sizeof(window));
    put_word(0x200, magic);
    put_word(0x204, version);
    put_word(0x208, id);
    e.text[0] = '\0';
    return virtio_mmio_open(&v, (struct memrange){window_pa + 0x200, VIRTIO_MMIO_BYTES}, 5, &e);
}

static void test_mmio_registers(void)
{
    put_word(0x234, 64);
    ok(v.transport->queue_max(&v, 3) == 64 && word(0x230) == 3, "QueueSel, QueueNumMax");
    v.transport->queue_enable(&v, 2, 32, 0x1122334455667788, 0x99aabbccddeeff01,
                              0x0203040506070809);
    ok(word(0x230) == 2 && word(0x238) == 32 && word(0x244) == 1, "QueueSel, QueueNum, QueueReady");
    ok(word(0x280) == 0x55667788 && word(0x284) == 0x11223344, "QueueDesc");
    ok(word(0x290) == 0xddeeff01 && word(0x294) == 0x99aabbcc, "QueueDriver");
    ok(word(0x2a0) == 0x06070809 && word(0x2a4) == 0x02030405, "QueueDevice");
    v.transport->notify(&v, 7);
    ok(word(0x250) == 7, "QueueNotify");
    put_word(0x210, 0xabc);
    ok(v.transport->features(&v, 1) == 0xabc && word(0x214) == 1, "DeviceFeatures");
    v.transport->take_features(&v, 1, 0xdef);
    ok(word(0x220) == 0xdef && word(0x224) == 1, "DriverFeatures");
    v.transport->set_status(&v, 3);
    ok(word(0x270) == 3 && v.transport->status(&v) == 3, "Status");
}

static void test_mmio(void)
{
    ok(open_mmio(0x74726976, 2, 5) == 0 && v.phys == window_pa + 0x200, "MMIO: a device");
    test_mmio_registers();
    ok(open_mmio(0, 2, 5) == -ENODEV, "no transport");
    ok(open_mmio(0x74726976, 2, 0) == -ENODEV, "no device");
    ok(open_mmio(0x74726976, 2, 4) == -ENODEV, "another device");
    ok(open_mmio(0x74726976, 1, 0) == -ENODEV, "a legacy transport without a device");
    ok(open_mmio(0x74726976, 1, 5) == -ENOTSUP, "a legacy device");
    same(e.text,
         "legacy (version 1 of virtio-mmio, 2 expected), at 0xfeb00200; QEMU makes it modern by "
         "-global virtio-mmio.force-legacy=false");
    ok(virtio_mmio_open(&v, (struct memrange){0x1000, 0x200}, 5, &e) == -ENOMEM, "not mapped");
    same(e.text, "no memory to map its registers at 0x1000");
}

/* ---- the key ----------------------------------------------------------------- */

static struct memrange list[4];
static unsigned nlist;

static int parse(const char *text)
{
    char *copy = exact_copy(text, strlen(text) + 1);
    int err;

    memset(list, 0, sizeof(list));
    e.text[0] = '\0';
    err = virtio_mmio_parse(copy, list, 3, &nlist, &e);
    free(copy);
    return err;
}

static void test_parse(void)
{
    static const char *const bad[] = {
        "",
        "512",
        "512@",
        "@1",
        "512@4,",
        ",512@4",
        "512@4 ",
        "512@0x",
        "0x@4",
        "512@2",
        "511@4",
        "0@4",
        "66048@4",
        "512@4:5",
        "0x200@0xfffffffffffffffc",
        "-512@4",
        "512@a",
        "0xg@4",
        "512@@4",
        "18446744073709551616@4",
        "512@4,512",
        "512@4,,512@4",
        "512@0x10000000000000000",
    };
    bool good = true;

    ok(parse("512@0xfeb00000") == 0 && nlist == 1 && list[0].base == 0xfeb00000 &&
           list[0].bytes == 512,
       "one");
    ok(parse("0x3000@0xFEB00000,512@4096,0X200@0xfffffffffffffdfc") == 0 && nlist == 3 &&
           list[0].bytes == 0x3000 && list[1].base == 4096 && list[2].base == 0xfffffffffffffdfc,
       "three, the last at the end of all addresses");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool refused = parse(bad[i]) == -EINVAL &&
                       strncmp(e.text, "cmdline: virtio_mmio=", 21) == 0;

        if (!refused)
            printf("# \"%s\": %s\n", bad[i], e.text);
        good &= refused;
    }
    ok(good, "%zu that are no such list", sizeof(bad) / sizeof(bad[0]));
    parse("512");
    same(e.text,
         "cmdline: virtio_mmio=512: not SIZE@BASE[,SIZE@BASE...] with SIZE a multiple of 0x200 up "
         "to 0x10000, BASE of 4");
    ok(parse("512@0,512@4,512@8,512@12") == -E2BIG, "more than there is room for");
    same(e.text, "cmdline: virtio_mmio: more than 3 ranges, the next is 512@12");
}

/* ---- PCI ----------------------------------------------------------------- */

#define FUNCTIONS 256

static uint8_t space[FUNCTIONS][256];
static bool present[FUNCTIONS];
static bool outside;

static uint32_t config_read(unsigned function, unsigned offset)
{
    uint32_t value = UINT32_MAX;

    outside |= function >= FUNCTIONS || offset > 252 || offset % 4 != 0;
    if (!outside && present[function])
        memcpy(&value, &space[function][offset], 4);
    return value;
}

static void config_write(unsigned function, unsigned offset, uint32_t value)
{
    outside |= function >= FUNCTIONS || offset > 252 || offset % 4 != 0;
    if (!outside)
        memcpy(&space[function][offset], &value, 4);
}

static const struct pci_access pci = {config_read, config_write};

static void put(unsigned function, unsigned offset, uint32_t value)
{
    memcpy(&space[function][offset], &value, 4);
}

static void put_capability(unsigned function, unsigned at, unsigned next, unsigned kind,
                           unsigned bar, uint32_t offset, uint32_t bytes)
{
    put(function, at, 0x09 | next << 8 | 20 << 16 | kind << 24);
    put(function, at + 4, bar);
    put(function, at + 8, offset);
    put(function, at + 12, bytes);
    put(function, at + 16, 4);
}

/* A balloon like QEMU's: common configuration and notifications in the 64-bit BAR 4, behind a
 * capability of another kind; BAR 0 has ports. */
static void put_balloon(unsigned function)
{
    memset(space, 0, sizeof(space));
    memset(present, 0, sizeof(present));
    present[function] = true;
    put(function, 0x00, 0x10451af4);
    put(function, 0x04, 0x00100103);
    put(function, 0x10, 0xc001);
    put(function, 0x20, (uint32_t)window_pa | 0xc);
    put(function, 0x24, (uint32_t)(window_pa >> 32));
    put(function, 0x34, 0x98);
    put(function, 0x98, 0x11 | 0x84 << 8);
    put_capability(function, 0x84, 0x70, 5, 0, 0, 0);
    put_capability(function, 0x70, 0x40, 2, 4, 0x3000, 0x1000);
    put_capability(function, 0x40, 0, 1, 4, 0, 0x1000);
}

static int find(void)
{
    e.text[0] = '\0';
    return virtio_pci_find(&v, &pci, 5, &e);
}

static void test_pci_registers(void)
{
    memset(window, 0, sizeof(window));
    put_word(0x18, 128);               // queue_size
    put_word(0x1c, (uint32_t)3 << 16); // queue_notify_off
    ok(v.transport->queue_max(&v, 4) == 128 && word(0x14) >> 16 == 4, "queue_select, queue_size");
    v.transport->queue_enable(&v, 4, 32, 0x1122334455667788, 0x99aabbccddeeff01,
                              0x0203040506070809);
    ok((word(0x18) & 0xffff) == 32 && (word(0x1c) & 0xffff) == 1, "queue_size, queue_enable");
    ok(word(0x20) == 0x55667788 && word(0x24) == 0x11223344, "queue_desc");
    ok(word(0x28) == 0xddeeff01 && word(0x2c) == 0x99aabbcc, "queue_driver");
    ok(word(0x30) == 0x06070809 && word(0x34) == 0x02030405, "queue_device");
    v.transport->notify(&v, 4);
    ok(word(0x3000 + 12) == 4, "notified at queue_notify_off * multiplier");
    put_word(0x04, 0xabc);
    ok(v.transport->features(&v, 1) == 0xabc && word(0) == 1, "device_feature");
    v.transport->take_features(&v, 1, 0xdef);
    ok(word(0x08) == 1 && word(0x0c) == 0xdef, "driver_feature");
    v.transport->set_status(&v, 3);
    ok((word(0x14) & 0xff) == 3 && v.transport->status(&v) == 3, "device_status");
    put_word(0x1c, (uint32_t)0x400 << 16);
    ok(v.transport->queue_max(&v, 4) == 0,
       "a queue that is notified outside of the region is none");
    put_word(0x1c, 0);
    put_word(0x18, 0);
    ok(v.transport->queue_max(&v, 4) == 0, "a queue of size 0 is none");
}

static void test_pci_found(void)
{
    put_balloon(8 * 3);
    ok(find() == 0 && v.phys == window_pa, "PCI: a device");
    ok((config_read(8 * 3, 4) & 0xffff) == 0x0507,
       "memory, bus master, no INTx; ports as they were");
    test_pci_registers();
    put_balloon(8 * 31);
    put(8 * 31, 0, 0x10021af4);
    ok(find() == 0, "a transitional one, the last device");
    put_balloon(8 * 2 + 7);
    present[8 * 2] = true;
    ok(find() == -ENODEV, "the last function of a device that says it has one only");
    put(8 * 2, 0x0c, 0x00800000);
    ok(find() == 0, "and of one that says it has more");
    put_balloon(0);
    put(0, 0, 0x10441af4);
    ok(find() == -ENODEV, "another type");
    put(0, 0, 0x10451af5);
    ok(find() == -ENODEV, "another vendor");
    memset(present, 0, sizeof(present));
    ok(find() == -ENODEV && !outside, "an empty bus");
    put_balloon(0);
    put(0, 0x20, (uint32_t)window_pa);
    put(0, 0x24, 0x12345678);
    ok(find() == 0, "a BAR of 32 bits");
    put_balloon(0);
    put_capability(0, 0xa8, 0x98, 1, 0, 0, 0x1000);
    put(0, 0x34, 0xa8);
    ok(find() == 0 && v.phys == window_pa, "a region behind ports is passed over");
    put_balloon(0);
    put_capability(0, 0x40, 0, 1, 4, 0x1fff0, 0x1000);
    ok(find() == -ENOMEM, "registers that can't be mapped");
    same(e.text, "no memory to map its registers at 0xfeb1fff0");
}

static void refuse(const char *what)
{
    nmapped = 0;
    ok(find() == -ENOTSUP && nmapped == 0, "%s", what);
    same(e.text,
         "legacy, or its BARs are not set (no capabilities of virtio 1.0 that can be used), at PCI "
         "01.0; QEMU makes it modern by disable-modern=off");
    put_balloon(8);
}

static void test_pci_refused(void)
{
    put_balloon(8);
    put(8, 0x04, 0x0103);
    refuse("no capabilities");
    put(8, 0x34, 0);
    refuse("an empty list of them");
    put(8, 0x20, 0xc);
    put(8, 0x24, 0);
    refuse("a BAR that is not set");
    put(8, 0x20, 1);
    refuse("a BAR of ports");
    put_capability(8, 0x40, 0, 1, 6, 0, 0x1000);
    refuse("a BAR that does not exist");
    put_capability(8, 0x40, 0, 1, 5, 0, 0x1000);
    put(8, 0x24, 0xfeb00004);
    refuse("a 64-bit BAR without room for its upper half");
    put_capability(8, 0x40, 0, 1, 4, 0, 0x37);
    refuse("a common configuration that is too short");
    put_capability(8, 0x40, 0, 1, 4, 2, 0x1000);
    refuse("one that is not aligned");
    put_capability(8, 0x70, 0x40, 2, 4, 0x3000, 1);
    refuse("no room for a notification");
    put(8, 0x20, 0xffffff0c);
    put(8, 0x24, 0xffffffff);
    refuse("a region that ends past 64 bits");
    put(8, 0x98, 0x11 | 0x98 << 8);
    refuse("a list that leads back into itself");
    put_capability(8, 0x70, 0xf0, 5, 4, 0, 0);
    put(8, 0xf0, 0x09 | 0x40 << 8 | 2 << 24);
    put(8, 0xf4, 4);
    put(8, 0xf8, 0x3000);
    put(8, 0xfc, 0x1000);
    refuse("a capability that does not fit");
}

/* Whatever the capabilities say, nothing is read outside of the space, and the search ends. */
static void test_pci_random(void)
{
    unsigned found = 0;

    for (unsigned i = 0; i < 200000; i++) {
        put_balloon(0);
        for (unsigned k = rnd_below(6); k != 0; k--)
            space[0][4 + rnd_below(252)] = (uint8_t)rnd();
        found += find() == 0;
    }
    ok(!outside && found > 0 && found < 200000, "random bytes: %u of 200000 usable", found);
}

int main(void)
{
    test_begin();
    test_queue();
    test_mmio();
    test_parse();
    test_pci_found();
    test_pci_refused();
    test_pci_random();
    return done();
}
