/* unistd.h - the libc's, and a macro of glibc's. No signal interrupts a call. */
#include_next <unistd.h>

#ifndef TEMP_FAILURE_RETRY
#define TEMP_FAILURE_RETRY(call) (call)
#endif
