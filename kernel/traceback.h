/*
 * traceback.h - call chains by frame pointer, with names from the symbol table in the image.
 */
#ifndef KERNEL_TRACEBACK_H
#define KERNEL_TRACEBACK_H

#include <stdint.h>

/*
 * traceback - print pc and the return addresses of the frames from fp up, a line each:
 * "  name+0xoffset (0xaddress)". Every frame record must lie in [lo, hi) above the one before, so a
 * corrupt stack ends the list instead of faulting. Ctx: any.
 */
void traceback(uintptr_t pc, uintptr_t fp, uintptr_t lo, uintptr_t hi);

/* The innermost `max` of these addresses into pcs, and their number; and printing them. For who may not print where
 * he is. Ctx: any. */
unsigned traceback_collect(uintptr_t pc, uintptr_t fp, uintptr_t lo, uintptr_t hi, uintptr_t *pcs,
                           unsigned max);
void traceback_print(const uintptr_t *pcs, unsigned n, void (*print)(const char *fmt, ...));

/* The function that contains pc and pc's offset in it; NULL if pc is not in the image's text. */
const char *ksym_find(uintptr_t pc, uintptr_t *offset);

#endif
