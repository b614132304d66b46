/*
 * poweroff.c - the end of the machine.
 *
 * Semihosting takes an exit status to whoever started an emulator; PSCI switches a real machine off.
 */
#include "arch/arch.h"
#include "psci.h"
#include "semihost.h"
#include "uart.h"

_Noreturn void arch_halt(void)
{
    for (;;)
        /* With an interrupt pending wfi does not wait; QEMU under -icount then gives nobody else a turn, but for yield. */
        __asm__ volatile("msr daifset, #0xf; wfi; yield");
}

_Noreturn void arch_exit(int status)
{
    const uint64_t block[2] = {SEMIHOST_APPLICATION_EXIT, (uint64_t)status};

    uart_drain();
    semihost(SEMIHOST_EXIT_EXTENDED, (uintptr_t)block);
    psci_system_off();
    arch_halt();
}
