/*
 * virtio_find.c - where virtio devices are looked for.
 *
 * Order:     the key virtio_mmio first: who names an address knows better than any table.
 * Why a key: QEMU's microvm describes its transports in AML only, which takes an interpreter to
 *            read, or in words that it appends behind the program's. tools/run-qemu names them by
 *            the key.
 * Why not at boot: to look costs an exit to the hypervisor for each transport and some 100,000
 *            instructions for a device tree; a program that never frees much never needs it.
 */
#include "kernel/virtio.h"

#include <errno.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/options.h"
#include "kernel/panic.h"

#define NAMED_MAX 16

static SEALED struct memrange named[NAMED_MAX];
static SEALED unsigned nnamed;

/* What the key says is checked at boot like that of every other key. */
void virtio_init(void)
{
    struct errbuf e;

    if (options.virtio_mmio &&
        virtio_mmio_parse(options.virtio_mmio, named, NAMED_MAX, &nnamed, &e))
        boot_fail("%s", e.text);
}

int virtio_find(struct virtio *v, unsigned id, struct errbuf *e)
{
    for (unsigned i = 0; i < nnamed; i++) {
        for (uint64_t at = 0; at < named[i].bytes; at += VIRTIO_MMIO_BYTES) {
            struct memrange regs = {named[i].base + at, VIRTIO_MMIO_BYTES};
            int err = virtio_mmio_open(v, regs, id, e);

            if (err != -ENODEV)
                return err;
        }
    }
    return platform_find_virtio(v, id, e);
}
