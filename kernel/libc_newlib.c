/*
 * libc_newlib.c - what newlib alone asks for.
 *
 * tools/build-newlib builds it so that _REENT is a call: all state that the C standard gives to a
 * thread (errno, strtok, rand, ...) is in a struct _reent (the small kind, 176 bytes) that each
 * goroutine has among its _Thread_local objects; the FILEs are the program's.
 */
#include <reent.h>

#include "kernel/libc.h"

static _Thread_local struct _reent reent = _REENT_INIT(reent);

struct _reent *__getreent(void)
{
    return &reent;
}

void libc_thread_exit(void)
{
    _reclaim_reent(&reent);
}

/* newlib's exit() has flushed its streams. */
void libc_flush(void)
{
}
