/*
 * fdt_index.h - the nodes of a flattened device tree, found in one walk, and what hangs on them.
 *
 * The flat form has no links: a node's parent, its next sibling or the node that a phandle names
 * are found only by walking over what is before them, every time. tree_index() walks once; after it
 * a node is a small number, its parent and siblings are a look at a table, and a property is looked
 * for among the properties of its node only.
 *
 * A node is its number in tree order, 0 is the root; < 0 is no node, which has no property, no
 * parent and no children.
 */
#ifndef KERNEL_FDT_INDEX_H
#define KERNEL_FDT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/errbuf.h"

/* Of the 576 trees for arm64 in Linux 6.1 the largest has 997. */
#define FDT_NODES_MAX 4096

/* The longest name of a property. The longest of those trees has 40 characters. */
#define FDT_NAME_CHARS 255

struct fdt_node {
    uint32_t name;   // where its name is in the structure block
    uint32_t body;   // what is behind the name: its properties
    uint16_t parent; // the root's is 0
    uint16_t end;    // behind the last of its descendants: its sibling, if it has one
};

/* Access: constant after tree_index(). It points into the tree, which must stay where it is. */
struct fdt_tree {
    const uint8_t *structure;
    size_t structure_bytes;
    const uint8_t *strings;
    size_t strings_bytes;
    int n;
    struct fdt_node nodes[FDT_NODES_MAX];
};

/* Big-endian, at any address. */
static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * tree_index - find every node of the tree at fdt.
 * fdt      a header, and as many readable bytes as it says; nothing else of it is trusted.
 * Returns 0; -EINVAL, blocks or tokens that are not those of one whole tree, or -E2BIG, more than
 * FDT_NODES_MAX nodes, with a line in e.
 */
int tree_index(struct fdt_tree *t, const void *fdt, struct errbuf *e);

/* "/" for the root, "?" for no node. */
const char *tree_name(const struct fdt_tree *t, int node);

/* The parent, the first child, the next child of the same parent; < 0: none. */
int tree_parent(const struct fdt_tree *t, int node);
int tree_child(const struct fdt_tree *t, int node);
int tree_sibling(const struct fdt_tree *t, int node);

/* The value of a property and its length; NULL: the node has no such property. */
const uint8_t *tree_property(const struct fdt_tree *t, int node, const char *name, int *len);

/* The node that a path of n characters from the root names; < 0: none. As in the specification, a
 * component without '@' also names the first node that has it before its '@'. */
int tree_path(const struct fdt_tree *t, const char *path, size_t n);

/* The node that has that phandle; < 0: none, or it is no valid one. */
int tree_phandle(const struct fdt_tree *t, uint32_t phandle);

#endif
