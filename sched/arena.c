/*
 * arena.c - the addresses of stacks: which slots are in use.
 *
 * The arena has a zone for each slot size, so an address tells its slot. A zone's map has a bit for each
 * slot, in pages that are added as slots are used; the lowest free slot is taken, so that slots in use lie
 * close together and share page tables.
 *
 * Protocol:  arena.lock guards the maps. It is taken on g0 and exception stacks only.
 * Invariant: a slot's bit is set from arena_slot_alloc() until its entries are absent and no core can hold
 *            a translation of it; below zone->hint no slot is free; a map page is never given back.
 */
#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "sched/sched.h"

#define WORD_BITS     64
#define MAP_WORDS     (PAGE_SIZE / 8)
#define MAP_SLOTS     (MAP_WORDS * WORD_BITS)
#define ZONE_MAPS     (PAGE_SIZE / 8)
#define ZONE_SLOTS(c) ((UINT64_C(1) << (ZONE_SHIFT - STACK_SHIFT_MIN - (c))))

struct zone {
    uint64_t **maps; // arena.lock; a page of pointers, or NULL
    size_t hint;     // arena.lock; no free slot below
};

struct arena arena = {.lock = SPINLOCK_INIT(RANK_STACKPOOL)};
static struct zone zones[NSTACKCLASS];

static size_t slot_bytes(unsigned class)
{
    return (size_t)1 << (STACK_SHIFT_MIN + class);
}

unsigned stack_class(size_t max_bytes)
{
    if (max_bytes <= slot_bytes(0))
        return 0;
    return (unsigned)(WORD_BITS - __builtin_clzll(max_bytes - 1)) - STACK_SHIFT_MIN;
}

/* A whole slot less the guard page at least. */
uintptr_t stack_lo(uintptr_t hi, size_t max_bytes)
{
    size_t bytes = (max_bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    size_t slot = slot_bytes(stack_class(max_bytes));

    return hi - (bytes < slot ? bytes : slot - PAGE_SIZE);
}

unsigned arena_class(uintptr_t va)
{
    return (unsigned)((va - ARENA_BASE) >> ZONE_SHIFT);
}

static size_t slot_index(uintptr_t va)
{
    return ((va - ARENA_BASE) & ((UINT64_C(1) << ZONE_SHIFT) - 1)) >>
           (STACK_SHIFT_MIN + arena_class(va));
}

static uintptr_t slot_hi(unsigned class, size_t index)
{
    return ARENA_BASE + ((uintptr_t) class << ZONE_SHIFT) + (index + 1) * slot_bytes(class);
}

uintptr_t arena_slot_hi(uintptr_t va)
{
    return slot_hi(arena_class(va), slot_index(va));
}

uintptr_t arena_slot_lo(uintptr_t hi)
{
    return hi - slot_bytes(arena_class(hi - 1));
}

/* ---- maps --------------------------------------------------------------------------------------- */

static void *map_page_locked(void)
{
    uint64_t pa = page_alloc(1);

    if (pa == PAGE_NONE)
        return NULL;
    page_clear(phys_to_virt(pa));
    arena.map_pages++;
    return phys_to_virt(pa);
}

size_t arena_map_pages(void)
{
    lock(&arena.lock);
    size_t n = arena.map_pages;
    unlock(&arena.lock);
    return n;
}

/* The word of slot i; with `make`, missing pages are added. */
static uint64_t *map_word_locked(struct zone *z, size_t i, bool make)
{
    if (!z->maps && (!make || !(z->maps = map_page_locked())))
        return NULL;
    uint64_t **map = &z->maps[i / MAP_SLOTS];
    if (!*map && (!make || !(*map = map_page_locked())))
        return NULL;
    return &(*map)[i % MAP_SLOTS / WORD_BITS];
}

static size_t zone_slots(unsigned class)
{
    size_t mapped = ZONE_MAPS * MAP_SLOTS;

    return ZONE_SLOTS(class) < mapped ? ZONE_SLOTS(class) : mapped;
}

uintptr_t arena_slot_alloc(unsigned class)
{
    struct zone *z = &zones[class];
    uintptr_t hi = 0;

    lock(&arena.lock);
    for (size_t i = z->hint, end = zone_slots(class); i < end;
         i = (i / WORD_BITS + 1) * WORD_BITS) {
        uint64_t *word = map_word_locked(z, i, true);
        if (!word)
            break;
        if (~*word == 0)
            continue;
        size_t slot = i / WORD_BITS * WORD_BITS + (size_t)__builtin_ctzll(~*word);
        *word |= UINT64_C(1) << slot % WORD_BITS;
        z->hint = slot + 1;
        hi = slot_hi(class, slot);
        break;
    }
    unlock(&arena.lock);
    if (hi) {
        atomic_fetch_add_explicit(&arena.slots, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&arena.reserved, slot_bytes(class), memory_order_relaxed);
    }
    return hi;
}

void arena_slot_free_locked(uintptr_t hi)
{
    unsigned class = arena_class(hi - 1);
    struct zone *z = &zones[class];
    size_t i = slot_index(hi - 1);
    uint64_t *word = map_word_locked(z, i, false);

    if (!word || !(*word >> i % WORD_BITS & 1))
        throw("arena: slot %#lx is free already", hi);
    *word &= ~(UINT64_C(1) << i % WORD_BITS);
    if (i < z->hint)
        z->hint = i;
    atomic_fetch_sub_explicit(&arena.slots, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&arena.reserved, slot_bytes(class), memory_order_relaxed);
}

bool arena_slot_used_locked(uintptr_t va)
{
    size_t i = slot_index(va);
    unsigned class = arena_class(va);

    if (class >= NSTACKCLASS || i >= zone_slots(class))
        return false;
    const uint64_t *word = map_word_locked(&zones[class], i, false);
    return word && *word >> i % WORD_BITS & 1;
}

/* The slots under one table are in one word: 2 MiB are 32 of the smallest. */
bool arena_table_unused_locked(uintptr_t va)
{
    unsigned class = arena_class(va);
    size_t n = TABLE_BYTES >> (STACK_SHIFT_MIN + class), i = slot_index(va);
    const uint64_t *word = map_word_locked(&zones[class], i, false);

    if (n == 0)
        n = 1;
    uint64_t ones = ((UINT64_C(1) << n) - 1) << (i % WORD_BITS & ~(n - 1));
    return !word || !(*word & ones);
}
_Static_assert(TABLE_BYTES >> STACK_SHIFT_MIN <= 32, "one word of the map");
