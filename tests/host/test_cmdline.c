/*
 * test_cmdline.c - the kernel command line.
 *
 * Goal:   words are split, quoted and stored as cmdline.h says; each refusal has its text; no text
 *         makes the parser read or write outside of it.
 * Method: directed cases, each in an allocation of exactly its size; then every prefix of a line,
 *         and random texts made of the pieces that mean something.
 * Time:   under 5 s.
 */
#include "kernel/cmdline.h"
#include "tests/host/tap.h"

#include <errno.h>

#define ARGV_MAX     6
#define PAIRS_MAX    3
#define RANDOM_TEXTS 200000

static uint64_t cores;
static uint64_t seed;
static uint64_t size;
static uint64_t room;
static bool trace;
static const char *name;
static uint64_t slice;
static uint64_t wait;
static bool has_seed;
static bool has_slice;
static char *env_list[PAIRS_MAX + 1];
static struct cmdline_pairs env = {env_list, 0, PAIRS_MAX};

static const struct cmdline_key keys[] = {
    {"cores", CMDLINE_U64, &cores, 1, 512, "how many cores to use", NULL},
    {"seed", CMDLINE_U64, &seed, 0, UINT64_MAX, "start of all random numbers", &has_seed},
    {"size", CMDLINE_BYTES, &size, 16 << 10, 1 << 30, "how large", NULL},
    {"room", CMDLINE_BYTES, &room, 0, UINT64_MAX, "how large, with any bounds", NULL},
    {"slice", CMDLINE_DURATION, &slice, 5000, UINT64_C(10000000000), "how long", &has_slice},
    {"wait", CMDLINE_DURATION, &wait, 0, UINT64_MAX, "how long, with any bounds", NULL},
    {"trace", CMDLINE_BOOL, &trace, 0, 0, "print events", NULL},
    {"name", CMDLINE_STR, &name, 1, 8, "a name", NULL},
    {"env", CMDLINE_PAIRS, &env, 0, 0, "a name and a text", NULL},
};

static struct errbuf e;
static char *argv[ARGV_MAX];
static int argc;
static char unknown_words[256];

/* The text of the case at hand; argv and `name` point into it until the next case. */
static char *text;
static size_t text_bytes;

static void on_unknown(const char *word)
{
    size_t n = strlen(unknown_words);

    snprintf(unknown_words + n, sizeof(unknown_words) - n, "<%s>", word);
}

static int parse(const char *line)
{
    free(text);
    text_bytes = strlen(line) + 1;
    text = exact_copy(line, text_bytes);
    cores = 4;
    seed = 7;
    size = 256 << 10;
    room = 5;
    slice = 10000000;
    wait = 5;
    has_seed = has_slice = false;
    trace = false;
    name = "none";
    env.n = 0;
    env_list[0] = NULL;
    unknown_words[0] = '\0';
    e.text[0] = '\0';
    return cmdline_parse(text, keys, sizeof(keys) / sizeof(keys[0]), argv, ARGV_MAX, &argc,
                         on_unknown, &e);
}

static void refuse(const char *line, int err, const char *want)
{
    ok(parse(line) == err, "refused: %s", line);
    same(e.text, want);
}

static void test_keys(void)
{
    ok(parse("") == 0 && cores == 4 && seed == 7 && !trace && argc == 0 && argv[0] == NULL,
       "an empty line leaves the defaults");
    ok(parse(" \t\n\r ") == 0 && argc == 0, "blanks only");
    ok(parse("cores=8 trace name=box seed=0xFf") == 0, "one of each");
    ok(cores == 8 && trace && strcmp(name, "box") == 0 && seed == 255, "their values");
    ok(parse("trace\rseed=0xaAfF\ttrace=0  cores=512\n") == 0 && cores == 512 && !trace &&
           seed == 0xaaff,
       "blanks around, greatest value");
    ok(parse("cores=1 trace=1 seed=0X10") == 0 && cores == 1 && trace && seed == 16,
       "least value, 0X");
    ok(parse("seed=18446744073709551615") == 0 && seed == UINT64_MAX, "64 bits in decimal");
    ok(parse("seed=0xffffffffffffffff") == 0 && seed == UINT64_MAX, "64 bits in hex");
    ok(parse("seed=0x000000000000000000001 cores=0007") == 0 && seed == 1 && cores == 7,
       "leading zeros");
    ok(parse("cores=2 cores=3") == 0 && cores == 3, "the later of two wins");
    ok(parse("name=12345678") == 0 && strlen(name) == 8, "the longest text");
    ok(parse("name=1") == 0 && strlen(name) == 1, "the shortest");
    ok(parse("name=a=b") == 0 && strcmp(name, "a=b") == 0, "the first = splits");
}

static void test_bytes(void)
{
    static const struct {
        const char *line;
        uint64_t want;
    } cases[] = {
        {"size=16384", 16384},      {"size=16385", 16385},
        {"size=16K", 16 << 10},     {"size=1024k", 1 << 20},
        {"size=0x40K", 64 << 10},   {"size=0x100000", 1 << 20},
        {"size=1M", 1 << 20},       {"size=1023m", UINT64_C(1023) << 20},
        {"size=1048576K", 1 << 30}, {"size=1G", 1 << 30},
        {"size=001g", 1 << 30},     {"size=1M size=2M", 2 << 20},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ok(parse(cases[i].line) == 0 && size == cases[i].want, "%s", cases[i].line);
    ok(parse("cores=2") == 0 && size == 256 << 10, "the default of a number of bytes");
    ok(parse("room=0 size=1M") == 0 && room == 0, "zero bytes, where they are allowed");
    ok(parse("room=0K") == 0 && room == 0, "zero K");
    ok(parse("room=18446744073709551615") == 0 && room == UINT64_MAX, "64 bits of bytes");
    ok(parse("room=17179869183G") == 0 && room == UINT64_C(17179869183) << 30,
       "the most G that fit 64 bits");
}

static void test_durations(void)
{
    static const struct {
        const char *line;
        uint64_t want;
    } cases[] = {
        {"slice=5us", 5000},
        {"slice=5000", 5000},
        {"slice=5001ns", 5001},
        {"slice=0x2000", 8192},
        {"slice=0x10us", 16000},
        {"slice=0xfms", 15000000},
        {"slice=50us", 50000},
        {"slice=10ms", 10000000},
        {"slice=010ms", 10000000},
        {"slice=1s", 1000000000},
        {"slice=10s", UINT64_C(10000000000)},
        {"slice=10000ms", UINT64_C(10000000000)},
        {"slice=1s slice=20us", 20000},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ok(parse(cases[i].line) == 0 && slice == cases[i].want, "%s", cases[i].line);
    ok(parse("cores=2") == 0 && slice == 10000000, "the default of a duration");
    ok(parse("wait=0 slice=1ms") == 0 && wait == 0, "no time, where that is allowed");
    ok(parse("wait=0s") == 0 && wait == 0, "zero seconds");
    ok(parse("wait=18446744073709551615") == 0 && wait == UINT64_MAX, "64 bits of nanoseconds");
    ok(parse("wait=18446744073s") == 0 && wait == UINT64_C(18446744073000000000),
       "the most seconds that fit 64 bits");
}

static void test_given(void)
{
    ok(parse("cores=2 size=1M") == 0 && !has_seed && !has_slice, "not given");
    ok(parse("seed=7") == 0 && has_seed && !has_slice, "given, with the default's value");
    ok(parse("slice=1s seed=1 seed=2") == 0 && has_seed && has_slice, "two that are given");
    ok(parse("seed=x") == -EINVAL && !has_seed, "a refused one is not given");
    ok(parse("-- seed=1") == 0 && !has_seed, "nor is a word of main()'s");
}

static bool env_is(const char *a, const char *b, const char *c)
{
    const char *want[] = {a, b, c};
    unsigned n = 0;

    while (n < 3 && want[n] != NULL && n < env.n && strcmp(env_list[n], want[n]) == 0)
        n++;
    return n == env.n && (n == 3 || want[n] == NULL) && env_list[n] == NULL;
}

static void test_pairs(void)
{
    ok(parse("cores=2") == 0 && env_is(NULL, NULL, NULL), "no pair");
    ok(parse("env=HOME=/ cores=2 env=A=") == 0 && env_is("HOME=/", "A=", NULL), "two pairs");
    ok(parse("env=A=1 env=AB=2 env=A=3") == 0 && env_is("A=3", "AB=2", NULL),
       "of two with one name the later, in the place of the first");
    ok(parse("env=AB=1 env=A=2") == 0 && env_is("AB=1", "A=2", NULL), "a name that begins another");
    ok(parse("env=A=B=C \"env=X=a b\" env=\"Y Z\"==") == 0 && env_is("A=B=C", "X=a b", "Y Z=="),
       "further '=', and quotes");
    ok(parse("env=A=1 env=B=2 env=C=3 env=B=4") == 0 && env_is("A=1", "B=4", "C=3"),
       "as many as fit, and one of them again");
    ok(parse("-- env=A=1") == 0 && env_is(NULL, NULL, NULL) && argc == 1, "a word of main()'s");
    refuse("env", -EINVAL, "cmdline: env: missing value, use env=NAME=TEXT");
    refuse("env=", -EINVAL, "cmdline: env=: no '=' behind the name, use env=NAME=TEXT");
    refuse("env=HOME", -EINVAL, "cmdline: env=HOME: no '=' behind the name, use env=NAME=TEXT");
    refuse("env==x", -EINVAL, "cmdline: env==x: no name before '=', use env=NAME=TEXT");
    refuse("env=A=1 env=B=2 env=C=3 env=D=4 env=E=5", -E2BIG,
           "cmdline: env=D=4: one too many, at most 3 fit");
    ok(env_is("A=1", "B=2", "C=3"), "the list stays closed");
}

static void test_quotes(void)
{
    ok(parse("name=\"a b\" trace") == 0 && strcmp(name, "a b") == 0 && trace,
       "quotes keep a blank");
    ok(parse("\"name=a b\"") == 0 && strcmp(name, "a b") == 0, "quotes around key and value");
    ok(parse("na\"me\"=\"\"x\" \"\"y\"") == 0 && strcmp(name, "x y") == 0, "quotes in pieces");
    ok(parse("-- \"\" a\"\"b \"c d\"") == 0 && argc == 3, "quotes behind --");
    ok(strcmp(argv[0], "") == 0 && strcmp(argv[1], "ab") == 0 && strcmp(argv[2], "c d") == 0,
       "their words");
}

static void test_unknown(void)
{
    ok(parse("quiet cores=2 root=/dev/vda =x core cores2=1 \"\" -- other=1") == 0 && cores == 2,
       "unknown words are not an error");
    same(unknown_words, "<quiet><root=/dev/vda><=x><core><cores2=1><>");
}

static void test_argv(void)
{
    ok(parse("cores=2 --") == 0 && argc == 0 && argv[0] == NULL, "-- without a word");
    ok(parse("cores=2 -- cores=9 -- trace") == 0 && argc == 3 && cores == 2 && !trace,
       "words behind --");
    ok(strcmp(argv[0], "cores=9") == 0 && strcmp(argv[1], "--") == 0 &&
           strcmp(argv[2], "trace") == 0 && argv[3] == NULL,
       "are main()'s, further -- included");
    ok(parse("-- 1 2 3 4 5") == 0 && argc == 5 && argv[5] == NULL, "as many as fit");
    refuse("-- 1 2 3 4 5 six", -E2BIG,
           "cmdline: \"six\" after --: one word too many, at most 5 fit");
    ok(argc == 5 && argv[5] == NULL, "argv stays closed");
}

static void test_refusals(void)
{
    static const char *const not_bytes[] = {"abc",  "K",  "1KB", "1T",  "64KK", "-1M",
                                            "1.5M", "0x", "0xK", "+1M", "K1"};

    refuse("cores=999", -ERANGE, "cmdline: cores=999: out of range, use 1 to 512");
    refuse("cores=0", -ERANGE, "cmdline: cores=0: out of range, use 1 to 512");
    refuse("cores=0x201", -ERANGE, "cmdline: cores=0x201: out of range, use 1 to 512");
    refuse("seed=18446744073709551616", -ERANGE,
           "cmdline: seed=18446744073709551616: out of range, use 0 to 18446744073709551615");
    refuse("seed=0x10000000000000000", -ERANGE,
           "cmdline: seed=0x10000000000000000: out of range, use 0 to 18446744073709551615");
    refuse("cores=four", -EINVAL, "cmdline: cores=four: not a number, use 1 to 512");
    refuse("cores=4x", -EINVAL, "cmdline: cores=4x: not a number, use 1 to 512");
    refuse("cores=-1", -EINVAL, "cmdline: cores=-1: not a number, use 1 to 512");
    refuse("cores=0x", -EINVAL, "cmdline: cores=0x: not a number, use 1 to 512");
    refuse("cores=1a", -EINVAL, "cmdline: cores=1a: not a number, use 1 to 512");
    refuse("cores=0x1g", -EINVAL, "cmdline: cores=0x1g: not a number, use 1 to 512");
    refuse("cores=99999999999999999999999x", -EINVAL,
           "cmdline: cores=99999999999999999999999x: not a number, use 1 to 512");
    refuse("cores", -EINVAL, "cmdline: cores: missing value, use cores=N with N from 1 to 512");
    refuse("cores= 4", -EINVAL, "cmdline: cores: missing value, use cores=N with N from 1 to 512");
    refuse("size=1K", -ERANGE, "cmdline: size=1K: out of range, use 16K to 1G");
    refuse("size=16383", -ERANGE, "cmdline: size=16383: out of range, use 16K to 1G");
    refuse("size=2G", -ERANGE, "cmdline: size=2G: out of range, use 16K to 1G");
    refuse("size=1073741825", -ERANGE, "cmdline: size=1073741825: out of range, use 16K to 1G");
    refuse("size=17179869184G", -ERANGE, "cmdline: size=17179869184G: out of range, use 16K to 1G");
    refuse("size=17179869185G", -ERANGE, "cmdline: size=17179869185G: out of range, use 16K to 1G");
    refuse("room=17179869184G", -ERANGE,
           "cmdline: room=17179869184G: out of range, use 0 to 18446744073709551615");
    refuse("room=18446744073709551616K", -ERANGE,
           "cmdline: room=18446744073709551616K: out of range, use 0 to 18446744073709551615");
    for (size_t i = 0; i < sizeof(not_bytes) / sizeof(not_bytes[0]); i++) {
        char line[40], want[120];

        snprintf(line, sizeof(line), "size=%s", not_bytes[i]);
        snprintf(want, sizeof(want),
                 "cmdline: size=%s: not a number of bytes (K, M, G), use 16K to 1G", not_bytes[i]);
        refuse(line, -EINVAL, want);
    }
    refuse(
        "size", -EINVAL,
        "cmdline: size: missing value, use size=N with a number of bytes (K, M, G) from 16K to 1G");
    refuse(
        "size=", -EINVAL,
        "cmdline: size: missing value, use size=N with a number of bytes (K, M, G) from 16K to 1G");
    refuse("trace=yes", -EINVAL, "cmdline: trace=yes: neither on nor off, use 0 or 1");
    refuse("trace=", -EINVAL, "cmdline: trace=: neither on nor off, use 0 or 1");
    refuse("trace=10", -EINVAL, "cmdline: trace=10: neither on nor off, use 0 or 1");
    refuse("name", -EINVAL, "cmdline: name: missing value, use name=TEXT");
    refuse("name=", -ERANGE, "cmdline: name=: 0 characters, use 1 to 8");
    refuse("name=123456789", -ERANGE, "cmdline: name=123456789: 9 characters, use 1 to 8");
    refuse("cores=2 name=\"a b", -EINVAL,
           "cmdline: \"name=a b: quote not closed, put a second \" behind the text");
    refuse("\"", -EINVAL, "cmdline: \": quote not closed, put a second \" behind the text");
    ok(cores == 4 && size == 256 << 10 && strcmp(name, "none") == 0,
       "a refused value is not stored");
}

static void test_duration_refusals(void)
{
    static const char *const not_durations[] = {
        "abc",  "us",    "s",     "ms10", "5 us",  "1m",  "1h",     "1min",
        "-1ms", "1.5ms", "0xs",   "5US",  "1Ms",   "1 s", "1K",     "5n",
        "5u",   "10mss", "10sms", "+1s",  "1e3ns", "0x",  "5us5us",
    };

    refuse("slice=4us", -ERANGE, "cmdline: slice=4us: out of range, use 5us to 10s");
    refuse("slice=4999", -ERANGE, "cmdline: slice=4999: out of range, use 5us to 10s");
    refuse("slice=0", -ERANGE, "cmdline: slice=0: out of range, use 5us to 10s");
    refuse("slice=11s", -ERANGE, "cmdline: slice=11s: out of range, use 5us to 10s");
    refuse("slice=10000000001ns", -ERANGE,
           "cmdline: slice=10000000001ns: out of range, use 5us to 10s");
    refuse("slice=18446744074s", -ERANGE,
           "cmdline: slice=18446744074s: out of range, use 5us to 10s");
    refuse("slice=99999999999999999999s", -ERANGE,
           "cmdline: slice=99999999999999999999s: out of range, use 5us to 10s");
    refuse("wait=18446744074s", -ERANGE,
           "cmdline: wait=18446744074s: out of range, use 0 to 18446744073709551615ns");
    for (size_t i = 0; i < sizeof(not_durations) / sizeof(not_durations[0]); i++) {
        char line[40], want[120];

        snprintf(line, sizeof(line), "\"slice=%s\"", not_durations[i]);
        snprintf(want, sizeof(want),
                 "cmdline: slice=%s: not a duration (ns, us, ms, s), use 5us to 10s",
                 not_durations[i]);
        refuse(line, -EINVAL, want);
    }
    refuse("slice", -EINVAL,
           "cmdline: slice: missing value, use slice=N with a duration (ns, us, ms, s) from 5us to "
           "10s");
    refuse("slice=", -EINVAL,
           "cmdline: slice: missing value, use slice=N with a duration (ns, us, ms, s) from 5us to "
           "10s");
    ok(slice == 10000000 && wait == 5, "a refused duration is not stored");
}

/* A value far too long still leaves room for what would be right. */
static void test_long_value(void)
{
    char line[600] = "cores=";
    char want[200];

    memset(line + 6, '7', sizeof(line) - 7);
    snprintf(want, sizeof(want), "cmdline: cores=%.48s: out of range, use 1 to 512", line + 6);
    refuse(line, -ERANGE, want);
}

static bool argv_sound(void)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i] < text || argv[i] + strlen(argv[i]) >= text + text_bytes)
            return false;
    }
    return argc >= 0 && argc < ARGV_MAX && argv[argc] == NULL;
}

static void test_prefixes(void)
{
    static const char line[] = "cores=0x10 name=\"a b\" trace=1 quiet -- \"x y\" -- z";
    bool good = true;

    for (size_t n = 0; n < sizeof(line) && good; n++) {
        char cut[sizeof(line)] = "";

        memcpy(cut, line, n);
        cut[n] = '\0';
        parse(cut);
        good = argv_sound();
    }
    ok(good, "every prefix of a line");
}

static void test_random(void)
{
    static const char *const pieces[] = {
        "cores", "=", "\"", " ",    "--",   "0x", "9",     "f",  "name", "trace", "seed",
        "\t",    "a", "-",  "\xff", "size", "K",  "slice", "us", "s",    "env",
    };
    bool good = true;

    for (int i = 0; i < RANDOM_TEXTS && good; i++) {
        char line[160] = "";

        for (size_t n = rnd_below(16); n > 0; n--)
            strcat(line, pieces[rnd_below(sizeof(pieces) / sizeof(pieces[0]))]);
        good = (parse(line) == 0 ? e.text[0] == '\0' : strncmp(e.text, "cmdline: ", 9) == 0) &&
               argv_sound() && env.n <= PAIRS_MAX && env_list[env.n] == NULL && cores >= 1 &&
               cores <= 512 && size >= 16 << 10 && size <= 1 << 30 && slice >= 5000 &&
               slice <= UINT64_C(10000000000);
    }
    ok(good, "%d random lines", RANDOM_TEXTS);
}

int main(void)
{
    test_keys();
    test_bytes();
    test_durations();
    test_given();
    test_pairs();
    test_quotes();
    test_unknown();
    test_argv();
    test_refusals();
    test_duration_refusals();
    test_long_value();
    test_prefixes();
    test_random();
    free(text);
    return done();
}
