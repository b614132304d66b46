/* libc-diag.h - stands in for the file of this name in glibc: which warnings are meant. The tests are compiled
 * without any. */
#ifndef SHIM_LIBC_DIAG_H
#define SHIM_LIBC_DIAG_H

#define DIAG_PUSH_NEEDS_COMMENT
#define DIAG_POP_NEEDS_COMMENT
#define DIAG_IGNORE_NEEDS_COMMENT(version, option)

#endif
