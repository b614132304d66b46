/*
 * test_fdt_index.c - the index of a device tree's nodes.
 *
 * Goal:   nodes, their order, parents, children, properties, paths and phandles are those that
 *         libfdt finds; what is not one whole tree of at most FDT_NODES_MAX nodes is refused;
 *         nothing in the blocks makes a read outside of them or a loop without end.
 * Method: the example trees of fdt_trees.h, compared with libfdt; trees of tokens that libfdt does
 *         not write; random corruption that no fdt_check() has seen. Each tree lies in an
 *         allocation of exactly its size.
 * Time:   under 60 s, after which SIGALRM ends it.
 */
#include "kernel/fdt_index.h"
#include "tests/host/fdt_raw.h"
#include "tests/host/fdt_trees.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <libfdt.h>
#include <unistd.h>

#define RANDOM_CHANGES 30000

static struct fdt_tree t;

/* The node's number, from its offset; < 0: none. */
static int number_of(int offset)
{
    int number = -1;

    for (int at = -1; at < offset && offset >= 0; number++) {
        at = fdt_next_node(block, at, NULL);
        must(at);
    }
    return number;
}

static int libfdt_sibling(int offset)
{
    int next = fdt_next_subnode(block, offset);

    return offset == 0 || next < 0 ? -1 : next;
}

static bool same_links(int node, int offset)
{
    const char *name = fdt_get_name(block, offset, NULL);

    return strcmp(tree_name(&t, node), offset == 0 ? "/" : name) == 0 &&
           tree_parent(&t, node) == number_of(fdt_parent_offset(block, offset)) &&
           tree_child(&t, node) == number_of(fdt_first_subnode(block, offset)) &&
           tree_sibling(&t, node) == number_of(libfdt_sibling(offset)) &&
           (fdt_get_phandle(block, offset) == 0 ||
            tree_phandle(&t, fdt_get_phandle(block, offset)) == node);
}

static bool same_properties(int node, int offset)
{
    int at;
    int have;

    fdt_for_each_property_offset(at, block, offset)
    {
        int want;
        const char *name;
        const void *value = fdt_getprop_by_offset(block, at, &name, &want);

        if (tree_property(&t, node, name, &have) != value || have != want)
            return false;
    }
    return tree_property(&t, node, "not-there", &have) == NULL && have == 0;
}

static void compare(const char *what)
{
    bool links = true;
    bool properties = true;
    int node = 0;

    ok(take() && tree_index(&t, block, &e) == 0, "%s: indexed", what);
    for (int at = 0; at >= 0; at = fdt_next_node(block, at, NULL), node++) {
        links = links && same_links(node, at);
        properties = properties && same_properties(node, at);
    }
    ok(node > 5 && t.n == node, "its %d nodes", node);
    ok(links, "their names, parents, children, siblings and phandles");
    ok(properties, "their properties");
}

static void test_examples(void)
{
    build_virt(3, 8);
    compare("virt");
    build_rpi3();
    compare("Raspberry Pi 3");
    build_rpi4();
    compare("Raspberry Pi 4");
    build_rpi5();
    compare("Raspberry Pi 5");
    build_zynqmp();
    compare("ZynqMP");
    build_deep(16);
    compare("16 buses");
}

static void test_paths(void)
{
    static const char *const paths[] = {
        "/",           "//",          "/cpus",          "/cpus/",         "//cpus//cpu@1",
        "/cpus/cpu@1", "/cpus/cpu",   "/cpus/cpu@",     "/cpus/cpu@12",   "/cpus/cpu@1/x",
        "/intc",       "/intc@",      "/int",           "/intc@8000000/", "/intc@80000000",
        "/pl011",      "/cpu@1",      "/no/such",       "/cpus/cpu-map",  "/timer/timer",
        "/aliases",    "/chosen/x/y", "/pl011@9000000", "/cpus/cpu-map@",
    };
    bool good = true;

    build_virt(2, 3);
    ok(take() && tree_index(&t, block, &e) == 0, "a tree for paths");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        for (size_t n = 1; n <= strlen(paths[i]) && good; n++) {
            char *path = exact_copy(paths[i], n);

            good = tree_path(&t, path, n) ==
                   number_of(fdt_path_offset_namelen(block, path, (int)n));
            free(path);
        }
    }
    ok(good, "every beginning of %zu paths", sizeof(paths) / sizeof(paths[0]));
    ok(tree_path(&t, "", 0) == 0, "a path of no component is the root");
    edit();
    add_node("/", "a@1@2");
    ok(take() && tree_index(&t, block, &e) == 0 && tree_path(&t, "/a@1", 4) < 0 &&
           tree_path(&t, "/a", 2) == tree_path(&t, "/a@1@2", 6) && tree_path(&t, "/a", 2) > 0,
       "a component with '@' names only the whole");
}

static void test_no_node(void)
{
    int len = 1;

    build_virt(2, 2);
    ok(take() && tree_index(&t, block, &e) == 0, "a tree");
    ok(tree_property(&t, -1, "reg", &len) == NULL && len == 0, "no node has no property,");
    ok(tree_parent(&t, -1) < 0 && tree_child(&t, -1) < 0 && tree_sibling(&t, -1) < 0,
       "no parent, child, sibling");
    same(tree_name(&t, -1), "?");
    ok(tree_parent(&t, 0) < 0 && tree_sibling(&t, 0) < 0 && tree_child(&t, t.n - 1) < 0,
       "the ends of the tree");
    ok(tree_phandle(&t, 0) < 0 && tree_phandle(&t, UINT32_MAX) < 0 && tree_phandle(&t, 7) < 0,
       "no such phandle");
}

/* What is written with fdt_raw.h becomes the block at hand. */
static int index_raw(void)
{
    const char *from;

    block_bytes = raw_end(&from);
    free(block);
    block = exact_copy(from, block_bytes);
    e.text[0] = '\0';
    return tree_index(&t, block, &e);
}

static void test_properties(void)
{
    int len;
    const uint8_t *p;

    raw_begin();
    RAW(FDT_NOP);
    raw_node("");
    RAW(FDT_NOP);
    raw_cell("a", 1);
    raw_property("ab", "x", 1);
    raw_cell("a", 2);
    raw_node("one");
    raw_cell("linux,phandle", 5);
    RAW(FDT_NOP, FDT_END_NODE);
    raw_node("two");
    raw_property("phandle", NULL, 8);
    raw_cell("linux,phandle", 6);
    RAW(FDT_END_NODE);
    raw_node("");
    raw_cell("linux,phandle", 6);
    raw_cell("phandle", 7);
    RAW(FDT_END_NODE);
    raw_cell("late", 1);
    RAW(FDT_END_NODE, FDT_NOP, FDT_END);
    ok(index_raw() == 0 && t.n == 4, "NOPs anywhere, a node without name");
    p = tree_property(&t, 0, "a", &len);
    ok(p != NULL && len == 4 && get_be32(p) == 1, "the first of two of one name");
    p = tree_property(&t, 0, "ab", &len);
    ok(p != NULL && len == 1 && *p == 'x', "a name that begins with another");
    ok(tree_property(&t, 0, "b", &len) == NULL, "the end of a name is not the name");
    ok(tree_property(&t, 0, "late", &len) == NULL, "behind a child there is no property");
    ok(tree_phandle(&t, 5) == 1 && tree_phandle(&t, 6) == 2 && tree_phandle(&t, 7) == 3,
       "phandle, or linux,phandle if it has none of one cell");
}

static void refuse(int err, const char *want)
{
    ok(index_raw() == err, "refused");
    same(e.text, want);
    raw_begin();
    raw_node("");
}

static void test_tokens(void)
{
    raw_begin();
    refuse(-EINVAL, "device tree: a broken token at 0x0 of its structure, one whole tree expected");
    raw_begin();
    RAW(FDT_END);
    refuse(-EINVAL, "device tree: an early end at 0x0 of its structure, one whole tree expected");
    raw_begin();
    RAW(FDT_END_NODE);
    refuse(-EINVAL,
           "device tree: an end of no node at 0x0 of its structure, one whole tree expected");
    raw_begin();
    raw_cell("a", 1);
    refuse(-EINVAL,
           "device tree: a property of no node at 0x0 of its structure, one whole tree expected");
    RAW(FDT_END);
    refuse(-EINVAL, "device tree: an early end at 0x8 of its structure, one whole tree expected");
    RAW(FDT_END_NODE);
    refuse(-EINVAL, "device tree: a broken token at 0xc of its structure, one whole tree expected");
    RAW(FDT_END_NODE);
    raw_node("");
    refuse(-EINVAL, "device tree: a second root at 0xc of its structure, one whole tree expected");
    RAW(FDT_END_NODE, FDT_END_NODE);
    refuse(-EINVAL,
           "device tree: an end of no node at 0xc of its structure, one whole tree expected");
    RAW(FDT_END_NODE, FDT_PROP, 0, 0);
    refuse(-EINVAL,
           "device tree: a property of no node at 0xc of its structure, one whole tree expected");
    for (uint32_t tag = 0; tag < 12; tag++) {
        if (tag != 0 && (tag < 5 || tag == FDT_END))
            continue;
        RAW(tag, FDT_END_NODE, FDT_END);
        refuse(-EINVAL,
               "device tree: a broken token at 0x8 of its structure, one whole tree expected");
    }
    RAW(FDT_BEGIN_NODE, 0x61616161);
    refuse(-EINVAL, "device tree: a broken token at 0x8 of its structure, one whole tree expected");
    RAW(FDT_PROP, 0);
    refuse(-EINVAL, "device tree: a broken token at 0x8 of its structure, one whole tree expected");
    for (uint32_t len = 9; len != 0; len = len < 16 ? len + 1 : len * 2) {
        RAW(FDT_PROP, len, 0, FDT_END_NODE, FDT_END);
        refuse(-EINVAL,
               "device tree: a broken token at 0x8 of its structure, one whole tree expected");
        RAW(FDT_PROP, 0 - len, 0, FDT_END_NODE, FDT_END);
        refuse(-EINVAL,
               "device tree: a broken token at 0x8 of its structure, one whole tree expected");
    }
}

/* The structure is the last block. */
static void test_lengths(void)
{
    const char *from;
    bool refused = true;
    size_t whole;
    size_t structure;

    raw_begin();
    raw_node("");
    raw_node("one");
    raw_property("reg", "12345678", 8);
    RAW(FDT_END_NODE, FDT_END_NODE, FDT_END);
    ok(index_raw() == 0, "the tree that is cut");
    whole = raw_end(&from);
    structure = fdt_size_dt_struct(from);
    for (size_t cut = 1; cut <= structure && refused; cut++) {
        free(block);
        block = exact_copy(from, whole - cut);
        fdt_set_totalsize(block, (uint32_t)(whole - cut));
        fdt_set_size_dt_struct(block, (uint32_t)(structure - cut));
        refused = tree_index(&t, block, &e) == -EINVAL;
    }
    ok(refused, "every length of its structure");
}

/* One word of the header, which has no other defect. */
static void refuse_header(size_t word, uint32_t value, const char *want)
{
    raw_begin();
    raw_node("");
    raw_cell("a", 1);
    RAW(FDT_END_NODE, FDT_END);
    ok(index_raw() == 0, "a tree");
    fdt32_st((char *)block + 4 * word, value);
    ok(tree_index(&t, block, &e) == -EINVAL, "its header refused");
    same(e.text, want);
}

static void test_blocks(void)
{
    refuse_header(2, 1000, "device tree: its structure block is not inside of it");
    refuse_header(2, 0xffffffff, "device tree: its structure block is not inside of it");
    refuse_header(9, 1000, "device tree: its structure block is not inside of it");
    refuse_header(9, 0xffffffd0, "device tree: its structure block is not inside of it");
    refuse_header(3, 1000, "device tree: its strings block is not inside of it");
    refuse_header(8, 0xffffffff, "device tree: its strings block is not inside of it");
    refuse_header(1, 0x80000000, "device tree: its structure block is not inside of it");
}

static void build_nodes(int n, bool nested)
{
    raw_begin();
    raw_node("");
    for (int i = 1; i < n; i++) {
        raw_node("n");
        if (!nested)
            RAW(FDT_END_NODE);
    }
    for (int i = 1; nested && i < n; i++)
        RAW(FDT_END_NODE);
    RAW(FDT_END_NODE, FDT_END);
}

static void test_many(void)
{
    bool good = true;
    uint64_t bytes;
    int n = 1;

    build_nodes(FDT_NODES_MAX, false);
    ok(index_raw() == 0 && t.n == FDT_NODES_MAX, "the most nodes");
    for (int node = tree_child(&t, 0); node >= 0; node = tree_sibling(&t, node))
        good = good && node == n++ && tree_parent(&t, node) == 0 && tree_child(&t, node) < 0;
    ok(good && n == FDT_NODES_MAX, "all of one parent");
    build_nodes(FDT_NODES_MAX, true);
    good = index_raw() == 0;
    for (int node = 0; node < FDT_NODES_MAX; node++) {
        good = good && tree_parent(&t, node) == node - 1 && tree_sibling(&t, node) < 0 &&
               tree_child(&t, node) == (node == FDT_NODES_MAX - 1 ? -1 : node + 1);
    }
    ok(good, "each inside of another");
    build_nodes(FDT_NODES_MAX + 1, false);
    ok(index_raw() == -E2BIG, "one more");
    same(e.text, "device tree: more than 4096 nodes, the next is n");
    ok(fdt_check(block, block_bytes, &bytes, &e) == -E2BIG, "so says fdt_check()");
    build_nodes(FDT_NODES_MAX + 1, true);
    ok(index_raw() == -E2BIG, "one more inside");
}

/* Every call for every node; the links are those of a tree. */
static bool sane_index(void)
{
    bool good = t.n > 0 && t.n <= FDT_NODES_MAX;

    for (int node = 0; node < t.n && good; node++) {
        int parent = tree_parent(&t, node);
        int child = tree_child(&t, node);
        int sibling = tree_sibling(&t, node);
        int len;
        const uint8_t *p = tree_property(&t, node, "reg", &len);

        good = parent < node && (parent >= 0 || node == 0) && (child < 0 || child == node + 1) &&
               (sibling < 0 || (sibling > node && tree_parent(&t, sibling) == parent)) &&
               len >= 0 && strlen(tree_name(&t, node)) < block_bytes;
        for (int i = 0; p != NULL && i < len; i++)
            good = good && (p[i] | 1) != 0;
    }
    return good && tree_phandle(&t, GIC_PHANDLE) < t.n && tree_path(&t, "/cpus/cpu@1", 11) < t.n &&
           tree_path(&t, "/chosen", 7) < t.n;
}

/* All but the size, which is the one thing that is trusted. */
static void test_random(void)
{
    bool good = true;
    int accepted = 0;

    for (int i = 0; i < RANDOM_CHANGES && good; i++) {
        char *bytes;

        build_virt(3, 2);
        must(fdt_pack(tree));
        free(block);
        block_bytes = fdt_totalsize(tree);
        block = exact_copy(tree, block_bytes);
        bytes = block;
        for (size_t n = 1 + rnd_below(3); n > 0; n--)
            bytes[8 + rnd_below(block_bytes - 8)] = (char)rnd_below(10);
        e.text[0] = '\0';
        good = tree_index(&t, block, &e) == 0 ? sane_index() : e.text[0] != '\0';
        accepted += e.text[0] == '\0';
    }
    ok(good, "%d random corruptions, %d of them accepted", RANDOM_CHANGES, accepted);
}

int main(void)
{
    alarm(60);
    test_examples();
    test_paths();
    test_no_node();
    test_properties();
    test_tokens();
    test_lengths();
    test_blocks();
    test_many();
    test_random();
    free(block);
    return done();
}
