/*
 * trap.c - descriptor tables, and what to do with an interrupt or exception.
 *
 * Every core has its own GDT and TSS (for its IST stacks) and shares one IDT.
 */
#include "trap.h"

#include "arch/arch.h"
#include "features.h"
#include "irqchip.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/vm.h"
#include "sched/sched.h"

struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "manual: 64-bit gate");

struct descriptor_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define GATE_INTERRUPT 0x8e // present, ring 0, interrupts masked on entry
#define NVECTOR        256

static SEALED struct gate idt[NVECTOR];

static enum ist vector_ist(unsigned vector)
{
    if (vector == VECTOR_NMI)
        return IST_NMI;
    if (vector == VECTOR_DOUBLE_FAULT)
        return IST_DOUBLE_FAULT;
    return vector < 32 ? IST_EXCEPTION : IST_IRQ;
}

static void idt_fill(void)
{
    for (unsigned v = 0; v < NVECTOR; v++) {
        uintptr_t at = (uintptr_t)trap_stubs + v * TRAP_STUB_BYTES;
        idt[v] = (struct gate){.offset_0 = (uint16_t)at,
                               .selector = SEL_CODE,
                               .ist = (uint8_t)vector_ist(v),
                               .type = GATE_INTERRUPT,
                               .offset_16 = (uint16_t)(at >> 16),
                               .offset_32 = (uint32_t)(at >> 32)};
    }
}

static void gdt_fill(struct arch_m *am)
{
    uint64_t tss = (uintptr_t)&am->tss, limit = sizeof am->tss - 1;

    am->gdt[SEL_CODE / 8] = 0x00af9b000000ffff;
    am->gdt[SEL_DATA / 8] = 0x00cf93000000ffff;
    /* Present, 64-bit TSS; the base is split over the descriptor. */
    am->gdt[SEL_TSS / 8] = limit | (tss & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                           (tss >> 24 & 0xff) << 56;
    am->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

void trap_init_cpu(struct m *mp)
{
    struct arch_m *am = &mp->arch;

    for (unsigned i = 0; i < NIST; i++)
        am->tss.ist[i] = (uintptr_t)am->ist_stack[i] + IST_STACK_BYTES;
    am->tss.iomap_base = sizeof am->tss;
    gdt_fill(am);
    if (mp == &m0)
        idt_fill();
    struct descriptor_register gdtr = {sizeof am->gdt - 1, (uintptr_t)am->gdt};
    struct descriptor_register idtr = {sizeof idt - 1, (uintptr_t)idt};
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    __asm__ volatile("lidt %0" ::"m"(idtr));
    __asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
}

/* ---- exceptions ------------------------------------------------------------------------------- */

static const char *const exception_name[32] = {
    [0] = "#DE divide error",
    [1] = "#DB debug",
    [2] = "NMI",
    [3] = "#BP breakpoint",
    [4] = "#OF overflow",
    [5] = "#BR bound range",
    [6] = "#UD invalid opcode",
    [7] = "#NM device not available",
    [8] = "#DF double fault",
    [10] = "#TS invalid TSS",
    [11] = "#NP segment not present",
    [12] = "#SS stack fault",
    [13] = "#GP general protection",
    [14] = "#PF page fault",
    [16] = "#MF x87 floating point",
    [17] = "#AC alignment check",
    [18] = "#MC machine check",
    [19] = "#XM SIMD floating point",
    [20] = "#VE virtualization",
    [21] = "#CP control protection",
};

/* Page-fault error code */
#define PF_PRESENT 0x1
#define PF_WRITE   0x2
#define PF_EXEC    0x10

static void exception(const struct trapframe *tf)
{
    const char *name = exception_name[tf->vector];
    struct fault f = {.kind = FAULT_OTHER,
                      .name = name ? name : "reserved exception",
                      .code = tf->error,
                      .tf = tf};

    switch (tf->vector) {
    case 0:
        f.kind = FAULT_DIVIDE;
        break;
    case 3:
        f.kind = FAULT_BREAKPOINT;
        break;
    case 6:
        f.kind = FAULT_ILLEGAL;
        break;
    case 14:
        f.kind = FAULT_PAGE;
        f.present = tf->error & PF_PRESENT;
        f.access = tf->error & PF_EXEC    ? ACCESS_EXEC
                   : tf->error & PF_WRITE ? ACCESS_WRITE
                                          : ACCESS_READ;
        __asm__ volatile("mov %%cr2, %0" : "=r"(f.addr));
        if (fault_resolve(&f))
            return;
        break;
    }
    fault_report(&f);
}

/* ---- interrupts ------------------------------------------------------------------------------- */

_Static_assert(VECTOR_FIRST + NIRQ <= VECTOR_SPURIOUS, "a vector for each kind");

#define INSN_HLT 0xf4

/*
 * Between the sti and the hlt of cpu_idle() an NMI ends the time in which nothing else can be handled: what
 * comes on its heels would be handled before the hlt, which then sleeps through it. So the hlt is passed over.
 */
static void skip_hlt(struct trapframe *tf)
{
    bool in_text = tf->rip >= (uintptr_t)image_start && tf->rip < (uintptr_t)text_end;

    if (tf->rflags & RFLAGS_IF && in_text && *(const uint8_t *)tf->rip == INSN_HLT)
        tf->rip++;
}

/* What the core does, for one that asks: of an interrupt's handler, whom it interrupted. That frame is the
 * first on the handlers' stack. */
static struct trapframe *interrupted(struct trapframe *tf)
{
    uintptr_t lo = (uintptr_t)getm()->arch.ist_stack[IST_IRQ - 1];
    uintptr_t hi = lo + IST_STACK_BYTES;

    return tf->rsp > lo && tf->rsp < hi ? (struct trapframe *)hi - 1 : tf;
}

/* False: this core was not asked, so the NMI is the hardware's. */
static bool nmi_backtrace(struct trapframe *tf)
{
    if (!atomic_exchange_explicit(&getm()->arch.backtrace_asked, false, memory_order_acq_rel))
        return false;
    irq_dispatch(IRQ_BACKTRACE, interrupted(tf));
    skip_hlt(tf);
    return true;
}

static bool is_kind(uint64_t vector)
{
    return vector >= VECTOR_FIRST && vector < VECTOR_FIRST + NIRQ &&
           vector != VECTOR_FIRST + IRQ_BACKTRACE; // that is an NMI
}

void trap_handler(struct trapframe *tf)
{
    if (tf->vector == VECTOR_NMI && nmi_backtrace(tf))
        return;
    if (tf->vector < 32) {
        exception(tf);
        return;
    }
    if (tf->vector == VECTOR_SPURIOUS)
        return;
    if (!is_kind(tf->vector))
        throw("interrupt on vector %#lx, which nothing uses", tf->vector);
    enum irq_kind kind = (enum irq_kind)(tf->vector - VECTOR_FIRST);
    irqchip_eoi();
    if (kind != IRQ_TIMER || clock_alarm_due())
        irq_dispatch(kind, tf);
}

/* ---- frames ----------------------------------------------------------------------------------- */

uintptr_t trapframe_pc(const struct trapframe *tf)
{
    return tf->rip;
}

uintptr_t trapframe_fp(const struct trapframe *tf)
{
    return tf->rbp;
}

uintptr_t trapframe_sp(const struct trapframe *tf)
{
    return tf->rsp;
}

/* The call has pushed it, and nothing has run since. */
uintptr_t trapframe_caller(const struct trapframe *tf)
{
    uint64_t pa;
    enum vm_prot prot;

    return vm_lookup(tf->rsp, &pa, &prot) && tf->rsp % 8 == 0 ? *(const uintptr_t *)tf->rsp : 0;
}

void trapframe_print(const struct trapframe *tf)
{
    kprintf("rax=%016lx rbx=%016lx rcx=%016lx rdx=%016lx\n", tf->rax, tf->rbx, tf->rcx, tf->rdx);
    kprintf("rsi=%016lx rdi=%016lx rbp=%016lx rsp=%016lx\n", tf->rsi, tf->rdi, tf->rbp, tf->rsp);
    kprintf("r8 =%016lx r9 =%016lx r10=%016lx r11=%016lx\n", tf->r8, tf->r9, tf->r10, tf->r11);
    kprintf("r12=%016lx r13=%016lx r14=%016lx r15=%016lx\n", tf->r12, tf->r13, tf->r14, tf->r15);
    kprintf("rip=%016lx cs=%04lx rflags=%08lx ss=%04lx\n", tf->rip, tf->cs, tf->rflags, tf->ss);
}
