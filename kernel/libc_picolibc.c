/*
 * libc_picolibc.c - what picolibc alone asks for: the three standard streams, and locks for all.
 *
 * Its state per thread is in _Thread_local objects already. But its stdio formats straight into a
 * stream's put() without a lock, so two goroutines' lines would mix. The linker is told to send every
 * call of a stream function, the libc's own included, through a wrapper here (--wrap=NAME), which takes
 * the stream's lock around the whole call; so one printf() is one piece, as POSIX wants it.
 *
 * Locks:     the three standard streams have one each; the others share a few, by a hash. A stream of
 *            the program's own making whose put() or get() waits for another goroutine may so keep other
 *            such streams waiting, but never the standard ones.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/libc.h"
#include "kernel/libc_picolibc_wrap.h"
#include "rt0/go.h"
#include "sched/rmutex.h"

/* ---- the standard streams: lines are handed to write() whole ---- */

struct out {
    FILE file;
    int fd;
    size_t bytes; // in buf
    char buf[256];
};

static int out_flush(FILE *stream)
{
    struct out *o = (struct out *)stream;

    if (o->bytes && write(o->fd, o->buf, o->bytes) < 0)
        return EOF;
    o->bytes = 0;
    return 0;
}

static int out_put(char c, FILE *stream)
{
    struct out *o = (struct out *)stream;

    o->buf[o->bytes++] = c;
    return o->bytes == sizeof o->buf || c == '\n' ? out_flush(stream) : 0;
}

static int in_get(FILE *stream)
{
    char c;

    (void)stream;
    return read(STDIN_FILENO, &c, 1) == 1 ? (unsigned char)c : _FDEV_EOF;
}

static struct out out = {FDEV_SETUP_STREAM(out_put, NULL, out_flush, _FDEV_SETUP_WRITE),
                         STDOUT_FILENO, 0, ""};
static struct out err = {FDEV_SETUP_STREAM(out_put, NULL, out_flush, _FDEV_SETUP_WRITE),
                         STDERR_FILENO, 0, ""};
static FILE in = FDEV_SETUP_STREAM(NULL, in_get, NULL, _FDEV_SETUP_READ);

FILE *const stdin = &in;
FILE *const stdout = &out.file;
FILE *const stderr = &err.file;

#define NSTANDARD 3
#define NSHARED   16

static struct rmutex locks[NSTANDARD + NSHARED] = {[0 ... NSTANDARD + NSHARED - 1] = RMUTEX_INIT};

static struct rmutex *lock_of(const FILE *stream)
{
    if (stream == stdin)
        return &locks[STDIN_FILENO];
    if (stream == stdout)
        return &locks[STDOUT_FILENO];
    if (stream == stderr)
        return &locks[STDERR_FILENO];
    return &locks[NSTANDARD + ((uintptr_t)stream >> 6) % NSHARED];
}

static void stream_lock(FILE *stream)
{
    rmutex_lock(lock_of(stream));
}

/* stderr keeps nothing back. */
static void stream_unlock(FILE *stream)
{
    if (stream == stderr)
        out_flush(stream);
    rmutex_unlock(lock_of(stream));
}

/* ---- the wrapped functions ---- */

#define WRAP(type, name, params, args, stream) \
    type __real_##name params;                 \
    type __wrap_##name params;                 \
    type __wrap_##name params                  \
    {                                          \
        stream_lock(stream);                   \
        type r = __real_##name args;           \
        stream_unlock(stream);                 \
        return r;                              \
    }
LIBC_PICOLIBC_WRAPPED(WRAP)

int __real_fflush(FILE *stream);
int __wrap_fflush(FILE *stream);
int __wrap_fflush(FILE *stream)
{
    if (!stream)
        return __wrap_fflush(stdout) | __wrap_fflush(stderr);
    stream_lock(stream);
    int r = __real_fflush(stream);
    stream_unlock(stream);
    return r;
}

/* Another goroutine may hold the lock for ever by now, so it is waited for only a while: a line may then be
 * cut, but the program ends. */
#define FLUSH_TRIES 1000

void libc_flush(void)
{
    for (int i = 0; i < FLUSH_TRIES && !rmutex_trylock(lock_of(stdout)); i++)
        gosched();
    out_flush(stdout);
    out_flush(stderr);
}

/* Its exit() runs them by itself. */
void libc_init(void)
{
}

void libc_thread_exit(void)
{
    if (posix_thread_exit)
        posix_thread_exit();
}
