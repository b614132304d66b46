/*
 * calib.c - what a figure is worth: a loop whose length is known.
 *
 * Every turn is two machine instructions on both architectures (count down, jump), so nanoseconds
 * per turn tell instructions per nanosecond; under ICOUNT=1 it must be 2.
 */
#include "bench/bench.h"

#define TURNS 1000000

static NOINLINE void turn(uint64_t turns)
{
    /* The empty asm keeps the compiler from knowing the outcome. */
    for (; turns; turns--)
        __asm__ volatile("");
}

static double calib_loop(void)
{
    int64_t start = nanotime();

    turn(TURNS);
    return (double)(nanotime() - start) / TURNS;
}

#define READINGS 1000

static double calib_now(void)
{
    int64_t start = nanotime();

    for (int i = 0; i < READINGS - 1; i++)
        nanotime();
    return (double)(nanotime() - start) / READINGS;
}

static const struct bench benches[] = {
    {"calib_loop", .sample = calib_loop},
    {"calib_now", .sample = calib_now},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
