/*
 * tls.c - thread-local storage by the ELF rules, one block at the top of each stack.
 *
 *   variant 1 (arm64):   tp | 16 bytes, padding to the alignment | .tdata .tbss | hi
 *   variant 2 (x86-64):  .tdata .tbss, padding | tp | control block, *tp == tp | hi
 *
 * Why on the stack: a goroutine that has not run yet costs nothing for it, and it goes with the stack.
 * Source: Drepper, ELF Handling For Thread-Local Storage, section 3.4.
 */
#include "kernel/tls.h"

#include <string.h>

#include "arch/arch.h"
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
} tls_template;

static uintptr_t round_up(uintptr_t x, uintptr_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static uintptr_t round_down(uintptr_t x, uintptr_t align)
{
    return x & ~(align - 1);
}

uintptr_t tls_place(uintptr_t hi, uintptr_t *tp)
{
    uintptr_t align = tls_template.align < STACK_ALIGN ? STACK_ALIGN : tls_template.align;
    uintptr_t data, bottom;

    if (ARCH_TLS_VARIANT == 1) {
        data = round_down(hi - tls_template.bytes, align);
        bottom = *tp = data - round_up(16, align);
    } else {
        *tp = round_down(hi - CONTROL_BLOCK_BYTES, align);
        *(uintptr_t *)*tp = *tp;
        bottom = data = *tp - round_up(tls_template.bytes, tls_template.align);
    }
    memcpy((void *)data, tls_template.data, tls_template.data_bytes);
    memset((void *)(data + tls_template.data_bytes), 0,
           tls_template.bytes - tls_template.data_bytes);
    return round_down(bottom, STACK_ALIGN);
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
