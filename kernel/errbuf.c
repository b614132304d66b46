/*
 * errbuf.c - the line of text that comes with an error number.
 */
#include "kernel/errbuf.h"

#include "kernel/print.h"

#include <stdarg.h>
#include <stddef.h>

/* A NULL e is allowed: the caller wants only the number. */
int fail(struct errbuf *e, int err, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return err;
    va_start(ap, fmt);
    kvsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return err;
}
