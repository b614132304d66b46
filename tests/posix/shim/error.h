/* error.h - glibc's error(), a message of which ends a test with status. */
#ifndef SHIM_ERROR_H
#define SHIM_ERROR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define error(status, err, ...)                 \
    do {                                        \
        int shim_err = (err);                   \
        printf(__VA_ARGS__);                    \
        if (shim_err)                           \
            printf(": %s", strerror(shim_err)); \
        printf("\n");                           \
        if (status)                             \
            exit(status);                       \
    } while (0)

#endif
