/*
 * options.h - the values of the kernel command line's keys.
 */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cmdline.h"
#include "kernel/libc.h"

struct options {
    uint64_t cores;           // use at most so many
    bool bootlog;             // print what was found
    const char *initrd;       // name of a boot module that is no archive
    uint64_t stackmax;        // how far goroutines' stacks grow
    bool memstats;            // print them at exit
    const char *virtio_mmio;  // where such devices are; NULL: not named
    uint64_t slice_ns;        // a goroutine's time while others wait
    uint64_t gomaxprocs;      // live Ps; 0: as many as there are cores
    const char *policy;       // its name
    uint64_t seed;            // of the scheduler's random numbers,
    bool has_seed;            // if it was given
    bool trace;               // print events at exit
    uint64_t tracebuf;        // bytes of events to keep for each P
    bool tracehash;           // print their hash
    bool schedstats;          // time waiting too, and print all counts at exit
    uint64_t schedtrace_ms;   // how often to print the scheduler's state; 0: never
    bool scheddetail;         // in full
    uint64_t watchdog_ms;     // report a core that is stuck for so long; 0: never
    struct cmdline_pairs env; // the program's environment
    struct libc_args main;    // the words after "--", and the environment
};

extern struct options options;

/* Reads the command line (which stays in use: strings point into it). Names each key it does not know;
 * stops the boot at one that can't be right. Ctx: boot. */
void options_parse(char *cmdline);

#endif
