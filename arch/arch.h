/*
 * arch.h - the contract between the machine and everything above it.
 *
 * arch/x86_64 and arch/arm64 both keep it, with the same file names for the same jobs; the inline
 * part of it is arch/ARCH/cpu.h (included here). No other folder but boot/ and linker/ knows which
 * machine it is on.
 *
 * Contexts named below:
 *   boot  the boot CPU before smp_start(), interrupts masked
 *   g0    an M's scheduler stack
 *   G     a goroutine's stack
 *   isr   an exception stack: may touch no floating point, call no libc, and take no lock (but what makes a
 *         stack grow takes those of RANK_STACKPOOL and above: kernel/lock.h)
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/bootinfo.h"

struct bootmem;
struct errbuf;
struct g;
struct m;
struct trapframe;
struct virtio;

#include "cpu.h" // arch/ARCH/cpu.h: struct switchframe, struct arch_m, getg(), getm(), acquirem(), cpu_counter() ...

/* ---- switch.S ------------------------------------------------------------------------------- */

/*
 * mcall - save the current G's callee-saved state on its stack, make the M's g0 current and call fn(gp)
 * on the g0 stack, from its top. fn must not return; gogo() later continues after mcall().
 * Ctx: G, with m->locks held by nobody who cares: the G may continue on another M.
 */
void mcall(void (*fn)(struct g *gp));

/* Makes gp current and continues where its switchframe says. Ctx: g0. */
_Noreturn void gogo(struct g *gp);

/*
 * gswitch - save the current G `from` like mcall(), continue `to` like gogo(), and in between, when nobody stands
 * on from's stack any more, tell where it is: *first = value, then *last = last_value (both release).
 * Ctx: G, in a NOPREEMPT function that uses nothing of its M after it.
 */
void gswitch(struct g *from, struct g *to, uint64_t *first, uint64_t value, _Atomic(uint32_t) *last,
             uint32_t last_value);

/*
 * systemstack - call fn(arg) on the M's g0 stack, with g0 current, and return.
 * Preemption is off meanwhile. On g0 already it is a plain call. Ctx: G, g0 or boot. fn must not park.
 */
void systemstack(void (*fn)(void *arg), void *arg);

/*
 * gobegin - make gp current and run it for the first time, on the stack that ends at sp, a multiple of 16: calls
 * fn(arg), then the same as goexit(). From here on gp->tls is tls. Ctx: g0; the thread pointer is set.
 */
_Noreturn void gobegin(void (*fn)(void *), void *arg, struct g *gp, uintptr_t sp, uintptr_t tls);

/* The current G has ended, and never runs again: makes the M's g0 current and calls goexit0(gp) on its stack.
 * Ctx: G. */
_Noreturn void goend(void);
_Noreturn void goexit0(struct g *gp); // sched/proc.c

/* ---- preempt.S ------------------------------------------------------------------------------- */

/*
 * asyncpreempt - entered instead of the instruction at m->preempt_pc, by an interrupt that came before it.
 * Saves every register on the G's stack (floating point and vectors too), calls asyncpreempt2(), which may
 * switch to other Gs and cores, and goes back. In .text.nopreempt until all is saved.
 */
void asyncpreempt(void);
void asyncpreempt2(void); // sched/preempt.c

/* The interrupted G goes on in asyncpreempt(). Ctx: isr; the G is preemptible. */
void trapframe_preempt(struct trapframe *tf);

/* Bytes that asyncpreempt() needs on the G's stack. */
size_t asyncpreempt_bytes(void);

/* ---- trap.c ---------------------------------------------------------------------------------- */

/* Exception vectors and exception stacks of this core. Ctx: boot, or an AP's first steps. */
void trap_init_cpu(struct m *mp);

/* Where the frame was interrupted, for tracebacks. */
uintptr_t trapframe_pc(const struct trapframe *tf);
uintptr_t trapframe_fp(const struct trapframe *tf);
uintptr_t trapframe_sp(const struct trapframe *tf);

/* After a jump to an address that can't be executed: where the call came from, or 0 if that can't be told.
 * Ctx: isr. */
uintptr_t trapframe_caller(const struct trapframe *tf);

/* Prints every register of the frame. Ctx: any, while panicking. */
void trapframe_print(const struct trapframe *tf);

/* ---- mmu.c ----------------------------------------------------------------------------------- */

/* CPU features that the page tables rely on (NX, write protection in supervisor mode, memory types),
 * then the tables at `root`. On return the low half is unmapped on this core. Ctx: boot or AP start. */
void mmu_init_cpu(uint64_t root_phys);

/* After a valid entry was written over an absent one: nothing can hold a stale entry (design: absent
 * translations are not cached), the walker only has to see the write. Ctx: any. */
void mmu_publish(void);

/* Forget cached translations of [va, va + bytes) on every core that may hold one. Before smp_start()
 * that is this one; later only arm64 can (broadcast TLBI), so only boot code calls it. Ctx: boot. */
void mmu_flush_boot(uintptr_t va, size_t bytes);

/* Forgets, on this core, all translations that are not global, the stacks' among them, and what it has cached
 * of the tables. Ctx: any, isr included. */
void mmu_flush_local(void);

/* The early direct map (before vm_init()) covers exactly [*lo, *hi) of physical memory from the
 * image's start upward: bootmem's first pages are taken there. Ctx: boot. */
void mmu_early_range(const struct bootinfo *bi, uint64_t *lo, uint64_t *hi);

/* ---- platform.c ------------------------------------------------------------------------------ */

/* The part of the platform that needs no mapping: a console, if it can be had that early. Ctx: boot. */
void platform_early(void);

/* Takes out of bm what the architecture needs at fixed places (the APs' trampoline). Ctx: boot. */
void platform_reserve(struct bootmem *bm);

/* Firmware tables -> cores, interrupt controller, clock, console. Needs vm_init(). Stops the machine
 * with a line if they can't be used. Ctx: boot. */
void platform_init(const struct bootinfo *bi);

/* Cores the firmware names, the boot CPU included; 1 .. MAX_CPUS after platform_init(). */
unsigned platform_ncpu(void);

/* One line for the boot log: CPU, interrupt controller, clocks. */
void platform_describe(char *buf, size_t bytes);

/* platform_find_virtio - the first virtio device of type id that the machine's description names.
 * Returns as virtio_find(), of which it is a part (kernel/virtio.h). Ctx: g0. */
int platform_find_virtio(struct virtio *v, unsigned id, struct errbuf *e);

/* Text that no console took, to a debugger or host if there is one. Ctx: boot, panicking. */
void platform_write_fallback(const char *text, size_t bytes);

/* ---- irqchip.c ------------------------------------------------------------------------------- */

/* This core's part of the interrupt controller. Ctx: boot or AP start, interrupts masked. */
void irqchip_init_cpu(struct m *mp);

/* Raise IRQ_WAKE, IRQ_STOP or IRQ_BACKTRACE (kernel/irq.h) on mp's core; IRQ_BACKTRACE also where interrupts
 * are masked, if the machine can (x86-64: by NMI). The write is a release: what this core
 * stored before is seen by the handler. Ctx: any, isr included. */
void irqchip_send(struct m *mp, unsigned kind);

/* ---- clock.c --------------------------------------------------------------------------------- */

/* Find the counter's rate. Ctx: boot, after platform tables are known. */
void clock_init(void);
void clock_init_cpu(struct m *mp);

/* Nanoseconds since the counter started; monotonic, the same on every core. Ctx: any. */
int64_t clock_nanotime(void);

/* cpu_counter() ticks and nanoseconds of it, rounded down. Ctx: any, after clock_init(). */
int64_t clock_ticks_to_ns(uint64_t ticks);
uint64_t clock_ns_to_ticks(int64_t ns);

/* clock_nanotime() when the image's first instruction ran. */
int64_t clock_entry(void);

/* Raise IRQ_TIMER on this core once, at or after `when` (as clock_nanotime()); a time in the past
 * fires at once. Replaces what was armed. INT64_MAX disarms. Ctx: any, preemption off. */
void clock_arm(int64_t when_ns);

/* ---- rtc.c ----------------------------------------------------------------------------------- */

/* The machine's real-time clock, in whole seconds since 1970. Returns 0; -ENODEV: there is none; -EIO,
 * -EINVAL: it gives no time, or none that can be; with a line in e. Ctx: boot, before vm_seal(). */
int rtc_read(int64_t *seconds, struct errbuf *e);

/* ---- smp.c ----------------------------------------------------------------------------------- */

/*
 * smp_boot - start the cores of ms[1 .. n): each runs on its M's g0 stack, does the *_init_cpu() calls
 * above and enters entry(mp) with interrupts masked. Returns when all have set mp->online, or when
 * one has not within a second: then the number of those that came. Ctx: boot, memory sealed.
 */
unsigned smp_boot(struct m **ms, unsigned n, void (*entry)(struct m *mp));

/* ---- poweroff.c ------------------------------------------------------------------------------ */

/* Ends the machine with `status` if something outside can take it; else powers it off where firmware can
 * (arm64: PSCI), else halts. What was printed has left by then. */
_Noreturn void arch_exit(int status);

/* Masks interrupts and sleeps for ever. */
_Noreturn void arch_halt(void);

#endif
