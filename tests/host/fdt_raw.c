/*
 * fdt_raw.c - a device tree from words: header, no reservations, strings, structure.
 *
 * The structure is last, so that a read behind it is one outside of the tree.
 */
#include "tests/host/fdt_raw.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS_AT 56 // behind the header and the reservations' end

static char block[RAW_BYTES];

static char structure[RAW_BYTES];
static size_t used;

static char strings[RAW_BYTES];
static size_t strings_used;

static char *take_bytes(size_t n)
{
    char *p = structure + used;

    if (n > sizeof(structure) - used)
        abort();
    used += n;
    memset(p, 0, n);
    return p;
}

void raw_begin(void)
{
    used = 0;
    strings_used = 0;
}

void raw_words(const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fdt32_st(take_bytes(4), words[i]);
}

void raw_node(const char *name)
{
    RAW(FDT_BEGIN_NODE);
    strcpy(take_bytes((strlen(name) + 4) & ~(size_t)3), name);
}

/* Where the name is in the strings block; a new one goes behind the others. */
static uint32_t string_at(const char *name)
{
    size_t at = 0;

    while (at < strings_used && strcmp(strings + at, name) != 0)
        at += strlen(strings + at) + 1;
    if (at >= strings_used) {
        at = strings_used;
        strcpy(strings + at, name);
        strings_used += strlen(name) + 1;
    }
    return (uint32_t)at;
}

void raw_property(const char *name, const void *value, size_t bytes)
{
    char *to;

    RAW(FDT_PROP, (uint32_t)bytes, string_at(name));
    to = take_bytes((bytes + 3) & ~(size_t)3);
    if (value != NULL)
        memcpy(to, value, bytes);
}

void raw_cell(const char *name, uint32_t value)
{
    char cell[4];

    fdt32_st(cell, value);
    raw_property(name, cell, sizeof(cell));
}

void raw_filler(size_t bytes)
{
    memset(strings + strings_used, 'x', bytes);
    strings_used += bytes + 1;
    strings[strings_used - 1] = '\0';
}

size_t raw_end(const char **tree)
{
    size_t structure_at = (STRINGS_AT + strings_used + 3) & ~(size_t)3;
    size_t bytes = structure_at + used;

    if (bytes > sizeof(block))
        abort();
    memset(block, 0, structure_at);
    memcpy(block + STRINGS_AT, strings, strings_used);
    memcpy(block + structure_at, structure, used);
    fdt_set_magic(block, FDT_MAGIC);
    fdt_set_totalsize(block, (uint32_t)bytes);
    fdt_set_off_dt_struct(block, (uint32_t)structure_at);
    fdt_set_off_dt_strings(block, STRINGS_AT);
    fdt_set_off_mem_rsvmap(block, 40);
    fdt_set_version(block, 17);
    fdt_set_last_comp_version(block, 16);
    fdt_set_size_dt_strings(block, (uint32_t)strings_used);
    fdt_set_size_dt_struct(block, (uint32_t)used);
    *tree = block;
    return bytes;
}
