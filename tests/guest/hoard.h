/*
 * hoard.h - all the memory that malloc() gives, so that others have none.
 */
#ifndef TESTS_GUEST_HOARD_H
#define TESTS_GUEST_HOARD_H

#include <stdlib.h>

struct hoard {
    struct hoard *next;
};

static inline struct hoard *hoard_take(void)
{
    struct hoard *all = NULL, *h;

    for (size_t bytes = 4 << 20; bytes >= sizeof *h; bytes /= 2)
        while ((h = malloc(bytes))) {
            h->next = all;
            all = h;
        }
    return all;
}

static inline void hoard_give_back(struct hoard *all)
{
    while (all) {
        struct hoard *next = all->next;
        free(all);
        all = next;
    }
}

#endif
