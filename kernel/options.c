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
#define ENV_MAX  128

#define US     UINT64_C(1000)
#define MS     UINT64_C(1000000)
#define MS_MAX UINT64_C(86400000) // a day of milliseconds

/* environ, until the program changes it. */
static char *env[ENV_MAX + 1];

SEALED struct options options = {
    .env = {.list = env, .max = ENV_MAX},
    .cores = MAX_CPUS,
    .bootlog = true,
    .initrd = "data",
    .stackmax = STACK_DEFAULT_BYTES,
    .slice_ns = 10 * MS,
    .policy = "gmp",
    .tracebuf = 2 << 20,
    .watchdog_ms = 5000,
};

static const struct cmdline_key keys[] = {
    {"cores", CMDLINE_U64, &options.cores, 1, MAX_CPUS, "use at most so many cores", NULL},
    {"bootlog", CMDLINE_BOOL, &options.bootlog, 0, 1, "print what was found while booting", NULL},
    {"initrd", CMDLINE_STR, &options.initrd, 1, 255, "name of a boot module that is not an archive",
     NULL},
    {"stackmax", CMDLINE_BYTES, &options.stackmax, GO_STACK_MIN, GO_STACK_MAX,
     "bytes that a goroutine's stack may grow to", NULL},
    {"memstats", CMDLINE_BOOL, &options.memstats, 0, 1, "print where the memory is at exit", NULL},
    {"virtio_mmio", CMDLINE_STR, &options.virtio_mmio, 1, 1023,
     "virtio-mmio devices: SIZE@BASE[,SIZE@BASE...]", NULL},
    {"slice", CMDLINE_DURATION, &options.slice_ns, 5 * US, 10000 * MS,
     "how long a goroutine runs while others wait", NULL},
    {"gomaxprocs", CMDLINE_U64, &options.gomaxprocs, 1, MAX_CPUS,
     "run goroutines on so many cores at once", NULL},
    {"policy", CMDLINE_STR, &options.policy, 1, 31, "name of the scheduling policy", NULL},
    {"seed", CMDLINE_U64, &options.seed, 0, UINT64_MAX,
     "where the scheduler's random numbers begin", &options.has_seed},
    {"trace", CMDLINE_BOOL, &options.trace, 0, 1, "print the scheduler's events at exit", NULL},
    {"tracebuf", CMDLINE_BYTES, &options.tracebuf, PAGE_SIZE, 1 << 30,
     "bytes of events to keep for each core", NULL},
    {"tracehash", CMDLINE_BOOL, &options.tracehash, 0, 1,
     "print a hash of the scheduler's events at exit", NULL},
    {"schedstats", CMDLINE_BOOL, &options.schedstats, 0, 1,
     "print what the scheduler counted at exit", NULL},
    {"schedtrace", CMDLINE_U64, &options.schedtrace_ms, 0, MS_MAX,
     "print the scheduler's state every so many milliseconds", NULL},
    {"scheddetail", CMDLINE_BOOL, &options.scheddetail, 0, 1,
     "with schedtrace: every P, M and goroutine", NULL},
    {"env", CMDLINE_PAIRS, &options.env, 0, 0,
     "NAME=TEXT for the program's environment; may be given many times", NULL},
    {"watchdog", CMDLINE_U64, &options.watchdog_ms, 0, MS_MAX,
     "report a core that is stuck for so many milliseconds; 0: don't", NULL},
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
    options.main.env = options.env.list;
    if (nunknown)
        for (unsigned i = 0; i < NKEYS; i++)
            kprintf("rt0:   known: %s - %s\n", keys[i].name, keys[i].help);
}
