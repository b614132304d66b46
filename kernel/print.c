/*
 * print.c - the kernel's text formatter.
 *
 * Protocol:  no state, no lock, no memory but the caller's: callable from any context.
 * Invariant: never writes past buf[bytes - 1], and counts what did not fit. Time is bound by the
 *            buffer, the format and the %s arguments, whatever widths are asked for.
 * Why so:    after a conversion that is not known here, nobody can tell which argument belongs to
 *            the next one, so from there on the format is printed as it stands and no argument is
 *            read: a wrong format in a panic message must not become a second panic.
 */
#include "kernel/print.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t bytes; // size of buf
    size_t len;   // length of the text so far, written or not; stops at INT_MAX
};

/* A va_list is an array on x86-64 and a struct on arm64: wrapped, a pointer to it works on both. */
struct args {
    va_list ap;
};

enum int_size { SIZE_INT, SIZE_LONG, SIZE_LLONG, SIZE_Z };

struct spec {
    bool left; // flag -
    bool zero; // flag 0
    bool alt;  // flag #: 0x before a hexadecimal number
    int width; // >= 0
    int prec;  // < 0: none
    enum int_size size;
    char conv;
};

/* Room for 64 bits in decimal, and for "0x" with 16 digits. */
#define DIGITS_MAX 20

/* Here and below no libc: its memcpy() and the like may use vector registers, which interrupts don't save. The
 * Makefile keeps the compiler from making such calls out of the loops. */
static size_t length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static void out_count(struct out *o, size_t n)
{
    o->len = n > INT_MAX - o->len ? INT_MAX : o->len + n;
}

static size_t out_room(const struct out *o)
{
    return o->bytes > o->len + 1 ? o->bytes - o->len - 1 : 0;
}

static void out_chars(struct out *o, const char *s, size_t n)
{
    size_t room = out_room(o);

    for (size_t i = 0; i < n && i < room; i++)
        o->buf[o->len + i] = s[i];
    out_count(o, n);
}

static void out_fill(struct out *o, char c, size_t n)
{
    size_t room = out_room(o);

    for (size_t i = 0; i < n && i < room; i++)
        o->buf[o->len + i] = c;
    out_count(o, n);
}

/* `prefix` (a sign, "0x" or nothing) goes before zeros and after blanks. */
static void out_padded(struct out *o, const struct spec *s, bool zero, const char *prefix,
                       const char *text, size_t n)
{
    size_t nprefix = length(prefix);
    size_t width = (size_t)s->width;
    size_t pad = width > nprefix + n ? width - nprefix - n : 0;

    if (!s->left && !zero)
        out_fill(o, ' ', pad);
    out_chars(o, prefix, nprefix);
    if (!s->left && zero)
        out_fill(o, '0', pad);
    out_chars(o, text, n);
    if (s->left)
        out_fill(o, ' ', pad);
}

static void out_number(struct out *o, const struct spec *s, uint64_t v, const char *prefix)
{
    const char *digits = s->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = s->conv == 'x' || s->conv == 'X' || s->conv == 'p' ? 16 : 10;
    char text[DIGITS_MAX];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[v % base];
        v /= base;
    } while (v != 0);
    out_padded(o, s, s->zero, prefix, text + at, sizeof(text) - at);
}

static uint64_t arg_unsigned(struct args *a, enum int_size size)
{
    switch (size) {
    case SIZE_LONG:
        return va_arg(a->ap, unsigned long);
    case SIZE_LLONG:
        return va_arg(a->ap, unsigned long long);
    case SIZE_Z:
        return va_arg(a->ap, size_t);
    case SIZE_INT:
        break;
    }
    return va_arg(a->ap, unsigned);
}

static int64_t arg_signed(struct args *a, enum int_size size)
{
    switch (size) {
    case SIZE_LONG:
        return va_arg(a->ap, long);
    case SIZE_LLONG:
        return va_arg(a->ap, long long);
    case SIZE_Z:
        return va_arg(a->ap, ptrdiff_t);
    case SIZE_INT:
        break;
    }
    return va_arg(a->ap, int);
}

/* With a precision, no byte past it is read: the argument then needs no NUL. */
static void out_string(struct out *o, const struct spec *s, const char *text)
{
    size_t n = 0;

    if (text == NULL)
        text = "(null)";
    while ((s->prec < 0 || n < (size_t)s->prec) && text[n] != '\0')
        n++;
    out_padded(o, s, false, "", text, n);
}

/* A number or `*` at *p; a number too large for an int becomes INT_MAX. */
static int parse_count(const char **p, struct args *a)
{
    int n = 0;

    if (**p == '*') {
        (*p)++;
        return va_arg(a->ap, int);
    }
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        int digit = **p - '0';

        n = n > (INT_MAX - digit) / 10 ? INT_MAX : n * 10 + digit;
    }
    return n;
}

static enum int_size parse_size(const char **p)
{
    if (**p == 'z') {
        (*p)++;
        return SIZE_Z;
    }
    if (**p != 'l')
        return SIZE_INT;
    (*p)++;
    if (**p != 'l')
        return SIZE_LONG;
    (*p)++;
    return SIZE_LLONG;
}

static bool one_of(char c, const char *set)
{
    for (; *set != '\0'; set++) {
        if (*set == c)
            return true;
    }
    return false;
}

/* Reads what follows a '%'. Returns where the format goes on; NULL: a conversion not known here. */
static const char *parse_spec(const char *p, struct spec *s, struct args *a)
{
    *s = (struct spec){.prec = -1};
    for (; *p == '-' || *p == '0' || *p == '#'; p++) {
        s->left |= *p == '-';
        s->alt |= *p == '#';
        s->zero |= *p == '0';
    }
    s->width = parse_count(&p, a);
    if (s->width < 0) {
        s->left = true;
        s->width = s->width == INT_MIN ? INT_MAX : -s->width;
    }
    if (*p == '.') {
        p++;
        s->prec = parse_count(&p, a);
        if (*p != 's')
            return NULL;
    }
    s->size = parse_size(&p);
    s->conv = *p;
    if (!one_of(s->conv, "diuxXpsc%"))
        return NULL;
    if (s->size != SIZE_INT && !one_of(s->conv, "diuxX"))
        return NULL;
    return p + 1;
}

static void out_conversion(struct out *o, const struct spec *s, struct args *a)
{
    char c = '%';
    int64_t v;

    switch (s->conv) {
    case 'd':
    case 'i':
        v = arg_signed(a, s->size);
        out_number(o, s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0 ? "-" : "");
        break;
    case 'p':
        out_number(o, s, (uintptr_t)va_arg(a->ap, void *), "0x");
        break;
    case 's':
        out_string(o, s, va_arg(a->ap, const char *));
        break;
    case 'c':
        c = (char)va_arg(a->ap, int);
        out_padded(o, s, false, "", &c, 1);
        break;
    case '%':
        out_chars(o, &c, 1);
        break;
    default: // u x X
        out_number(o, s, arg_unsigned(a, s->size), s->alt && s->conv != 'u' ? "0x" : "");
        break;
    }
}

static void out_format(struct out *o, const char *fmt, struct args *a)
{
    while (*fmt != '\0') {
        const char *next;
        size_t plain = 0;
        struct spec s;

        while (fmt[plain] != '\0' && fmt[plain] != '%')
            plain++;
        out_chars(o, fmt, plain);
        fmt += plain;
        if (*fmt == '\0')
            return;
        next = parse_spec(fmt + 1, &s, a);
        if (next == NULL) {
            out_chars(o, fmt, length(fmt));
            return;
        }
        out_conversion(o, &s, a);
        fmt = next;
    }
}

int kvsnprintf(char *buf, size_t bytes, const char *fmt, va_list ap)
{
    struct out o = {.buf = buf, .bytes = bytes};
    struct args a;

    va_copy(a.ap, ap);
    out_format(&o, fmt, &a);
    va_end(a.ap);
    if (bytes != 0)
        buf[o.len < bytes ? o.len : bytes - 1] = '\0';
    return (int)o.len;
}

int ksnprintf(char *buf, size_t bytes, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = kvsnprintf(buf, bytes, fmt, ap);
    va_end(ap);
    return n;
}
