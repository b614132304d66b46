/*
 * test_timerheap.c - the heap of timers against an array that is searched.
 *
 * Goal:   the first slot is the earliest, whatever was put in, taken out or changed where; every
 *         timer knows its place; nothing is lost and nothing is there twice.
 * Method: random calls, few and many different times, up to 100,000 timers. The model is each
 *         timer's own record of whether it is in and of its time; small heaps are compared after
 *         every call, large ones now and then. The heap's array ends where the sanitizer sees an
 *         access behind it.
 * Budget: 5 s.
 */
#include "sched/timerheap.h"

#include "rt0/time.h"
#include "tests/host/tap.h"

struct item {
    struct timer t;
    bool in;
    int64_t when;
};

static struct item *items;
static struct timer_slot *heap;
static uint32_t n, most;

static void begin(uint32_t timers)
{
    items = calloc(timers, sizeof *items);
    heap = calloc(timers, sizeof *heap);
    if (!items || !heap)
        abort();
    n = 0;
    most = timers;
}

static void end(void)
{
    free(items);
    free(heap);
}

static struct item *item_of(struct timer *t)
{
    return (struct item *)t;
}

/* ---- calls, with the model kept ---- */

static void push(struct item *it, int64_t when)
{
    it->in = true;
    it->when = when;
    timerheap_push(heap, n++, when, &it->t);
}

static void take_out(struct item *it)
{
    it->in = false;
    timerheap_remove(heap, n--, it->t.index);
}

static void change(struct item *it, int64_t when)
{
    it->when = when;
    timerheap_update(heap, n, it->t.index, when);
}

/* ---- the model's word ---- */

static int64_t earliest(void)
{
    int64_t when = INT64_MAX;

    for (uint32_t i = 0; i < most; i++)
        if (items[i].in && items[i].when < when)
            when = items[i].when;
    return when;
}

static bool agrees(void)
{
    uint32_t in = 0;

    for (uint32_t i = 0; i < most; i++) {
        const struct item *it = &items[i];
        in += it->in;
        if (it->in && (it->t.index >= n || heap[it->t.index].t != &it->t ||
                       heap[it->t.index].when != it->when))
            return false;
    }
    return in == n && timerheap_check(heap, n) && (n == 0 || heap[0].when == earliest());
}

/* ---- random calls ---- */

static int64_t random_when(uint64_t different)
{
    switch (rnd_below(50)) {
    case 0:
        return INT64_MAX - 1;
    case 1:
        return 0;
    default:
        return (int64_t)(rnd() % different);
    }
}

/* A phase puts in more than it takes out, or the reverse. */
static void random_call(bool filling, uint64_t different)
{
    struct item *it = &items[rnd_below(most)];
    bool grow = rnd_below(4) ? filling : !filling;

    if (!it->in && grow)
        push(it, random_when(different));
    else if (it->in && !grow)
        take_out(rnd_below(2) ? it : item_of(heap[0].t));
    else if (it->in)
        change(it, random_when(different));
}

static void test_random(uint32_t timers, size_t calls, uint64_t different)
{
    size_t i, look = timers <= 64 ? 1 : calls / 20;
    uint32_t highest = 0;
    bool good = true;

    begin(timers);
    for (i = 0; i < calls && good; i++) {
        random_call(i / (calls / 4 + 1) % 2 == 0, different);
        highest = n > highest ? n : highest;
        good = i % look || agrees();
    }
    ok(good && agrees(), "%u timers, %lu times: %zu random calls, %u in at most", timers,
       (unsigned long)different, i, highest);
    end();
}

/* ---- sorting ---- */

static void test_sorts(uint32_t timers, uint64_t different)
{
    bool in_order = true;
    int64_t last = -1;

    begin(timers);
    for (uint32_t i = 0; i < timers; i++)
        push(&items[i], random_when(different));
    ok(agrees(), "%u timers are in", timers);
    while (n) {
        struct item *it = item_of(heap[0].t);
        in_order &= heap[0].when >= last && it->in && heap[0].when == it->when;
        last = heap[0].when;
        take_out(it);
    }
    ok(in_order && agrees(), "and come out in order, each once");
    end();
}

/* ---- single steps ---- */

static void test_small(void)
{
    begin(6);
    ok(timerheap_check(heap, 0), "an empty heap");
    push(&items[0], 7);
    ok(n == 1 && heap[0].t == &items[0].t && items[0].t.index == 0, "of one");
    take_out(&items[0]);
    ok(agrees(), "and empty again");
    for (int i = 0; i < 6; i++)
        push(&items[i], 10 - i);
    ok(heap[0].t == &items[5].t && agrees(), "put in the wrong way round");
    change(&items[5], 5 + 5);
    ok(heap[0].t == &items[4].t && agrees(), "the first becomes the last");
    change(&items[0], -3);
    ok(heap[0].t == &items[0].t && agrees(), "the last becomes the first");
    change(&items[0], -3);
    ok(heap[0].t == &items[0].t && agrees(), "and stays it");
    take_out(item_of(heap[n - 1].t));
    ok(agrees(), "the last slot is taken out");
    while (n)
        take_out(item_of(heap[n / 2].t));
    ok(agrees(), "from the middle until it is empty");
    end();
}

/* The one that fills a hole may belong above it: it comes from another branch. */
static void test_hole_filled_from_another_branch(void)
{
    static const int64_t when[] = {0, 100, 1, 2, 3, 101, 102, 103, 104, 4};
    enum { N = sizeof when / sizeof when[0] };

    begin(N);
    for (int i = 0; i < N; i++)
        push(&items[i], when[i]);
    ok(agrees() && heap[N - 1].when == 4, "a late branch, and an early slot in another one");
    take_out(&items[5]);
    ok(agrees(), "a hole below the late branch's top gets the early one, which goes up");
    end();
}

/* The check itself can fail. */
static void test_check(void)
{
    begin(3);
    for (int i = 0; i < 3; i++)
        push(&items[i], i);
    heap[1].when = -1;
    ok(!timerheap_check(heap, n), "a slot before its parent is seen");
    heap[1].when = 1;
    items[2].t.index = 0;
    ok(!timerheap_check(heap, n), "a timer that does not know its place is seen");
    end();
}

int main(void)
{
    test_small();
    test_hole_filled_from_another_branch();
    test_check();
    test_random(1, 1000, 5);
    test_random(2, 5000, 3);
    test_random(5, 20000, 4);
    test_random(21, 20000, 10);
    test_random(64, 40000, 1000000);
    test_random(1000, 300000, 7);
    test_random(1000, 300000, UINT64_C(1) << 62);
    test_random(100000, 3000000, 1000);
    test_random(100000, 3000000, UINT64_C(1) << 62);
    test_sorts(1000, 1);
    test_sorts(100000, 5000);
    test_sorts(100000, UINT64_C(1) << 62);
    return done();
}
