/*
 * console.h - the one place where characters leave the machine.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it, waiting for the device. Called with the console's lock, or while panicking. */
typedef void console_writer(const char *text, size_t bytes);

/* From now on output goes to `write`; what was printed before is written first. Ctx: boot. */
void console_attach(console_writer *write);

/* One piece of output, not mixed with another core's. Ctx: any but isr. */
void console_write(const char *text, size_t bytes);

/* Nobody else prints from here on: what is being printed is let through first. Ctx: any but isr. */
void console_take(void);

/* From now on this core prints without the lock: whoever holds it may never give it back. Ctx: panicking. */
void console_break_lock(void);

/* Whether what was printed last ended with a newline. Ctx: panicking. */
bool console_at_line_start(void);

/* No device was found: hand what was printed to whatever else the machine offers (arch). */
void console_flush_unattached(void);

#endif
