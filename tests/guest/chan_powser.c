/*
 * chan_powser.c - arithmetic of power series, a goroutine for each term and operation.
 *
 * Goal:   thousands of goroutines that ask one another for terms, by send, receive and select, give the right ones.
 * Method: a series is two channels: one to ask for the next term, one on which it comes. Operations are goroutines that
 *         ask theirs; a series that is used twice is split by goroutines that serve two who ask. The coefficients of
 *         known series come out exactly, as fractions. Goroutines that nobody asks any more stay until the end.
 * Budget: 5 s.
 * Source: the idea, the series and the operations are those of Go's test/chan/powser1.go (McIlroy, "Squinting at Power
 *         Series"); of reversion there are only the expected results there.
 */
#include <stdlib.h>

#include "tests/guest/many.h"

/* ---- fractions ---- */

struct rat {
    int64_t num, den; // lowest terms, den > 0; den == 0: the series has ended
};

static const struct rat zero = {0, 1}, one = {1, 1}, end = {1, 0};

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

static struct rat ratio(int64_t num, int64_t den)
{
    int64_t g = gcd(num, den);

    g = den < 0 ? -g : g;
    return (struct rat){num / g, den / g};
}

static bool ended(struct rat r)
{
    return r.den == 0;
}

static struct rat rat_add(struct rat a, struct rat b)
{
    int64_t g = gcd(a.den, b.den);

    return ratio(a.num * (b.den / g) + b.num * (a.den / g), a.den * (b.den / g));
}

static struct rat rat_mul(struct rat a, struct rat b)
{
    int64_t g = gcd(a.num, b.den), h = gcd(b.num, a.den);

    g += !g;
    h += !h;
    return ratio((a.num / g) * (b.num / h), (a.den / h) * (b.den / g));
}

static struct rat rat_neg(struct rat a)
{
    return (struct rat){-a.num, a.den};
}

/* ---- series ---- */

struct series {
    struct chan *asked, *terms;
};

static struct series series_new(void)
{
    return (struct series){make(0, 0), make(sizeof(struct rat), 0)};
}

static void await_ask(struct series s)
{
    chan_recv(s.asked, NULL);
}

static void answer(struct series s, struct rat r)
{
    chan_send(s.terms, &r);
}

static void put(struct series s, struct rat r)
{
    await_ask(s);
    answer(s, r);
}

static struct rat get(struct series s)
{
    struct rat r;

    chan_send(s.asked, NULL);
    chan_recv(s.terms, &r);
    return r;
}

/* Of both at once, in whichever order they are ready to be asked and to answer. */
static void get_two(struct series a, struct series b, struct rat *r)
{
    struct select_case cases[2] = {{.dir = SELECT_SEND, .c = a.asked},
                                   {.dir = SELECT_SEND, .c = b.asked}};

    for (int left = 4; left > 0; left--) {
        int i = chan_select(cases, 2, DEADLINE_NONE);
        if (cases[i].dir == SELECT_SEND)
            cases[i] = (struct select_case){
                .dir = SELECT_RECV, .c = i ? b.terms : a.terms, .elem = &r[i]};
        else
            cases[i].c = NULL;
    }
}

/* ---- goroutines that make series ---- */

struct job {
    void (*body)(struct job *);
    struct series out, other, u, v; // other: the second one that a split gives
    struct rat c;
    const struct rat *a; // coefficients, n of them
    int64_t n;
    struct chan *turn; // of a split: the one before has served both
};

static void run(void *arg)
{
    struct job job = *(struct job *)arg;

    free(arg);
    job.body(&job);
}

static void spawn(struct job job)
{
    struct job *copy = must(malloc(sizeof job));

    *copy = job;
    start(run, copy);
}

static struct series make_series(struct job job)
{
    job.out = series_new();
    spawn(job);
    return job.out;
}

static void copy(struct series from, struct series to)
{
    struct rat r;

    do {
        await_ask(to);
        r = get(from);
        answer(to, r);
    } while (!ended(r));
}

static void do_repeat(struct job *j)
{
    for (;;)
        put(j->out, j->c);
}

static struct series repeat(struct rat c)
{
    return make_series((struct job){.body = do_repeat, .c = c});
}

/* ---- splitting ---- */

/* One term for two who ask. Until the stage before has served both, only the faster one is listened to here: what the
 * other one asks is meant for that. */
static void split_stage(struct job *j)
{
    struct select_case cases[3] = {{.dir = SELECT_RECV, .c = j->out.asked},
                                   {.dir = SELECT_RECV, .c = j->turn},
                                   {.dir = SELECT_RECV, .c = j->other.asked}};
    int first = chan_select(cases, 2, DEADLINE_NONE);
    bool our_turn = first == 1;

    if (our_turn) {
        cases[1].c = NULL;
        first = chan_select(cases, 3, DEADLINE_NONE);
    }
    struct series fast = first ? j->other : j->out, slow = first ? j->out : j->other;
    struct job next = {
        .body = split_stage, .u = j->u, .out = fast, .other = slow, .turn = make(0, 0)};
    chan_send(j->u.asked, NULL);
    spawn(next);
    struct rat r;
    chan_recv(j->u.terms, &r);
    answer(fast, r);
    if (!our_turn)
        chan_recv(j->turn, NULL);
    put(slow, r);
    chan_send(next.turn, NULL);
}

static void split_to(struct series u, struct series *to)
{
    struct job first = {
        .body = split_stage, .u = u, .out = to[0], .other = to[1], .turn = make(0, 0)};

    spawn(first);
    chan_send(first.turn, NULL);
}

static void split(struct series u, struct series *to)
{
    to[0] = series_new();
    to[1] = series_new();
    split_to(u, to);
}

/* ---- operations ---- */

static void do_add(struct job *j)
{
    struct rat r[2] = {zero, zero};

    for (;;) {
        await_ask(j->out);
        get_two(j->u, j->v, r);
        if (ended(r[0]) || ended(r[1]))
            break;
        answer(j->out, rat_add(r[0], r[1]));
    }
    answer(j->out, ended(r[0]) ? r[1] : r[0]);
    if (!ended(r[0]) || !ended(r[1]))
        copy(ended(r[0]) ? j->v : j->u, j->out);
}

static struct series add(struct series u, struct series v)
{
    return make_series((struct job){.body = do_add, .u = u, .v = v});
}

static void do_scale(struct job *j)
{
    struct rat r;

    do {
        await_ask(j->out);
        r = get(j->u);
        answer(j->out, ended(r) ? end : rat_mul(j->c, r));
    } while (!ended(r));
}

static struct series scale(struct rat c, struct series u)
{
    return make_series((struct job){.body = do_scale, .c = c, .u = u});
}

static struct series sub(struct series u, struct series v)
{
    return add(u, scale(rat_neg(one), v));
}

/* c + x u */
static void do_shift(struct job *j)
{
    put(j->out, j->c);
    copy(j->u, j->out);
}

static struct series shift(struct rat c, struct series u)
{
    return make_series((struct job){.body = do_shift, .c = c, .u = u});
}

/* x^n u */
static void do_multiply_monomial(struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        put(j->out, zero);
    copy(j->u, j->out);
}

static struct series multiply_monomial(struct series u, int64_t n)
{
    return make_series((struct job){.body = do_multiply_monomial, .u = u, .n = n});
}

/* c x^n */
static void do_monomial(struct job *j)
{
    for (int64_t i = 0; j->c.num && i < j->n; i++)
        put(j->out, zero);
    if (j->c.num)
        put(j->out, j->c);
    put(j->out, end);
}

static struct series monomial(struct rat c, int64_t n)
{
    return make_series((struct job){.body = do_monomial, .c = c, .n = n});
}

/* It ends behind the last coefficient that is not 0. */
static void do_polynomial(struct job *j)
{
    int64_t n = j->n;

    while (n > 0 && !j->a[n - 1].num)
        n--;
    for (int64_t i = 0; i < n; i++)
        put(j->out, j->a[i]);
    put(j->out, end);
}

static struct series polynomial(const struct rat *a, int64_t n)
{
    return make_series((struct job){.body = do_polynomial, .a = a, .n = n});
}

/* (a + xA)(b + xB) = ab + x(aB + bA + xAB) */
static struct series mul(struct series u, struct series v);

static void do_mul(struct job *j)
{
    struct rat r[2];
    struct series us[2], vs[2], w;

    await_ask(j->out);
    get_two(j->u, j->v, r);
    if (ended(r[0]) || ended(r[1])) {
        answer(j->out, end);
        return;
    }
    answer(j->out, rat_mul(r[0], r[1]));
    split(j->u, us);
    split(j->v, vs);
    w = add(scale(r[0], vs[0]), scale(r[1], us[0]));
    await_ask(j->out);
    answer(j->out, get(w));
    copy(add(w, mul(us[1], vs[1])), j->out);
}

static struct series mul(struct series u, struct series v)
{
    return make_series((struct job){.body = do_mul, .u = u, .v = v});
}

static void do_diff(struct job *j)
{
    struct rat r;

    await_ask(j->out);
    r = get(j->u);
    for (int64_t n = 1; !ended(r); n++) {
        r = get(j->u);
        answer(j->out, ended(r) ? end : rat_mul(ratio(n, 1), r));
        if (!ended(r))
            await_ask(j->out);
    }
}

static struct series diff(struct series u)
{
    return make_series((struct job){.body = do_diff, .u = u});
}

static void do_integral(struct job *j)
{
    struct rat r = one;

    put(j->out, j->c);
    for (int64_t n = 1; !ended(r); n++) {
        await_ask(j->out);
        r = get(j->u);
        answer(j->out, ended(r) ? end : rat_mul(ratio(1, n), r));
    }
}

static struct series integral(struct rat c, struct series u)
{
    return make_series((struct job){.body = do_integral, .c = c, .u = u});
}

/* (1 + x)^c */
static void do_binomial(struct job *j)
{
    struct rat t = one, c = j->c;

    for (int64_t n = 1; c.num; n++) {
        put(j->out, t);
        t = rat_mul(rat_mul(t, c), ratio(1, n));
        c = rat_add(c, rat_neg(one));
    }
    put(j->out, t);
    put(j->out, end);
}

static struct series binomial(struct rat c)
{
    return make_series((struct job){.body = do_binomial, .c = c});
}

/* 1 / u: z = 1/u0, and the rest is -z (u - u0) times the result itself */
static void do_reciprocal(struct job *j)
{
    struct series self[2] = {series_new(), series_new()};

    await_ask(j->out);
    struct rat u = get(j->u), z = ratio(u.den, u.num);
    answer(j->out, z);
    split_to(mul(scale(rat_neg(z), j->u), shift(z, self[0])), self);
    copy(self[1], j->out);
}

static struct series reciprocal(struct series u)
{
    return make_series((struct job){.body = do_reciprocal, .u = u});
}

/* e^u, u0 taken for 0: the integral of itself times u' */
static struct series exponential(struct series u)
{
    struct series self[2] = {series_new(), series_new()};

    split_to(integral(one, mul(self[0], diff(u))), self);
    return self[1];
}

/* u(v), v0 being 0 */
static struct series substitute(struct series u, struct series v);

static void do_substitute(struct job *j)
{
    struct series vs[2];
    struct rat r;

    split(j->v, vs);
    await_ask(j->out);
    r = get(j->u);
    answer(j->out, r);
    if (ended(r))
        return;
    if (ended(get(vs[0])))
        put(j->out, end);
    else
        copy(mul(vs[0], substitute(j->u, vs[1])), j->out);
}

static struct series substitute(struct series u, struct series v)
{
    return make_series((struct job){.body = do_substitute, .u = u, .v = v});
}

/* u(c x^n) */
static void do_substitute_monomial(struct job *j)
{
    struct rat c = one, r;

    for (;;) {
        await_ask(j->out);
        r = get(j->u);
        answer(j->out, ended(r) ? end : rat_mul(r, c));
        if (ended(r))
            return;
        c = rat_mul(c, j->c);
        for (int64_t i = 1; i < j->n; i++)
            put(j->out, zero);
    }
}

static struct series substitute_monomial(struct series u, struct rat c, int64_t n)
{
    return make_series((struct job){.body = do_substitute_monomial, .u = u, .c = c, .n = n});
}

/* r with u(r) = x, u0 being 0: x times the reciprocal of (u / x)(r), in which r comes itself */
static void do_reversion(struct job *j)
{
    struct series self[2] = {series_new(), series_new()};

    await_ask(j->out);
    answer(j->out, get(j->u));
    split_to(reciprocal(substitute(j->u, shift(zero, self[0]))), self);
    copy(self[1], j->out);
}

static struct series reversion(struct series u)
{
    return make_series((struct job){.body = do_reversion, .u = u});
}

/* The value at c of the first n terms. */
static struct rat value(struct rat c, struct series u, int n)
{
    struct rat r = n > 0 ? get(u) : end;

    return ended(r) ? zero : rat_add(r, rat_mul(c, value(c, u, n - 1)));
}

/* ---- what comes out ---- */

enum { N = 10 };

static bool gives(struct series s, const struct rat *expected, int n)
{
    bool all = true;

    for (int i = 0; i < n; i++) {
        struct rat r = get(s);
        if (r.num != expected[i].num || r.den != expected[i].den) {
            printf("# term %d: %ld/%ld, not %ld/%ld\n", i, (long)r.num, (long)r.den,
                   (long)expected[i].num, (long)expected[i].den);
            all = false;
        }
    }
    return all;
}

static bool gives_all(struct series s, struct rat c)
{
    struct rat a[N];

    for (int i = 0; i < N; i++)
        a[i] = c;
    return gives(s, a, N);
}

static struct series ones(void)
{
    return repeat(one);
}

static struct series twos(void)
{
    return repeat(ratio(2, 1));
}

static void test_linear(void)
{
    struct rat a[N] = {zero};

    ok(gives_all(ones(), one), "ones");
    ok(gives_all(add(ones(), ones()), ratio(2, 1)), "ones and ones");
    ok(gives_all(add(ones(), twos()), ratio(3, 1)), "ones and twos");
    ok(gives_all(scale(ratio(-1, 1), twos()), ratio(-2, 1)), "minus twos");
    ok(gives_all(sub(ones(), twos()), ratio(-1, 1)), "ones without twos");
    for (int i = 1; i < N; i++)
        a[i] = ratio(1, i);
    ok(gives(integral(zero, ones()), a, N), "an integral");
    for (int i = 0; i < N; i++)
        a[i] = ratio(i + 1, 1);
    ok(gives(diff(ones()), a, N), "a derivative");
    ok(gives(mul(ones(), ones()), a, N), "a product");
}

static const struct rat one_two_three[] = {{1, 1}, {2, 1}, {3, 1}, {0, 1}, {0, 1}};

static struct series some_terms(void)
{
    return polynomial(one_two_three, LENGTH(one_two_three));
}

static bool is(struct rat r, int64_t num, int64_t den)
{
    return r.num == num && r.den == den;
}

/* Those that end, on either side of an operation. */
static void test_finite(void)
{
    static const struct rat p[] = {{1, 1}, {2, 1}, {3, 1}, {1, 0}}, nothing[] = {{1, 0}},
                            sum[] = {{2, 1}, {3, 1}, {4, 1}, {1, 1}, {1, 1}},
                            twice[] = {{2, 1}, {4, 1}, {6, 1}, {1, 0}},
                            far[] = {{0, 1}, {0, 1}, {5, 1}, {1, 0}},
                            square[] = {{1, 1}, {4, 1}, {10, 1}, {12, 1}, {9, 1}, {1, 0}},
                            shifted[] = {{0, 1}, {0, 1}, {1, 1}, {2, 1}, {3, 1}, {1, 0}},
                            slope[] = {{2, 1}, {6, 1}, {1, 0}},
                            area[] = {{7, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 0}};

    ok(gives(some_terms(), p, 4) && gives(polynomial(one_two_three + 3, 2), nothing, 1),
       "polynomials");
    ok(gives(add(some_terms(), ones()), sum, 5) && gives(add(ones(), some_terms()), sum, 5) &&
           gives(add(some_terms(), some_terms()), twice, 4),
       "sums of which one side ends, or both");
    ok(gives(monomial(ratio(5, 1), 2), far, 4) && gives(monomial(zero, 2), nothing, 1),
       "monomials");
    ok(gives(multiply_monomial(some_terms(), 2), shifted, 6), "times x^2");
    ok(gives(mul(some_terms(), some_terms()), square, 6), "the square of a polynomial");
    ok(gives(diff(some_terms()), slope, 3) && gives(integral(ratio(7, 1), some_terms()), area, 5),
       "its derivative and integral");
    ok(is(value(ratio(2, 1), some_terms(), 100), 17, 1) &&
           is(value(ratio(1, 2), ones(), N), 1023, 512) && is(value(one, ones(), 0), 0, 1),
       "values");
}

static void test_known(void)
{
    static const struct rat e[N] = {{1, 1},        {1, 1},           {3, 2},      {13, 6},
                                    {73, 24},      {167, 40},        {4051, 720}, {37633, 5040},
                                    {43817, 4480}, {4596553, 362880}};
    static const struct rat cube[] = {{1, 1}, {3, 1}, {3, 1}, {1, 1}, {1, 0}};
    static const struct rat tangent[N] = {{0, 1},  {1, 1}, {0, 1},    {1, 3}, {0, 1},
                                          {2, 15}, {0, 1}, {17, 315}, {0, 1}, {62, 2835}};
    static const struct rat root[] = {{1, 1}, {1, 2}, {-1, 8}, {1, 16}, {-5, 128}};
    struct rat a[N];

    ok(gives(exponential(ones()), e, N), "e to the ones");
    for (int i = 0; i < N; i++)
        a[i] = i % 2 ? ratio(i % 4 == 1 ? 1 : -1, i) : zero;
    ok(gives(integral(zero, substitute_monomial(ones(), ratio(-1, 1), 2)), a, N), "atan");
    ok(gives(reversion(integral(zero, substitute_monomial(ones(), ratio(-1, 1), 2))), tangent, N),
       "tan, the reversion of atan");
    ok(gives(binomial(ratio(3, 1)), cube, 5), "(1 + x)^3, which ends");
    ok(gives(binomial(ratio(1, 2)), root, 5), "the root of 1 + x, which does not");
    for (int i = 0; i < N; i++)
        a[i] = i < 2 ? ratio(i ? -1 : 1, 1) : zero;
    ok(gives(reciprocal(ones()), a, N), "1 / ones = 1 - x");
    for (int i = 0; i < N; i++)
        a[i] = ratio(i ? 1 << (i - 1) : 1, 1);
    ok(gives(substitute(ones(), shift(zero, ones())), a, N), "ones of x + x^2 + ...");
}

int main(void)
{
    test_linear();
    test_finite();
    test_known();
    printf("# %d goroutines are left\n", numgoroutine());
    return done();
}
