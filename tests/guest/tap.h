/*
 * tap.h - the Test Anything Protocol, for images that test themselves.
 *
 * ok() may be called by any goroutine; done() by main, once all others have ended. The plan is printed
 * last, so an image that dies half-way prints none, and tests/run sees that.
 */
#ifndef TESTS_GUEST_TAP_H
#define TESTS_GUEST_TAP_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

static atomic_int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool cond, const char *file,
                                                                int line, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int n = atomic_fetch_add(&tap_count, 1) + 1;
    if (cond) {
        printf("ok %d - %s\n", n, text);
    } else {
        atomic_fetch_add(&tap_failed, 1);
        printf("not ok %d - %s (%s:%d)\n", n, text, file, line);
    }
    return cond;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

/* For loops: counts nothing while all is well. */
#define check(cond, ...) ((cond) ? true : tap_ok(false, __FILE__, __LINE__, __VA_ARGS__))

/* The status for main() to return. */
static inline int done(void)
{
    printf("1..%d\n", atomic_load(&tap_count));
    return atomic_load(&tap_failed) != 0;
}

#endif
