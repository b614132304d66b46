/*
 * refused.h - instructions that arm64 may have, and that are refused since nobody saves their registers.
 */
#ifndef TESTS_GUEST_ARM64_REFUSED_H
#define TESTS_GUEST_ARM64_REFUSED_H

/* The assembler is not told of these extensions. */
static inline void refused_sve(void)
{
    __asm__ volatile(".inst 0x2518e3e0"); // ptrue p0.b
}

static inline void refused_sme(void)
{
    __asm__ volatile(".inst 0xd503477f"); // smstart
}

static void (*const refused[])(void) = {refused_sve, refused_sme};

#endif
