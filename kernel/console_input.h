/*
 * console_input.h - what the console has received.
 */
#ifndef KERNEL_CONSOLE_INPUT_H
#define KERNEL_CONSOLE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Turns the device's interrupt on and off; what waits in the device when it is turned on raises it. */
typedef void console_interrupt(bool on);

/* The console's device can receive; its interrupt is off, and turned on here. Ctx: boot. */
void console_input_attach(console_interrupt *interrupt);

/* The device's handler asks before it takes a byte. False: it is to leave the byte, the interrupt is off.
 * Ctx: isr, on the boot CPU only; so is the next. */
bool console_input_room_isr(void);
void console_input_isr(uint8_t byte);

/* Takes up to `bytes` of what has come: how many; 0: nothing yet. Ctx: any but isr, one caller at a time. */
size_t console_input_read(char *buf, size_t bytes);

/* From now on `key` is not input, but calls fn (Ctx: isr). There is one such key. Ctx: boot. */
void console_set_key_handler(char key, void (*fn)(void));

#endif
