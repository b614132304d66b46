/*
 * uart.c - the first serial port, a 16550 at its fixed I/O address; output by polling.
 */
#include "arch/arch.h"
#include "features.h"
#include "kernel/console.h"

#define COM1     0x3f8
#define UART_THR 0 // transmit holding; divisor low with DLAB
#define UART_IER 1 // interrupt enable; divisor high with DLAB
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5

#define LCR_8N1   0x03
#define LCR_DLAB  0x80
#define LSR_THRE  0x20
#define LSR_TEMT  0x40
#define NO_DEVICE 0xff

static void uart_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t lsr;
        while (!((lsr = inb(COM1 + UART_LSR)) & LSR_THRE))
            cpu_relax();
        /* An empty bus reads as ones: no port, and nobody to read what is written. */
        if (lsr == NO_DEVICE)
            return;
        outb(COM1 + UART_THR, (uint8_t)text[i]);
    }
}

void uart_drain(void)
{
    while (!(inb(COM1 + UART_LSR) & LSR_TEMT))
        cpu_relax();
}

void uart_init(void)
{
    outb(COM1 + UART_IER, 0);
    outb(COM1 + UART_LCR, LCR_DLAB);
    outb(COM1 + UART_THR, 1); // 115200 baud
    outb(COM1 + UART_IER, 0);
    outb(COM1 + UART_LCR, LCR_8N1);
    outb(COM1 + UART_FCR, 0x07);
    outb(COM1 + UART_MCR, 0x03);
    console_attach(uart_write);
}
