/*
 * libc_newlib.c - what newlib alone asks for.
 *
 * tools/build-newlib builds it so that _REENT is a call: all state that the C standard gives to a
 * thread (errno, strtok, rand, ...) is in a struct _reent (the small kind, 176 bytes) that each
 * goroutine has among its _Thread_local objects; the FILEs are the program's.
 *
 * It is made ready when it is first asked for. Nobody has its address but from __getreent(), so of a goroutine
 * that never called that there is nothing to give back either.
 */
#include <malloc.h>
#include <reent.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kernel/libc.h"

static _Thread_local struct _reent reent __attribute__((section(".tbss..noinit")));
static _Thread_local bool reent_ready;

static __attribute__((noinline)) void reent_make(void)
{
    reent = (struct _reent)_REENT_INIT(reent);
    reent_ready = true;
}

struct _reent *__getreent(void)
{
    if (__builtin_expect(!reent_ready, 0))
        reent_make();
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
    if (posix_thread_exit)
        posix_thread_exit();
    if (reent_ready)
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
