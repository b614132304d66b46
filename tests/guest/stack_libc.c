/*
 * stack_libc.c - stacks grow inside functions that know nothing of it, and under locks.
 *
 * Goal:   the prebuilt libc's functions may meet the end of the mapped part at any of their
 *         instructions; a goroutine that holds a lock may too, while others wait for it.
 * Method: each function is called with the stack pointer at every 64 bytes of a page above the edge
 *         (deep.h), in a goroutine of its own, and gives what it gave on a large stack; holders
 *         of locks recurse while others queue.
 * Argument: the number of cores.
 * Budget: 8 s.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "rt0/mem.h"
#include "sched/rmutex.h"
#include "tests/guest/deep.h"

static int ncore;
static atomic_int wrong;

/* ---- functions, each with the answer that main() gets on its grown stack ---- */

#define TEXT_BYTES 2000

struct libc_case {
    const char *name;
    void (*call)(char *text); // writes its answer
    bool shallow; // may need less stack than there is above the edge, wherever it begins
    char expected[TEXT_BYTES];
};

static const char *const digits =
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803e0";

static void call_printf_f(char *text)
{
    snprintf(text, TEXT_BYTES, "%.300f|%.17g|%e|%a", 1.0 / 3, 0.1, 6.02214076e23, 1.0 / 3);
}

static void call_printf_huge(char *text)
{
    snprintf(text, TEXT_BYTES, "%f|%.1f|%g", 1.7976931348623157e308, -1.0e200, 4.9e-324);
}

static void call_printf_args(char *text)
{
    snprintf(text, TEXT_BYTES,
             "%d %u %x %o %c %s %ld %lu %lx %lld %llu %zu %5d|%-5d|%05d %p %+d %f %g", -1, 2u, 3u,
             4u, '5', "six", 7l, 8ul, 9ul, 10ll, 11ull, (size_t)12, 13, 14, 15, (void *)16, 17,
             18.0, 19.0);
}

static void call_strtod(char *text)
{
    char *end;
    double a = strtod(digits, &end), b = strtod("2.2250738585072011e-308", NULL),
           c = strtod("0x1.921fb54442d18p+1", NULL),
           d = strtod("123456789012345678901234567890e-20", NULL);

    snprintf(text, TEXT_BYTES, "%.17g %.17g %.17g %.17g %d", a, b, c, d, *end);
}

static void call_sscanf(char *text)
{
    int i, n;
    double f;
    char word[20], set[20];
    long l;

    n = sscanf("42 3.25e2 hello [abc] -7", "%d %lf %19s [%19[a-c]] %ld", &i, &f, word, set, &l);
    snprintf(text, TEXT_BYTES, "%d: %d %g %s %s %ld", n, i, f, word, set, l);
}

static NOINLINE int compare_deeply(const void *a, const void *b)
{
    volatile char frame[3000];
    int x = *(const int *)a, y = *(const int *)b;

    frame[0] = frame[2999] = 1;
    return (x > y) - (x < y) + frame[0] - frame[2999];
}

static void call_qsort(char *text)
{
    enum { N = 300 };
    int *numbers = must(malloc(N * sizeof *numbers));
    unsigned sum = 0;

    for (int i = 0; i < N; i++)
        numbers[i] = i * 7919 % N;
    qsort(numbers, N, sizeof *numbers, compare_deeply);
    for (int i = 0; i < N; i++)
        sum = sum * 31 + (unsigned)numbers[i];
    snprintf(text, TEXT_BYTES, "%d %d %u", numbers[0], numbers[N - 1], sum);
    free(numbers);
}

/* An array on the stack, so that its elements are swapped there. */
struct wide {
    int key;
    char filler[200];
};

static int compare_wide(const void *a, const void *b)
{
    return ((const struct wide *)a)->key - ((const struct wide *)b)->key;
}

static NO_PROBES void call_qsort_wide(char *text)
{
    enum { N = 64 };
    struct wide array[N];
    int wrong_order = 0;

    for (int i = 0; i < N; i++) {
        array[i].key = i * 37 % N;
        memset(array[i].filler, i * 37 % N, sizeof array[i].filler);
    }
    qsort(array, N, sizeof array[0], compare_wide);
    for (int i = 0; i < N; i++)
        wrong_order += array[i].key != i || array[i].filler[199] != i;
    snprintf(text, TEXT_BYTES, "%d", wrong_order);
}

static void call_bsearch_strtok(char *text)
{
    char words[] = "one two,three;four";
    char *at = NULL;

    text[0] = 0;
    for (char *w = strtok_r(words, " ,;", &at); w; w = strtok_r(NULL, " ,;", &at))
        strcat(strcat(text, w), "/");
}

static void call_math(char *text)
{
    volatile double x = 1e10, y = 0.7;

    snprintf(text, TEXT_BYTES, "%.15g %.15g %.15g %.15g", sin(x), pow(y, 33.3), lgamma(y),
             fmod(x, y));
}

static void call_time(char *text)
{
    struct tm tm = {.tm_year = 126, .tm_mon = 1, .tm_mday = 28, .tm_hour = 23, .tm_min = 59};

    text[0] = 0;
    strftime(text, TEXT_BYTES, "%Y-%m-%d %H:%M:%S %j %a %b", &tm);
}

static void call_printf_lock(char *text)
{
    snprintf(text, TEXT_BYTES, "%d", printf("%.0s%.*s", "nothing", 0, digits));
}

static struct libc_case cases[] = {
    {.name = "snprintf %.300f", .call = call_printf_f},
    {.name = "snprintf %f of the largest", .call = call_printf_huge},
    {.name = "snprintf of 19 arguments", .call = call_printf_args},
    {.name = "strtod", .call = call_strtod},
    {.name = "sscanf", .call = call_sscanf},
    {.name = "qsort, a comparison of 3000 bytes of stack", .call = call_qsort},
    {.name = "qsort of an array on the stack", .call = call_qsort_wide},
    {.name = "strtok_r and strcat", .call = call_bsearch_strtok, .shallow = true},
    {.name = "sin, pow, lgamma, fmod", .call = call_math},
    {.name = "strftime", .call = call_time, .shallow = true},
    {.name = "printf, which holds stdout's lock", .call = call_printf_lock},
};

static NOINLINE void call_and_compare(void *arg)
{
    struct libc_case *c = arg;
    char *text = malloc(TEXT_BYTES); // not on the stack: the function's own frames shall cross

    if (!text || (c->call(text), strcmp(text, c->expected) != 0))
        atomic_fetch_add(&wrong, 1);
    free(text);
}

static void test_libc(void)
{
    for (size_t i = 0; i < LENGTH(cases); i++)
        cases[i].call(cases[i].expected);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        atomic_store(&wrong, 0);
        memreclaim();
        int crossed = edge_sweep(call_and_compare, &cases[i]);
        ok(atomic_load(&wrong) == 0, "%s: %d of %d wrong", cases[i].name, atomic_load(&wrong),
           EDGE_CASES);
        ok(crossed >= (cases[i].shallow ? 1 : EDGE_CASES / 8), "%s: %d crossed the edge",
           cases[i].name, crossed);
    }
}

/* ---- malloc and free ---- */

static NOINLINE void allocate(void *arg)
{
    static const size_t sizes[] = {1, 64, 1000, 5000, 40000, 300000};

    (void)arg;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        char *p = malloc(sizes[i]), *q;
        if (!p)
            atomic_fetch_add(&wrong, 1);
        memset(p, 1, sizes[i]);
        q = realloc(p, sizes[i] * 3);
        if (!q || q[0] != 1 || q[sizes[i] - 1] != 1)
            atomic_fetch_add(&wrong, 1);
        free(q);
    }
}

/* The heap's slow paths take locks and pages; a fault that wants a page comes in between. */
static void test_malloc(void)
{
    atomic_store(&wrong, 0);
    memreclaim();
    int crossed = edge_sweep(allocate, NULL);
    ok(atomic_load(&wrong) == 0, "malloc, realloc, free: %d wrong", atomic_load(&wrong));
    ok(crossed >= 1, "malloc, realloc, free: %d crossed the edge", crossed);
}

/* ---- go() and gosched() ---- */

static atomic_int born;

static void be_born(void *arg)
{
    (void)arg;
    atomic_fetch_add(&born, 1);
}

static NOINLINE void give_birth(void *arg)
{
    (void)arg;
    if (go(be_born, NULL))
        atomic_fetch_add(&wrong, 1);
    gosched();
}

static void test_go(void)
{
    atomic_store(&wrong, 0);
    memreclaim();
    int crossed = edge_sweep(give_birth, NULL);
    while (numgoroutine() > 1)
        gosched();
    ok(atomic_load(&wrong) == 0 && atomic_load(&born) == EDGE_CASES, "go() and gosched(): %d born",
       atomic_load(&born));
    ok(crossed >= 1, "go() and gosched(): %d crossed the edge", crossed);
}

/* ---- locks ---- */

static struct rmutex mutex = RMUTEX_INIT;
static int guarded; // mutex

static NOINLINE void lock_and_count(void *arg)
{
    (void)arg;
    rmutex_lock(&mutex);
    int was = guarded;
    rmutex_lock(&mutex);
    gosched();
    guarded = was + 1;
    rmutex_unlock(&mutex);
    rmutex_unlock(&mutex);
}

static void hold_and_grow(void *arg)
{
    (void)arg;
    rmutex_lock(&mutex);
    int was = guarded;
    if (!deep(100 * KIB))
        atomic_fetch_add(&wrong, 1);
    gosched();
    if (!deep(200 * KIB))
        atomic_fetch_add(&wrong, 1);
    guarded = was + 1;
    rmutex_unlock(&mutex);
    chan_send(finished, NULL);
}

static void test_locks(void)
{
    enum { N = 40 };

    atomic_store(&wrong, 0);
    memreclaim();
    for (int i = 0; i < N; i++)
        start(hold_and_grow, NULL);
    join(N);
    ok(guarded == N && atomic_load(&wrong) == 0, "%d holders of one mutex grow to 200 KiB: %d", N,
       guarded);
    guarded = 0;
    memreclaim();
    int crossed = edge_sweep(lock_and_count, NULL);
    ok(guarded == EDGE_CASES, "the mutex's own functions at the edge: %d of %d", guarded,
       EDGE_CASES);
    ok(crossed >= 1, "the mutex's own functions: %d crossed the edge", crossed);
}

/* Long lines from many at once: growth inside printf while the others wait for its lock. */
static void print_long(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++)
        printf("# %.*f %.*f\n", 20 + i, 1.0 / 3, 40 + i, 2.0 / 3);
    chan_send(finished, NULL);
}

static void test_printf(void)
{
    memreclaim();
    for (int i = 0; i < 2 * ncore; i++)
        start(print_long, NULL);
    join(2 * ncore);
    ok(true, "%d goroutines print from stacks of a page", 2 * ncore);
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_libc();
    test_malloc();
    test_go();
    test_locks();
    test_printf();
    return done();
}
