/*
 * rt0/initrd.h - the files of the boot module, in place.
 *
 * The loader may pass one module (QEMU: -initrd; `make run INITRD=file|dir`). A cpio archive in the
 * "newc" format gives its regular files; anything else is one file whose name is set by the kernel
 * command line (initrd=NAME, default "data"). fopen("/initrd/NAME", "r") reads the same files; this
 * header lists them and gives their bytes without a copy. They are read-only and stay for ever.
 */
#ifndef RT0_INITRD_H
#define RT0_INITRD_H

#include <stddef.h>

struct initrd_file {
    const char *name; // path inside the module without a leading "./" or "/"; NUL-terminated
    const void *data; // not aligned
    size_t bytes;
    size_t next; // where initrd_next() goes on; not for the caller
};

/*
 * initrd_next - step through the files in archive order.
 * f  zero-initialised before the first call, then left as the call before filled it.
 * Returns 1 with *f filled, 0 at the end. Ctx: any.
 */
int initrd_next(struct initrd_file *f);

/* initrd_find - the file of that name (a leading "./" or "/" is ignored): 0, or -ENOENT. Of several
 * the last, as if the archive had been unpacked. Ctx: any. */
int initrd_find(const char *name, struct initrd_file *f);

#endif
