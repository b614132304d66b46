/*
 * prog_stale - a core that keeps translations of stack pages which another core unmaps.
 *
 * A goroutine uses a deep stack and parks. Another one, which never gives its core away, touches those
 * pages, so its core has their translations. Then main has the stack shrunk, and the pages freed as far as
 * that may be, and the other goroutine goes there again, before its core has passed an epoch.
 *
 *   prog_stale          it reads. The pages rest until its core has passed: status 0
 *   prog_stale write    it writes, as no program may. MODE=debug sees it when the pages have rested, if the
 *                       core still had its translations (QEMU's cores forget none by themselves)
 *   prog_stale broken   it writes, and nobody waited for its core: MODE=debug sees it at the next use
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel/tlb.h"
#include "kernel/vm.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "sched/sched.h"

enum { PAGES = 40, BYTES = PAGES * 4096 };

static struct chan *parked;
static struct g *victim;
static atomic_uintptr_t deep;
static atomic_int step;

static void wait_for(int value)
{
    while (atomic_load(&step) < value)
        ;
}

static void go_deep(void)
{
    volatile char frame[BYTES];

    for (size_t i = 0; i < sizeof frame; i += 4096)
        frame[i] = 1;
    atomic_store(&deep, (uintptr_t)frame);
}

static void be_victim(void *unused)
{
    (void)unused;
    go_deep();
    victim = getg();
    atomic_store(&step, 1);
    chan_recv(parked, NULL);
}

static void touch(bool write)
{
    volatile char *frame = (volatile char *)atomic_load(&deep);

    for (size_t i = 0; i < BYTES - 4096; i += 4096) {
        char c = frame[i];
        if (write)
            frame[i] = (char)(c + 1);
    }
}

/* No interrupt: any that wakes a core also makes it pass. */
static void keep_translations(void *write)
{
    wait_for(1);
    struct m *mp = acquirem();
    irq_disable();
    touch(true);
    atomic_store(&step, 2);
    wait_for(3);
    touch(write != NULL);
    atomic_store(&step, 4);
    wait_for(7);
    irq_enable();
    releasem(mp);
}

/* What the scheduler does with a goroutine that has been parked for long. */
static void shrink(void *pages)
{
    while (!scan_begin(victim))
        cpu_relax();
    *(size_t *)pages = shrinkstack(victim, true);
    scan_end(victim);
    limbo_drain(false);
}

static void drain(void *unused)
{
    (void)unused;
    limbo_drain(false);
}

static void use_pages(void *unused)
{
    (void)unused;
    go_deep();
    atomic_store(&step, 6);
}

int main(int argc, char **argv)
{
    size_t pages = 0;

    if (argc > 1 && strcmp(argv[1], "broken") == 0) {
#if RT0_DEBUG
        tlb_broken = true;
#else
        printf("only MODE=debug can break it\n");
        return 3;
#endif
    }
    parked = chan_make(1, 0);
    go(be_victim, NULL);
    go(keep_translations, argc > 1 ? argv[1] : NULL);
    while (atomic_load(&step) < 2)
        gosched();
    systemstack(shrink, &pages);
    printf("%zu pages unmapped, %zu of them rest\n", pages, atomic_load(&arena.limbo));
    atomic_store(&step, 3);
    wait_for(4);
    go(use_pages, NULL);
    gosched();
    while (atomic_load(&step) < 6)
        gosched();
    printf("%zu rest while a core has not passed\n", atomic_load(&arena.limbo));
    atomic_store(&step, 7);
    gosched();
    while (atomic_load(&arena.limbo)) {
        systemstack(drain, NULL);
        gosched();
    }
    printf("none rests at the end\n");
    return 0;
}
