/*
 * rtc.c - the PL031: a counter of seconds. Source: Arm DDI 0224, PrimeCell Real Time Clock (PL031).
 */
#include "arch/arch.h"
#include "kernel/errbuf.h"
#include "kernel/vm.h"
#include "platform.h"

#include <errno.h>

#define RTCDR 0x00
#define RTCCR 0x0c

#define CR_START 1

int rtc_read(int64_t *seconds, struct errbuf *e)
{
    const struct memrange *regs = &platform.rtc_regs;

    if (!regs->bytes)
        return fail(e, -ENODEV, "no real-time clock: no \"arm,pl031\" in the device tree");
    volatile uint32_t *rtc = vm_map_device(regs->base, regs->bytes);
    if (!rtc)
        return fail(e, -ENOMEM, "real-time clock: no memory to map it");
    if (!(rtc[RTCCR / 4] & CR_START))
        return fail(e, -EINVAL, "real-time clock: it was never started");
    *seconds = rtc[RTCDR / 4];
    return 0;
}
