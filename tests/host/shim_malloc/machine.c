/*
 * machine.c - see machine.h. Also keeps the heap to its contexts: pages, their tables and
 * mheap.lock only inside of systemstack(), locks by rank, and none of them held when it ends the
 * program.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/layout.h"
#include "kernel/lock.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/vm.h"

_Thread_local struct m *this_m;
_Thread_local char thrown[300];

static _Thread_local jmp_buf on_throw;
static _Thread_local bool catching;

static _Thread_local unsigned ranks_held[NRANK];

static _Noreturn void broken(const char *what)
{
    printf("not ok - %s\n", what);
    fflush(stdout);
    abort();
}

/* ---- Ms, locks ---- */

void systemstack(void (*fn)(void *arg), void *arg)
{
    this_m->depth++;
    fn(arg);
    this_m->depth--;
}

static void on_g0(const char *what)
{
    if (!this_m->depth)
        broken(what);
}

void lock(struct spinlock *l)
{
    if (l->rank == RANK_MHEAP)
        on_g0("mheap.lock is taken on g0 only");
    for (unsigned r = l->rank; r < NRANK; r++)
        if (ranks_held[r])
            broken("locks are taken by rank");
    while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
        sched_yield();
    ranks_held[l->rank]++;
    acquirem();
}

void unlock(struct spinlock *l)
{
    ranks_held[l->rank]--;
    releasem(this_m);
    atomic_store_explicit(&l->held, 0, memory_order_release);
}

/* ---- the end ---- */

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kvsnprintf(thrown, sizeof thrown, fmt, ap);
    va_end(ap);
    if (!catching || this_m->locks || this_m->depth)
        broken(thrown);
    longjmp(on_throw, 1);
}

bool throws(void (*fn)(void *p), void *p)
{
    thrown[0] = 0;
    catching = true;
    bool threw = setjmp(on_throw) != 0;
    if (!threw)
        fn(p);
    catching = false;
    return threw;
}

void kprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kvsnprintf(thrown, sizeof thrown, fmt, ap);
    va_end(ap);
}

/* ---- pages: the lowest run, one at a time ---- */

#define RAM_BASE UINT64_C(0x100000)

static pthread_mutex_t page_mutex = PTHREAD_MUTEX_INITIALIZER;
static int ram_fd;
static size_t npages, in_use;
static bool *used;

static uint64_t page_take(size_t n, size_t align)
{
    uint64_t pa = PAGE_NONE;
    size_t run = 0;

    pthread_mutex_lock(&page_mutex);
    for (size_t i = 0; i < npages && n <= npages; i++) {
        size_t first = i - run;
        run = used[i] || (run == 0 && ((RAM_BASE >> PAGE_SHIFT) + i) % align) ? 0 : run + 1;
        if (run < n)
            continue;
        first = i + 1 - n;
        memset(used + first, true, n);
        in_use += n;
        pa = RAM_BASE + (first << PAGE_SHIFT);
        break;
    }
    pthread_mutex_unlock(&page_mutex);
    return pa;
}

uint64_t page_alloc(size_t n)
{
    on_g0("page_alloc() is called on g0 only");
    return page_take(n, 1);
}

uint64_t page_alloc_aligned(size_t n, size_t align_pages)
{
    on_g0("page_alloc_aligned() is called on g0 only");
    return page_take(n, align_pages);
}

void page_free(uint64_t pa, size_t n)
{
    size_t first = (pa - RAM_BASE) >> PAGE_SHIFT;

    on_g0("page_free() is called on g0 only");
    pthread_mutex_lock(&page_mutex);
    for (size_t i = first; i < first + n; i++) {
        if (i >= npages || !used[i])
            broken("a page is freed that is not in use");
        used[i] = false;
    }
    in_use -= n;
    pthread_mutex_unlock(&page_mutex);
}

size_t page_total(void)
{
    return npages;
}

size_t machine_pages_in_use(void)
{
    pthread_mutex_lock(&page_mutex);
    size_t n = in_use;
    pthread_mutex_unlock(&page_mutex);
    return n;
}

/* ---- page tables: of the span table only ---- */

static _Atomic(bool) mapped[TABLE_BYTES >> PAGE_SHIFT];

int vm_map(uintptr_t va, uint64_t pa, size_t bytes, enum vm_prot prot)
{
    on_g0("vm_map() is called on g0 only");
    if (va < TABLE_AT || va >= TABLE_AT + TABLE_BYTES || bytes != PAGE_SIZE || prot != VM_RW)
        broken("vm_map() is called for a page of the span table");
    if (mmap((void *)va, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ram_fd,
             (off_t)(pa - RAM_BASE)) != (void *)va)
        broken("mmap");
    atomic_store(&mapped[(va - TABLE_AT) >> PAGE_SHIFT], true);
    return 0;
}

bool vm_lookup(uintptr_t va, uint64_t *pa, enum vm_prot *prot)
{
    *pa = 0;
    *prot = VM_RW;
    return va >= TABLE_AT && va < TABLE_AT + TABLE_BYTES &&
           atomic_load(&mapped[(va - TABLE_AT) >> PAGE_SHIFT]);
}

/* ---- start ---- */

void machine_thread(struct m *mp, struct p *pp, struct g *gp, uint32_t id)
{
    *gp = (struct g){.goid = id + 1};
    pp->id = id;
    mcache_init(&pp->mcache);
    *mp = (struct m){.g = gp, .p = pp};
    this_m = mp;
}

void machine_init(size_t pages)
{
    void *at = (void *)(uintptr_t)(DIRECT_BASE + RAM_BASE);

    npages = pages;
    used = calloc(pages, sizeof *used);
    ram_fd = memfd_create("ram", 0);
    if (!used || ram_fd < 0 || ftruncate(ram_fd, (off_t)(pages << PAGE_SHIFT)) ||
        mmap(at, pages << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
             ram_fd, 0) != at)
        broken("mmap of RAM");
    malloc_init();
}
