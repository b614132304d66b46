/*
 * libc_newlib.c - what newlib alone asks for.
 *
 * tools/build-newlib builds it so that _REENT is a call: all state that the C standard gives to a
 * thread (errno, strtok, rand, ...) is in a struct _reent (the small kind, 176 bytes) that each
 * goroutine has among its _Thread_local objects; the FILEs are the program's.
 */
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdlib.h>

#include "kernel/libc.h"

static _Thread_local struct _reent reent = _REENT_INIT(reent);

struct _reent *__getreent(void)
{
    return &reent;
}

/* Linker script. */
extern void (*const __fini_array_start[])(void);
extern void (*const __fini_array_end[])(void);

static void run_destructors(void)
{
    for (void (*const *f)(void) = __fini_array_end; f > __fini_array_start;)
        (*--f)();
}

/* Registered first, so it runs last. */
void libc_init(void)
{
    atexit(run_destructors);
}

void libc_thread_exit(void)
{
    _reclaim_reent(&reent);
}

/* newlib's exit() has flushed its streams. */
void libc_flush(void)
{
}

/* newlib's aligned_alloc() calls this, but newlib has only memalign(). */
int posix_memalign(void **p, size_t align, size_t bytes)
{
    int saved_errno = errno;
    void *m = memalign(align, bytes);

    errno = saved_errno;
    if (!m)
        return ENOMEM;
    *p = m;
    return 0;
}
