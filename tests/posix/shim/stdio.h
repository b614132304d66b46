/* stdio.h - the same for streams. */
#include_next <stdio.h>
#include <string.h>

#define fopen(path, mode) (strcmp((path), "/dev/null") == 0 ? stderr : (fopen)((path), (mode)))
