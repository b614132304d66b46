/*
 * cmdline.c - the kernel command line, split in place.
 *
 * Protocol:  called once at boot; CMDLINE_STR values, pairs and argv point into the text, which must stay.
 * Invariant: a word is never longer than its source, as only quotes are removed: the write position
 *            never passes the read position. argv[*argc] == NULL at every moment.
 * Why no escapes: a loader's own quoting comes on top of ours already; one more level helps nobody.
 */
#include "kernel/cmdline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/number.h"
#include "kernel/print.h"

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

/* What may stand behind a number, and what it multiplies it by. The largest is last. */
struct unit {
    const char *name;
    const char *other; // another spelling, or NULL
    uint64_t factor;
};

struct scale {
    const char *what; // the number with its unit
    const char *names;
    const struct unit *units;
    unsigned nunits;
};

static const struct unit byte_units[] = {
    {"", NULL, 1},
    {"K", "k", UINT64_C(1) << 10},
    {"M", "m", UINT64_C(1) << 20},
    {"G", "g", UINT64_C(1) << 30},
};
static const struct scale bytes = {"number of bytes", "K, M, G", byte_units, 4};

static const struct unit time_units[] = {
    {"ns", "", 1},
    {"us", NULL, 1000},
    {"ms", NULL, 1000000},
    {"s", NULL, 1000000000},
};
static const struct scale duration = {"duration", "ns, us, ms, s", time_units, 4};

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What follows the last digit of s. No unit ends in a digit, be it a hexadecimal one. */
static const char *unit_in(const char *s)
{
    const char *at = s + strlen(s);

    while (at > s && !is_hex_digit(at[-1]))
        at--;
    return at;
}

/* What it multiplies by; 0: there is no such unit. */
static uint64_t unit_factor(const struct scale *sc, const char *name)
{
    for (unsigned i = 0; i < sc->nunits; i++) {
        const struct unit *u = &sc->units[i];

        if (strcmp(name, u->name) == 0 || (u->other != NULL && strcmp(name, u->other) == 0))
            return u->factor;
    }
    return 0;
}

/* 0, -EINVAL or -ERANGE, as number_parse(). */
static int parse_scaled(const struct scale *sc, const char *s, uint64_t *out)
{
    const char *unit = unit_in(s);
    uint64_t factor = unit_factor(sc, unit);
    int err = factor == 0 ? -EINVAL : number_parse(s, unit, out);

    if (err == 0 && *out > UINT64_MAX / factor)
        err = -ERANGE;
    if (err == 0)
        *out *= factor;
    return err;
}

/* A value as it would be typed: in the largest unit of which it is a multiple. */
struct scaled_text {
    char text[24];
};

static struct scaled_text scaled_text(const struct scale *sc, uint64_t v)
{
    struct scaled_text t;
    unsigned i = sc->nunits - 1;

    while (v % sc->units[i].factor != 0)
        i--;
    ksnprintf(t.text, sizeof t.text, "%llu%s", (unsigned long long)(v / sc->units[i].factor),
              v == 0 ? "" : sc->units[i].name);
    return t;
}

static int set_scaled(const struct cmdline_key *k, const struct scale *sc, const char *value,
                      struct errbuf *e)
{
    struct scaled_text min = scaled_text(sc, k->min);
    struct scaled_text max = scaled_text(sc, k->max);
    uint64_t v = 0;
    int err;

    if (value == NULL || *value == '\0')
        return fail(e, -EINVAL, "cmdline: %s: missing value, use %s=N with a %s (%s) from %s to %s",
                    k->name, k->name, sc->what, sc->names, min.text, max.text);
    err = parse_scaled(sc, value, &v);
    if (err == -EINVAL)
        return fail(e, err, "cmdline: %s=" SHOWN ": not a %s (%s), use %s to %s", k->name, value,
                    sc->what, sc->names, min.text, max.text);
    if (err == -ERANGE || v < k->min || v > k->max)
        return fail(e, -ERANGE, "cmdline: %s=" SHOWN ": out of range, use %s to %s", k->name, value,
                    min.text, max.text);
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

/* Where in the list there is a pair with the first len characters of `pair`, a name and '='; else the end. */
static unsigned find_pair(const struct cmdline_pairs *to, const char *pair, size_t len)
{
    unsigned i = 0;

    while (i < to->n && strncmp(to->list[i], pair, len) != 0)
        i++;
    return i;
}

static int set_pair(const struct cmdline_key *k, char *value, struct errbuf *e)
{
    struct cmdline_pairs *to = k->dest;
    const char *equals;
    unsigned at;

    if (value == NULL)
        return fail(e, -EINVAL, "cmdline: %s: missing value, use %s=NAME=TEXT", k->name, k->name);
    equals = strchr(value, '=');
    if (equals == NULL)
        return fail(e, -EINVAL, "cmdline: %s=" SHOWN ": no '=' behind the name, use %s=NAME=TEXT",
                    k->name, value, k->name);
    if (equals == value)
        return fail(e, -EINVAL, "cmdline: %s=" SHOWN ": no name before '=', use %s=NAME=TEXT",
                    k->name, value, k->name);
    at = find_pair(to, value, (size_t)(equals - value) + 1);
    if (at == to->max)
        return fail(e, -E2BIG, "cmdline: %s=" SHOWN ": one too many, at most %u fit", k->name,
                    value, to->max);
    to->list[at] = value;
    if (at == to->n)
        to->list[++to->n] = NULL;
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

static int set_value(const struct cmdline_key *k, char *value, struct errbuf *e)
{
    switch (k->kind) {
    case CMDLINE_U64:
        return set_u64(k, value, e);
    case CMDLINE_BYTES:
        return set_scaled(k, &bytes, value, e);
    case CMDLINE_DURATION:
        return set_scaled(k, &duration, value, e);
    case CMDLINE_BOOL:
        return set_bool(k, value, e);
    case CMDLINE_PAIRS:
        return set_pair(k, value, e);
    case CMDLINE_STR:
        break;
    }
    return set_str(k, value, e);
}

static int set_key(const struct cmdline_key *keys, size_t nkeys, char *word,
                   void (*unknown)(const char *word), struct errbuf *e)
{
    const struct cmdline_key *k;
    size_t len = 0;
    int err;

    while (word[len] != '\0' && word[len] != '=')
        len++;
    k = find_key(keys, nkeys, word, len);
    if (k == NULL) {
        unknown(word);
        return 0;
    }
    err = set_value(k, word[len] == '=' ? word + len + 1 : NULL, e);
    if (err == 0 && k->given != NULL)
        *k->given = true;
    return err;
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
