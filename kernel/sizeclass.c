/*
 * sizeclass.c - the table of size classes.
 *
 * Method:    a candidate every 16 bytes, from 512 on every 1/16 of the power of two below it,
 *            from 1024 on every 64. The span of one is the smallest number of pages that leaves
 *            at most an eighth unused and holds 8 objects, or is 32 KiB long. Of neighbours whose
 *            spans have the same pages and objects only the largest is kept, since the others
 *            would waste the difference. That leaves 67 classes; tests/host/test_malloc.c makes
 *            the table again and compares.
 * Invariant: bytes grow from class to class; all powers of two are among them, and as spans begin
 *            on a page, an object of 2^k <= PAGE_SIZE bytes is aligned to its size.
 * Why the table is not made at boot: that takes 80,000 instructions, a fifth of a boot.
 * Source:    the way of choosing is Go's (mksizeclasses.go), with other steps and pages.
 */
#include "kernel/sizeclass.h"

#include <string.h>

static const struct {
    uint16_t bytes, pages;
} table[MEM_CLASSES] = {
    {0, 0},      {16, 1},     {32, 1},     {48, 1},     {64, 1},    {80, 1},    {96, 1},
    {112, 1},    {128, 1},    {144, 1},    {160, 1},    {176, 1},   {192, 1},   {208, 1},
    {224, 1},    {240, 1},    {256, 1},    {272, 1},    {288, 1},   {304, 1},   {336, 1},
    {368, 1},    {400, 1},    {448, 1},    {512, 1},    {544, 2},   {576, 2},   {608, 2},
    {672, 2},    {736, 2},    {800, 2},    {896, 2},    {1024, 2},  {1088, 3},  {1216, 3},
    {1344, 3},   {1536, 3},   {1600, 4},   {1792, 4},   {2048, 4},  {2240, 5},  {2560, 5},
    {2688, 6},   {3072, 6},   {3136, 7},   {3584, 7},   {4096, 8},  {4672, 8},  {4736, 9},
    {5440, 8},   {5696, 9},   {6528, 8},   {7104, 9},   {8192, 8},  {9216, 9},  {9536, 10},
    {10880, 8},  {12288, 9},  {13632, 10}, {14272, 11}, {16384, 8}, {18432, 9}, {20480, 10},
    {22528, 11}, {24576, 12}, {26624, 13}, {28608, 14}, {32768, 8},
};

SEALED struct sizeclass sizeclasses[MEM_CLASSES];
SEALED uint8_t class_of_tiny[TINY_MAX + 1];
SEALED uint8_t class_of_medium[SMALL_MAX / MEDIUM_STEP + 1];

static void class_fill(struct sizeclass *c, uint32_t bytes, uint32_t pages)
{
    c->bytes = bytes;
    c->pages = pages;
    c->objects = (pages << PAGE_SHIFT) / bytes;
    c->magic = (uint32_t)(((UINT64_C(1) << 32) + bytes - 1) / bytes);
    c->limit = c->objects * (c->magic * bytes); // modulo 2^32 the product is the excess
    if (c->limit == 0)
        c->limit = 1;
}

/* Sizes from *from to `to` are served by class c. */
static void sizes_fill(uint8_t *class_of, size_t *from, size_t to, unsigned c)
{
    memset(&class_of[*from], (int)c, to + 1 - *from);
    *from = to + 1;
}

void sizeclass_init(void)
{
    size_t tiny = 0, medium = 0;

    for (unsigned c = 1; c < MEM_CLASSES; c++) {
        class_fill(&sizeclasses[c], table[c].bytes, table[c].pages);
        if (table[c].bytes <= TINY_MAX)
            sizes_fill(class_of_tiny, &tiny, table[c].bytes, c);
        else
            sizes_fill(class_of_medium, &medium, table[c].bytes / MEDIUM_STEP, c);
    }
}
