/*
 * fdt_trees.h - device trees for tests: examples, edits of them, and what is read out of them.
 *
 * A tree is built in `tree` and edited there; take() copies it into an allocation of exactly its
 * size, which the read_*() functions look at. Single-threaded.
 */
#ifndef TESTS_HOST_FDT_TREES_H
#define TESTS_HOST_FDT_TREES_H

#include "kernel/fdt.h"

#define TREE_BYTES (1 << 16)

/* The phandle of build_virt()'s GIC. */
#define GIC_PHANDLE 0x8002

extern char tree[TREE_BYTES];

/* The tree at hand, exactly its size. */
extern void *block;
extern uint64_t block_bytes;

/* The answers of read_bootinfo() and read_platform(), and the line of the last refusal. */
extern struct bootinfo bi;
extern struct fdt_platform pf;
extern struct errbuf e;

/* Ends the program if libfdt returned an error. */
void must(int err);

/* QEMU's virt machine; GIC version 2 or 3. */
void build_virt(unsigned gic, unsigned ncpu);

/* build_virt(2, 2) with its GIC below so many buses. */
void build_deep(int buses);

void build_rpi3(void);
void build_rpi4(void);
void build_rpi5(void);
void build_zynqmp(void);

/* Makes room in `tree` for the edits below. */
void edit(void);

void set_cells(const char *path, const char *name, const uint32_t *cells, size_t n);
void set_string(const char *path, const char *name, const char *text);
void set_bytes(const char *path, const char *name, const char *bytes, int n);
void remove_property(const char *path, const char *name);
void add_node(const char *path, const char *name);
void remove_node(const char *path);

#define SET_CELLS(path, name, ...)                             \
    set_cells((path), (name), (const uint32_t[]){__VA_ARGS__}, \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* The block at hand becomes a copy of these bytes: what fdt_check() says of it. */
int check(const void *from, uint64_t bytes);

/* The block at hand becomes a copy of `tree`: fdt_check() accepts it. */
bool take(void);

int read_bootinfo(void);
int read_platform(void);

bool is_range(struct memrange r, uint64_t base, uint64_t bytes);

/* read_platform() found that console. */
bool is_uart(uint64_t base, uint64_t bytes);

#endif
