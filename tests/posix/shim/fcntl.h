/* fcntl.h - the libc's; what is written to /dev/null, which rt0 does not have, goes to the console instead. */
#include_next <fcntl.h>

#define open(path, ...) (strcmp((path), "/dev/null") == 0 ? 2 : (open)((path), __VA_ARGS__))
