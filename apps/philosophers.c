/*
 * philosophers.c - five philosophers, five forks, and nobody starves.
 *
 * Arguments: how often each eats (default 1000).
 *
 * Each needs the forks to both sides, and a fork is a mutex. If all took the left one first, all might hold one and
 * wait for the other for ever; so each takes the one with the lower number first: there is then no ring in
 * which everybody waits for the next.
 * Source: E. W. Dijkstra, "Hierarchical ordering of sequential processes" (EWD 310).
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt0/go.h"
#include "rt0/sync.h"

enum { N = 5 };

struct fork {
    struct mutex lock;
    int users; // who holds it: never more than one
};

struct philosopher {
    const char *name;
    struct fork *first, *second;
    long meals;
};

static struct fork forks[N];
static struct philosopher table[N] = {
    {.name = "Aristotle"}, {.name = "Kant"},    {.name = "Spinoza"},
    {.name = "Marx"},      {.name = "Russell"},
};
static long meals = 1000;
static atomic_int quarrels; // forks that were in two hands
static struct waitgroup dining;

static void take(struct fork *f)
{
    mutex_lock(&f->lock);
    if (++f->users != 1)
        atomic_fetch_add(&quarrels, 1);
}

static void put_down(struct fork *f)
{
    f->users--;
    mutex_unlock(&f->lock);
}

static void dine(void *arg)
{
    struct philosopher *p = arg;

    while (p->meals < meals) {
        take(p->first);
        take(p->second);
        p->meals++;
        gosched(); // eating takes a while
        put_down(p->second);
        put_down(p->first);
    }
    waitgroup_done(&dining);
}

int main(int argc, char **argv)
{
    if (argc > 1 && (meals = atol(argv[1])) < 1) {
        printf("usage: philosophers [MEALS], at least 1\n");
        return 1;
    }
    waitgroup_add(&dining, N);
    for (int i = 0; i < N; i++) {
        int left = i, right = (i + 1) % N;
        table[i].first = &forks[left < right ? left : right];
        table[i].second = &forks[left < right ? right : left];
        go(dine, &table[i]);
    }
    waitgroup_wait(&dining);
    for (int i = 0; i < N; i++)
        printf("%s ate %ld times\n", table[i].name, table[i].meals);
    printf("%d quarrels\n", atomic_load(&quarrels));
    return atomic_load(&quarrels) != 0;
}
