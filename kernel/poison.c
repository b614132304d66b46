/*
 * poison.c - the pattern of pages that nobody may write to.
 *
 * The stores are volatile so that they stay stores: on an exception stack the libc's memset() may not be
 * called.
 */
#include "kernel/poison.h"

void poison(uint64_t pa, size_t n)
{
    volatile uint64_t *word = phys_to_virt(pa);

    for (size_t i = 0; i < n * POISON_WORDS; i++)
        word[i] = POISON;
}

size_t poison_left(uint64_t pa)
{
    const volatile uint64_t *word = phys_to_virt(pa);
    size_t left = 0;

    for (size_t i = 0; i < POISON_WORDS; i++)
        left += word[i] == POISON;
    return left;
}
