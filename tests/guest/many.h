/*
 * many.h - what tests with many goroutines share: starting them, and waiting for them.
 */
#ifndef TESTS_GUEST_MANY_H
#define TESTS_GUEST_MANY_H

#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "tests/guest/tap.h"

static struct chan *finished; // unbuffered, no bytes: a goroutine's last words

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static inline void *must(void *p)
{
    if (!p) {
        ok(false, "out of memory");
        exit(1);
    }
    return p;
}

static inline struct chan *make(size_t elem_bytes, size_t cap)
{
    return must(chan_make(elem_bytes, cap));
}

static inline void start(void (*fn)(void *), void *arg)
{
    if (go(fn, arg)) {
        ok(false, "out of memory");
        exit(1);
    }
}

static inline void join(int n)
{
    while (n-- > 0)
        chan_recv(finished, NULL);
}

#endif
