/*
 * poison.h - debug builds: a pattern in pages that nobody may write to.
 *
 * A page that is free, or that rests (sched/limbo.c), is full of it. One that has lost a part of it was
 * written by somebody who had given it back, or by a core with a stale translation.
 */
#ifndef KERNEL_POISON_H
#define KERNEL_POISON_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/layout.h"

#define POISON       UINT64_C(0xdeadbeefdeadbeef)
#define POISON_WORDS (PAGE_SIZE / sizeof(uint64_t))

/* Fills n pages. Ctx: any. */
void poison(uint64_t pa, size_t n);

/* How many words of a page still have it: POISON_WORDS, or somebody wrote. Ctx: any. */
size_t poison_left(uint64_t pa);

#endif
