/*
 * support/check.h - what glibc's tests report failures with. Stands in for the file of this name in glibc.
 */
#ifndef SHIM_SUPPORT_CHECK_H
#define SHIM_SUPPORT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define EXIT_UNSUPPORTED 77

/* Counts a failure, and prints where and what. Returns 1. */
int shim_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and exit(status); EXIT_UNSUPPORTED is no failure. */
_Noreturn void shim_fail_exit(int status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define FAIL(...)              shim_fail(__FILE__, __LINE__, __VA_ARGS__)
#define FAIL_RET(...)          return shim_fail(__FILE__, __LINE__, __VA_ARGS__)
#define FAIL_EXIT(status, ...) shim_fail_exit(status, __FILE__, __LINE__, __VA_ARGS__)
#define FAIL_EXIT1(...)        shim_fail_exit(1, __FILE__, __LINE__, __VA_ARGS__)
#define FAIL_UNSUPPORTED(...)  shim_fail_exit(EXIT_UNSUPPORTED, __FILE__, __LINE__, __VA_ARGS__)

#define TEST_VERIFY(e) ((void)((e) ? 0 : shim_fail(__FILE__, __LINE__, "not true: %s", #e)))
#define TEST_VERIFY_EXIT(e)                                            \
    do {                                                               \
        if (!(e))                                                      \
            shim_fail_exit(1, __FILE__, __LINE__, "not true: %s", #e); \
    } while (0)

/* Integers, by value and sign: -1 is not UINT_MAX. */
#define TEST_COMPARE(left, right)                                                                \
    do {                                                                                         \
        __typeof__(+(left)) shim_left = (left);                                                  \
        __typeof__(+(right)) shim_right = (right);                                               \
        if ((unsigned long long)shim_left != (unsigned long long)shim_right ||                   \
            (shim_left > 0) != (shim_right > 0))                                                 \
            shim_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld", #left, (long long)shim_left, \
                      #right, (long long)shim_right);                                            \
    } while (0)
#define TEST_COMPARE_STRING(left, right)                                                  \
    do {                                                                                  \
        const char *shim_left = (left), *shim_right = (right);                            \
        if (strcmp(shim_left, shim_right) != 0)                                           \
            shim_fail(__FILE__, __LINE__, "\"%s\" is not \"%s\"", shim_left, shim_right); \
    } while (0)

void support_record_failure(void);

#endif
