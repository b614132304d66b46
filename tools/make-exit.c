/*
 * make-exit.c - $(make-exit N): ends GNU make with status N.
 *
 * Job:       `make run` is to exit with the status of the program in the guest, but make itself
 *            exits with 2 whenever a recipe fails. make loads objects, and those can call exit.
 * Protocol:  the function expands to nothing for N = 0, so that other goals are still made. For
 *            1..255 it does not return. make expands all lines of a recipe before it runs the
 *            first one, so the command that gives N belongs to a prerequisite.
 * Why die(): it is how make ends itself upon $(error): it waits for children, gives back the
 *            jobserver and flushes its output. It is no part of the loading interface, hence weak;
 *            plain exit() does, but may leave a jobserver's fifo in the folder for temporary files.
 * Source:    "Loading Dynamic Objects" in the manual of GNU make.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gnumake.h>

int plugin_is_GPL_compatible; /* make looks for this name before it loads an object */

int make_exit_gmk_setup(void);

extern _Noreturn void die(int status) __attribute__((weak));

static char *make_exit(const char *name, unsigned int argc, char **argv)
{
    char *end;
    long status = strtol(argv[0], &end, 10);

    (void)argc;
    if (end == argv[0] || *end != '\0' || status < 0 || status > 255) {
        fprintf(stderr, "%s: '%s' is not an exit status\n", name, argv[0]);
        status = 2;
    }
    if (status == 0) {
        return NULL;
    }
    fflush(NULL);
    if (die) {
        die((int)status);
    }
    exit((int)status);
}

/* make calls this when it has loaded the object; not 0 means success. */
int make_exit_gmk_setup(void)
{
    gmk_add_function("make-exit", make_exit, 1, 1, GMK_FUNC_DEFAULT);
    return 1;
}
