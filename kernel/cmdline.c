/*
 * cmdline.c - the kernel command line, split in place.
 *
 * Protocol:  called once at boot; CMDLINE_STR values and argv point into the text, which must stay.
 * Invariant: a word is never longer than its source, as only quotes are removed: the write position
 *            never passes the read position. argv[*argc] == NULL at every moment.
 * Why no escapes: a loader's own quoting comes on top of ours already; one more level helps nobody.
 */
#include "kernel/cmdline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/number.h"

/* What an error line shows of a key or value: its end must have room for what would be right. */
#define SHOWN "%.48s"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * next_word - cut the next word out of the text at *at, quotes removed, and NUL-terminate it.
 * Returns 1 with *word set and *at behind it; 0 at the end of the text; -EINVAL with *word set: it
 * has a quote that is not closed.
 */
static int next_word(char **at, char **word)
{
    bool quoted = false;
    char *in = *at;
    char *out;

    while (is_blank(*in))
        in++;
    if (*in == '\0')
        return 0;
    *word = out = in;
    for (; *in != '\0' && (quoted || !is_blank(*in)); in++) {
        if (*in == '"')
            quoted = !quoted;
        else
            *out++ = *in;
    }
    /* The NUL may go where the blank is: step over that first. */
    *at = *in == '\0' ? in : in + 1;
    *out = '\0';
    return quoted ? -EINVAL : 1;
}

static int set_u64(const struct cmdline_key *k, const char *value, struct errbuf *e)
{
    unsigned long long min = k->min;
    unsigned long long max = k->max;
    uint64_t v;
    int err;

    if (value == NULL || *value == '\0')
        return fail(e, -EINVAL, "cmdline: %s: missing value, use %s=N with N from %llu to %llu",
                    k->name, k->name, min, max);
    err = number_parse(value, value + strlen(value), &v);
    if (err == -EINVAL)
        return fail(e, err, "cmdline: %s=" SHOWN ": not a number, use %llu to %llu", k->name, value,
                    min, max);
    if (err == -ERANGE || v < min || v > max)
        return fail(e, -ERANGE, "cmdline: %s=" SHOWN ": out of range, use %llu to %llu", k->name,
                    value, min, max);
    *(uint64_t *)k->dest = v;
    return 0;
}

/* How far a suffix of a number of bytes shifts it; 0 if c is none. */
static unsigned suffix_shift(char c)
{
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    }
    return 0;
}

/* 0, -EINVAL or -ERANGE, as number_parse(). */
static int parse_bytes(const char *s, uint64_t *out)
{
    size_t len = strlen(s);
    unsigned shift = len > 0 ? suffix_shift(s[len - 1]) : 0;
    int err = number_parse(s, s + len - (shift != 0), out);

    if (err == 0 && *out > UINT64_MAX >> shift)
        err = -ERANGE;
    *out <<= shift;
    return err;
}

/* The suffix of the largest unit that *bytes is a multiple of; *bytes becomes the units. */
static const char *bytes_unit(unsigned long long *bytes)
{
    static const char *const suffixes[] = {"", "K", "M", "G"};
    unsigned i = 0;

    for (; i < 3 && *bytes != 0 && *bytes % 1024 == 0; i++)
        *bytes /= 1024;
    return suffixes[i];
}

static int set_bytes(const struct cmdline_key *k, const char *value, struct errbuf *e)
{
    unsigned long long min = k->min;
    unsigned long long max = k->max;
    const char *min_unit = bytes_unit(&min);
    const char *max_unit = bytes_unit(&max);
    uint64_t v = 0;
    int err;

    if (value == NULL || *value == '\0')
        return fail(e, -EINVAL,
                    "cmdline: %s: missing value, use %s=N with N bytes from %llu%s to %llu%s",
                    k->name, k->name, min, min_unit, max, max_unit);
    err = parse_bytes(value, &v);
    if (err == -EINVAL)
        return fail(e, err,
                    "cmdline: %s=" SHOWN ": not a number of bytes (K, M, G), use %llu%s to %llu%s",
                    k->name, value, min, min_unit, max, max_unit);
    if (err == -ERANGE || v < k->min || v > k->max)
        return fail(e, -ERANGE, "cmdline: %s=" SHOWN ": out of range, use %llu%s to %llu%s",
                    k->name, value, min, min_unit, max, max_unit);
    *(uint64_t *)k->dest = v;
    return 0;
}

static int set_bool(const struct cmdline_key *k, const char *value, struct errbuf *e)
{
    if (value != NULL && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return fail(e, -EINVAL, "cmdline: %s=" SHOWN ": neither on nor off, use 0 or 1", k->name,
                    value);
    *(bool *)k->dest = value == NULL || value[0] == '1';
    return 0;
}

static int set_str(const struct cmdline_key *k, const char *value, struct errbuf *e)
{
    size_t len;

    if (value == NULL)
        return fail(e, -EINVAL, "cmdline: %s: missing value, use %s=TEXT", k->name, k->name);
    len = strlen(value);
    if (len < k->min || len > k->max)
        return fail(e, -ERANGE, "cmdline: %s=" SHOWN ": %zu characters, use %llu to %llu", k->name,
                    value, len, (unsigned long long)k->min, (unsigned long long)k->max);
    *(const char **)k->dest = value;
    return 0;
}

static const struct cmdline_key *find_key(const struct cmdline_key *keys, size_t nkeys,
                                          const char *word, size_t len)
{
    for (size_t i = 0; i < nkeys; i++) {
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0)
            return &keys[i];
    }
    return NULL;
}

static int set_key(const struct cmdline_key *keys, size_t nkeys, const char *word,
                   void (*unknown)(const char *word), struct errbuf *e)
{
    const struct cmdline_key *k;
    const char *value;
    size_t len = 0;

    while (word[len] != '\0' && word[len] != '=')
        len++;
    value = word[len] == '=' ? word + len + 1 : NULL;
    k = find_key(keys, nkeys, word, len);
    if (k == NULL) {
        unknown(word);
        return 0;
    }
    switch (k->kind) {
    case CMDLINE_U64:
        return set_u64(k, value, e);
    case CMDLINE_BYTES:
        return set_bytes(k, value, e);
    case CMDLINE_BOOL:
        return set_bool(k, value, e);
    case CMDLINE_STR:
        break;
    }
    return set_str(k, value, e);
}

int cmdline_parse(char *text, const struct cmdline_key *keys, size_t nkeys, char **argv,
                  int argv_max, int *argc, void (*unknown)(const char *word), struct errbuf *e)
{
    bool in_keys = true;
    char *at = text;
    char *word;
    int got;

    *argc = 0;
    argv[0] = NULL;
    while ((got = next_word(&at, &word)) > 0) {
        int err = 0;

        if (in_keys && strcmp(word, "--") == 0)
            in_keys = false;
        else if (in_keys)
            err = set_key(keys, nkeys, word, unknown, e);
        else if (*argc + 1 >= argv_max)
            return fail(e, -E2BIG,
                        "cmdline: \"" SHOWN "\" after --: one word too many, at most %d fit", word,
                        argv_max - 1);
        else
            argv[(*argc)++] = word;
        argv[*argc] = NULL;
        if (err != 0)
            return err;
    }
    if (got < 0)
        return fail(e, got,
                    "cmdline: \"" SHOWN ": quote not closed, put a second \" behind the text",
                    word);
    return 0;
}
