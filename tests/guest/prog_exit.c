/*
 * prog_exit.c - ends in the way it is told; for tests/check/exit.
 *
 * Arguments: WAY STATUS
 *
 *   return    main returns STATUS
 *   exit      main calls exit()
 *   go        another goroutine calls exit() while main waits
 *   busy      main calls exit() while goroutines on all other cores run without end
 *   _exit     main calls _exit(): no handler runs
 *   abort     main calls abort(); STATUS is not used
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt0/chan.h"
#include "rt0/go.h"

static int status;
static atomic_int running;

static void handler_1(void)
{
    printf("atexit 1\n");
}

static void handler_2(void)
{
    printf("atexit 2\n");
}

static void handler_3(void)
{
    printf("atexit 3\n");
}

static __attribute__((destructor(201))) void destructor_second(void)
{
    printf("destructor 201\n");
}

static __attribute__((destructor(200))) void destructor_last(void)
{
    printf("destructor 200\nno newline at the end");
}

static __attribute__((destructor)) void destructor_first(void)
{
    printf("destructor\n");
}

static void call_exit(void *arg)
{
    (void)arg;
    exit(status);
}

static void run_for_ever(void *arg)
{
    (void)arg;
    atomic_fetch_add(&running, 1);
    for (;;)
        ;
}

/* One core is left for main. */
static void keep_others_busy(void)
{
    for (int i = 1; i < numcpu(); i++)
        go(run_for_ever, NULL);
    while (atomic_load(&running) < numcpu() - 1)
        gosched();
}

int main(int argc, char **argv)
{
    const char *way = argc == 3 ? argv[1] : "";

    status = argc == 3 ? atoi(argv[2]) : 0;
    atexit(handler_1);
    atexit(handler_2);
    atexit(handler_3);
    printf("%s %d\n", way, status);
    if (strcmp(way, "return") == 0)
        return status;
    if (strcmp(way, "busy") == 0)
        keep_others_busy();
    if (strcmp(way, "exit") == 0 || strcmp(way, "busy") == 0)
        exit(status);
    if (strcmp(way, "_exit") == 0)
        _exit(status);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "go") == 0) {
        go(call_exit, NULL);
        chan_recv(NULL, NULL);
    }
    printf("usage: prog_exit return|exit|go|busy|_exit|abort STATUS\n");
    return 99;
}
