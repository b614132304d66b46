/*
 * options.h - the values of the kernel command line's keys.
 */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/libc.h"

struct options {
    uint64_t cores;          // use at most so many
    bool bootlog;            // print what was found
    const char *initrd;      // name of a boot module that is no archive
    uint64_t stackmax;       // how far goroutines' stacks grow
    bool memstats;           // print them at exit
    const char *virtio_mmio; // where such devices are; NULL: not named
    struct libc_args main;   // the words after "--"
};

extern struct options options;

/* Reads the command line (which stays in use: strings point into it). Names each key it does not know;
 * stops the boot at one that can't be right. Ctx: boot. */
void options_parse(char *cmdline);

#endif
