/*
 * vm.c - the kernel's page tables: building, mapping, looking up.
 *
 * Protocol:  vm_lock guards every write to a table above the leaves, and every leaf outside of the stack
 *            arena. There entries go from absent to valid and, but for vm_seal(), never change again, so
 *            readers need no lock and no TLB has anything to forget. The arena's leaves belong to
 *            sched/stack.c, and its tables go when they are empty: vm_table_drop() says who waits for what.
 * Invariant: no leaf is both writable and executable; nothing is mapped in the low half; a table page
 *            is zero before an entry points at it.
 * Why boot maps everything at once: after vm_init() all RAM is reachable through the direct map, so
 *            the page allocator and its bitmap may lie anywhere.
 */
#include "kernel/vm.h"

#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "pte.h"

#define LEVELS     4
#define ROOT_LEVEL 3
#define ENTRIES    512
#define HIGH_HALF  UINT64_C(0xffff800000000000)

static struct spinlock vm_lock = SPINLOCK_INIT(RANK_VM);
static uint64_t *root; // virtual address of the root table
static SEALED uint64_t root_phys;
static SEALED uint64_t kernel_phys;  // where image_start lies
static struct bootmem *early_mem;    // table pages come from here until vm_use_page_allocator()
static uint64_t early_lo, early_hi;  // ... inside this physical range
static _Atomic(size_t) arena_tables; // a  relaxed

static size_t level_bytes(unsigned level)
{
    return (size_t)1 << (PAGE_SHIFT + 9 * level);
}

static unsigned level_index(uintptr_t va, unsigned level)
{
    return va >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1);
}

static uint64_t table_alloc(void)
{
    uint64_t pa;

    if (early_mem)
        pa = bootmem_alloc(early_mem, PAGE_SIZE, PAGE_SIZE, early_lo, early_hi);
    else
        pa = page_alloc(1);
    if (pa == PAGE_NONE)
        return PAGE_NONE;
    page_clear(phys_to_virt(pa));
    return pa;
}

/* Entries are written and read whole; the walker of another core may look at any time. */
static uint64_t entry_get(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

/* Release: a table's zeroes are seen by whoever follows the entry to it. */
static void entry_set(uint64_t *entry, uint64_t pte)
{
    __atomic_store_n(entry, pte, __ATOMIC_RELEASE);
}

static bool in_arena(uintptr_t va)
{
    return va - ARENA_BASE < ARENA_BYTES;
}

/* The entry for va at `level`, making the tables above it. NULL: out of memory. */
static uint64_t *entry_make_locked(uintptr_t va, unsigned level)
{
    uint64_t *table = root;

    for (unsigned l = ROOT_LEVEL; l > level; l--) {
        uint64_t *entry = &table[level_index(va, l)];
        uint64_t pte = entry_get(entry);
        if (!pte_present(pte)) {
            uint64_t pa = table_alloc();
            if (pa == PAGE_NONE)
                return NULL;
            pte = pte_table(pa);
            entry_set(entry, pte);
            if (in_arena(va))
                atomic_fetch_add_explicit(&arena_tables, 1, memory_order_relaxed);
        } else if (pte_is_leaf(pte, l)) {
            throw("vm_map: %p is mapped already, by a leaf of level %u", (void *)va, l);
        }
        table = phys_to_virt(pte_pa(pte));
    }
    return &table[level_index(va, level)];
}

/* ---- tables of the stack arena ---------------------------------------------------------------- */

uint64_t *vm_table_find(uintptr_t va)
{
    uint64_t *table = root;

    for (unsigned level = ROOT_LEVEL; level > 0; level--) {
        uint64_t pte = entry_get(&table[level_index(va, level)]);
        if (!pte_present(pte))
            return NULL;
        table = phys_to_virt(pte_pa(pte));
    }
    return &table[level_index(va, 0)];
}

uint64_t *vm_table_make(uintptr_t va)
{
    lock(&vm_lock);
    uint64_t *entry = entry_make_locked(va, 0);
    mmu_publish();
    unlock(&vm_lock);
    return entry;
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (table[i])
            return false;
    return true;
}

/* The root's own entries stay: an empty one costs a table for 512 GiB of addresses. */
unsigned vm_table_drop(uintptr_t va, uint64_t pa[VM_DROP_MAX])
{
    uint64_t *entry[ROOT_LEVEL], *table = root;
    unsigned n = 0, level = ROOT_LEVEL;

    lock(&vm_lock);
    /* Down to the lowest table there is. */
    while (level > 0 && pte_present(entry_get(&table[level_index(va, level)]))) {
        uint64_t *at = &table[level_index(va, level)];
        table = phys_to_virt(pte_pa(entry_get(at)));
        level--;
        if (level < ROOT_LEVEL - 1)
            entry[level + 1] = at;
    }
    for (level++; level < ROOT_LEVEL; level++) {
        uint64_t below = pte_pa(entry_get(entry[level]));
        if (!is_empty(phys_to_virt(below)))
            break;
        entry_set(entry[level], 0);
        pa[n++] = below;
    }
    unlock(&vm_lock);
    atomic_fetch_sub_explicit(&arena_tables, n, memory_order_relaxed);
    return n;
}

size_t vm_arena_tables(void)
{
    return atomic_load_explicit(&arena_tables, memory_order_relaxed);
}

/* ---- mapping ---------------------------------------------------------------------------------- */

/* The largest leaf that va, pa and what is left allow. */
static unsigned leaf_level(uintptr_t va, uint64_t pa, size_t bytes)
{
    for (unsigned level = 2; level > 0; level--)
        if (pte_level_can_be_leaf(level) && bytes >= level_bytes(level) &&
            ((va | pa) & (level_bytes(level) - 1)) == 0)
            return level;
    return 0;
}

static int map_locked(uintptr_t va, uint64_t pa, size_t bytes, enum vm_prot prot)
{
    while (bytes) {
        unsigned level = leaf_level(va, pa, bytes);
        uint64_t *entry = entry_make_locked(va, level);
        if (!entry)
            return -ENOMEM;
        if (pte_present(entry_get(entry)))
            throw("vm_map: %p is mapped already", (void *)va);
        /* Runs of neighbours share the table: no new walk for each. */
        do {
            entry_set(entry++, pte_leaf(pa, prot, level));
            va += level_bytes(level);
            pa += level_bytes(level);
            bytes -= level_bytes(level);
        } while (level_index(va, level) && leaf_level(va, pa, bytes) == level && bytes &&
                 !pte_present(entry_get(entry)));
    }
    return 0;
}

int vm_map(uintptr_t va, uint64_t pa, size_t bytes, enum vm_prot prot)
{
    if ((va | pa | bytes) & (PAGE_SIZE - 1))
        throw("vm_map: va=%p pa=%#lx bytes=%#zx not page-aligned", (void *)va, pa, bytes);
    lock(&vm_lock);
    int err = map_locked(va, pa, bytes, prot);
    mmu_publish();
    unlock(&vm_lock);
    return err;
}

bool vm_lookup(uintptr_t va, uint64_t *pa, enum vm_prot *prot)
{
    if (va < HIGH_HALF)
        return false;
    const uint64_t *table = root;
    for (unsigned level = ROOT_LEVEL;; level--) {
        uint64_t pte = entry_get(&table[level_index(va, level)]);
        if (!pte_present(pte))
            return false;
        if (level < ROOT_LEVEL && pte_is_leaf(pte, level)) {
            *pa = pte_pa(pte) | (va & (level_bytes(level) - 1));
            *prot = pte_prot(pte);
            return true;
        }
        table = phys_to_virt(pte_pa(pte));
    }
}

/* Depth first with an explicit position per level: the walk needs no recursion. */
void vm_walk(void (*visit)(const struct vm_leaf *leaf, void *arg), void *arg)
{
    const uint64_t *table[LEVELS] = {[ROOT_LEVEL] = root};
    unsigned index[LEVELS] = {[ROOT_LEVEL] = 0};
    unsigned level = ROOT_LEVEL;

    for (;;) {
        if (index[level] == ENTRIES) {
            if (level == ROOT_LEVEL)
                return;
            level++;
            continue;
        }
        uint64_t pte = entry_get(&table[level][index[level]++]);
        if (!pte_present(pte))
            continue;
        if (level > 0 && (level == ROOT_LEVEL || !pte_is_leaf(pte, level))) {
            level--;
            table[level] = phys_to_virt(pte_pa(pte));
            index[level] = 0;
            continue;
        }
        uintptr_t va = 0;
        for (unsigned l = level; l < LEVELS; l++)
            va |= (uintptr_t)(index[l] - 1) << (PAGE_SHIFT + 9 * l);
        if (va >> 47)
            va |= HIGH_HALF;
        visit(&(struct vm_leaf){va, level_bytes(level), pte_prot(pte), pte_is_wx(pte)}, arg);
    }
}

uint64_t vm_root_phys(void)
{
    return root_phys;
}

uint64_t image_phys(const void *in_image)
{
    return kernel_phys + (uint64_t)((const char *)in_image - image_start);
}

static void map_image_part(const char *lo, const char *hi, enum vm_prot prot)
{
    size_t bytes = (size_t)(hi - lo);
    if (bytes && map_locked((uintptr_t)lo, image_phys(lo), bytes, prot))
        boot_fail("out of memory: page tables of the image");
}

/* The parts are page-aligned by the linker script. The page below m0's g0 stack stays unmapped. */
static void map_image(void)
{
    map_image_part(image_start, text_end, VM_RX);
    map_image_part(text_end, rodata_end, VM_R);
    map_image_part(rodata_end, sealed_end, VM_RW);
    map_image_part(sealed_end, m0_stack_guard, VM_RW);
    map_image_part(m0_stack_lo, m0_stack_hi, VM_RW);
    map_image_part(m0_stack_hi, image_end, VM_RW);
}

/* Whole pages, for what is read whatever the memory map says of its place. */
static int add_pages(struct bootmem *ram, const struct memrange *r)
{
    uint64_t first = r->base & ~(PAGE_SIZE - 1);

    return bootmem_add(ram, first,
                       ((r->base + r->bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)) - first);
}

/*
 * All RAM, free or not, and the module, which a loader may have put into memory that its own map calls
 * reserved (QEMU 10 does). Not the image: its text must not be writable under a second address. Not what
 * firmware keeps for itself: a core may read ahead through any mapping, and the bus may refuse it.
 * Ranges may overlap or touch, so a second bootmem brings them in order.
 */
static void map_direct(const struct bootinfo *bi)
{
    static struct bootmem ram;
    int err = bi->module.bytes ? add_pages(&ram, &bi->module) : 0;

    for (unsigned i = 0; i < bi->nram && !err; i++)
        err = bootmem_add(&ram, bi->ram[i].base, bi->ram[i].bytes);
    for (unsigned i = 0; i < bi->nnomap && !err; i++)
        err = bootmem_reserve(&ram, bi->nomap[i].base, bi->nomap[i].bytes);
    if (!err)
        err = bootmem_reserve(&ram, kernel_phys, (uint64_t)(image_end - image_start));
    if (err)
        boot_fail("memory map: more than %u separate ranges of RAM", BOOTMEM_RANGES);
    for (unsigned i = 0; i < ram.n; i++) {
        const struct memrange *r = &ram.free[i];
        if (r->base + r->bytes > DIRECT_BYTES)
            boot_fail("memory map: RAM at %#lx is beyond the direct map's %#lx", r->base,
                      DIRECT_BYTES);
        if (map_locked(DIRECT_BASE + r->base, r->base, r->bytes, VM_RW))
            boot_fail("out of memory: page tables of the direct map");
    }
}

void vm_init(struct bootmem *bm, const struct bootinfo *bi)
{
    kernel_phys = bi->kernel_phys;
    early_mem = bm;
    mmu_early_range(bi, &early_lo, &early_hi);
    root_phys = table_alloc();
    if (root_phys == PAGE_NONE)
        boot_fail("out of memory: no free page in [%#lx, %#lx) for the page tables", early_lo,
                  early_hi);
    root = phys_to_virt(root_phys);
    map_image();
    map_direct(bi);
    mmu_init_cpu(root_phys);
}

void vm_use_page_allocator(void)
{
    early_mem = NULL;
}

void vm_seal(void)
{
    for (const char *va = rodata_end; va < sealed_end; va += PAGE_SIZE) {
        uint64_t *entry = entry_make_locked((uintptr_t)va, 0);
        entry_set(entry, pte_leaf(image_phys(va), VM_R, 0));
    }
    mmu_flush_boot((uintptr_t)rodata_end, (size_t)(sealed_end - rodata_end));
}

/* From va on, how many bytes are certainly not mapped: up to the end of what an absent entry would cover.
 * 0: va is mapped. */
static size_t hole_bytes(uintptr_t va)
{
    const uint64_t *table = root;

    for (unsigned level = ROOT_LEVEL;; level--) {
        uint64_t pte = entry_get(&table[level_index(va, level)]);
        if (!pte_present(pte))
            return level_bytes(level) - (va & (level_bytes(level) - 1));
        if (level < ROOT_LEVEL && pte_is_leaf(pte, level))
            return 0;
        table = phys_to_virt(pte_pa(pte));
    }
}

/* Hole by hole, since parts of it may be mapped by an earlier call. */
static void *map_window(uint64_t pa, size_t bytes, enum vm_prot prot)
{
    uint64_t first = pa & ~(PAGE_SIZE - 1);
    uint64_t end = (pa + bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    if (end < pa || end > DEVICE_BYTES)
        return NULL;
    for (uint64_t p = first; p < end;) {
        size_t hole = hole_bytes(DEVICE_BASE + p);
        if (hole > end - p)
            hole = end - p;
        if (hole && vm_map(DEVICE_BASE + p, p, hole, prot))
            return NULL;
        p += hole ? hole : PAGE_SIZE;
    }
    return (void *)(uintptr_t)(DEVICE_BASE + pa);
}

void *vm_map_device(uint64_t pa, size_t bytes)
{
    return map_window(pa, bytes, VM_DEVICE);
}

const void *vm_map_firmware(uint64_t pa, size_t bytes)
{
    return map_window(pa, bytes, VM_R);
}
