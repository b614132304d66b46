/*
 * table.c - counted words. Linear probing, at most three quarters full.
 */
#include "table.h"

#include <ctype.h>
#include <stdlib.h>

/* FNV-1a over lower-case letters. */
uint32_t word_hash(const char *word, size_t bytes)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < bytes; i++)
        h = (h ^ (uint32_t)(word[i] | 0x20)) * 16777619u;
    return h;
}

static int word_compare(const struct entry *a, const struct entry *b)
{
    for (uint32_t i = 0; i < a->bytes && i < b->bytes; i++) {
        int d = (a->word[i] | 0x20) - (b->word[i] | 0x20);
        if (d)
            return d;
    }
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return word_compare(y, x);
}

bool table_init(struct table *t, size_t capacity)
{
    *t = (struct table){.entries = calloc(capacity, sizeof *t->entries), .capacity = capacity};
    return t->entries != NULL;
}

void table_free(struct table *t)
{
    free(t->entries);
}

static struct entry *find(const struct table *t, const struct entry *e)
{
    size_t i = e->hash & (t->capacity - 1);

    while (t->entries[i].word &&
           (t->entries[i].hash != e->hash || word_compare(&t->entries[i], e) != 0))
        i = (i + 1) & (t->capacity - 1);
    return &t->entries[i];
}

static bool grow(struct table *t)
{
    struct table bigger;

    if (!table_init(&bigger, t->capacity * 2))
        return false;
    for (size_t i = 0; i < t->capacity; i++)
        if (t->entries[i].word)
            *find(&bigger, &t->entries[i]) = t->entries[i];
    bigger.used = t->used;
    free(t->entries);
    *t = bigger;
    return true;
}

bool table_add(struct table *t, const struct entry *e)
{
    if (t->used >= t->capacity / 4 * 3 && !grow(t))
        return false;
    struct entry *at = find(t, e);
    if (at->word) {
        at->count += e->count;
    } else {
        *at = *e;
        t->used++;
    }
    return true;
}

void table_sort(struct table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->capacity; i++)
        if (t->entries[i].word)
            t->entries[n++] = t->entries[i];
    qsort(t->entries, n, sizeof *t->entries, entry_compare);
}
