/*
 * test_print.c - the kernel's formatter.
 *
 * Goal:   every conversion gives what C's printf gives; no byte is written past the buffer; a wrong
 *         format is printed as it stands.
 * Method: a table of cases; then random formats, each compared with the host's snprintf(), into
 *         buffers of every small size that end where their allocation ends.
 * Time:   under 5 s.
 */
#include "kernel/errbuf.h"
#include "kernel/print.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <limits.h>

#define RANDOM_FORMATS 100000

static char text[512];

/* Not checked by the compiler, so that wrong formats can be tried. */
static const char *format(const char *fmt, ...)
{
    va_list ap;

    memset(text, '#', sizeof(text));
    va_start(ap, fmt);
    kvsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return text;
}

static void test_integers(void)
{
    same(format("%d %i", INT_MIN, INT_MAX), "-2147483648 2147483647");
    same(format("%ld %lld", LONG_MIN, LLONG_MAX), "-9223372036854775808 9223372036854775807");
    same(format("%u %lu %llu %zu", 0u, 1ul, ULLONG_MAX, (size_t)7), "0 1 18446744073709551615 7");
    same(format("%zd", (ptrdiff_t)-3), "-3");
    same(format("%x %X %lx", 0xbeefu, 0xbeefu, ULONG_MAX), "beef BEEF ffffffffffffffff");
    same(format("[%5d] [%-5d] [%05d] [%-05d]", -42, -42, -42, -42),
         "[  -42] [-42  ] [-0042] [-42  ]");
    same(format("[%*d] [%*d]", 4, 7, -4, 7), "[   7] [7   ]");
    same(format("[%1d] [%016llx]", 12345, 0xfeeull), "[12345] [0000000000000fee]");
    same(format("%#x %#lX %#u %#x", 0xabu, 0xabul, 5u, 0u), "0xab 0xAB 5 0x0");
    same(format("[%#8x] [%#08x] [%-#8x]", 0xabu, 0xabu, 0xabu), "[    0xab] [0x0000ab] [0xab    ]");
}

static void test_others(void)
{
    same(format("%p %p", (void *)0, (void *)0xffff800000001000), "0x0 0xffff800000001000");
    same(format("[%12p] [%012p] [%-12p]", (void *)0xab, (void *)0xab, (void *)0xab),
         "[        0xab] [0x00000000ab] [0xab        ]");
    same(format("%s|%s|%s", "", "a b", (char *)NULL), "|a b|(null)");
    same(format("[%6s] [%-6s] [%06s]", "abc", "abc", "abc"), "[   abc] [abc   ] [   abc]");
    same(format("[%.2s] [%5.1s] [%.*s] [%.*s] [%.s]", "abc", "abc", 2, "xyz", -1, "xyz", "abc"),
         "[ab] [    a] [xy] [xyz] []");
    same(format("[%c] [%3c] [%-3c]", 'a', 'b', 'c'), "[a] [  b] [c  ]");
    same(format("100%% %%d"), "100% %d");
    same(format(""), "");
}

static void test_unknown(void)
{
    same(format("a %q b"), "a %q b");
    same(format("%d %f %d", 1), "1 %f %d");
    same(format("%hd"), "%hd");
    same(format("%lld %lllx", 5ll), "5 %lllx");
    same(format("%ls %lc %zp"), "%ls %lc %zp");
    same(format("%.3d"), "%.3d");
    same(format("%+d %x % d"), "%+d %x % d");
    same(format("%5"), "%5");
    same(format("%"), "%");
    same(format("%l"), "%l");
    same(format("%-"), "%-");
    same(format("%*", 3), "%*");
}

static void test_lengths(void)
{
    char *none = malloc(1);
    const char raw[3] = {'a', 'b', 'c'};
    char *unended = exact_copy(raw, sizeof(raw));
    volatile int huge = INT_MAX; // volatile: the compiler would refuse what it sees through

    ok(ksnprintf(NULL, 0, "%s %d", "abc", 5) == 5, "no buffer: only the length");
    ok(ksnprintf(none, 1, "abc") == 3 && none[0] == '\0', "one byte: the NUL");
    ok(ksnprintf(text, 4, "abcdef") == 6 && strcmp(text, "abc") == 0, "cut text, whole length");
    ok(ksnprintf(text, 4, "%8d", 7) == 8 && strcmp(text, "   ") == 0, "cut padding, whole length");
    ok(ksnprintf(text, 8, "%*d|%*d", huge, 1, -huge - 1, 1) == INT_MAX, "length stops at INT_MAX");
    ok(strcmp(text, "       ") == 0, "a width beyond the buffer");
    same(format("%99999999999999999999d%s", 1, "x") + 500, "           ");
    same(format("%.3s", unended), "abc");
    free(unended);
    free(none);
}

static void test_fail(void)
{
    struct errbuf e;
    char want[300];

    ok(fail(&e, -EINVAL, "%s=%d: out of range", "cores", 999) == -EINVAL,
       "fail() returns its number");
    same(e.text, "cores=999: out of range");
    memset(want, 'x', sizeof(want));
    want[sizeof(want) - 1] = '\0';
    ok(fail(&e, -EIO, "%s", want) == -EIO, "fail() with a long line");
    ok(strlen(e.text) == sizeof(e.text) - 1 && strncmp(e.text, want, sizeof(e.text) - 1) == 0,
       "a long line is cut to fit");
    ok(fail(NULL, -ENOENT, "%d", 1) == -ENOENT, "fail() without a buffer");
}

struct conversion {
    const char *text;
    enum { INT, LONG, LLONG, SIZE, CHAR, STRING } kind;
};

static const struct conversion conversions[] = {
    {"d", INT},   {"i", INT},   {"u", INT},   {"x", INT},     {"X", INT},     {"ld", LONG},
    {"lu", LONG}, {"lx", LONG}, {"lX", LONG}, {"lld", LLONG}, {"llu", LLONG}, {"llx", LLONG},
    {"zu", SIZE}, {"zd", SIZE}, {"zX", SIZE}, {"c", CHAR},    {"s", STRING},
};

/* The same call of the kernel's formatter and of the host's, into `room` bytes. */
static bool same_as_host(size_t room, const char *fmt, ...)
{
    char want[256] = "";
    char *have = malloc(room);
    va_list ap;
    int nwant;
    int nhave;
    bool good;

    va_start(ap, fmt);
    nwant = vsnprintf(want, room, fmt, ap);
    va_end(ap);
    va_start(ap, fmt);
    nhave = kvsnprintf(have, room, fmt, ap);
    va_end(ap);
    good = nwant == nhave && (room == 0 || memcmp(want, have, strlen(want) + 1) == 0);
    if (!good)
        printf("# format \"%s\", room %zu: have \"%s\" (%d), want \"%s\" (%d)\n", fmt, room,
               room == 0 ? "" : have, nhave, want, nwant);
    free(have);
    return good;
}

/* A value of random magnitude, so that short ones are as likely as long ones. */
static uint64_t random_value(void)
{
    return rnd() >> rnd_below(64);
}

static bool random_format(void)
{
    static const char *const strings[] = {"", "x", "goroutine", "0123456789012345678901234567890"};
    const struct conversion *c =
        &conversions[rnd_below(sizeof(conversions) / sizeof(conversions[0]))];
    bool number = c->kind != CHAR && c->kind != STRING;
    size_t room = rnd_below(80);
    uint64_t v = random_value();
    char fmt[64];
    bool prefix = v != 0 && strchr(c->text, 'x') != NULL && rnd_below(2) == 0;
    int n = snprintf(fmt, sizeof(fmt), "g%%%s%s%s", rnd_below(3) == 0 ? "-" : "",
                     number && rnd_below(2) == 0 ? "0" : "", prefix ? "#" : "");

    if (rnd_below(2) == 0)
        n += snprintf(fmt + n, sizeof(fmt) - (size_t)n, "%zu", 1 + rnd_below(40));
    if (c->kind == STRING && rnd_below(2) == 0)
        n += snprintf(fmt + n, sizeof(fmt) - (size_t)n, ".%zu", rnd_below(40));
    snprintf(fmt + n, sizeof(fmt) - (size_t)n, "%s|", c->text);
    switch (c->kind) {
    case INT:
        return same_as_host(room, fmt, (unsigned)v);
    case LONG:
        return same_as_host(room, fmt, (unsigned long)v);
    case LLONG:
        return same_as_host(room, fmt, (unsigned long long)v);
    case SIZE:
        return same_as_host(room, fmt, (size_t)v);
    case CHAR:
        return same_as_host(room, fmt, (int)(' ' + v % 90));
    case STRING:
        break;
    }
    return same_as_host(room, fmt, strings[rnd_below(4)]);
}

static void test_random(void)
{
    bool good = true;

    for (int i = 0; i < RANDOM_FORMATS && good; i++)
        good = random_format();
    ok(good, "%d random formats as the host prints them", RANDOM_FORMATS);
}

int main(void)
{
    test_integers();
    test_others();
    test_unknown();
    test_lengths();
    test_fail();
    test_random();
    return done();
}
