/*
 * balloon.h - telling the host which pages are free: virtio-balloon's free page reporting.
 *
 * One report at a time, by one core at a time (kernel/scavenge.c sees to both). From
 * balloon_report() to the answer the pages belong to the device; afterwards they are the kernel's
 * again, and where the host has taken their memory, the next access to such a page gets it a new
 * one, with any contents.
 */
#ifndef KERNEL_BALLOON_H
#define KERNEL_BALLOON_H

#include <stdint.h>

#include "kernel/virtio.h"

/* The longest report. */
#define BALLOON_RANGES VIRTIO_QUEUE_MAX

enum balloon_answer {
    BALLOON_WAIT,  // none yet: ask again
    BALLOON_GIVEN, // the host has seen the report
    BALLOON_OFF,   // the device was switched off and holds no page: the host backs them still
    BALLOON_LOST,  // it was switched off, but may hold the pages: they may never be used again
};

/*
 * balloon_open - find the device and make it ready. A device that can't be used is named with the
 * reason in one line; without any device nothing is printed.
 * Returns how many ranges a report may have, or 0: there is nobody to report to.
 * Ctx: g0.
 */
unsigned balloon_open(void);

/* Reports n free ranges, 1 to what balloon_open() returned; each of less than 4 GiB. Ctx: g0. */
void balloon_report(const struct memrange *ranges, unsigned n);

/* What became of the report. After BALLOON_OFF and BALLOON_LOST, which print a line, no further
 * report may be made. Ctx: g0. */
enum balloon_answer balloon_poll(void);

#endif
