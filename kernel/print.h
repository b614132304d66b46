/*
 * print.h - the kernel's own formatted output.
 *
 * The libc's printf belongs to the program: it locks, allocates and may park. The kernel prints
 * from g0, from exception stacks and before there is a libc, so it has its own small formatter.
 * Conversions: %d %i %u %x %X %p %s %c %% with the lengths l, ll, z, the flags 0, - and # (0x
 * before %x), width and, for %s, precision (both may be *). From any other conversion on, the
 * format is printed as it stands.
 */
#ifndef KERNEL_PRINT_H
#define KERNEL_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/* Returns the length the whole text has; writes at most bytes - 1 characters and a NUL. */
int kvsnprintf(char *buf, size_t bytes, const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t bytes, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prints one line or part of a line to the console, whole: lines of several cores do not mix. */
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for interrupts, whose core may hold the console's lock: after a while it prints without. Ctx: any. */
void kprintf_urgent(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
