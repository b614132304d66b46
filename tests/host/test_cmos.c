/*
 * test_cmos.c - the PC's real-time clock.
 *
 * Goal:   every way to write a time down is read right; an update under way is waited for, and never
 *         seen half; what is no clock and no time is refused with its text.
 * Method: registers that are made up, which may change between two readings; the host's timegm() says
 *         what a date is in seconds.
 * Time:   under 2 s.
 */
#define _DEFAULT_SOURCE // timegm()

#include "kernel/cmos.h"

#include <errno.h>
#include <time.h>

#include "tests/host/tap.h"

#define CENTURY  0x32
#define BINARY   0x04
#define HOURS_24 0x02

static uint8_t regs[128];
static unsigned reads;     // so far
static unsigned update_at; // the reading before which the clock ticks; 0: never
static unsigned announced; // readings of status A that say that an update is near
static struct tm next;     // what it then shows
static uint8_t mode;       // how
static bool misused;
static struct errbuf e;
static int64_t seconds;

static uint8_t digits(int v)
{
    return (uint8_t)(mode & BINARY ? v : v / 10 * 16 + v % 10);
}

static uint8_t hours(int h)
{
    if (mode & HOURS_24)
        return digits(h);
    return (uint8_t)(digits(h % 12 ? h % 12 : 12) | (h >= 12 ? 0x80 : 0));
}

static void show(const struct tm *tm)
{
    regs[0] = digits(tm->tm_sec);
    regs[2] = digits(tm->tm_min);
    regs[4] = hours(tm->tm_hour);
    regs[7] = digits(tm->tm_mday);
    regs[8] = digits(tm->tm_mon + 1);
    regs[9] = digits(tm->tm_year % 100);
    regs[CENTURY] = digits((tm->tm_year + 1900) / 100);
    regs[0xb] = mode;
}

static uint8_t read_reg(uint8_t reg)
{
    if (++reads == update_at)
        show(&next);
    if (reg >= sizeof regs) {
        misused = true;
        return 0;
    }
    if (reg == 0xa && announced > 0) {
        announced--;
        return 0xa6;
    }
    return regs[reg];
}

static void reset(uint8_t how)
{
    memset(regs, 0x55, sizeof regs);
    regs[0xa] = 0x26;
    regs[0xd] = 0x80;
    mode = how;
    reads = update_at = announced = 0;
    e.text[0] = '\0';
    seconds = -1;
}

static int take(uint8_t century)
{
    return cmos_read_time(read_reg, century, &seconds, &e);
}

static struct tm date(int year, int month, int day, int h, int m, int s)
{
    return (struct tm){.tm_year = year - 1900,
                       .tm_mon = month - 1,
                       .tm_mday = day,
                       .tm_hour = h,
                       .tm_min = m,
                       .tm_sec = s};
}

static void at(struct tm tm, uint8_t how)
{
    reset(how);
    show(&tm);
}

static const uint8_t modes[] = {0, BINARY, HOURS_24, BINARY | HOURS_24};

static void test_times(void)
{
    at(date(2001, 9, 9, 1, 46, 40), HOURS_24);
    ok(take(CENTURY) == 0 && seconds == 1000000000, "2001-09-09 01:46:40");
    at(date(1970, 1, 1, 0, 0, 0), HOURS_24);
    ok(take(CENTURY) == 0 && seconds == 0, "1970");
    at(date(2099, 12, 31, 23, 59, 59), HOURS_24);
    ok(take(CENTURY) == 0 && seconds == INT64_C(4102444799), "2099");
    for (size_t m = 0; m < sizeof modes; m++) {
        bool good = true;
        for (int i = 0; i < 20000 && good; i++) {
            time_t t = (time_t)rnd_below((size_t)253402300800); // to the end of 9999
            struct tm tm = *gmtime(&t);
            at(tm, modes[m]);
            good = take(CENTURY) == 0 && seconds == (int64_t)t;
        }
        ok(good, "random times, status B %#x", modes[m]);
    }
    bool all = true;
    for (size_t m = 0; m < sizeof modes; m++)
        for (int h = 0; h < 24; h++) {
            struct tm tm = date(2024, 2, 29, h, 0, 0);
            at(tm, modes[m]);
            all &= take(CENTURY) == 0 && seconds == (int64_t)timegm(&tm);
        }
    ok(all, "every hour of the day, in all four ways");
}

static void test_century(void)
{
    struct tm tm = date(2069, 6, 1, 0, 0, 0);

    at(tm, HOURS_24);
    ok(take(0) == 0 && seconds == (int64_t)timegm(&tm), "no century: 69 is 2069");
    tm = date(1970, 6, 1, 0, 0, 0);
    at(tm, HOURS_24);
    ok(take(0) == 0 && seconds == (int64_t)timegm(&tm), "70 is 1970");
    at(tm, HOURS_24);
    regs[CENTURY] = 0;
    ok(take(CENTURY) == 0 && seconds == (int64_t)timegm(&tm), "a register that nobody ever set");
    regs[CENTURY] = 0xff;
    ok(take(CENTURY) == 0 && seconds == (int64_t)timegm(&tm), "or that has no number");
    tm = date(2100, 2, 28, 0, 0, 0);
    at(tm, HOURS_24);
    ok(take(CENTURY) == 0 && seconds == (int64_t)timegm(&tm), "2100");
    regs[7] = 0x29;
    ok(take(CENTURY) == -EINVAL, "has no 29th of February");
    at(date(2000, 2, 29, 0, 0, 0), HOURS_24);
    ok(take(CENTURY) == 0 && seconds == 951782400, "2000 has");
}

/* The clock ticks over from one year to the next before each of the readings. */
static void test_updates(void)
{
    struct tm before = date(1999, 12, 31, 23, 59, 59), after = date(2000, 1, 1, 0, 0, 0);
    bool good = true, seen_before = false, seen_after = false;

    for (unsigned when = 1; when < 40 && good; when++) {
        at(before, HOURS_24);
        next = after;
        update_at = when;
        good = take(CENTURY) == 0 && (seconds == 946684799 || seconds == 946684800);
        seen_before |= seconds == 946684799;
        seen_after |= seconds == 946684800;
    }
    ok(good && seen_before && seen_after, "an update between two readings is never seen half");
    at(before, HOURS_24);
    next = after;
    announced = 1000;
    update_at = 900;
    ok(take(CENTURY) == 0 && seconds == 946684800 && reads > 1000, "an update is waited for");
}

static void refuse(int err, const char *text)
{
    ok(take(CENTURY) == err && seconds == -1, "refused");
    same(e.text, text);
}

static void test_refusals(void)
{
    reset(0);
    memset(regs, 0xff, sizeof regs);
    refuse(-ENODEV, "no real-time clock");
    at(date(2024, 1, 1, 0, 0, 0), HOURS_24);
    regs[0xd] = 0;
    refuse(-EINVAL, "real-time clock: it has lost the time (status D 0x0), a new battery expected");
    at(date(2024, 1, 1, 0, 0, 0), HOURS_24);
    regs[0xa] = 0xa6;
    refuse(-EIO, "real-time clock: its update does not end (status A 0xa6)");
    at(date(2024, 5, 17, 12, 34, 56), HOURS_24);
    regs[8] = 0x13;
    refuse(-EINVAL,
           "real-time clock: year 24 month 13 day 17 time 12:34:56 (registers, status B 0x2) "
           "is no time");
}

/* One register is wrong. */
static void test_wrong_fields(void)
{
    static const struct {
        uint8_t mode, reg, value;
    } wrong[] = {
        {2, 0, 0x60}, {2, 0, 0x5a}, {6, 0, 60},   {2, 2, 0x60},   {6, 2, 99},   {2, 4, 0x24},
        {6, 4, 24},   {2, 4, 0x92}, {0, 4, 0},    {0, 4, 0x13},   {4, 4, 13},   {4, 4, 0x80},
        {4, 4, 0x8d}, {2, 7, 0},    {2, 7, 0x32}, {6, 7, 31 + 1}, {2, 8, 0},    {2, 8, 0x13},
        {2, 9, 0xa0}, {6, 9, 100},  {2, 7, 0x1f}, {6, 8, 255},    {2, 4, 0xff},
    };
    bool good = true;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        at(date(2024, 5, 17, 12, 34, 56), wrong[i].mode);
        good &= take(CENTURY) == 0;
        regs[wrong[i].reg] = wrong[i].value;
        if (take(CENTURY) != -EINVAL) {
            printf("# case %zu: mode %u, register %u, %#x\n", i, wrong[i].mode, wrong[i].reg,
                   wrong[i].value);
            good = false;
        }
    }
    ok(good, "a register that can't be");
    good = true;
    for (int i = 0; i < 200000 && good; i++) {
        reset((uint8_t)(rnd() & 6));
        for (size_t r = 0; r < 10; r++)
            regs[r] = (uint8_t)rnd();
        regs[0xb] = mode;
        int err = take(CENTURY);
        good = err == 0 ? seconds >= 0 : err == -EINVAL && e.text[0] != '\0';
    }
    ok(good && !misused, "random registers");
}

int main(void)
{
    test_times();
    test_century();
    test_updates();
    test_refusals();
    test_wrong_fields();
    return done();
}
