/*
 * tls.h - the block of _Thread_local objects that every goroutine has.
 */
#ifndef KERNEL_TLS_H
#define KERNEL_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"

/*
 * tls_place - where the block lies below `hi`, the top of a stack: the same for every goroutine that has it.
 * *tp  the value for the thread pointer register. What it points at is written; the objects are tls_fill()'s.
 * Returns the new top, aligned for a stack pointer. The stack must have room: the template's size is
 * checked against it when the image starts. Ctx: g0.
 */
uintptr_t tls_place(uintptr_t hi, uintptr_t *tp);

/* Every object gets its initial value. Ctx: g0. */
void tls_fill(uintptr_t tp);

/* No object has an initial value but zero, and all of them lie in the TLS_SMALL_BYTES that one instruction
 * clears: then tls_fill_small() does the same. Ctx: any. */
#define TLS_SMALL_BYTES (ARCH_TLS_VARIANT == 1 ? 16 : 8)
bool tls_is_small(void);

static inline void tls_fill_small(uintptr_t tp)
{
    uint64_t *p = (uint64_t *)(ARCH_TLS_VARIANT == 1 ? tp + 16 : tp - TLS_SMALL_BYTES);

    for (unsigned i = 0; i < TLS_SMALL_BYTES / 8; i++)
        p[i] = 0;
}

/* Whether the template leaves half of a stack of stack_bytes to the goroutine. Ctx: any. */
bool tls_fits(uintptr_t stack_bytes);

/* Stops the boot if the template is too large for a goroutine's stack of stack_bytes. Ctx: boot. */
void tls_init(uintptr_t stack_bytes);

#endif
