/*
 * fdt_node.h - what the properties of a device tree's nodes say.
 *
 * On top of fdt_index.h, whose rule is kept: node < 0 is no node, and has no property.
 */
#ifndef KERNEL_FDT_NODE_H
#define KERNEL_FDT_NODE_H

#include <stdbool.h>

#include "boot/bootinfo.h"
#include "kernel/fdt_index.h"

/* Levels looked at above a device. Real trees have up to five. */
#define LEVELS_MAX 16

/* Names are cut in error lines, so that what is expected still fits. */
#define NODE_NAME "%.40s"

/* A node and the cells that it prescribes for addresses and sizes of its children, right or not:
 * read once for all of them. */
struct fdt_bus {
    int node;
    int addr; // 1 or 2 expected
    int size; // 0 to 2 expected
};

/* n cells (0, 1 or 2) as one number. */
static inline uint64_t get_cells(const uint8_t *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 32 | get_be32(p + 4 * i);
    return v;
}

/* Which of the strings in a list of len bytes is s; < 0: none, up to the first without NUL. */
int strings_find(const uint8_t *list, int len, const char *s);

/* A property that is one string; NULL: absent, or it has no NUL at its end. */
const char *node_string(const struct fdt_tree *t, int node, const char *name);

/* A property that is one cell: false and *v as it was if it is absent or of another length. */
bool node_cell(const struct fdt_tree *t, int node, const char *name, uint32_t *v);

bool node_has(const struct fdt_tree *t, int node, const char *name);

/* In use: its `status` says so, or it has none. */
bool node_okay(const struct fdt_tree *t, int node);

/* Its `device_type` is that one. */
bool node_has_type(const struct fdt_tree *t, int node, const char *type);

/* Its `compatible` has one of the names, of which NULL is the last. */
bool node_compatible(const struct fdt_tree *t, int node, const char *const *any);

/* The first node behind `node` (-1: of all) that is in use and compatible with one of the names;
 * < 0: none. */
int tree_next_compatible(const struct fdt_tree *t, int node, const char *const *any);

/* The node that a path names; < 0: none. */
int tree_find(const struct fdt_tree *t, const char *path);

/* The node that a path or an alias of n characters names; < 0: none. */
int tree_find_alias(const struct fdt_tree *t, const char *path, size_t n);

struct fdt_bus node_bus(const struct fdt_tree *t, int node);

/* The `reg` of a child of bus: its bytes and the number of entries. 0, or -EINVAL with a line in e:
 * no reg, not a whole number of entries, or cells of bus that are not those expected. */
int node_reg(const struct fdt_tree *t, const struct fdt_bus *bus, int node, const uint8_t **p,
             int *n, struct errbuf *e);

/* Entry `index`, of those that node_reg() found at p, as an address on the bus. 0, or -EINVAL with
 * a line in e if it ends past 64 bits. */
int node_reg_entry(const struct fdt_tree *t, const struct fdt_bus *bus, int node, const uint8_t *p,
                   int index, struct memrange *r, struct errbuf *e);

/* Entry `index` of the node's reg as a physical address, through the `ranges` of all buses above
 * it. 0, or -EINVAL with a line in e: no such entry, or one of size 0 or without such address. */
int node_mmio(const struct fdt_tree *t, int node, int index, struct memrange *r, struct errbuf *e);

#endif
