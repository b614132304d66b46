/*
 * file.c - file descriptors: the console and the files of the boot module.
 *
 * Protocol:  files_lock guards which descriptors are taken. A descriptor's position is not locked: the
 *            libc's FILE has a lock of its own, and who shares a bare descriptor must do the same.
 */
#include "kernel/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "kernel/console.h"
#include "kernel/lock.h"
#include "rt0/initrd.h"

#define NFILE  256
#define NSTDIO 3
#define PREFIX "/initrd/"

struct file {
    bool open;               // files_lock
    struct initrd_file data; // c  while open
    size_t at;               // the next read's offset
};

static struct spinlock files_lock = SPINLOCK_INIT(RANK_FILES);
static struct file files[NFILE]; // the first NSTDIO are unused

static struct file *file_of(int fd)
{
    return fd >= NSTDIO && fd < NFILE && files[fd].open ? &files[fd] : NULL;
}

static bool is_console(int fd)
{
    return fd >= 0 && fd < NSTDIO;
}

int file_open(const char *path, int flags)
{
    struct initrd_file data;
    int fd;

    if (strncmp(path, PREFIX, strlen(PREFIX)) || initrd_find(path + strlen(PREFIX), &data))
        return -ENOENT;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    lock(&files_lock);
    for (fd = NSTDIO; fd < NFILE && files[fd].open; fd++)
        ;
    if (fd < NFILE)
        files[fd] = (struct file){.open = true, .data = data};
    unlock(&files_lock);
    return fd < NFILE ? fd : -EMFILE;
}

int file_close(int fd)
{
    if (is_console(fd))
        return 0;
    lock(&files_lock);
    struct file *f = file_of(fd);
    if (f)
        f->open = false;
    unlock(&files_lock);
    return f ? 0 : -EBADF;
}

ssize_t file_read(int fd, void *buf, size_t bytes)
{
    struct file *f = file_of(fd);

    if (is_console(fd))
        return 0;
    if (!f)
        return -EBADF;
    size_t left = f->at < f->data.bytes ? f->data.bytes - f->at : 0;
    if (bytes > left)
        bytes = left;
    memcpy(buf, (const char *)f->data.data + f->at, bytes);
    f->at += bytes;
    return (ssize_t)bytes;
}

ssize_t file_write(int fd, const void *buf, size_t bytes)
{
    if (!is_console(fd))
        return file_of(fd) ? -EROFS : -EBADF;
    console_write(buf, bytes);
    return (ssize_t)bytes;
}

off_t file_seek(int fd, off_t offset, int whence)
{
    struct file *f = file_of(fd);
    off_t from, at;

    if (is_console(fd))
        return -ESPIPE;
    if (!f)
        return -EBADF;
    switch (whence) {
    case SEEK_SET:
        from = 0;
        break;
    case SEEK_CUR:
        from = (off_t)f->at;
        break;
    case SEEK_END:
        from = (off_t)f->data.bytes;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(from, offset, &at) || at < 0)
        return -EINVAL;
    f->at = (size_t)at;
    return at;
}

off_t file_size(int fd, bool *console)
{
    struct file *f = file_of(fd);

    *console = is_console(fd);
    if (*console)
        return 0;
    return f ? (off_t)f->data.bytes : -EBADF;
}
