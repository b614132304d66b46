/* support/xunistd.h - stands in for the file of this name in glibc: calls that must not fail. */
#ifndef SHIM_SUPPORT_XUNISTD_H
#define SHIM_SUPPORT_XUNISTD_H

#include <support/check.h>
#include <unistd.h>

static inline void xwrite(int fd, const void *buf, size_t bytes)
{
    TEST_VERIFY_EXIT(write(fd, buf, bytes) == (ssize_t)bytes);
}

#endif
