/*
 * prog_time.c - prints the time of day, how long the machine has run, and the environment (for tests/check/time).
 *
 * Arguments: names of variables, each of which is printed as getenv() gives it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rt0/time.h"

extern char **environ;

/* The environment is there before the constructors. */
static const char *early;

__attribute__((constructor)) static void construct(void)
{
    early = getenv("EARLY");
}

int main(int argc, char **argv)
{
    time_t t = time(NULL);
    struct tm tm;
    char text[40];

    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    printf("time %lld %s up %lld\n", (long long)t, text, (long long)(nanotime() / 1000000000));
    for (char **e = environ; *e; e++)
        printf("env %s\n", *e);
    printf("early %s\n", early ? early : "(none)");
    for (int i = 1; i < argc; i++) {
        const char *value = getenv(argv[i]);
        printf("getenv(%s) %s\n", argv[i], value ? value : "(none)");
    }
}
