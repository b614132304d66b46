/*
 * number.c - numbers in the text of the command line.
 */
#include "kernel/number.h"

#include <errno.h>
#include <stdbool.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

int number_parse(const char *s, const char *end, uint64_t *out)
{
    unsigned base = end - s >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
    bool fits = true;
    uint64_t v = 0;

    if (base == 16)
        s += 2;
    if (s == end)
        return -EINVAL;
    for (; s != end; s++) {
        unsigned digit = (unsigned)digit_value(*s);

        if (digit >= base)
            return -EINVAL;
        if (v > (UINT64_MAX - digit) / base)
            fits = false;
        v = v * base + digit;
    }
    *out = v;
    return fits ? 0 : -ERANGE;
}
