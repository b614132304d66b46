/*
 * platform.h - what platform.c read off the device tree, for the other files of arch/arm64.
 */
#ifndef ARCH_ARM64_PLATFORM_H
#define ARCH_ARM64_PLATFORM_H

#include "kernel/fdt.h"

extern struct fdt_platform platform; // sealed after the boot

#endif
