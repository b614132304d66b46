/*
 * tls.c - thread-local storage by the ELF rules, one block at the top of each stack.
 *
 *   variant 1 (arm64):   tp | 16 bytes, padding to the alignment | .tdata .tbss | hi
 *   variant 2 (x86-64):  .tdata .tbss, padding | tp | control block, *tp == tp | hi
 *
 * Objects of the section .tbss..noinit come first in .tbss. They are the kernel's own, and begin with whatever
 * lay there: a libc's state is large, and most goroutines never ask for it (libc_newlib.c).
 *
 * Why on the stack: a goroutine that has not run yet costs nothing for it, and it goes with the stack.
 * Source: Drepper, ELF Handling For Thread-Local Storage, section 3.4.
 */
#include "kernel/tls.h"

#include <string.h>

#include "kernel/panic.h"

/* x86-64 code may use the words after the thread pointer: self at 0, a stack canary at 0x28. */
#define CONTROL_BLOCK_BYTES 64
#define STACK_ALIGN         16

/* Written by the linker script. */
extern const struct {
    const char *data;
    uint64_t data_bytes; // .tdata
    uint64_t bytes;      // with .tbss
    uint64_t align;
    uint64_t clear_from; // from here to the end it begins with zeros
} tls_template;

static uintptr_t round_up(uintptr_t x, uintptr_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static uintptr_t round_down(uintptr_t x, uintptr_t align)
{
    return x & ~(align - 1);
}

static uintptr_t alignment(void)
{
    return tls_template.align < STACK_ALIGN ? STACK_ALIGN : tls_template.align;
}

static uintptr_t data_of(uintptr_t tp)
{
    return ARCH_TLS_VARIANT == 1 ? tp + round_up(16, alignment())
                                 : tp - round_up(tls_template.bytes, tls_template.align);
}

/* What tls_fill_small() clears is the block's, whatever is in it. */
static uintptr_t bytes_reserved(void)
{
    return tls_template.bytes < TLS_SMALL_BYTES ? TLS_SMALL_BYTES : tls_template.bytes;
}

uintptr_t tls_place(uintptr_t hi, uintptr_t *tp)
{
    uintptr_t bottom;

    if (ARCH_TLS_VARIANT == 1) {
        bottom = *tp = round_down(hi - bytes_reserved(), alignment()) - round_up(16, alignment());
    } else {
        *tp = round_down(hi - CONTROL_BLOCK_BYTES, alignment());
        *(uintptr_t *)*tp = *tp;
        bottom = *tp - round_up(bytes_reserved(), tls_template.align);
    }
    return round_down(bottom, STACK_ALIGN);
}

void tls_fill(uintptr_t tp)
{
    uintptr_t data = data_of(tp);

    memcpy((void *)data, tls_template.data, tls_template.data_bytes);
    memset((void *)(data + tls_template.clear_from), 0,
           tls_template.bytes - tls_template.clear_from);
}

bool tls_is_small(void)
{
    uintptr_t data = data_of(0), from = data + tls_template.clear_from;
    uintptr_t small = ARCH_TLS_VARIANT == 1 ? 16 : (uintptr_t)0 - TLS_SMALL_BYTES;

    if (tls_template.data_bytes)
        return false;
    return tls_template.bytes == tls_template.clear_from ||
           (from >= small && data + tls_template.bytes - small <= TLS_SMALL_BYTES);
}

bool tls_fits(uintptr_t stack_bytes)
{
    return tls_template.bytes + tls_template.align <= stack_bytes / 2;
}

void tls_init(uintptr_t stack_bytes)
{
    if (!tls_fits(stack_bytes))
        boot_fail(
            "the program has %lu bytes of _Thread_local objects; a goroutine's stack of %lu bytes "
            "allows %lu",
            tls_template.bytes, stack_bytes, stack_bytes / 2 - tls_template.align);
}
