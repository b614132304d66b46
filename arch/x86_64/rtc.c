/*
 * rtc.c - the real-time clock in the CMOS, reached through two ports.
 */
#include "arch/arch.h"
#include "features.h"
#include "kernel/cmos.h"

#define CMOS_INDEX 0x70 // its top bit would mask NMIs
#define CMOS_DATA  0x71

static uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg & 0x7f);
    return inb(CMOS_DATA);
}

int rtc_read(int64_t *seconds, struct errbuf *e)
{
    return cmos_read_time(cmos_read, acpi.rtc_century, seconds, e);
}
