/*
 * libc_newlib.c - what newlib alone asks for.
 *
 * tools/build-newlib builds it so that _REENT is a call: all state that the C standard gives to a
 * thread (errno, strtok, rand, ...) is in a struct _reent (the small kind, 176 bytes) that each
 * goroutine has among its _Thread_local objects; the FILEs are the program's.
 */
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

/*
 * What newlib calls inside, with the state of the thread to set errno in, which is the caller's.
 * It is built with MALLOC_PROVIDED, so it has none of these.
 */
void *_malloc_r(struct _reent *r, size_t bytes)
{
    (void)r;
    return malloc(bytes);
}

void *_calloc_r(struct _reent *r, size_t n, size_t bytes)
{
    (void)r;
    return calloc(n, bytes);
}

void *_realloc_r(struct _reent *r, void *p, size_t bytes)
{
    (void)r;
    return realloc(p, bytes);
}

void *_memalign_r(struct _reent *r, size_t align, size_t bytes)
{
    (void)r;
    return memalign(align, bytes);
}

void _free_r(struct _reent *r, void *p)
{
    (void)r;
    free(p);
}
