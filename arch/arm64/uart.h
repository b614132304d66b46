/*
 * uart.h - the PL011 serial port.
 */
#ifndef ARCH_ARM64_UART_H
#define ARCH_ARM64_UART_H

#include <stdint.h>

/* Maps it and makes it the console. Speed and format stay as the firmware set them. Ctx: boot. */
void uart_init(uint64_t phys, uint64_t bytes);

/* From now on what it receives is input (kernel/console_input.h). Ctx: boot, once its interrupt goes to this core. */
void uart_start_input(void);

/* Waits until the last character has left, before the power goes. Ctx: any. */
void uart_drain(void);

#endif
