/*
 * semihost.h - calls to a debugger or an emulator that is watching.
 * Source: Arm, Semihosting for AArch32 and AArch64.
 */
#ifndef ARCH_ARM64_SEMIHOST_H
#define ARCH_ARM64_SEMIHOST_H

#include <stdint.h>

#define SEMIHOST_WRITE0           0x04
#define SEMIHOST_EXIT_EXTENDED    0x20
#define SEMIHOST_APPLICATION_EXIT 0x20026

/* Returns -1 if nobody takes it: then the instruction is an undefined one, and trap.c goes on at
 * semihost_absent. The exception vectors must be set. */
int64_t semihost(uint64_t op, uint64_t parameter);

extern const char semihost_hlt[], semihost_absent[];

#endif
