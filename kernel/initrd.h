/*
 * initrd.h - taking over the boot module; reading it is include/rt0/initrd.h.
 */
#ifndef KERNEL_INITRD_H
#define KERNEL_INITRD_H

#include "kernel/errbuf.h"
#include "rt0/initrd.h"

/*
 * initrd_init - check the whole module and make it what initrd_next() and initrd_find() read.
 * data, bytes  the module; bytes == 0: there is none, and no file.
 * raw_name     the name of the one file if the module is not a cpio archive.
 * A module that begins with the newc magic "070701" (or "070702") must be a whole archive, with its
 * TRAILER!!!; zero padding after it is fine, and so are further archives after the padding.
 * Returns 0; -EINVAL (bad magic, bad hex digit, bad name, wrong sum in a "070702" archive, or a raw
 * module with an empty raw_name) or -EIO (truncated), with a line in e that gives the entry's number,
 * its name if known, the offset, what is there and what should be.
 */
int initrd_init(const void *data, size_t bytes, const char *raw_name, struct errbuf *e);

#endif
