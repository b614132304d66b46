/*
 * fdt_index.c - one walk over a flattened device tree, and a table of its nodes.
 *
 * Invariant: no byte outside of the structure and strings blocks is read, whatever is in them: a
 *            token is used only if it ends inside its block. A property's name is compared only as
 *            far as the name looked for is long.
 * Bounds:    tree_index() reads each token once; a property costs at most the properties of its
 *            node, a path or a phandle at most one walk. Nothing recurses: the way up from a node
 *            is in the table.
 * Why not libfdt: fdt_parent_offset(), fdt_node_offset_by_phandle() and fdt_path_offset() walk from
 *            the root in every call, fdt_next_subnode() over all that is below a node, and each
 *            character of a name is checked against both blocks' ends. For QEMU's 62 nodes that was
 *            three million instructions, most of the boot.
 * Source:    Devicetree specification 0.4, 5.2 (header), 5.4 (structure block), 2.2.3 (paths).
 */
#include "kernel/fdt_index.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* Offsets in the header. */
#define HEADER_TOTAL_BYTES     4
#define HEADER_STRUCTURE       8
#define HEADER_STRINGS         12
#define HEADER_STRINGS_BYTES   32
#define HEADER_STRUCTURE_BYTES 36

#define PHANDLE_NONE UINT32_MAX

_Static_assert(FDT_NODES_MAX <= UINT16_MAX, "parent and end are 16 bits");

enum tag {
    TAG_BROKEN, // none of the others, or it does not end inside the block
    TAG_BEGIN_NODE,
    TAG_END_NODE,
    TAG_PROP,
    TAG_NOP,
    TAG_END = 9,
};

struct token {
    enum tag tag;
    uint32_t name; // of a property: where it is in the strings block
    size_t body;   // a node's name, a property's value
    size_t bytes;  // of the body; with the NUL if it is a name
    size_t next;   // the token behind it
};

static struct token read_token(const struct fdt_tree *t, size_t at)
{
    struct token broken = {.tag = TAG_BROKEN};
    struct token k = {.body = at + 4};
    const uint8_t *p;
    const uint8_t *nul;
    uint32_t tag;

    if (t->structure_bytes < 4 || at > t->structure_bytes - 4)
        return broken;
    p = t->structure + at;
    tag = get_be32(p);
    if (tag == TAG_BEGIN_NODE) {
        nul = memchr(p + 4, '\0', t->structure_bytes - k.body);
        if (nul == NULL)
            return broken;
        k.bytes = (size_t)(nul - p) - 4 + 1;
    } else if (tag == TAG_PROP) {
        k.body = at + 12;
        if (k.body > t->structure_bytes || get_be32(p + 4) > t->structure_bytes - k.body)
            return broken;
        k.bytes = get_be32(p + 4);
        k.name = get_be32(p + 8);
    } else if (tag != TAG_END_NODE && tag != TAG_NOP && tag != TAG_END) {
        return broken;
    }
    k.tag = (enum tag)tag;
    k.next = (k.body + k.bytes + 3) & ~(size_t)3;
    return k;
}

/* A block that the header says to be inside the tree; NULL: it is not. */
static const uint8_t *find_block(const uint8_t *fdt, int offset_at, int bytes_at, size_t *bytes)
{
    uint32_t total = get_be32(fdt + HEADER_TOTAL_BYTES);
    uint32_t offset = get_be32(fdt + offset_at);

    *bytes = get_be32(fdt + bytes_at);
    if (total > INT_MAX || offset > total || *bytes > total - offset)
        return NULL;
    return fdt + offset;
}

static int bad_tree(size_t at, const char *what, struct errbuf *e)
{
    return fail(e, -EINVAL, "device tree: %s at 0x%zx of its structure, one whole tree expected",
                what, at);
}

/* A node below `parent`. */
static int add_node(struct fdt_tree *t, int parent, const struct token *k, struct errbuf *e)
{
    if (t->n == FDT_NODES_MAX)
        return fail(e, -E2BIG, "device tree: more than %d nodes, the next is %.40s", FDT_NODES_MAX,
                    (const char *)t->structure + k->body);
    t->nodes[t->n++] = (struct fdt_node){
        .name = (uint32_t)k->body,
        .body = (uint32_t)k->next,
        .parent = (uint16_t)(parent < 0 ? 0 : parent),
    };
    return 0;
}

/* Every token up to the end; `open` is the node that the token is in. */
static int find_nodes(struct fdt_tree *t, struct errbuf *e)
{
    int open = -1;
    int err = 0;

    t->n = 0;
    for (size_t at = 0; err == 0;) {
        struct token k = read_token(t, at);

        switch (k.tag) {
        case TAG_BEGIN_NODE:
            if (open < 0 && t->n != 0)
                return bad_tree(at, "a second root", e);
            err = add_node(t, open, &k, e);
            open = t->n - 1;
            break;
        case TAG_END_NODE:
            if (open < 0)
                return bad_tree(at, "an end of no node", e);
            t->nodes[open].end = (uint16_t)t->n;
            open = tree_parent(t, open);
            break;
        case TAG_PROP:
            if (open < 0)
                return bad_tree(at, "a property of no node", e);
            break;
        case TAG_NOP:
            break;
        case TAG_END:
            return open < 0 && t->n != 0 ? 0 : bad_tree(at, "an early end", e);
        default:
            return bad_tree(at, "a broken token", e);
        }
        at = k.next;
    }
    return err;
}

int tree_index(struct fdt_tree *t, const void *fdt, struct errbuf *e)
{
    t->n = 0;
    t->structure = find_block(fdt, HEADER_STRUCTURE, HEADER_STRUCTURE_BYTES, &t->structure_bytes);
    t->strings = find_block(fdt, HEADER_STRINGS, HEADER_STRINGS_BYTES, &t->strings_bytes);
    if (t->structure == NULL || t->strings == NULL)
        return fail(e, -EINVAL, "device tree: its %s block is not inside of it",
                    t->structure == NULL ? "structure" : "strings");
    return find_nodes(t, e);
}

const char *tree_name(const struct fdt_tree *t, int node)
{
    const char *name = node < 0 ? "?" : (const char *)t->structure + t->nodes[node].name;

    return name[0] == '\0' ? "/" : name;
}

int tree_parent(const struct fdt_tree *t, int node)
{
    return node <= 0 ? -1 : t->nodes[node].parent;
}

int tree_child(const struct fdt_tree *t, int node)
{
    return node >= 0 && node + 1 < t->nodes[node].end ? node + 1 : -1;
}

int tree_sibling(const struct fdt_tree *t, int node)
{
    int parent = tree_parent(t, node);

    return parent >= 0 && t->nodes[node].end < t->nodes[parent].end ? t->nodes[node].end : -1;
}

/* The string at `at` of the strings block is `name`, of so many bytes with its NUL. */
static bool name_is(const struct fdt_tree *t, uint32_t at, const char *name, size_t bytes)
{
    return at < t->strings_bytes && bytes <= t->strings_bytes - at &&
           t->strings[at] == (uint8_t)name[0] && memcmp(t->strings + at, name, bytes) == 0;
}

/* A node's properties are before its children. */
const uint8_t *tree_property(const struct fdt_tree *t, int node, const char *name, int *len)
{
    size_t name_bytes = strlen(name) + 1;
    struct token k;

    *len = 0;
    if (node < 0)
        return NULL;
    for (size_t at = t->nodes[node].body;; at = k.next) {
        k = read_token(t, at);
        if (k.tag == TAG_PROP && name_is(t, k.name, name, name_bytes)) {
            *len = (int)k.bytes;
            return t->structure + k.body;
        }
        if (k.tag != TAG_PROP && k.tag != TAG_NOP)
            return NULL;
    }
}

/* One component of a path is the node's name, or all of it before the '@'. */
static bool component_is(const char *name, const char *component, size_t n)
{
    if (strncmp(name, component, n) != 0)
        return false;
    return name[n] == '\0' || (name[n] == '@' && memchr(component, '@', n) == NULL);
}

int tree_path(const struct fdt_tree *t, const char *path, size_t n)
{
    const char *end = path + n;
    int node = t->n == 0 ? -1 : 0;

    while (node >= 0 && path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t bytes = (size_t)((slash == NULL ? end : slash) - path);

        if (bytes == 0) {
            path++;
            continue;
        }
        node = tree_child(t, node);
        while (node >= 0 && !component_is(tree_name(t, node), path, bytes))
            node = tree_sibling(t, node);
        path += bytes;
    }
    return node;
}

/* Both names are in use; the one of the specification comes first. */
static uint32_t node_phandle(const struct fdt_tree *t, int node)
{
    int len;
    const uint8_t *p = tree_property(t, node, "phandle", &len);

    if (p == NULL || len != 4)
        p = tree_property(t, node, "linux,phandle", &len);
    return p == NULL || len != 4 ? PHANDLE_NONE : get_be32(p);
}

int tree_phandle(const struct fdt_tree *t, uint32_t phandle)
{
    if (phandle == 0 || phandle == PHANDLE_NONE)
        return -1;
    for (int node = 0; node < t->n; node++) {
        if (node_phandle(t, node) == phandle)
            return node;
    }
    return -1;
}
