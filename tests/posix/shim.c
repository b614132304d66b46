/*
 * shim.c - main() of the image that holds glibc's thread tests, and what they are given instead of glibc's
 * support/ folder.
 *
 * Argument: the test's name, as in tests.inc, which the Makefile makes of the list of tests that are built.
 * A test is judged by the status it ends with (tests/run): 0, or EXIT_UNSUPPORTED.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/check.h>
#include <support/xthread.h>
#include <unistd.h>

#define TEST(name, fn) int fn(int argc, char **argv);
#include "tests.inc"
#undef TEST

static const struct test {
    const char *name;
    int (*fn)(int argc, char **argv);
} tests[] = {
#define TEST(name, fn) {name, fn},
#include "tests.inc"
#undef TEST
};

static atomic_int failures;

void support_record_failure(void)
{
    atomic_fetch_add(&failures, 1);
}

static void report(const char *file, int line, const char *format, va_list ap)
{
    char text[300];

    vsnprintf(text, sizeof text, format, ap);
    printf("%s:%d: %s\n", file, line, text);
}

int shim_fail(const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    report(file, line, format, ap);
    va_end(ap);
    support_record_failure();
    return 1;
}

_Noreturn void shim_fail_exit(int status, const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    report(file, line, format, ap);
    va_end(ap);
    exit(status);
}

int shim_status(int status, int expected)
{
    if (status != expected)
        return status ? status : 1;
    return atomic_load(&failures) != 0;
}

pthread_t xpthread_create(pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    SHIM_MUST(pthread_create(&thread, attr, fn, arg));
    return thread;
}

void *xpthread_join(pthread_t thread)
{
    void *result;

    SHIM_MUST(pthread_join(thread, &result));
    return result;
}

int xpthread_barrier_wait(pthread_barrier_t *b)
{
    int err = pthread_barrier_wait(b);

    if (err && err != PTHREAD_BARRIER_SERIAL_THREAD)
        FAIL_EXIT1("pthread_barrier_wait gave %d", err);
    return err != 0;
}

static void *exit_later(void *seconds)
{
    sleep((unsigned)(size_t)seconds);
    exit(atomic_load(&failures) != 0);
}

void delayed_exit(int seconds)
{
    xpthread_detach(xpthread_create(NULL, exit_later, (void *)(size_t)seconds));
}

/* ---- what the tests call and rt0 does not have ---- */

/* No signal ever comes. */
int pause(void)
{
    sem_t never;

    sem_init(&never, 0, 0);
    return sem_wait(&never);
}

/* "Make standard error the same as standard output": it is. */
int dup2(int from, int to)
{
    TEST_VERIFY(from == 1 && to == 2);
    return to;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof tests / sizeof tests[0]; i++)
        if (strcmp(argv[1], tests[i].name) == 0)
            return tests[i].fn(1, argv);
    printf("no such test\n");
    return 2;
}
