/*
 * console.c - console output and kprintf.
 *
 * Until a device is attached (arm64 finds its UART in the device tree) output is kept in `early`, so a
 * boot that fails before that still says why.
 */
#include "kernel/console.h"

#include <string.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/print.h"

static struct spinlock console_lock = SPINLOCK_INIT(RANK_CONSOLE);
static SEALED console_writer *writer;
static char early[2048];
static size_t early_bytes;
static bool at_line_start = true; // console_lock
static struct m *breaker;         // the core that broke console_lock: it prints without

void console_attach(console_writer *write)
{
    writer = write;
    writer(early, early_bytes);
    early_bytes = 0;
}

static void write_locked(const char *text, size_t bytes)
{
    if (bytes)
        at_line_start = text[bytes - 1] == '\n';
    if (writer) {
        writer(text, bytes);
        return;
    }
    if (bytes > sizeof early - early_bytes)
        bytes = sizeof early - early_bytes;
    memcpy(early + early_bytes, text, bytes);
    early_bytes += bytes;
}

void console_write(const char *text, size_t bytes)
{
    if (breaker == getm()) {
        write_locked(text, bytes);
        return;
    }
    lock(&console_lock);
    write_locked(text, bytes);
    unlock(&console_lock);
}

bool console_at_line_start(void)
{
    return at_line_start;
}

void console_take(void)
{
    lock(&console_lock);
}

/* Whoever held it was stopped in the middle of its text, or could not be stopped and holds it still. */
void console_break_lock(void)
{
    if (lock_held(&console_lock))
        at_line_start = false;
    breaker = getm();
}

void console_flush_unattached(void)
{
    if (!writer)
        platform_write_fallback(early, early_bytes);
}

void kprintf(const char *fmt, ...)
{
    char text[320];
    va_list ap;

    va_start(ap, fmt);
    int n = kvsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    console_write(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Turns for which the lock is waited for: longer than any text takes, unless its holder waits for this core. */
#define URGENT_TURNS 100000

void kprintf_urgent(const char *fmt, ...)
{
    char text[320];
    va_list ap;
    bool got = false;

    va_start(ap, fmt);
    int n = kvsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (int i = 0; i < URGENT_TURNS && !got; i++) {
        got = !atomic_exchange_explicit(&console_lock.held, 1, memory_order_acquire);
        if (!got)
            cpu_relax();
    }
    write_locked(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    if (got)
        atomic_store_explicit(&console_lock.held, 0, memory_order_release);
}
