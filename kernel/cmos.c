/*
 * cmos.c - the PC's real-time clock.
 *
 * Protocol:  registers change once in a second, which takes up to 2 ms, announced by a bit (UIP) 244 us
 *            before. They are read when the bit is off, and until two readings are the same: whoever is
 *            taken its core away between the bit and a register reads another time the second time.
 * Source:    Motorola MC146818 data sheet; ACPI 6.5, 5.2.9 (FADT) for the century.
 */
#include "kernel/cmos.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define REG_SECONDS  0x00
#define REG_MINUTES  0x02
#define REG_HOURS    0x04
#define REG_DAY      0x07
#define REG_MONTH    0x08
#define REG_YEAR     0x09
#define REG_STATUS_A 0x0a
#define REG_STATUS_B 0x0b
#define REG_STATUS_D 0x0d

#define A_UPDATING 0x80
#define B_24_HOURS 0x02
#define B_BINARY   0x04
#define D_VALID    0x80
#define HOURS_PM   0x80

/* A reading of a register takes a microsecond or so where it leaves the chip, less where it is emulated. */
#define UPDATE_READS 1000000
#define ATTEMPTS     100

#define PIVOT_YEAR 70 // without a century: 70 is 1970, 69 is 2069

enum { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY, NFIELDS };

/* Fields as the registers have them. */
struct raw {
    uint8_t field[NFIELDS];
};

static struct raw read_raw(cmos_read_fn *read, uint8_t century)
{
    static const uint8_t regs[] = {REG_SECONDS, REG_MINUTES, REG_HOURS,
                                   REG_DAY,     REG_MONTH,   REG_YEAR};
    struct raw r = {{0}};

    for (unsigned i = 0; i < CENTURY; i++)
        r.field[i] = read(regs[i]);
    if (century != 0)
        r.field[CENTURY] = read(century);
    return r;
}

static bool wait_for_update(cmos_read_fn *read)
{
    for (unsigned i = 0; i < UPDATE_READS; i++)
        if (!(read(REG_STATUS_A) & A_UPDATING))
            return true;
    return false;
}

/* All fields of one moment. */
static bool read_stable(cmos_read_fn *read, uint8_t century, struct raw *r)
{
    for (unsigned i = 0; i < ATTEMPTS && wait_for_update(read); i++) {
        *r = read_raw(read, century);
        if (read(REG_STATUS_A) & A_UPDATING)
            continue;
        struct raw again = read_raw(read, century);
        if (memcmp(r, &again, sizeof again) == 0)
            return true;
    }
    return false;
}

/* A number of two digits, or 255: it is none. */
static uint8_t from_bcd(uint8_t v)
{
    return (v & 0xf) > 9 || v >> 4 > 9 ? UINT8_MAX : (uint8_t)((v >> 4) * 10 + (v & 0xf));
}

/* All fields as numbers, the hours from 0 to 23; 255: it is none. */
static void decode(struct raw *r, uint8_t status_b)
{
    bool pm = !(status_b & B_24_HOURS) && r->field[HOURS] & HOURS_PM;

    if (pm)
        r->field[HOURS] ^= HOURS_PM;
    if (!(status_b & B_BINARY))
        for (unsigned i = 0; i < NFIELDS; i++)
            r->field[i] = from_bcd(r->field[i]);
    if (!(status_b & B_24_HOURS)) {
        uint8_t h = r->field[HOURS];
        r->field[HOURS] = h < 1 || h > 12 ? UINT8_MAX : (uint8_t)(h % 12 + (pm ? 12 : 0));
    }
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* From 1970-01-01 to the first of January of the year. */
static int64_t days_before_year(unsigned year)
{
    int64_t y = (int64_t)year - 1;

    return (y * 365 + y / 4 - y / 100 + y / 400) -
           (1969 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t to_seconds(const struct raw *r, unsigned year)
{
    int64_t days = days_before_year(year) + r->field[DAY] - 1;

    for (unsigned m = 1; m < r->field[MONTH]; m++)
        days += days_in_month(year, m);
    return ((days * 24 + r->field[HOURS]) * 60 + r->field[MINUTES]) * 60 + r->field[SECONDS];
}

/* Firmware that knows nothing of the century's register may leave anything in it. */
static unsigned year_of(const struct raw *r)
{
    uint8_t year = r->field[YEAR], century = r->field[CENTURY];

    if (century >= 20 && century <= 99)
        return century * 100u + year;
    return year < PIVOT_YEAR ? 2000u + year : 1900u + year;
}

static bool is_time(const struct raw *r)
{
    return r->field[SECONDS] < 60 && r->field[MINUTES] < 60 && r->field[HOURS] < 24 &&
           r->field[YEAR] < 100 && r->field[MONTH] >= 1 && r->field[MONTH] <= 12 &&
           r->field[DAY] >= 1 && r->field[DAY] <= days_in_month(year_of(r), r->field[MONTH]);
}

int cmos_read_time(cmos_read_fn *read, uint8_t century, int64_t *seconds, struct errbuf *e)
{
    struct raw raw, r;
    uint8_t b;

    if (read(REG_STATUS_A) == UINT8_MAX && read(REG_STATUS_D) == UINT8_MAX)
        return fail(e, -ENODEV, "no real-time clock");
    if (!(read(REG_STATUS_D) & D_VALID))
        return fail(e, -EINVAL,
                    "real-time clock: it has lost the time (status D %#x), a new battery "
                    "expected",
                    read(REG_STATUS_D));
    if (!read_stable(read, century, &raw))
        return fail(e, -EIO, "real-time clock: its update does not end (status A %#x)",
                    read(REG_STATUS_A));
    b = read(REG_STATUS_B);
    r = raw;
    decode(&r, b);
    if (!is_time(&r))
        return fail(
            e, -EINVAL,
            "real-time clock: year %02x month %02x day %02x time %02x:%02x:%02x (registers, "
            "status B %#x) is no time",
            raw.field[YEAR], raw.field[MONTH], raw.field[DAY], raw.field[HOURS], raw.field[MINUTES],
            raw.field[SECONDS], b);
    *seconds = to_seconds(&r, year_of(&r));
    return 0;
}
