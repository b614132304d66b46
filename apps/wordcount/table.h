/*
 * table.h - counted words: an open-addressing hash table of slices of the text.
 */
#ifndef APPS_WORDCOUNT_TABLE_H
#define APPS_WORDCOUNT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word is letters only, compared without case; it points into the text, which must stay. */
struct entry {
    const char *word; // NULL: free
    uint32_t bytes;
    uint32_t hash;
    uint64_t count;
};

struct table {
    struct entry *entries;
    size_t capacity; // a power of two
    size_t used;
};

uint32_t word_hash(const char *word, size_t bytes);

/* Order of the report: more often first; of equals, the later in the alphabet first (as sort -rn). */
int entry_compare(const void *a, const void *b);

bool table_init(struct table *t, size_t capacity);
/* Adds count to the word's. False: out of memory, the table is as it was. */
bool table_add(struct table *t, const struct entry *e);
void table_free(struct table *t);
/* Moves the used entries to the front and sorts them; the table only holds a list from then on. */
void table_sort(struct table *t);

#endif
