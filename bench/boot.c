/*
 * boot.c - from the image's first instruction to main().
 *
 * A machine boots once: tools/bench boots it several times, and prints the median of what it
 * says. The firmware's time before the image is not in it.
 *
 * Boots: 5
 */
#include "arch/arch.h"
#include "bench/bench.h"

static int64_t main_entered;

static void boot_to_main(const char *name)
{
    bench_print(name, "", (double)(main_entered - clock_entry()), "ns");
}

static const struct bench benches[] = {
    {"boot_to_main", .run = boot_to_main},
};

int main(int argc, char **argv)
{
    main_entered = nanotime();
    return bench_main(benches, LENGTH(benches), argc, argv);
}
