/*
 * clock.c - the generic timer: its virtual counter is the clock, its virtual timer the alarm.
 *
 * CNTFRQ_EL0 gives the rate; firmware must have set it, and no value is assumed for any board.
 */
#include "clock.h"

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/panic.h"

#define NS_PER_S      UINT64_C(1000000000)
#define TIMER_ENABLE  1
#define TIMER_ISTATUS 4

extern uint64_t boot_cntvct; // head.S: the counter at the first instruction

static SEALED uint64_t hz;
static SEALED uint64_t ns_per_tick_32; // 32.32 fixed point
static SEALED uint64_t ticks_per_ns_32;

/* isb: the counter may otherwise be read ahead of what the caller did before. */
static inline uint64_t counter(void)
{
    isb();
    return cpu_counter();
}

/* x * f, f being 32.32 fixed point; the product may have 96 bits. */
static uint64_t scale(uint64_t x, uint64_t f)
{
    return (uint64_t)((unsigned __int128)x * f >> 32);
}

int64_t clock_ticks_to_ns(uint64_t ticks)
{
    return (int64_t)scale(ticks, ns_per_tick_32);
}

uint64_t clock_ns_to_ticks(int64_t ns)
{
    return scale((uint64_t)ns, ticks_per_ns_32);
}

/* The first tick at which clock_ticks_to_ns() has reached ns, by the same factor: an alarm is never early. */
static uint64_t to_ticks(int64_t ns)
{
    unsigned __int128 scaled = (unsigned __int128)(uint64_t)ns << 32;

    return (uint64_t)((scaled + ns_per_tick_32 - 1) / ns_per_tick_32);
}

void clock_init(void)
{
    hz = READ_SYSREG(cntfrq_el0);
    if (hz == 0)
        boot_fail(
            "generic timer: CNTFRQ_EL0 is 0; the firmware must set it to the counter's rate in Hz");
    ns_per_tick_32 = (NS_PER_S << 32) / hz;
    ticks_per_ns_32 = (hz << 32) / NS_PER_S;
}

void clock_init_cpu(struct m *mp)
{
    (void)mp;
    clock_timer_off();
}

uint64_t clock_hz(void)
{
    return hz;
}

int64_t clock_nanotime(void)
{
    return clock_ticks_to_ns(counter());
}

int64_t clock_entry(void)
{
    return clock_ticks_to_ns(boot_cntvct);
}

bool clock_timer_off(void)
{
    bool due = READ_SYSREG(cntv_ctl_el0) & TIMER_ISTATUS;

    WRITE_SYSREG(cntv_ctl_el0, 0);
    isb();
    return due;
}

void clock_arm(int64_t when_ns)
{
    if (when_ns == INT64_MAX) {
        clock_timer_off();
        return;
    }
    WRITE_SYSREG(cntv_cval_el0, when_ns <= 0 ? 0 : to_ticks(when_ns));
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
    isb();
}
