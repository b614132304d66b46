/*
 * tls.h - the block of _Thread_local objects that every goroutine has.
 */
#ifndef KERNEL_TLS_H
#define KERNEL_TLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * tls_place - put a fresh copy of the image's thread-local template below `hi`, the top of a stack.
 * *tp  the value for the thread pointer register.
 * Returns the new top, aligned for a stack pointer. The stack must have room: the template's size is
 * checked against it when the image starts. Ctx: g0.
 */
uintptr_t tls_place(uintptr_t hi, uintptr_t *tp);

/* Whether the template leaves half of a stack of stack_bytes to the goroutine. Ctx: any. */
bool tls_fits(uintptr_t stack_bytes);

/* Stops the boot if the template is too large for a goroutine's stack of stack_bytes. Ctx: boot. */
void tls_init(uintptr_t stack_bytes);

#endif
