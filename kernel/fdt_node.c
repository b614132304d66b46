/*
 * fdt_node.c - values of properties: strings, cells, `reg`, and addresses through `ranges`.
 *
 * Invariant: a property is read only inside the length that it has, byte by byte, since it is
 *            big-endian and only 4-aligned. A string is used only if its NUL is inside it.
 * Bounds:    a call looks at the properties of one node and of at most LEVELS_MAX + 1 above it, or,
 *            if it looks for a node, walks over the tree once for each of two paths at most.
 * Source:    Devicetree specification 0.4, 2.2.4 (values), 2.3 (standard properties) and 3.3
 *            (aliases).
 */
#include "kernel/fdt_node.h"

#include <errno.h>
#include <string.h>

const char *node_string(const struct fdt_tree *t, int node, const char *name)
{
    int len;
    const char *s = (const char *)tree_property(t, node, name, &len);

    return s != NULL && len > 0 && s[len - 1] == '\0' ? s : NULL;
}

bool node_cell(const struct fdt_tree *t, int node, const char *name, uint32_t *v)
{
    int len;
    const uint8_t *p = tree_property(t, node, name, &len);

    if (p == NULL || len != 4)
        return false;
    *v = get_be32(p);
    return true;
}

bool node_has(const struct fdt_tree *t, int node, const char *name)
{
    int len;

    return tree_property(t, node, name, &len) != NULL;
}

bool node_okay(const struct fdt_tree *t, int node)
{
    const char *status = node_string(t, node, "status");

    if (status == NULL)
        return !node_has(t, node, "status");
    return strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

bool node_has_type(const struct fdt_tree *t, int node, const char *type)
{
    const char *have = node_string(t, node, "device_type");

    return have != NULL && strcmp(have, type) == 0;
}

int strings_find(const uint8_t *list, int len, const char *s)
{
    size_t bytes = strlen(s) + 1;
    size_t left = (size_t)len;
    const uint8_t *nul;

    for (int i = 0; left != 0 && (nul = memchr(list, '\0', left)) != NULL; i++) {
        size_t have = (size_t)(nul - list) + 1;

        if (have == bytes && memcmp(list, s, bytes) == 0)
            return i;
        list += have;
        left -= have;
    }
    return -1;
}

bool node_compatible(const struct fdt_tree *t, int node, const char *const *any)
{
    int len;
    const uint8_t *have = tree_property(t, node, "compatible", &len);

    for (; have != NULL && *any != NULL; any++) {
        if (strings_find(have, len, *any) >= 0)
            return true;
    }
    return false;
}

int tree_next_compatible(const struct fdt_tree *t, int node, const char *const *any)
{
    while (++node < t->n) {
        if (node_compatible(t, node, any) && node_okay(t, node))
            return node;
    }
    return -1;
}

int tree_find(const struct fdt_tree *t, const char *path)
{
    return tree_path(t, path, strlen(path));
}

/* An alias is not looked up among the aliases again, so one that names itself ends here. */
int tree_find_alias(const struct fdt_tree *t, const char *path, size_t n)
{
    char name[FDT_NAME_CHARS + 1];
    const char *alias;

    if (n != 0 && path[0] == '/')
        return tree_path(t, path, n);
    if (n == 0 || n > FDT_NAME_CHARS)
        return -1;
    memcpy(name, path, n);
    name[n] = '\0';
    alias = node_string(t, tree_find(t, "/aliases"), name);
    return alias == NULL || alias[0] != '/' ? -1 : tree_find(t, alias);
}

static bool wraps(uint64_t base, uint64_t bytes)
{
    return bytes > UINT64_MAX - base;
}

/* One of a bus's numbers of cells; -1 for one that is no cell. */
static int cells_of(const struct fdt_tree *t, int node, const char *name, uint32_t absent)
{
    uint32_t n = absent;

    if (!node_cell(t, node, name, &n) && node_has(t, node, name))
        return -1;
    return (int)n;
}

struct fdt_bus node_bus(const struct fdt_tree *t, int node)
{
    return (struct fdt_bus){node, cells_of(t, node, "#address-cells", 2),
                            cells_of(t, node, "#size-cells", 1)};
}

static int check_cells(const struct fdt_tree *t, const struct fdt_bus *bus, struct errbuf *e)
{
    if (bus->addr < 1 || bus->addr > 2)
        return fail(e, -EINVAL, "device tree: " NODE_NAME ": #address-cells %u, 1 or 2 expected",
                    tree_name(t, bus->node), (unsigned)bus->addr);
    if (bus->size < 0 || bus->size > 2)
        return fail(e, -EINVAL, "device tree: " NODE_NAME ": #size-cells %u, 0 to 2 expected",
                    tree_name(t, bus->node), (unsigned)bus->size);
    return 0;
}

/* A property made of entries of `cells` cells each: its bytes, and the number of entries. */
static int get_entries(const struct fdt_tree *t, int node, const char *name, int cells,
                       const uint8_t **p, int *n, struct errbuf *e)
{
    int len;

    *p = tree_property(t, node, name, &len);
    if (*p == NULL)
        return fail(e, -EINVAL, "device tree: " NODE_NAME ": no %s, entries of %d bytes expected",
                    tree_name(t, node), name, 4 * cells);
    if (len % (4 * cells) != 0)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": %s has %d bytes, a multiple of %d expected",
                    tree_name(t, node), name, len, 4 * cells);
    *n = len / (4 * cells);
    return 0;
}

int node_reg(const struct fdt_tree *t, const struct fdt_bus *bus, int node, const uint8_t **p,
             int *n, struct errbuf *e)
{
    int err = check_cells(t, bus, e);

    return err != 0 ? err : get_entries(t, node, "reg", bus->addr + bus->size, p, n, e);
}

int node_reg_entry(const struct fdt_tree *t, const struct fdt_bus *bus, int node, const uint8_t *p,
                   int index, struct memrange *r, struct errbuf *e)
{
    p += 4 * index * (bus->addr + bus->size);
    r->base = get_cells(p, bus->addr);
    r->bytes = get_cells(p + 4 * bus->addr, bus->size);
    if (wraps(r->base, r->bytes))
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": reg: 0x%llx bytes at 0x%llx end past 64 bits",
                    tree_name(t, node), (unsigned long long)r->bytes, (unsigned long long)r->base);
    return 0;
}

/* From the address space of `bus` to that of its parent `up`, through the `ranges` of bus. */
static int translate_step(const struct fdt_tree *t, const struct fdt_bus *bus,
                          const struct fdt_bus *up, struct memrange *r, struct errbuf *e)
{
    const uint8_t *p;
    int n;
    int entry;
    int err = check_cells(t, bus, e);

    if (err == 0)
        err = check_cells(t, up, e);
    if (err != 0)
        return err;
    entry = bus->addr + up->addr + bus->size;
    err = get_entries(t, bus->node, "ranges", entry, &p, &n, e);
    if (err != 0 || n == 0) // an empty `ranges`: both spaces are the same
        return err;
    for (int i = 0; i < n; i++, p += 4 * entry) {
        uint64_t child = get_cells(p, bus->addr);
        uint64_t parent = get_cells(p + 4 * bus->addr, up->addr);
        uint64_t bytes = get_cells(p + 4 * (bus->addr + up->addr), bus->size);

        if (r->base < child || r->base - child >= bytes)
            continue;
        if (wraps(parent, r->base - child) || wraps(parent + (r->base - child), r->bytes))
            break;
        r->base = parent + (r->base - child);
        return 0;
    }
    return fail(e, -EINVAL,
                "device tree: " NODE_NAME ": none of its %d ranges has a place for 0x%llx",
                tree_name(t, bus->node), n, (unsigned long long)r->base);
}

/* An address on `bus` as a physical one. */
static int translate(const struct fdt_tree *t, struct fdt_bus bus, int node, struct memrange *r,
                     struct errbuf *e)
{
    int err = 0;

    for (int level = 0; err == 0 && bus.node > 0; level++) {
        struct fdt_bus up = node_bus(t, tree_parent(t, bus.node));

        if (level == LEVELS_MAX)
            return fail(e, -EINVAL, "device tree: " NODE_NAME ": more than %d buses above it",
                        tree_name(t, node), LEVELS_MAX);
        err = translate_step(t, &bus, &up, r, e);
        bus = up;
    }
    return err;
}

int node_mmio(const struct fdt_tree *t, int node, int index, struct memrange *r, struct errbuf *e)
{
    struct fdt_bus bus = node_bus(t, tree_parent(t, node));
    const uint8_t *p;
    int n;
    int err;

    if (bus.node < 0)
        return fail(e, -EINVAL, "device tree: the root as a device, a node on a bus expected");
    err = node_reg(t, &bus, node, &p, &n, e);
    if (err == 0 && index >= n)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME ": reg has %d entries, at least %d expected",
                    tree_name(t, node), n, index + 1);
    if (err == 0)
        err = node_reg_entry(t, &bus, node, p, index, r, e);
    if (err == 0 && r->bytes == 0)
        return fail(e, -EINVAL,
                    "device tree: " NODE_NAME
                    ": reg entry %d has size 0, the size of its registers expected",
                    tree_name(t, node), index);
    return err != 0 ? err : translate(t, bus, node, r, e);
}
