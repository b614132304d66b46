/*
 * libc.c - the C library as a program with many threads uses it.
 *
 * Goal:   formats, memory, files and sorting work from any goroutine; what C gives to each
 *         thread belongs to a goroutine (errno, _Thread_local, strtok, rounding); what is shared is
 *         locked (the heap, FILEs).
 * Method: known answers; then the same calls by many goroutines on all cores that yield in between
 *         and check what they had left.
 * Budget: 5 s. The boot module is tests/data.
 */
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/layout.h"
#include "kernel/page.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/initrd.h"
#include "tests/guest/all_of.h"

#define NUMBERS      "/initrd/folder/numbers.txt" // the lines 1 to LAST_NUMBER
#define LAST_NUMBER  2000
#define NUMBER_BYTES 8893

static int ncore;

/* Volatile: the compiler takes for granted what is asked here. */
static bool is_aligned(void *volatile p, size_t align)
{
    return (uintptr_t)p % align == 0;
}

/* ---- before main ---- */

static int order[4];
static int norder;
static char *from_constructor;

static void came(int which)
{
    if (norder < (int)LENGTH(order))
        order[norder++] = which;
}

static __attribute__((constructor)) void last(void)
{
    came(3);
}

static __attribute__((constructor(201))) void second(void)
{
    came(2);
    from_constructor = malloc(10);
    if (from_constructor)
        strcpy(from_constructor, "early");
}

static __attribute__((constructor(200))) void first(void)
{
    came(1);
}

static void test_start(int argc, char **argv)
{
    ok(norder == 3 && order[0] == 1 && order[1] == 2 && order[2] == 3,
       "constructors ran before main by priority");
    ok(from_constructor && strcmp(from_constructor, "early") == 0, "and had a heap");
    free(from_constructor);
    ok(argc == 2 && argv[0] && argv[0][0] && atoi(argv[1]) > 0 && !argv[2],
       "argv has a name, the word of the command line, and NULL");
    ok(numcpu() == ncore, "%d cores", numcpu());
    ok(!getenv("NO_SUCH_VARIABLE"), "an unknown variable is not in the environment");
}

/* ---- text ---- */

__attribute__((format(printf, 2, 3))) static bool prints(const char *expected, const char *fmt, ...)
{
    char text[100];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bool good = strcmp(text, expected) == 0 && n == (int)strlen(expected);
    return ok(good, "printf %s gives \"%s\"", fmt, good ? expected : text);
}

static void test_printf_integers(void)
{
    prints("-5 4294967295 0", "%d %u %i", -5, UINT_MAX, 0);
    prints("[   42][42   ][00042][+42]", "[%5d][%-5d][%05d][%+d]", 42, 42, 42, 42);
    prints("ff FF 0xff 377", "%x %X %#x %o", 255u, 255u, 255u, 255u);
    prints("-9223372036854775808 18446744073709551615", "%lld %llu", LLONG_MIN, ULLONG_MAX);
    prints("-9223372036854775808 18446744073709551615", "%ld %lu", LONG_MIN, ULONG_MAX);
    prints("18446744073709551615 -1", "%zu %td", SIZE_MAX, (ptrdiff_t)-1);
    prints("-1 255", "%hhd %hhu", -1, 255);
    prints("[  abc][abc  ][ab]", "[%5s][%-5s][%.2s]", "abc", "abc", "abc");
    prints("x% [   7]", "%c%% [%*d]", 'x', 4, 7);

    char text[8];
    const char *volatile digits = "0123456789";
    ok(snprintf(text, sizeof text, "%s", digits) == 10 && strcmp(text, "0123456") == 0,
       "snprintf cuts, and says how long it would have been");
}

static void test_printf_floats(void)
{
    prints("3.140000 -0.500000", "%f %f", 3.14, -0.5);
    prints("2.718 1 2 [    1.50][1.50    ]", "%.3f %.0f %.0f [%8.2f][%-8.2f]", 2.71828, 1.4, 1.6,
           1.5, 1.5);
    prints("1.234568e+04 1.5E-10", "%e %.1E", 12345.678, 1.5e-10);
    prints("0.0001 1e-05 100000 1e+06", "%g %g %g %g", 0.0001, 0.00001, 100000.0, 1000000.0);
    prints("0.333333333333333 1.7976931348623157e+308", "%.15g %.17g", 1.0 / 3,
           1.7976931348623157e308);
    prints("inf -inf nan INF", "%f %f %f %F", HUGE_VAL, -HUGE_VAL, (double)NAN, HUGE_VAL);
}

static void test_strtod(void)
{
    static const struct {
        const char *text;
        double value;
        int rest; // what is left over begins here
    } cases[] = {
        {"3.25", 3.25, 4},      {"-1e-3", -1e-3, 5},
        {"  12.5xyz", 12.5, 6}, {"0x1.8p1", 3.0, 7},
        {"0.1", 0.1, 3},        {"abc", 0, 0},
        {"1e400", HUGE_VAL, 5}, {"123456789012", 123456789012.0, 12},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        char *end;
        double v = strtod(cases[i].text, &end);
        ok(v == cases[i].value && end - cases[i].text == cases[i].rest, "strtod \"%s\" gives %g",
           cases[i].text, v);
    }
    errno = 0;
    ok(strtod("1e400", NULL) == HUGE_VAL && errno == ERANGE, "strtod out of range");
    errno = 0;
    ok(strtol("99999999999999999999", NULL, 10) == LONG_MAX && errno == ERANGE,
       "strtol out of range");
    ok(strtoull("0xffffffffffffffff", NULL, 0) == ULLONG_MAX && strtol("-077", NULL, 0) == -63,
       "strtoull and strtol see the base");
}

static void test_sscanf(void)
{
    int i = 0, n = 0;
    long long ll = 0;
    double d = 0;
    unsigned x = 0;
    char word[10] = "", set[10] = "";

    ok(sscanf("12 3.5 word 0x1f", "%d %lf %9s %x", &i, &d, word, &x) == 4 && i == 12 && d == 3.5 &&
           strcmp(word, "word") == 0 && x == 31,
       "sscanf of four items");
    ok(sscanf("key=-9223372036854775808;", "%9[a-z]=%lld%n", set, &ll, &n) == 2 &&
           ll == LLONG_MIN && strcmp(set, "key") == 0 && n == 24,
       "sscanf of a set, a long long, and how far it got");
    ok(sscanf("x", "%d", &i) == 0 && sscanf("", "%d", &i) == EOF, "sscanf that finds nothing");
}

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

static void sort(void *arg)
{
    enum { N = 500 };
    int v[N];
    unsigned random = (unsigned)(intptr_t)arg + 1;
    long before = 0, after = 0;

    for (int i = 0; i < N; i++) {
        random = random * 1103515245 + 12345;
        v[i] = (int)(random >> 8 & 0xffff);
        before += v[i];
    }
    gosched();
    qsort(v, N, sizeof v[0], by_value);
    for (int i = 0; i < N; i++) {
        after += v[i];
        fail_once(i == 0 || v[i - 1] <= v[i]);
    }
    int *found = bsearch(&v[N / 3], v, N, sizeof v[0], by_value), none = -1;
    fail_once(before == after && found && *found == v[N / 3]);
    fail_once(!bsearch(&none, v, N, sizeof v[0], by_value));
    finish();
}

static void split(void *arg)
{
    char text[64], expected[32];
    int me = (int)(intptr_t)arg, i = 0;

    snprintf(text, sizeof text, "w%d-0,w%d-1,,w%d-2,w%d-3", me, me, me, me);
    for (char *t = strtok(text, ","); t; t = strtok(NULL, ","), i++) {
        snprintf(expected, sizeof expected, "w%d-%d", me, i);
        fail_once(strcmp(t, expected) == 0);
        gosched();
    }
    fail_once(i == 4);
    finish();
}

/* ---- jumps ---- */

static __attribute__((noinline)) void descend(jmp_buf *jump_to, int depth)
{
    volatile char frame[200];

    frame[0] = (char)depth;
    if (depth > 0) {
        descend(jump_to, depth - 1);
        frame[1] = frame[0];
        return;
    }
    gosched();
    if (frame[0] == 0) // always, but the compiler must not know
        longjmp(*jump_to, 7);
}

static void jump(void *arg)
{
    jmp_buf env;
    volatile int rounds = 0;
    volatile double kept = (double)(intptr_t)arg;

    for (volatile int i = 0; i < 10; i++) {
        int value = setjmp(env);
        if (value == 0) {
            rounds++;
            descend(&env, 10);
            fail_once(false);
        }
        fail_once(value == 7);
    }
    fail_once(rounds == 10 && kept == (double)(intptr_t)arg);
    finish();
}

/* ---- memory ---- */

static void test_malloc(void)
{
    char *p = malloc(100), *q = calloc(50, 20), *r;
    bool zero = true;

    ok(p && q && p != q && is_aligned(p, 16) && is_aligned(q, 16),
       "malloc and calloc, aligned to 16");
    for (int i = 0; i < 1000; i++)
        zero &= q[i] == 0;
    ok(zero, "calloc zeroes");
    memset(p, 'a', 100);
    r = realloc(p, 10000);
    bool kept = r != NULL;
    for (int i = 0; i < 100; i++)
        kept &= r && r[i] == 'a';
    ok(kept, "realloc keeps what was there");
    free(q);
    free(NULL);
    q = realloc(NULL, 10);
    ok(q != NULL, "realloc(NULL) allocates");
    free(q);
    for (size_t align = 16; align <= 4096; align *= 2) {
        q = aligned_alloc(align, align * 2);
        check(q && is_aligned(q, align), "aligned_alloc(%zu) gives %p", align, (void *)q);
        if (q)
            memset(q, 1, align * 2);
        free(q);
    }
    free(r);

    /* Large enough that the heap may be cut. */
    p = malloc(1 << 20);
    errno = 99;
    free(p);
    ok(p && errno == 99, "free keeps errno");
}

/* The compiler knows what these calls return, and warns. */
static volatile size_t huge[] = {SIZE_MAX,        SIZE_MAX - 64,   PTRDIFF_MAX,
                                 (size_t)1 << 44, (size_t)1 << 40, (size_t)1 << 34,
                                 (size_t)3 << 30, (size_t)3 << 29};

static void test_malloc_refuses(void)
{
    size_t before = page_in_use();
    char *volatile p = malloc(100); // volatile: it may be used after a realloc that failed
    volatile size_t half = SIZE_MAX / 2;

    strcpy(p, "kept");
    for (size_t i = 0; i < LENGTH(huge); i++) {
        size_t bytes = huge[i];
        errno = 0;
        void *m = malloc(bytes);
        ok(!m && errno == ENOMEM, "malloc(%zu): no memory", bytes);
        errno = 0;
        m = realloc(p, bytes);
        ok(!m && errno == ENOMEM && strcmp(p, "kept") == 0,
           "realloc to it: the block is as it was");
    }
    errno = 0;
    ok(!calloc(half, 3) && errno == ENOMEM, "calloc of a product that overflows");
    free(p);
    ok(page_in_use() - before < 64, "what was refused took no memory: %zu pages",
       page_in_use() - before);
}

/* A block says what must be in it. */
struct block {
    uint32_t bytes;
    uint8_t seed;
    uint8_t data[];
};

static struct chan *blocks; // struct block *: from one goroutine to another

static struct block *block_new(size_t bytes, uint8_t seed)
{
    size_t all = sizeof(struct block) + bytes, align = seed % 8 == 0 ? 64 : 16;
    struct block *b = align == 64 ? aligned_alloc(64, (all + 63) & ~(size_t)63) : malloc(all);

    fail_once(b && is_aligned(b, align));
    if (!b)
        return NULL;
    *b = (struct block){.bytes = (uint32_t)bytes, .seed = seed};
    memset(b->data, seed, bytes);
    return b;
}

static void block_free(struct block *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; i < b->bytes; i++)
        if (b->data[i] != b->seed) {
            fail_once(false);
            break;
        }
    free(b);
}

static void churn(void *arg)
{
    enum { SLOTS = 12, ROUNDS = 150 };
    struct block *slots[SLOTS] = {0}, *b;
    unsigned random = (unsigned)(intptr_t)arg * 77 + 1;

    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245 + 12345;
        unsigned at = (random >> 16) % SLOTS;
        block_free(slots[at]);
        slots[at] = block_new((random >> 8) % (i % 50 ? 700 : 20000), (uint8_t)random);
        /* Every fourth goes to whoever takes it. */
        if (i % 4 == 0 && chan_try_send(blocks, &slots[at]) == 0)
            slots[at] = NULL;
        if (i % 4 == 1 && chan_try_recv(blocks, &b) == 0)
            block_free(b);
        if (i % 16 == 0)
            gosched();
    }
    for (int i = 0; i < SLOTS; i++)
        block_free(slots[i]);
    finish();
}

static void test_malloc_concurrent(void)
{
    struct block *b;
    int n = 8 * ncore;

    blocks = chan_make(sizeof(struct block *), 32);
    ok(all_of(churn, n) == 0, "%d goroutines that malloc, free, and free each other's", n);
    atomic_store(&wrong, 0);
    while (chan_try_recv(blocks, &b) == 0)
        block_free(b);
    ok(atomic_load(&wrong) == 0, "and what is left is whole");
    chan_free(blocks);
}

/* All there is, given back, and once more. The last test: no stack can be made in between. */
static void test_out_of_memory(void)
{
    enum { MIB = 1 << 20 };
    struct list {
        struct list *next;
    } * list, *b;
    size_t n[2] = {0, 0}, expected = page_total() * PAGE_SIZE / MIB / 2;

    for (int round = 0; round < 2; round++) {
        list = NULL;
        errno = 0;
        for (; (b = malloc(MIB)); n[round]++) {
            b->next = list;
            list = b;
        }
        ok(errno == ENOMEM, "no memory after %zu MiB", n[round]);
        while ((b = list)) {
            list = b->next;
            free(b);
        }
    }
    ok(n[0] > expected, "more than half of the machine's memory: %zu MiB", expected);
    ok(n[1] + 1 >= n[0], "the same after it was given back");
}

/* ---- what belongs to a thread ---- */

static _Thread_local int tls_zero;
static _Thread_local int tls_set = 42;
static _Thread_local _Alignas(64) char tls_aligned[70] = "aligned";
static _Thread_local char tls_big[3000];
static _Thread_local _Alignas(256) int tls_far_aligned = 256;
static atomic_int moves;

static bool tls_is(int zero, int set, const char *text, char big)
{
    return tls_zero == zero && tls_set == set && strcmp(tls_aligned, text) == 0 &&
           tls_big[0] == big && tls_big[sizeof tls_big - 1] == big && is_aligned(tls_aligned, 64) &&
           is_aligned(&tls_far_aligned, 256) && tls_far_aligned == 256;
}

static void keep_tls(void *arg)
{
    int me = (int)(intptr_t)arg, core = gocpu(), moved = 0;
    char text[16];

    fail_once(errno == 0);
    fail_once(tls_is(0, 42, "aligned", 0));
    snprintf(text, sizeof text, "G%d", me);
    strcpy(tls_aligned, text);
    memset(tls_big, me & 0x7f, sizeof tls_big);
    tls_zero = me;
    tls_set = -me;
    for (int i = 0; i < 10; i++) {
        errno = me + i;
        gosched();
        moved += gocpu() != core;
        core = gocpu();
        fail_once(errno == me + i);
        fail_once(tls_is(me, -me, text, (char)(me & 0x7f)));
    }
    atomic_fetch_add(&moves, moved);
    finish();
}

static void test_thread_local(void)
{
    enum { N = 500 };

    tls_zero = 77;
    errno = 99;
    for (int i = 0; i < 2; i++)
        ok(all_of(keep_tls, N) == 0, "%s: errno and _Thread_local of %d goroutines are their own",
           i ? "on used stacks" : "on fresh stacks", N);
    ok(tls_zero == 77 && errno == 99, "main's too");
    ok((atomic_load(&moves) > 0) == (ncore > 1), "moves between cores: %d", atomic_load(&moves));
}

/* ---- floating point ---- */

/* Bit for bit the same, whoever runs in between. */
static double series(double x, void (*between)(void))
{
    double sum = 0, product = 1;

    for (int i = 1; i <= 20; i++) {
        double a = sin(x * i), b = sqrt(x + i), c = exp(-x / i);
        if (between)
            between();
        sum += a * b + c;
        product *= 1 + a / 100;
    }
    return sum * product + pow(x, 0.3);
}

static void compute(void *arg)
{
    double x = 0.1 + 0.01 * (double)(intptr_t)arg;
    double here = series(x, NULL), there = series(x, gosched);

    fail_once(memcmp(&here, &there, sizeof here) == 0 && here == here);
    finish();
}

static void test_math(void)
{
    ok(sqrt(2.0) * sqrt(2.0) - 2.0 < 1e-15 && sqrt(81.0) == 9.0, "sqrt");
    ok(sin(0.0) == 0.0 && fabs(sin(1.0) - 0.8414709848078965) < 1e-15, "sin");
    ok(fabs(pow(2.0, 0.5) - sqrt(2.0)) < 1e-15 && floor(-0.5) == -1.0 && fmod(7.5, 2.0) == 1.5,
       "pow, floor, fmod");
    volatile double negative = -1;
    ok(isnan(sqrt(negative)), "sqrt(-1) is no number");
    ok(all_of(compute, 60) == 0, "60 goroutines compute the same with switches in between");
}

#ifdef FE_UPWARD // not in newlib for arm64
static const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static double third(double sign)
{
    volatile double a = sign, b = 3;

    return a / b;
}

static void keep_rounding(void *arg)
{
    int mode = rounding[(intptr_t)arg % 4];
    /* The nearest to 1/3 is below it, so only rounding up gives another number. */
    double lower = third(1), upper = nextafter(lower, 1);

    fail_once(fegetround() == FE_TONEAREST);
    fail_once(fesetround(mode) == 0);
    for (int i = 0; i < 20; i++) {
        gosched();
        fail_once(fegetround() == mode);
        fail_once(third(1) == (mode == FE_UPWARD ? upper : lower));
        fail_once(third(-1) == (mode == FE_DOWNWARD ? -upper : -lower));
    }
    finish();
}

static void test_rounding(void)
{
    ok(all_of(keep_rounding, 40) == 0, "40 goroutines round each in its own direction");
    ok(fegetround() == FE_TONEAREST && all_of(keep_rounding, 4) == 0, "and none hands it on");
}
#else
static void test_rounding(void)
{
}
#endif

/* ---- files ---- */

static void test_initrd(void)
{
    static const char *const names[] = {"empty.txt", "folder/numbers.txt", "small.txt"};
    struct initrd_file f = {0}, g;
    size_t n = 0;

    for (; initrd_next(&f); n++)
        ok(n < LENGTH(names) && strcmp(f.name, names[n]) == 0, "file %zu of the module is %s",
           n + 1, f.name);
    ok(n == LENGTH(names), "three files");
    ok(initrd_find("small.txt", &f) == 0 && f.bytes == 17 &&
           memcmp(f.data, "alpha beta\ngamma\n", 17) == 0,
       "small.txt in place");
    ok(initrd_find("./small.txt", &g) == 0 && g.data == f.data &&
           initrd_find("/small.txt", &g) == 0 && g.data == f.data,
       "the same by ./small.txt and /small.txt");
    ok(initrd_find("empty.txt", &f) == 0 && f.bytes == 0, "empty.txt is there, and empty");
    ok(initrd_find("folder", &f) == -ENOENT && initrd_find("small", &f) == -ENOENT &&
           initrd_find("", &f) == -ENOENT && initrd_find("numbers.txt", &f) == -ENOENT,
       "a folder, a part of a name and nothing are not files");
}

static bool refused(const char *path, const char *mode, int err)
{
    errno = 0;
    FILE *f = fopen(path, mode);
    int said = errno;
    if (f)
        fclose(f);
    return ok(!f && said == err, "fopen(\"%s\", \"%s\"): %s", path, mode,
              f ? "opened" : strerror(said));
}

static void test_fopen_refuses(void)
{
    refused("/initrd/none.txt", "r", ENOENT);
    refused("/initrd/folder", "r", ENOENT);
    refused("/initrd/", "r", ENOENT);
    refused("small.txt", "r", ENOENT);
    refused("", "r", ENOENT);
    refused("/initrd/small.txt", "w", EROFS);
    refused("/initrd/small.txt", "a", EROFS);
    refused("/initrd/small.txt", "r+", EROFS);
    refused("/initrd/small.txt", "x", EINVAL);
}

static void test_file(void)
{
    char line[80] = "";
    FILE *f = fopen("/initrd/small.txt", "r");

    if (!ok(f != NULL, "fopen of small.txt"))
        return;
    ok(fgets(line, sizeof line, f) && strcmp(line, "alpha beta\n") == 0 && ftell(f) == 11,
       "a line");
    ok(fgets(line, 3, f) && strcmp(line, "ga") == 0 && ftell(f) == 13, "as much as fits");
    ok(fgetc(f) == 'm' && ungetc('M', f) == 'M' && fgetc(f) == 'M', "a character, put back");
    ok(fread(line, 1, sizeof line, f) == 3 && memcmp(line, "ma\n", 3) == 0 && feof(f) && !ferror(f),
       "fread gets what is left, and the end");
    ok(fgetc(f) == EOF && !fgets(line, sizeof line, f) && fread(line, 1, 1, f) == 0,
       "then nothing");
    ok(fseek(f, -6, SEEK_END) == 0 && !feof(f) && ftell(f) == 11 && fgetc(f) == 'g',
       "fseek from the end");
    ok(fseek(f, 2, SEEK_CUR) == 0 && ftell(f) == 14 && fgetc(f) == 'm', "fseek from here");
    ok(fseek(f, 6, SEEK_SET) == 0 && fread(line, 2, 2, f) == 2 && memcmp(line, "beta", 4) == 0,
       "fseek from the start, and items of two bytes");
    errno = 0;
    ok(fseek(f, -1, SEEK_SET) != 0 && errno == EINVAL, "fseek before the start is refused");
    ok(fseek(f, 1000, SEEK_SET) == 0 && fgetc(f) == EOF && feof(f), "beyond the end is the end");
    rewind(f);
    ok(!feof(f) && ftell(f) == 0 && fgetc(f) == 'a', "rewind");
    rewind(f);
    ok(fscanf(f, "%79s", line) == 1 && strcmp(line, "alpha") == 0 && fgetc(f) == ' ', "fscanf");
    ok(fputc('x', f) == EOF || fflush(f) == EOF, "it can't be written to");
    ok(fclose(f) == 0, "fclose");
}

static void test_empty_file(void)
{
    char c;
    FILE *f = fopen("/initrd/empty.txt", "rb");

    if (!ok(f != NULL, "fopen of empty.txt"))
        return;
    ok(!feof(f) && fread(&c, 1, 1, f) == 0 && feof(f), "it is empty");
    ok(fseek(f, 0, SEEK_END) == 0 && ftell(f) == 0 && fgetc(f) == EOF, "also from its end");
    fclose(f);
}

static void test_open_limit(void)
{
    enum { MANY = 300 };
    static FILE *f[MANY];
    int n = 0;

    errno = 0;
    while (n < MANY && (f[n] = fopen(NUMBERS, "r")))
        n++;
    ok(n >= 64 && n < MANY && errno == EMFILE, "%d files are open, then: %s", n, strerror(errno));
    for (int i = 0; i < n; i++)
        check(fgetc(f[i]) == '1' && fclose(f[i]) == 0, "file %d of %d", i, n);
    ok((f[0] = fopen(NUMBERS, "r")) != NULL, "closed, they can be opened again");
    fclose(f[0]);
}

static void test_descriptors(void)
{
    char c;

    errno = 0;
    ok(read(200, &c, 1) == -1 && errno == EBADF, "read of a descriptor that is not open");
    errno = 0;
    ok(close(200) == -1 && errno == EBADF && close(-1) == -1, "close too");
    ok(isatty(1) && !isatty(200), "the console is a terminal");
}

/* Each its own FILE, in pieces of its own size. */
static void read_whole(void *arg)
{
    size_t piece = 100 + (size_t)(intptr_t)arg * 7, at = 0, n;
    char buf[1000];
    struct initrd_file data;
    FILE *f = fopen(NUMBERS, "r");

    fail_once(f && initrd_find("folder/numbers.txt", &data) == 0 && data.bytes == NUMBER_BYTES);
    while (f && (n = fread(buf, 1, piece % sizeof buf, f)) > 0) {
        fail_once(at + n <= data.bytes && memcmp(buf, (const char *)data.data + at, n) == 0);
        at += n;
        gosched();
    }
    fail_once(at == NUMBER_BYTES);
    fail_once(f && fclose(f) == 0);
    finish();
}

static FILE *shared;
static atomic_uchar lines_seen[LAST_NUMBER + 1];

/* All one FILE: every line goes to one of them, whole. */
static void read_lines(void *arg)
{
    char line[80], *end;

    (void)arg;
    while (fgets(line, sizeof line, shared)) {
        long n = strtol(line, &end, 10);
        bool whole = n >= 1 && n <= LAST_NUMBER && *end == '\n' && end[1] == 0;
        fail_once(whole);
        if (whole)
            atomic_fetch_add(&lines_seen[n], 1);
        gosched();
    }
    finish();
}

static void test_files_concurrent(void)
{
    int n = 4 * ncore, missing = 0;

    ok(all_of(read_whole, n) == 0, "%d goroutines read a file at once", n);
    shared = fopen(NUMBERS, "r");
    ok(shared && all_of(read_lines, n) == 0, "%d goroutines share a FILE and get whole lines", n);
    for (int i = 1; i <= LAST_NUMBER; i++)
        missing += atomic_load(&lines_seen[i]) != 1;
    ok(missing == 0, "each line once: %d are not", missing);
    fclose(shared);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_start(argc, argv);
    test_printf_integers();
    test_printf_floats();
    test_strtod();
    test_sscanf();
    ok(all_of(sort, 30) == 0, "30 goroutines sort and search");
    ok(all_of(split, 30) == 0, "30 goroutines use strtok at once");
    ok(all_of(jump, 30) == 0, "30 goroutines setjmp, switch and longjmp");
    test_malloc();
    test_malloc_refuses();
    test_malloc_concurrent();
    test_thread_local();
    test_math();
    test_rounding();
    test_initrd();
    test_fopen_refuses();
    test_file();
    test_empty_file();
    test_open_limit();
    test_descriptors();
    test_files_concurrent();
    test_out_of_memory();
    return done();
}
