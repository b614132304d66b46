/*
 * cpu.h - the inline part of the arch contract (arch.h) for x86-64.
 *
 * The GS base of every core points at its struct m, always: there is no user mode, so no swapgs.
 * %gs:0 is the current G, %gs:8 the M itself.
 */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include "offsets.h"

#define ARCH_NAME        "x86-64"
#define ARCH_TLS_VARIANT 2 // thread-local data lies below the thread pointer (ELF TLS)

/* What mcall() leaves at a G's stack pointer and gogo() takes off: the SysV ABI's callee-saved state. */
struct switchframe {
    uint32_t mxcsr;
    uint16_t fcw;
    uint16_t unused;
    uint64_t r15, r14, r13, r12, rbx;
    uintptr_t fp; // rbp
    uintptr_t pc;
};
_Static_assert(offsetof(struct switchframe, mxcsr) == SF_MXCSR, "switch.S");
_Static_assert(offsetof(struct switchframe, fcw) == SF_FCW, "switch.S");
_Static_assert(offsetof(struct switchframe, r15) == SF_R15, "switch.S");

/* Task state segment: only the stacks that the IST field of a gate selects are used. */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "manual: 64-bit TSS");

/* Each kind of entry has its own stack, so that a fault inside an interrupt handler, or an NMI
 * anywhere, does not overwrite the frames under it. Gate n uses tss.ist[n - 1]. */
enum ist { IST_IRQ = 1, IST_EXCEPTION, IST_DOUBLE_FAULT, IST_NMI, NIST = IST_NMI };
#define IST_STACK_BYTES 8192

/* This architecture's part of struct m. */
struct arch_m {
    uint64_t gdt[5]; // null, code, data, TSS (two slots)
    struct tss tss;
    uint32_t apic_id;
    int64_t alarm_ns;              // what clock_arm() was asked for; INT64_MAX: nothing
    _Atomic(bool) backtrace_asked; // acquire-release: an NMI for IRQ_BACKTRACE is on its way
    _Alignas(16) uint8_t ist_stack[NIST][IST_STACK_BYTES];
};

/*
 * Not volatile: a goroutine's own G never changes, so the compiler may keep it.
 * Why not __seg_gs: gcc 12's points-to analysis takes what is loaded from address 0 of a named address
 * space for a pointer to nothing, and deletes stores through it.
 */
static inline struct g *getg(void)
{
    struct g *gp;
    __asm__("mov %%gs:%c1, %0" : "=r"(gp) : "i"(M_G));
    return gp;
}

/* Before use: no preemption between this and the last use of what it gives (acquirem). */
static inline struct m *getm(void)
{
    struct m *mp;
    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(mp) : "i"(M_SELF));
    return mp;
}

/*
 * acquirem - preemption off on this core, until releasem() of the M that it gives. One instruction finds the
 * M and counts: between two, the goroutine might be moved to another core.
 */
static inline struct m *acquirem(void)
{
    __asm__ volatile("incl %%gs:%c0" ::"i"(M_LOCKS) : "memory", "cc");
    return getm();
}

/* The clock's counter (clock_ticks_to_ns()), not ordered with what is around it. */
static inline uint64_t cpu_counter(void)
{
    uint64_t lo, hi; // the instruction clears the upper halves
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return hi << 32 | lo;
}

static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}

/* One page, from a context where the libc's memset() must not be called. */
static inline void page_clear(void *page)
{
    uint64_t n = 512;
    __asm__ volatile("rep stosq" : "+D"(page), "+c"(n) : "a"(0) : "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline bool irq_enabled(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; pop %0" : "=r"(flags)::"memory");
    return flags & (1u << 9);
}

/*
 * cpu_idle - sleep until an interrupt has been handled; interrupts are masked on entry and return.
 * sti takes effect after the next instruction, so nothing can be handled between it and hlt: an
 * interrupt that came while they were masked ends the hlt at once.
 */
static inline void cpu_idle(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static inline void write_cr4(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory");
}

#define MSR_FS_BASE      0xc0000100u
#define MSR_GS_BASE      0xc0000101u
#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC       0x800u // + register offset / 16

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

/* The instruction exists on every core, or on none (mmu_init_cpu() turns it on). */
extern bool cpu_has_fsgsbase;

/* The libc's thread pointer. Ctx: g0 or boot, for the G about to run. */
static inline void cpu_set_tls(uintptr_t tp)
{
    if (cpu_has_fsgsbase)
        __asm__ volatile("wrfsbase %0" ::"r"(tp));
    else
        wrmsr(MSR_FS_BASE, tp);
}

#endif
