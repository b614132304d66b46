/*
 * cpu.h - the inline part of the arch contract (arch.h) for arm64.
 *
 * TPIDR_EL1 of every core is its current G; the M is that G's second field. Gs and g0
 * run at EL1t (their stack pointer is SP_EL0), exceptions at EL1h on SP_EL1.
 */
#ifndef ARCH_ARM64_CPU_H
#define ARCH_ARM64_CPU_H

#include "offsets.h"

#define ARCH_NAME        "arm64"
#define ARCH_TLS_VARIANT 1 // thread-local data lies above the thread pointer (ELF TLS)

/* What mcall() leaves at a G's stack pointer and gogo() takes off: the AAPCS64's callee-saved state. */
struct switchframe {
    uintptr_t fp;
    uintptr_t pc;
    uint64_t x19_x28[10];
    uint64_t d8_d15[8];
    uint64_t fpcr;
    uint64_t unused; // the stack pointer is a multiple of 16
};
_Static_assert(offsetof(struct switchframe, fp) == SF_FP, "switch.S");
_Static_assert(offsetof(struct switchframe, x19_x28) == SF_X19, "switch.S");
_Static_assert(offsetof(struct switchframe, d8_d15) == SF_D8, "switch.S");
_Static_assert(offsetof(struct switchframe, fpcr) == SF_FPCR, "switch.S");
_Static_assert(sizeof(struct switchframe) == SF_BYTES, "switch.S");

#define EXCEPTION_STACK_BYTES 16384

/* This architecture's part of struct m. */
struct arch_m {
    uint64_t mpidr;         // affinity fields only
    uint8_t gicv2_cpu_mask; // GICv2: this core's bit as an SGI target
    _Alignas(16) uint8_t exception_stack[EXCEPTION_STACK_BYTES];
};

#define READ_SYSREG(reg)                                        \
    ({                                                          \
        uint64_t v_;                                            \
        __asm__ volatile("mrs %0, " #reg : "=r"(v_)::"memory"); \
        v_;                                                     \
    })
#define WRITE_SYSREG(reg, value) \
    __asm__ volatile("msr " #reg ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static inline void dsb_ish(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
}

/* Not volatile: a goroutine's own G never changes, so the compiler may keep it. */
static inline struct g *getg(void)
{
    struct g *gp;
    __asm__("mrs %0, tpidr_el1" : "=r"(gp));
    return gp;
}

/* Before use: no preemption between this and the last use of what it gives (acquirem). */
static inline struct m *getm(void)
{
    return *(struct m *volatile *)((uintptr_t)getg() + G_M);
}

/*
 * acquirem - preemption off on this core, until releasem() of the M that it gives. Between finding the M and
 * counting the goroutine must not be moved to another core, so that is done in .text.nopreempt, by a leaf
 * (switch.S) that leaves all registers alone but these: inlined, the whole is a call of five instructions.
 */
static inline struct m *acquirem(void)
{
    register struct m *mp __asm__("x0");
    __asm__ volatile("bl acquirem_count" : "=r"(mp)::"x1", "x30", "memory");
    return mp;
}

/* The clock's counter (clock_ticks_to_ns()), not ordered with what is around it. */
static inline uint64_t cpu_counter(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
}

static inline void cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

/* One page, from a context where the libc's memset() must not be called. */
static inline void page_clear(void *page)
{
    char *end = (char *)page + 4096;
    for (char *p = page; p < end; p += 64)
        __asm__ volatile("stp xzr, xzr, [%0]; stp xzr, xzr, [%0, #16];"
                         "stp xzr, xzr, [%0, #32]; stp xzr, xzr, [%0, #48]" ::"r"(p)
                         : "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

static inline bool irq_enabled(void)
{
    return !(READ_SYSREG(daif) & (1u << 7));
}

/*
 * cpu_idle - sleep until an interrupt has been handled; interrupts are masked on entry and return.
 * wfi wakes for a pending interrupt even though it is masked, so one that came earlier ends the wait
 * at once; unmasking before wfi would be a lost wakeup.
 */
static inline void cpu_idle(void)
{
    __asm__ volatile("dsb sy; wfi; msr daifclr, #2; isb; msr daifset, #2" ::: "memory");
}

/* The libc's thread pointer. Ctx: g0 or boot, for the G about to run. */
static inline void cpu_set_tls(uintptr_t tp)
{
    WRITE_SYSREG(tpidr_el0, tp);
}

#endif
