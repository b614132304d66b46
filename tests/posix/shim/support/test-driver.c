/*
 * support/test-driver.c - main() of a test, which includes this last. Stands in for the file of this name in glibc.
 *
 * The test says before what it wants: TEST_FUNCTION or TEST_FUNCTION_ARGV (do_test()), PREPARE, EXPECTED_STATUS. How long it may take is
 * tests/run's business.
 */
#include <support/test-driver.h>

#ifdef TEST_FUNCTION_ARGV
#define SHIM_CALL TEST_FUNCTION_ARGV(argc, argv)
#elif defined TEST_FUNCTION
#define SHIM_CALL TEST_FUNCTION()
#else
#define SHIM_CALL do_test()
#endif
#ifndef EXPECTED_STATUS
#define EXPECTED_STATUS 0
#endif

/* Of shim.c: what failed counts, too; a status that was expected is 0. */
int shim_status(int status, int expected);

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
#ifdef PREPARE
    PREPARE(argc, argv);
#endif
    return shim_status(SHIM_CALL, EXPECTED_STATUS);
}
