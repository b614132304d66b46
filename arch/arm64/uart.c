/*
 * uart.c - the PL011: output by polling, input by interrupt. Source: Arm DDI 0183, PrimeCell UART (PL011).
 */
#include "uart.h"

#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/console_input.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/vm.h"

#define UARTDR   0x00
#define UARTFR   0x18
#define UARTCR   0x30
#define UARTIMSC 0x38
#define UARTICR  0x44

#define DR_BAD    0x700 // not in the right form, or a break
#define FR_BUSY   (1u << 3)
#define FR_RXFE   (1u << 4)
#define FR_TXFF   (1u << 5)
#define CR_ENABLE 0x301 // UART, receive and transmit
#define INT_CAME  0x010 // something was received
#define INT_WAITS 0x040 // it is still there, although nothing more comes

#define QUEUE_BYTES 32

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

static void interrupt(bool on)
{
    uart[UARTIMSC / 4] = on ? INT_CAME | INT_WAITS : 0;
}

/*
 * The interrupt is a level, which falls by itself when so much has been read. Cleared is only the one for what
 * has waited: it rises again as long as anything waits, but the other one when something comes.
 */
static void receive_isr(struct trapframe *tf)
{
    (void)tf;
    uart[UARTICR / 4] = INT_WAITS;
    for (unsigned i = 0; i < QUEUE_BYTES; i++) {
        if (uart[UARTFR / 4] & FR_RXFE || !console_input_room_isr())
            return;
        uint32_t word = uart[UARTDR / 4];
        if (!(word & DR_BAD))
            console_input_isr((uint8_t)word);
    }
}

void uart_start_input(void)
{
    if (!uart)
        return;
    irq_register(IRQ_CONSOLE, receive_isr);
    console_input_attach(interrupt);
}
