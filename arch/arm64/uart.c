/*
 * uart.c - PL011 output by polling. Source: Arm DDI 0183, PrimeCell UART (PL011).
 */
#include "uart.h"

#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/layout.h"
#include "kernel/vm.h"

#define UARTDR   0x00
#define UARTFR   0x18
#define UARTCR   0x30
#define UARTIMSC 0x38

#define FR_BUSY   (1u << 3)
#define FR_TXFF   (1u << 5)
#define CR_ENABLE 0x301 // UART, receive and transmit

static SEALED volatile uint32_t *uart;

static void uart_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        while (uart[UARTFR / 4] & FR_TXFF)
            cpu_relax();
        uart[UARTDR / 4] = (uint8_t)text[i];
    }
}

void uart_drain(void)
{
    while (uart && uart[UARTFR / 4] & FR_BUSY)
        cpu_relax();
}

void uart_init(uint64_t phys, uint64_t bytes)
{
    uart = vm_map_device(phys, bytes);
    if (!uart)
        return;
    uart[UARTIMSC / 4] = 0;
    uart[UARTCR / 4] = CR_ENABLE;
    console_attach(uart_write);
}
