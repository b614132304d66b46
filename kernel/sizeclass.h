/*
 * sizeclass.h - the sizes that malloc() gives out, and the spans that they are cut from.
 */
#ifndef KERNEL_SIZECLASS_H
#define KERNEL_SIZECLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"
#include "rt0/mem.h"

#define MALLOC_ALIGN 16    // of every object; every size is a multiple of it
#define SMALL_MAX    32768 // larger objects are spans of their own: class 0
#define SPAN_OBJECTS 256   // at most, in a span of a class
#define SPAN_WORDS   (SPAN_OBJECTS / 64)
#define TINY_MAX     1024 // up to here a table has an entry for each size
#define MEDIUM_STEP  64 // and another has one for each 64 bytes: larger classes are multiples of it

/*
 * Division by a multiplication: object n of a span begins at offset n * bytes, and with
 * magic = ceil(2^32 / bytes), excess = magic * bytes - 2^32,
 *
 *      offset * magic = n * 2^32 + n * excess        for an object's own offset
 *                     = n * 2^32 + n * excess + k * magic     k bytes behind it
 *
 * So the upper half of the product is n, and the lower half is below objects * excess for the
 * beginning of an object that the span has, and for no other offset: an interior pointer and one
 * behind the last object are found by one comparison. (excess is 0 for powers of two; then the
 * bound is 1, and nothing lies behind the last object.)
 */
struct sizeclass {
    uint32_t bytes;   // of an object
    uint32_t pages;   // of a span
    uint32_t objects; // in a span
    uint32_t magic;
    uint32_t limit; // the lower half of a good product is below it
};

/* c  once sizeclass_init() has run; [0] is all zeroes. */
extern struct sizeclass sizeclasses[MEM_CLASSES];
extern uint8_t class_of_tiny[TINY_MAX + 1];                  // by bytes
extern uint8_t class_of_medium[SMALL_MAX / MEDIUM_STEP + 1]; // by bytes / MEDIUM_STEP, rounded up

/* Ctx: boot. */
void sizeclass_init(void);

/* TINY_MAX < bytes <= SMALL_MAX. */
static inline unsigned sizeclass_of_medium(size_t bytes)
{
    return class_of_medium[(bytes + MEDIUM_STEP - 1) / MEDIUM_STEP];
}

/* bytes <= SMALL_MAX. 0 bytes are served as 1. */
static inline unsigned sizeclass_of(size_t bytes)
{
    if (bytes <= TINY_MAX)
        return class_of_tiny[bytes];
    return sizeclass_of_medium(bytes);
}

/* The index of the object that begins at `offset` of a span: false if none does. */
static inline bool span_index(uint64_t offset, uint32_t magic, uint32_t limit, uint64_t *index)
{
    uint64_t product = offset * magic;

    *index = product >> 32;
    return (uint32_t)product < limit;
}

#endif
