/*
 * heap.h - the memory under the libc's malloc.
 */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <stddef.h>

/*
 * heap_sbrk - move the end of the heap by delta bytes; what is added is mapped and its contents are
 * undefined. It does not shrink: a negative delta gives NULL.
 * Returns the end before the call, or NULL if memory is used up (nothing moved). Ctx: G or boot.
 */
void *heap_sbrk(ptrdiff_t delta);

#endif
