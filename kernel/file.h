/*
 * file.h - file descriptors: the console and the files of the boot module.
 */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* All return -errno on failure. Descriptors 0, 1 and 2 are the console and always open: reading it is
 * at its end at once. Ctx: G; one goroutine at a time for a descriptor (the libc's FILE lock). */

/* path begins with "/initrd/"; the access mode must be O_RDONLY (-EROFS). -ENOENT, -EMFILE. */
int file_open(const char *path, int flags);
int file_close(int fd);
ssize_t file_read(int fd, void *buf, size_t bytes);
ssize_t file_write(int fd, const void *buf, size_t bytes);
off_t file_seek(int fd, off_t offset, int whence);

/* Size in bytes, or 0 and *console for a console descriptor. */
off_t file_size(int fd, bool *console);

#endif
