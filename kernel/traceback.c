/*
 * traceback.c - call chains by frame pointer.
 *
 * Both ABIs put the same record at the frame pointer: the caller's frame pointer, then the return
 * address. All code of the image is built with frame pointers; a prebuilt libc function without one is
 * left out of the chain, since it keeps its caller's frame pointer.
 */
#include "kernel/traceback.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/layout.h"
#include "kernel/print.h"

/* Of a deep stack the innermost and the outermost frames are printed, as Go does. */
#define INNER_FRAMES 50
#define OUTER_FRAMES 50

/* Made by tools/ksyms from the linked image: addresses ascending, relative to image_start. */
extern const uint32_t ksyms_count;
extern const uint32_t ksyms_address[];
extern const uint32_t ksyms_name[]; // offsets into ksyms_text
extern const char ksyms_text[];

const char *ksym_find(uintptr_t pc, uintptr_t *offset)
{
    if (pc < (uintptr_t)image_start || pc >= (uintptr_t)text_end || ksyms_count == 0)
        return NULL;
    uint32_t rel = (uint32_t)(pc - (uintptr_t)image_start);
    size_t lo = 0, hi = ksyms_count; // address[lo] <= rel < address[hi]
    if (rel < ksyms_address[0])
        return NULL;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (ksyms_address[mid] <= rel)
            lo = mid;
        else
            hi = mid;
    }
    *offset = rel - ksyms_address[lo];
    return &ksyms_text[ksyms_name[lo]];
}

/* A return address may be the first byte of the next function (a noreturn call at the end), so names
 * are looked up one byte before it. */
static void print_frame(uintptr_t pc, bool is_return, void (*print)(const char *fmt, ...))
{
    uintptr_t offset;
    const char *name = ksym_find(pc - is_return, &offset);

    if (name)
        print("  %s+%#lx (%#lx)\n", name, offset + is_return, pc);
    else
        print("  ? (%#lx)\n", pc);
}

/* Where a walk is: the return address of a frame, and the frame pointer of the one above it. */
struct frame {
    uintptr_t pc;
    uintptr_t fp;
    uintptr_t lo, hi;
};

/* Steps to the caller's frame: false at the end, or where the chain is not one any more. */
static bool frame_next(struct frame *f)
{
    if (f->fp < f->lo || f->fp > f->hi - 16 || f->fp % 8)
        return false;
    const uintptr_t *record = (const uintptr_t *)f->fp;
    if (record[1] == 0)
        return false;
    f->pc = record[1];
    f->lo = f->fp + 16;
    f->fp = record[0];
    return true;
}

void traceback(uintptr_t pc, uintptr_t fp, uintptr_t lo, uintptr_t hi)
{
    struct frame f = {pc, fp, lo, hi};
    size_t total = 1;

    while (frame_next(&f))
        total++;
    f = (struct frame){pc, fp, lo, hi};
    for (size_t n = 0; n < total; n++, frame_next(&f)) {
        if (n < INNER_FRAMES || n >= total - OUTER_FRAMES || total <= INNER_FRAMES + OUTER_FRAMES)
            print_frame(f.pc, n > 0, kprintf);
        else if (n == INNER_FRAMES)
            kprintf("  ...%zu frames elided...\n", total - INNER_FRAMES - OUTER_FRAMES);
    }
}

unsigned traceback_collect(uintptr_t pc, uintptr_t fp, uintptr_t lo, uintptr_t hi, uintptr_t *pcs,
                           unsigned max)
{
    struct frame f = {pc, fp, lo, hi};
    unsigned n = 0;

    do
        pcs[n++] = f.pc;
    while (n < max && frame_next(&f));
    return n;
}

void traceback_print(const uintptr_t *pcs, unsigned n, void (*print)(const char *fmt, ...))
{
    for (unsigned i = 0; i < n; i++)
        print_frame(pcs[i], i > 0, print);
}
