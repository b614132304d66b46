/*
 * poweroff.c - the end of the machine.
 *
 * QEMU's isa-debug-exit takes a status, but makes (status << 1) | 1 of it, so a process's eight bits do
 * not fit. tools/run-qemu therefore also gives the machine a debug port (isa-debugcon) that is not a
 * console: the status is written there first.
 */
#include "arch/arch.h"
#include "features.h"

#define DEBUG_EXIT_PORT 0xf4
#define STATUS_PORT     0xe9
#define STATUS_PRESENT  0xe9 // what an isa-debugcon port reads as

_Noreturn void arch_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

_Noreturn void arch_exit(int status)
{
    uart_drain();
    if (inb(STATUS_PORT) == STATUS_PRESENT)
        outb(STATUS_PORT, (uint8_t)status);
    outl(DEBUG_EXIT_PORT, (uint32_t)status);
    arch_halt();
}
