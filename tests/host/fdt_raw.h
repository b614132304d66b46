/*
 * fdt_raw.h - device trees written token by token: also such as libfdt does not write.
 */
#ifndef TESTS_HOST_FDT_RAW_H
#define TESTS_HOST_FDT_RAW_H

#include <stddef.h>
#include <stdint.h>

/* The most that arm64 loaders may give. */
#define RAW_BYTES (2 << 20)

void raw_begin(void);

/* Words of the structure block as they are. */
void raw_words(const uint32_t *words, size_t n);
#define RAW(...) \
    raw_words((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* A begin and a name. The end is RAW(FDT_END_NODE). */
void raw_node(const char *name);

/* A property of so many bytes; NULL: zeroes. */
void raw_property(const char *name, const void *value, size_t bytes);
void raw_cell(const char *name, uint32_t value);

/* So many bytes more in the strings block, none of them NUL. */
void raw_filler(size_t bytes);

/* The header and all blocks; the tree's size. It stays as it is until the next raw_begin(). */
size_t raw_end(const char **tree);

#endif
