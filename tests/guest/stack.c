/*
 * stack.c - stacks grow under the goroutine that uses them, to their limit, and nothing moves.
 *
 * Goal:   any depth up to the limit, to the byte; any order of touching; frames of any size; from
 *         inside and from another core; with timer interrupts at every moment; addresses stay
 *         what they were.
 * Method: recursions that check each frame on the way back (deep.h), at depths from a page to 64
 *         MiB; frames that are not probed, of which the lowest byte is touched first.
 * Argument: the number of cores.
 * Budget: 8 s.
 */
#include <errno.h>
#include <string.h>

#include "rt0/mem.h"
#include "rt0/time.h"
#include "tests/guest/deep.h"

static int ncore;

/* ---- go_with() ---- */

static void say_so(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    chan_send(finished, NULL);
}

static void test_refusals(void)
{
    static const size_t refused[] = {
        1, PAGE_SIZE, GO_STACK_MIN - 1, GO_STACK_MAX + 1, 2 * GO_STACK_MAX, SIZE_MAX};
    struct go_attr attr = {0};
    atomic_int ran = 0;

    for (size_t i = 0; i < LENGTH(refused); i++) {
        attr.stack_max_bytes = refused[i];
        ok(go_with(&attr, say_so, &ran) == -EINVAL, "a stack of %zu bytes is refused", refused[i]);
    }
    attr.stack_max_bytes = GO_STACK_MIN;
    ok(go_with(&attr, NULL, &ran) == -EINVAL && go_with(NULL, NULL, &ran) == -EINVAL &&
           go(NULL, &ran) == -EINVAL,
       "no function: refused");
    attr.affinity = UINT64_C(1) << 63;
    ok(go_with(&attr, say_so, &ran) == -EINVAL, "affinity to a core that is not there: refused");
    ok(numgoroutine() == 1, "what is refused makes no goroutine");

    struct go_attr zero = {0};
    struct go_attr all = {"all", .stack_max_bytes = GO_STACK_MAX, .prio = 1, .weight = 2};
    int accepted = (go_with(NULL, say_so, &ran) == 0) + (go_with(&zero, say_so, &ran) == 0) +
                   (go_with(&all, say_so, &ran) == 0);
    join(accepted);
    ok(accepted == 3 && atomic_load(&ran) == 3, "no attributes, none set, all set: they run");
}

/* ---- limits ---- */

struct limit {
    size_t asked;
    size_t usable;  // what [lo, hi) was
    bool right;     // a recursion to its end found its frames again
    bool last_byte; // the lowest byte keeps what is written to it, and below it nothing is mapped
};

static void to_the_limit(void *arg)
{
    struct limit *l = arg;
    uintptr_t lo = getg()->stack->lo;
    struct deep d = {.seed = goid(), .floor = lo};

    l->usable = getg()->stack->hi - lo;
    l->right = deep_to(&d);
    *(volatile char *)lo = 'x';
    l->last_byte = *(volatile char *)lo == 'x' && mapped(lo) && !mapped(lo - 1);
    chan_send(finished, NULL);
}

/* Whole pages; and the lowest page of what is reserved, a power of two, stays away. */
static size_t usable_of(size_t asked)
{
    size_t reserved = (size_t)1 << STACK_SHIFT_MIN,
           pages = (asked + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    while (reserved < pages)
        reserved *= 2;
    return pages < reserved ? pages : reserved - PAGE_SIZE;
}

static void test_limits(void)
{
    static const size_t asked[] = {
        GO_STACK_MIN, GO_STACK_MIN + 1, 20 * KIB, 32 * KIB - 1, 32 * KIB,    48 * KIB, 64 * KIB,
        100 * KIB,    256 * KIB,        700001,   1 * MIB,      3 * MIB + 5, 4 * MIB,
    };

    for (size_t i = 0; i < LENGTH(asked); i++) {
        struct limit l = {.asked = asked[i]};
        if (go_with(&(struct go_attr){.stack_max_bytes = asked[i]}, to_the_limit, &l)) {
            ok(false, "a stack of at most %zu bytes", asked[i]);
            continue;
        }
        join(1);
        ok(l.right && l.last_byte && l.usable == usable_of(asked[i]),
           "at most %zu bytes asked: %zu can be used, %zu expected, down to the last byte",
           asked[i], l.usable, usable_of(asked[i]));
    }
    struct limit l = {0};
    start(to_the_limit, &l);
    join(1);
    ok(l.right && l.last_byte && l.usable == usable_of(256 * KIB),
       "go(): %zu bytes can be used, down to the last", l.usable);
}

/* ---- depth ---- */

struct dive {
    size_t bytes;
    bool right;
};

static void dive(void *arg)
{
    struct dive *d = arg;

    d->right = deep(d->bytes);
    /* Grown now; once more without a fault. */
    d->right &= deep(d->bytes);
    chan_send(finished, NULL);
}

static void dive_start(struct dive *d, size_t bytes)
{
    struct go_attr attr = {.stack_max_bytes = bytes + 64 * KIB};

    *d = (struct dive){.bytes = bytes};
    if (go_with(&attr, dive, d)) {
        ok(false, "no goroutine with %zu bytes of stack", bytes);
        exit(1);
    }
}

static void test_depths(void)
{
    static const size_t depths[] = {1 * KIB,   4 * KIB, 5 * KIB,  40 * KIB, 200 * KIB,
                                    300 * KIB, 1 * MIB, 17 * MIB, 64 * MIB};
    struct dive one, many[16];
    bool right = true;

    for (size_t i = 0; i < LENGTH(depths); i++) {
        dive_start(&one, depths[i]);
        join(1);
        ok(one.right, "recursion %zu KiB deep in a goroutine", depths[i] / KIB);
    }
    for (size_t i = 0; i < LENGTH(many); i++)
        dive_start(&many[i], (1 + i % 4) * MIB);
    join(LENGTH(many));
    for (size_t i = 0; i < LENGTH(many); i++)
        right &= many[i].right;
    ok(right, "%zu goroutines at once, to 4 MiB", LENGTH(many));
    ok(deep(7 * MIB), "recursion 7 MiB deep in main");
}

/* ---- large frames, touched in any order ---- */

static NO_PROBES int touch_lowest(size_t bytes)
{
    volatile char frame[bytes];

    frame[0] = 7;
    frame[bytes / 2] = 1;
    frame[bytes - 1] = 2;
    return frame[0] + frame[bytes / 2] + frame[bytes - 1];
}

static NO_PROBES int read_lowest(size_t bytes)
{
    volatile char frame[bytes], *at = frame;

    __asm__("" : "+r"(at)); // or the compiler sees that what is read was never written
    char first = at[0];
    at[0] = 10;
    return first == at[0] ? first : at[0];
}

static NO_PROBES int fixed_100k(size_t bytes)
{
    volatile char frame[100 * KIB];

    frame[0] = (char)bytes;
    frame[0] = 10;
    return frame[0];
}

static NOINLINE int probed_100k(size_t bytes)
{
    volatile char frame[100 * KIB];

    frame[0] = (char)bytes;
    frame[0] = 10;
    return frame[0];
}

static NOINLINE int probed_vla(size_t bytes)
{
    volatile char frame[bytes];

    frame[0] = 10;
    return frame[0];
}

static NOINLINE int several_allocas(size_t bytes)
{
    int sum = 0;

    for (size_t left = bytes; left >= 1000; left -= 1000) {
        volatile char *p = alloca(1000);
        p[0] = 1;
        sum += p[0];
    }
    return sum == (int)(bytes / 1000) ? 10 : sum;
}

/* From the top down and from the bottom up. */
static NO_PROBES int zigzag(size_t bytes)
{
    volatile char frame[bytes];
    int sum = 0;

    for (size_t i = 0; i < bytes / 2; i += 1000) {
        frame[bytes - 1 - i] = 1;
        frame[i] = 2;
    }
    for (size_t i = 0; i < bytes / 2; i += 1000)
        sum += frame[bytes - 1 - i] + frame[i];
    return sum == 3 * (int)((bytes / 2 + 999) / 1000) ? 10 : sum;
}

struct frame_case {
    int (*fn)(size_t bytes);
    size_t bytes;
    int got; // 10 is right
};

static void frame_goroutine(void *arg)
{
    struct frame_case *c = arg;

    c->got = c->fn(c->bytes);
    chan_send(finished, NULL);
}

static void test_frames(void)
{
    static const struct {
        const char *name;
        int (*fn)(size_t bytes);
    } kinds[] = {
        {"lowest byte written first", touch_lowest},  {"lowest byte read first", read_lowest},
        {"a fixed frame of 100 KiB", fixed_100k},     {"the same with probes", probed_100k},
        {"a variable array with probes", probed_vla}, {"many alloca()s", several_allocas},
        {"both ends towards the middle", zigzag},
    };
    static const size_t sizes[] = {2000, 4096, 8192, 65536, 100000, 180000, 240 * KIB};

    for (size_t k = 0; k < LENGTH(kinds); k++) {
        bool right = true;
        for (size_t i = 0; i < LENGTH(sizes); i++) {
            struct frame_case c = {kinds[k].fn, sizes[i], 0};
            start(frame_goroutine, &c);
            join(1);
            right &= check(c.got == 10, "%s, %zu bytes: %d", kinds[k].name, sizes[i], c.got);
        }
        ok(right, "large frames: %s", kinds[k].name);
    }
}

/* ---- touched by another goroutine first ---- */

enum { FOREIGN_BYTES = 150 * 1024, FOREIGN_STEP = 5000 };

struct foreign {
    _Atomic(volatile char *) array; // set by its owner once it is there
    atomic_int turn;                // the others' turn, then the owner's again
    bool was_unmapped, right;
};

/* Calls nothing: a call would touch what lies below the array, and map it all. */
static NO_PROBES void lend_array(struct foreign *f)
{
    volatile char array[FOREIGN_BYTES];
    bool right = true;

    atomic_store(&f->array, array);
    while (atomic_load(&f->turn) == 0)
        cpu_relax();
    for (size_t i = 0; i < FOREIGN_BYTES; i += FOREIGN_STEP)
        right &= array[i] == (char)(i / FOREIGN_STEP + 1);
    f->right = right;
}

static void lend(void *arg)
{
    lend_array(arg);
    chan_send(finished, NULL);
}

static void write_to_lent(struct foreign *f)
{
    volatile char *array;

    while (!(array = atomic_load(&f->array)))
        gosched();
    f->was_unmapped = !mapped((uintptr_t)array);
    for (size_t i = 0; i < FOREIGN_BYTES; i += FOREIGN_STEP)
        array[i] = (char)(i / FOREIGN_STEP + 1);
    atomic_store(&f->turn, 1);
}

static void test_foreign(void)
{
    enum { ROUNDS = 50 };
    int right = 0, unmapped = 0;

    if (ncore == 1)
        return;
    for (int i = 0; i < ROUNDS; i++) {
        struct foreign f = {0};
        memreclaim();
        start(lend, &f);
        write_to_lent(&f);
        join(1);
        right += f.right;
        unmapped += f.was_unmapped;
    }
    ok(right == ROUNDS, "%d arrays on a running goroutine's stack, written by another first: %d",
       ROUNDS, right);
    ok(unmapped > ROUNDS / 2, "of which the lowest page was not there before: %d", unmapped);
}

/* Both at once: the owner touches from the top, the other from the bottom. */
static NO_PROBES void race_array(struct foreign *f)
{
    volatile char array[FOREIGN_BYTES];
    bool right = true;

    atomic_store(&f->array, array);
    while (atomic_load(&f->turn) == 0)
        cpu_relax();
    for (size_t i = FOREIGN_BYTES; i > FOREIGN_BYTES / 2; i -= 100)
        array[i - 1] = (char)(i / 100 + 1);
    while (atomic_load(&f->turn) == 1)
        cpu_relax();
    for (size_t i = FOREIGN_BYTES; i > FOREIGN_BYTES / 2; i -= 100)
        right &= array[i - 1] == (char)(i / 100 + 1);
    for (size_t i = 0; i < FOREIGN_BYTES / 2; i += FOREIGN_STEP)
        right &= array[i] == (char)(i / FOREIGN_STEP + 1);
    f->right = right;
}

static void race(void *arg)
{
    race_array(arg);
    chan_send(finished, NULL);
}

static void test_foreign_race(void)
{
    enum { ROUNDS = 100 };
    int right = 0;

    if (ncore == 1)
        return;
    for (int i = 0; i < ROUNDS; i++) {
        struct foreign f = {0};
        volatile char *array;
        memreclaim();
        start(race, &f);
        while (!(array = atomic_load(&f.array)))
            gosched();
        atomic_store(&f.turn, 1);
        for (size_t k = FOREIGN_BYTES / 2; k > 0; k--)
            if ((k - 1) % FOREIGN_STEP == 0)
                array[k - 1] = (char)((k - 1) / FOREIGN_STEP + 1);
        atomic_store(&f.turn, 2);
        join(1);
        right += f.right;
    }
    ok(right == ROUNDS, "%d stacks grown by two cores at once: %d right", ROUNDS, right);
}

/* ---- pointers ---- */

struct note {
    uint64_t text[8];
    struct note *self;
};

struct lender {
    struct chan *give, *back;
    bool right;
};

/* Gives away a pointer into a shallow frame, then grows far below it. */
static void lend_note(void *arg)
{
    struct lender *l = arg;
    struct note note = {.self = &note}, *lent = &note;

    for (int round = 0; round < 5; round++) {
        l->right &= note.self == &note;
        for (size_t i = 0; i < LENGTH(note.text); i++)
            note.text[i] = goid() * 100 + i + (uint64_t)round;
        chan_send(l->give, &lent);
        l->right &= deep(200 * KIB);
        chan_recv(l->back, NULL);
        for (size_t i = 0; i < LENGTH(note.text); i++)
            l->right &= note.text[i] == goid() * 200 + 2 * (i + (uint64_t)round);
    }
    chan_send(finished, NULL);
}

static void test_pointers(void)
{
    enum { N = 8 };
    struct lender lenders[N];
    bool right = true;

    for (int i = 0; i < N; i++) {
        lenders[i] = (struct lender){make(sizeof(struct note *), 0), make(0, 0), true};
        start(lend_note, &lenders[i]);
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < N; i++) {
            struct note *note;
            chan_recv(lenders[i].give, &note);
            /* The owner may be growing at this moment, or be parked and shrunk. */
            memreclaim();
            for (size_t k = 0; k < LENGTH(note->text); k++)
                note->text[k] *= 2;
            right &= note->self == note;
            chan_send(lenders[i].back, NULL);
        }
    }
    join(N);
    for (int i = 0; i < N; i++)
        right &= lenders[i].right;
    ok(right, "pointers into %d stacks hold while these grow, shrink and grow again", N);
}

/* ---- interrupts ---- */

static atomic_ullong irqs;

/* A timer interrupt is on its way through every frame. */
static NOINLINE uint64_t recurse_armed(uint64_t n)
{
    volatile uint64_t frame[48];

    frame[0] = frame[47] = n ^ (uintptr_t)frame;
    clock_arm(nanotime() + (int64_t)(n * 37 % 2000));
    uint64_t below = n ? recurse_armed(n - 1) : 0;
    return (frame[0] ^ (uintptr_t)frame) + (frame[47] ^ (uintptr_t)frame) + below;
}

static void armed(void *arg)
{
    enum { DEPTH = 400 };
    /* It stays on its core: that is whose alarm it sets. */
    struct m *mp = acquirem();
    uint64_t before = atomic_load(&mp->timer_irqs), sum = recurse_armed(DEPTH);

    clock_arm(INT64_MAX);
    atomic_fetch_add(&irqs, atomic_load(&mp->timer_irqs) - before);
    releasem(mp);
    *(bool *)arg = sum == DEPTH * (DEPTH + 1);
    chan_send(finished, NULL);
}

static void test_interrupts(void)
{
    enum { ROUNDS = 20, MAX = 16 };
    bool good[MAX], right = true;

    for (int round = 0; round < ROUNDS; round++) {
        memreclaim();
        for (int i = 0; i < 2 * ncore && i < MAX; i++)
            start(armed, &good[i]);
        join(2 * ncore < MAX ? 2 * ncore : MAX);
        for (int i = 0; i < 2 * ncore && i < MAX; i++)
            right &= good[i];
    }
    ok(right, "stacks grow while timer interrupts come");
    ok(atomic_load(&irqs) > ROUNDS, "which came %llu times", atomic_load(&irqs));
}

int main(int argc, char **argv)
{
    ncore = argc > 1 ? atoi(argv[1]) : numcpu();
    finished = chan_make(0, 0);
    test_refusals();
    test_limits();
    test_depths();
    test_frames();
    test_foreign();
    test_foreign_race();
    test_pointers();
    test_interrupts();
    return done();
}
