/*
 * main.c - the order of the boot, from bootinfo to the main goroutine.
 *
 * One core runs, on m0's g0 stack, interrupts masked, until sched_start_cores(). Each step may use what
 * the steps before it set up; what a step can't do without it says, and stops.
 */
#include <string.h>

#include "arch/arch.h"
#include "kernel/bootmem.h"
#include "kernel/initrd.h"
#include "kernel/libc.h"
#include "kernel/layout.h"
#include "kernel/options.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/tls.h"
#include "kernel/virtio.h"
#include "kernel/vm.h"
#include "kernel/walltime.h"
#include "rt0/go.h"
#include "rt0/time.h"
#include "sched/sched.h"

static void init_memory(const struct bootinfo *bi)
{
    static struct bootmem bm;
    struct errbuf e;

    if (bootmem_init(&bm, bi, bi->fdt_bytes, &e))
        boot_fail("%s", e.text);
    platform_reserve(&bm);
    vm_init(&bm, bi);
    page_init(&bm);
    vm_use_page_allocator();
    malloc_init();
}

static void init_module(const struct bootinfo *bi)
{
    struct errbuf e;

    if (bi->module.bytes &&
        initrd_init(phys_to_virt(bi->module.base), bi->module.bytes, options.initrd, &e))
        boot_fail("%s", e.text);
}

static void log_machine(const struct bootinfo *bi)
{
    char text[160];

    if (!options.bootlog)
        return;
    platform_describe(text, sizeof text);
    kprintf("rt0: %s, booted by %s; %s\n", ARCH_NAME, bi->loader, text);
    kprintf("rt0: memory %zu MiB free, image %lu KiB at %#lx, module %lu bytes\n",
            page_total() >> (20 - PAGE_SHIFT), bi->kernel_bytes >> 10, bi->kernel_phys,
            bi->module.bytes);
}

/* The main goroutine. */
static void run_main(void *arg)
{
    if (options.bootlog) {
        int64_t now = nanotime();
        kprintf("rt0: %d of %u cores up; main() %ld us after entry, %ld us after power-on\n",
                numcpu(), platform_ncpu(), (now - clock_entry()) / 1000, now / 1000);
    }
    libc_run_main(arg);
}

_Noreturn void kernel_main(const struct bootinfo *boot)
{
    static struct bootinfo bi;

    bi = *boot;
    init_memory(&bi);
    sched_init();
    platform_init(&bi);
    options_parse(bi.cmdline);
    virtio_init();
    clock_init();
    irqchip_init_cpu(&m0);
    clock_init_cpu(&m0);
    init_module(&bi);
    sched.stack_max = options.stackmax;
    tls_init(sched.stack_max);
    sched_configure();
    log_machine(&bi);
    walltime_init();
    vm_seal();
    unsigned ncpu = platform_ncpu();
    sched_start_cores(ncpu < options.cores ? ncpu : (unsigned)options.cores);
    sched_run_main(run_main, &options.main);
}

int64_t nanotime(void)
{
    return clock_nanotime();
}
