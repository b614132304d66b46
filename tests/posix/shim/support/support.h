/* support/support.h - stands in for the file of this name in glibc: memory that must be there. */
#ifndef SHIM_SUPPORT_SUPPORT_H
#define SHIM_SUPPORT_SUPPORT_H

#include <stdlib.h>
#include <support/check.h>

static inline void *xmalloc(size_t bytes)
{
    void *p = malloc(bytes);

    TEST_VERIFY_EXIT(p || !bytes);
    return p;
}

#endif
