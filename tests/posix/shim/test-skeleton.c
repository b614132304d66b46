/*
 * test-skeleton.c - the same for older tests, which give the whole call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <support/test-driver.h>
#include <support/xthread.h>
#include <unistd.h>

#ifndef TEST_FUNCTION
#define TEST_FUNCTION do_test(argc, argv)
#endif

static int shim_call(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return TEST_FUNCTION;
}

#undef TEST_FUNCTION
#define TEST_FUNCTION_ARGV shim_call
#include <support/test-driver.c>
