/*
 * machine.h - the machine under the heap's host tests: memory, locks, Ms, and an end that can be
 * caught.
 *
 * RAM is a file in memory, mapped at DIRECT_BASE; vm_map() maps its pages a second time. The
 * heap's malloc() and its relatives have the prefix rt0_ here.
 */
#ifndef TESTS_HOST_SHIM_MALLOC_MACHINE_H
#define TESTS_HOST_SHIM_MALLOC_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "sched/sched.h"

void *rt0_malloc(size_t bytes);
void *rt0_calloc(size_t n, size_t bytes);
void *rt0_realloc(void *p, size_t bytes);
void *rt0_aligned_alloc(size_t align, size_t bytes);
int rt0_posix_memalign(void **p, size_t align, size_t bytes);
size_t rt0_malloc_usable_size(void *p);
void rt0_free(void *p);

/* Once: RAM of so many pages, malloc_init(). */
void machine_init(size_t pages);

/* The calling thread is an M with P number id. */
void machine_thread(struct m *mp, struct p *pp, struct g *gp, uint32_t id);

size_t machine_pages_in_use(void);

/* Calls fn(p): true if that ended in throw(), whose text is then in `thrown`. */
bool throws(void (*fn)(void *p), void *p);
extern _Thread_local char thrown[300];

#endif
