/*
 * malloc.c - malloc() and free().
 *
 * mallocN         malloc(N) and free() of it at once: the same object every time
 * mallocN_batch   1000 of them, then all freed in the order of their making: per pair
 * malloc64_touch  as malloc64, and its first byte is written
 */
#include "bench/bench.h"

enum { PAIRS = 10000, BATCH = 1000 };

static void pairs(void *bytes)
{
    size_t n = *(size_t *)bytes;

    for (int i = 0; i < PAIRS; i++) {
        void *p = malloc(n);
        __asm__ volatile(
            ""
            : "+r"(p)); // the compiler may leave out a malloc() whose memory nobody uses
        free(p);
    }
}

static void batch(void *bytes)
{
    static void *objects[BATCH];
    size_t n = *(size_t *)bytes;

    for (int i = 0; i < BATCH; i++)
        objects[i] = malloc(n);
    for (int i = 0; i < BATCH; i++)
        free(objects[i]);
}

static void pairs_touched(void *bytes)
{
    size_t n = *(size_t *)bytes;

    for (int i = 0; i < PAIRS; i++) {
        char *p = malloc(n);
        *(volatile char *)p = 1;
        free(p);
    }
}

static double malloc16(void)
{
    return bench_time(pairs, &(size_t){16}, PAIRS);
}

static double malloc64(void)
{
    return bench_time(pairs, &(size_t){64}, PAIRS);
}

static double malloc1k(void)
{
    return bench_time(pairs, &(size_t){1024}, PAIRS);
}

static double malloc16k(void)
{
    return bench_time(pairs, &(size_t){16384}, PAIRS);
}

static double malloc100k(void)
{
    return bench_time(pairs, &(size_t){100000}, PAIRS);
}

static double malloc64_batch(void)
{
    return bench_time(batch, &(size_t){64}, BATCH);
}

static double malloc1k_batch(void)
{
    return bench_time(batch, &(size_t){1024}, BATCH);
}

static double malloc64_touch(void)
{
    return bench_time(pairs_touched, &(size_t){64}, PAIRS);
}

static const struct bench benches[] = {
    {"malloc16", .sample = malloc16},
    {"malloc64", .sample = malloc64},
    {"malloc64_touch", .sample = malloc64_touch},
    {"malloc1k", .sample = malloc1k},
    {"malloc16k", .sample = malloc16k},
    {"malloc100k", .sample = malloc100k},
    {"malloc64_batch", .sample = malloc64_batch},
    {"malloc1k_batch", .sample = malloc1k_batch},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
