/*
 * prog_heap.c - misuses the heap in the way that its argument names, uses it up, or measures it;
 * tests/check/heap looks at what comes of it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/layout.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/time.h"

#define NOINLINE __attribute__((noinline, noclone))

/* Out of the compiler's sight. */
static void *volatile object;
static char in_data[64];

static NOINLINE void double_free(void)
{
    object = malloc(64);
    free(object);
    free(object);
}

/* The only object of its span, so the span goes back to the page allocator. */
static NOINLINE void double_free_released(void)
{
    enum { N = 100 };
    void *p[N];

    for (int i = 0; i < N; i++)
        p[i] = malloc(1000);
    for (int i = 0; i < N; i++)
        free(p[i]);
    free(p[N / 2]);
}

static NOINLINE void double_free_large(void)
{
    object = malloc(100000);
    free(object);
    free(object);
}

/* Freed by others, so what the owner has in its bitmap does not say so. */
static struct chan *freed;

static void free_object(void *p)
{
    free(p);
    chan_send(freed, NULL);
}

static NOINLINE void double_free_elsewhere(void)
{
    freed = chan_make(0, 0);
    object = malloc(64);
    for (int i = 0; i < 2; i++) {
        go(free_object, object);
        chan_recv(freed, NULL);
    }
}

static NOINLINE void free_interior(void)
{
    char *volatile p = malloc(64);
    object = p + 16;
    free(object);
}

static NOINLINE void free_unaligned(void)
{
    char *volatile p = malloc(64);
    object = p + 3;
    free(object);
}

static NOINLINE void free_interior_large(void)
{
    char *volatile p = malloc(100000);
    object = p + 8192;
    free(object);
}

/* 256 objects of 16 bytes fill a page; 85 of 48 leave 16 bytes. */
static NOINLINE void free_behind(void)
{
    uintptr_t p = (uintptr_t)malloc(48);
    object = (void *)((p & ~(uintptr_t)(PAGE_SIZE - 1)) + 85 * 48);
    free(object);
}

static NOINLINE void free_stack(void)
{
    char on_stack[64];

    object = on_stack;
    free(object);
}

static NOINLINE void free_static(void)
{
    object = in_data;
    free(object);
}

static NOINLINE void free_near_null(void)
{
    object = (void *)8;
    free(object);
}

static NOINLINE void free_wild(void)
{
    object = (void *)0x123456789abc0;
    free(object);
}

/* Memory of the machine, or not, but never the heap's: its part of the span table is not mapped. */
static NOINLINE void free_unmapped(void)
{
    object = (void *)(uintptr_t)(DIRECT_BASE + DIRECT_BYTES / 2 + 0x12340);
    free(object);
}

static NOINLINE void realloc_unmapped(void)
{
    object = (void *)(uintptr_t)(DIRECT_BASE + DIRECT_BYTES / 2 + 0x12340);
    object = realloc(object, 10);
}

/* The same, where the table is mapped: next to the heap's own pages. */
static NOINLINE void free_page(void)
{
    uintptr_t p = (uintptr_t)malloc(64);
    object = (void *)((p & ~(uintptr_t)0x1fffff) + 0x1ff000);
    free(object);
}

static NOINLINE void realloc_freed(void)
{
    object = malloc(64);
    free(object);
    object = realloc(object, 100);
}

static NOINLINE void realloc_interior(void)
{
    char *volatile p = malloc(64);
    object = p + 16;
    object = realloc(object, 100);
}

static NOINLINE void usable_freed(void)
{
    object = malloc(64);
    free(object);
    printf("%zu\n", malloc_usable_size(object));
}

/* ---- all there is ---- */

struct list {
    struct list *next;
};

static size_t take_all(struct list **list, size_t bytes)
{
    struct list *b;
    size_t n = 0;

    errno = 0;
    for (; (b = malloc(bytes)); n++) {
        b->next = *list;
        *list = b;
    }
    printf("no memory after %zu objects of %zu bytes: %s\n", n, bytes, strerror(errno));
    return n;
}

static void give_back(struct list *list)
{
    for (struct list *b; (b = list);) {
        list = b->next;
        free(b);
    }
}

/* Mixed sizes in between, so that what one size had serves another. */
static void exhaust(void)
{
    static const size_t sizes[] = {64, 1 << 20, 3000, 40000, 16, 64};
    size_t n[6];

    for (int i = 0; i < 6; i++) {
        struct list *list = NULL;
        n[i] = take_all(&list, sizes[i]);
        if (aligned_alloc(16, sizes[i]) || calloc(1, sizes[i]) || realloc(NULL, sizes[i]))
            printf("there is more\n");
        give_back(list);
    }
    if (n[5] >= n[0] - n[0] / 50)
        printf("all of it came back\n");
    void *p = malloc(100000);
    printf("%s\n", p ? "it goes on" : "nothing left");
    free(p);
}

/* ---- instructions: with ICOUNT=1 a nanosecond is one ---- */

enum { ROUNDS = 200000 };

static void pair(void)
{
    int64_t start = nanotime();

    for (int i = 0; i < ROUNDS; i++) {
        void *p = malloc(64);
        __asm__ volatile("" : "+r"(p));
        free(p);
    }
    int64_t ns = nanotime() - start;
    printf("malloc and free: %ld.%02ld ns\n", ns / ROUNDS, ns % ROUNDS * 100 / ROUNDS);
}

/* Objects that stay: what a new span costs, and frees that are not the owner's. */
static void bulk(void)
{
    enum { N = 20000 };
    static void *p[N];
    int64_t start = nanotime();

    for (int i = 0; i < N; i++)
        p[i] = malloc(64);
    int64_t middle = nanotime();
    for (int i = 0; i < N; i++)
        free(p[i]);
    int64_t end = nanotime();
    printf("malloc of many: %ld ns each; free: %ld ns\n", (middle - start) / N, (end - middle) / N);
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    {"double_free", double_free},
    {"double_free_released", double_free_released},
    {"double_free_large", double_free_large},
    {"double_free_elsewhere", double_free_elsewhere},
    {"free_interior", free_interior},
    {"free_unaligned", free_unaligned},
    {"free_interior_large", free_interior_large},
    {"free_behind", free_behind},
    {"free_stack", free_stack},
    {"free_static", free_static},
    {"free_near_null", free_near_null},
    {"free_wild", free_wild},
    {"free_unmapped", free_unmapped},
    {"realloc_unmapped", realloc_unmapped},
    {"free_page", free_page},
    {"realloc_freed", realloc_freed},
    {"realloc_interior", realloc_interior},
    {"usable_freed", usable_freed},
    {"exhaust", exhaust},
    {"pair", pair},
    {"bulk", bulk},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            printf("went on\n");
            return 0;
        }
    printf("no such way\n");
    return 1;
}
