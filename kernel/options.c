/*
 * options.c - the keys that the kernel command line may have.
 */
#include "kernel/options.h"

#include "kernel/cmdline.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "rt0/go.h"
#include "sched/stack.h"

#define ARGV_MAX 256

SEALED struct options options = {
    .cores = MAX_CPUS, .bootlog = true, .initrd = "data", .stackmax = STACK_DEFAULT_BYTES};

static const struct cmdline_key keys[] = {
    {"cores", CMDLINE_U64, &options.cores, 1, MAX_CPUS, "use at most so many cores"},
    {"bootlog", CMDLINE_BOOL, &options.bootlog, 0, 1, "print what was found while booting"},
    {"initrd", CMDLINE_STR, &options.initrd, 1, 255,
     "name of a boot module that is not an archive"},
    {"stackmax", CMDLINE_BYTES, &options.stackmax, GO_STACK_MIN, GO_STACK_MAX,
     "bytes that a goroutine's stack may grow to"},
    {"memstats", CMDLINE_BOOL, &options.memstats, 0, 1, "print where the memory is at exit"},
    {"virtio_mmio", CMDLINE_STR, &options.virtio_mmio, 1, 1023,
     "virtio-mmio devices: SIZE@BASE[,SIZE@BASE...]"},
};
#define NKEYS (sizeof keys / sizeof keys[0])

static unsigned nunknown;

static void unknown(const char *word)
{
    kprintf("rt0: command line: unknown key in \"%s\", ignored\n", word);
    nunknown++;
}

void options_parse(char *cmdline)
{
    static char *argv[ARGV_MAX];
    struct errbuf e;

    argv[0] = "main";
    int err = cmdline_parse(cmdline, keys, NKEYS, argv + 1, ARGV_MAX - 1, &options.main.argc,
                            unknown, &e);
    if (err)
        boot_fail("%s", e.text);
    options.main.argc++;
    options.main.argv = argv;
    if (nunknown)
        for (unsigned i = 0; i < NKEYS; i++)
            kprintf("rt0:   known: %s - %s\n", keys[i].name, keys[i].help);
}
