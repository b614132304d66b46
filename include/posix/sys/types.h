/*
 * sys/types.h - the libc's, and the types of POSIX threads, which picolibc leaves out.
 */
#include_next <sys/types.h>
#include <sys/_pthreadtypes.h>
