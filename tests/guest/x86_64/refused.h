/*
 * refused.h - instructions that x86-64 may have, and that are refused since nobody saves their registers.
 */
#ifndef TESTS_GUEST_X86_64_REFUSED_H
#define TESTS_GUEST_X86_64_REFUSED_H

/* AMX: its tiles. */
static inline void refused_amx(void)
{
    __asm__ volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0"); // tilerelease
}

static void (*const refused[])(void) = {refused_amx};

#endif
