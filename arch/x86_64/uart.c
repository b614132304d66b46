/*
 * uart.c - the first serial port, a 16550 at its fixed I/O address; output by polling, input by interrupt.
 *
 * The interrupt is an edge: whoever leaves received bytes behind gets no other one.
 */
#include "arch/arch.h"
#include "features.h"
#include "ioapic.h"
#include "kernel/console.h"
#include "kernel/console_input.h"
#include "kernel/irq.h"
#include "sched/sched.h"
#include "trap.h"

#define COM1     0x3f8
#define COM1_IRQ 4
#define UART_RBR 0 // what was received
#define UART_THR 0 // transmit holding; divisor low with DLAB
#define UART_IER 1 // interrupt enable; divisor high with DLAB
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5

#define LCR_8N1   0x03
#define LCR_DLAB  0x80
#define IER_RX    0x01 // interrupt when something was received
#define MCR_ON    0x0b // DTR, RTS, and OUT2, which lets interrupts through
#define LSR_DR    0x01 // something was received
#define LSR_BAD   0x1c // not in the right form, or a break
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

/* The queues stay as firmware left them, on or off: to turn them drops what has come, and the first byte of what
 * is piped to a virtual machine has come by now. */
void uart_init(void)
{
    outb(COM1 + UART_IER, 0);
    outb(COM1 + UART_LCR, LCR_DLAB);
    outb(COM1 + UART_THR, 1); // 115200 baud
    outb(COM1 + UART_IER, 0);
    outb(COM1 + UART_LCR, LCR_8N1);
    outb(COM1 + UART_MCR, MCR_ON);
    console_attach(uart_write);
}

/* Off and on is a new edge, if anything waits. */
static void interrupt(bool on)
{
    outb(COM1 + UART_IER, on ? IER_RX : 0);
}

/* Bounds the time in the handler, however fast more comes in. */
#define BYTES_PER_INTERRUPT 64

static void receive_isr(struct trapframe *tf)
{
    (void)tf;
    for (unsigned i = 0; i < BYTES_PER_INTERRUPT; i++) {
        uint8_t lsr = inb(COM1 + UART_LSR);
        if (!(lsr & LSR_DR) || lsr == NO_DEVICE || !console_input_room_isr())
            return;
        uint8_t byte = inb(COM1 + UART_RBR);
        if (!(lsr & LSR_BAD))
            console_input_isr(byte);
    }
    interrupt(false);
    interrupt(true);
}

void uart_start_input(void)
{
    if (inb(COM1 + UART_LSR) == NO_DEVICE ||
        !ioapic_route_isa(COM1_IRQ, VECTOR_FIRST + IRQ_CONSOLE, m0.arch.apic_id))
        return;
    irq_register(IRQ_CONSOLE, receive_isr);
    console_input_attach(interrupt);
}
