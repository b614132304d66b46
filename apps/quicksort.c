/*
 * quicksort.c - sorts on all cores: one half of each part by a new goroutine, the other by the same one.
 *
 * Arguments: how many numbers (default 1000000).
 *
 * Parts below a limit are left to qsort(): a goroutine should have more to do than it costs. Nobody waits for his
 * half; main waits for all of them with one waitgroup.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt0/go.h"
#include "rt0/sync.h"

enum { SMALL = 4096 };

struct part {
    uint32_t *first;
    size_t n;
};

static struct waitgroup sorting;
static atomic_int goroutines;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Around the median of three: what is left of the result is not greater, what is right of it not less (Hoare). */
static size_t split(uint32_t *v, size_t n)
{
    uint32_t a = v[0], b = v[n / 2], c = v[n - 1];
    uint32_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    size_t i = 0, j = n - 1;

    for (;; i++, j--) {
        while (v[i] < pivot)
            i++;
        while (v[j] > pivot)
            j--;
        if (i >= j)
            return i == 0 ? 1 : i;
        uint32_t t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

static void sort_goroutine(void *arg);

static void sort(struct part p)
{
    while (p.n > SMALL) {
        size_t left = split(p.first, p.n);
        struct part *other = malloc(sizeof *other);
        waitgroup_add(&sorting, 1);
        if (!other || (*other = (struct part){p.first, left}, go(sort_goroutine, other))) {
            printf("out of memory\n");
            exit(1);
        }
        p = (struct part){p.first + left, p.n - left};
    }
    qsort(p.first, p.n, sizeof *p.first, compare);
}

static void sort_goroutine(void *arg)
{
    struct part p = *(struct part *)arg;

    free(arg);
    atomic_fetch_add(&goroutines, 1);
    sort(p);
    waitgroup_done(&sorting);
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 1000000;
    uint32_t *v = n > 0 ? malloc((size_t)n * sizeof *v) : NULL, x = 1, sum = 0;

    if (!v) {
        printf("usage: quicksort [N], as many numbers as there is memory for\n");
        return 1;
    }
    for (long i = 0; i < n; i++)
        sum += v[i] = x = x * 1664525 + 1013904223;

    sort((struct part){v, (size_t)n});
    waitgroup_wait(&sorting);

    long wrong = 0;
    for (long i = 0; i < n; i++) {
        wrong += i > 0 && v[i - 1] > v[i];
        sum -= v[i];
    }
    printf("%ld numbers, the least %u, the middle %u, the greatest %u\n", n, (unsigned)v[0],
           (unsigned)v[n / 2], (unsigned)v[n - 1]);
    printf("sorted by %d goroutines and main: %s\n", atomic_load(&goroutines),
           wrong || sum ? "WRONG" : "in order");
    return wrong || sum;
}
