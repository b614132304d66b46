/* support/test-driver.h - stands in for the file of this name in glibc. */
#ifndef SHIM_SUPPORT_TEST_DRIVER_H
#define SHIM_SUPPORT_TEST_DRIVER_H

#include <stdio.h>
#include <support/check.h>

#define write_message(text) printf("%s", (text))
#define verbose_printf(...) printf(__VA_ARGS__)

static const int test_verbose;

#endif
