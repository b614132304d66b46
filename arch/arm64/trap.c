/*
 * trap.c - what to do with an interrupt or exception.
 */
#include "trap.h"

#include "arch/arch.h"
#include "irqchip.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "sched/sched.h"
#include "semihost.h"

void trap_init_cpu(struct m *mp)
{
    uintptr_t top = (uintptr_t)mp->arch.exception_stack + EXCEPTION_STACK_BYTES;

    WRITE_SYSREG(vbar_el1, trap_vectors);
    __asm__ volatile("msr spsel, #1; mov sp, %0; msr spsel, #0" ::"r"(top) : "memory");
    isb();
    __asm__ volatile("msr daifclr, #4" ::: "memory"); // an SError is reported as soon as it comes
}

/* ---- exceptions: Arm ARM, ESR_EL1 --------------------------------------------------------------- */

enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_FP_ACCESS = 0x07,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVE_ACCESS = 0x19,
    EC_SME_ACCESS = 0x1d,
    EC_INSN_ABORT = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DATA_ABORT = 0x25,
    EC_SP_ALIGN = 0x26,
    EC_BRK = 0x3c,
};

#define ESR_EC(esr)     ((esr) >> 26 & 0x3f)
#define ESR_FSC(esr)    ((esr) >> 2 & 0xf) // without the level
#define ESR_WNR         (1u << 6)
#define FSC_TRANSLATION 1
#define FSC_PERMISSION  3
#define BRK_TRAP        1000 // __builtin_trap()

static const char *class_name(uint64_t esr)
{
    switch (ESR_EC(esr)) {
    case EC_UNKNOWN:
        return "undefined instruction";
    case EC_FP_ACCESS:
        return "floating point access";
    case EC_ILLEGAL_STATE:
        return "illegal execution state";
    case EC_SVE_ACCESS:
        return "SVE access";
    case EC_SME_ACCESS:
        return "SME access";
    case EC_INSN_ABORT:
        return "instruction abort";
    case EC_PC_ALIGN:
        return "PC alignment";
    case EC_DATA_ABORT:
        return "data abort";
    case EC_SP_ALIGN:
        return "SP alignment";
    case EC_BRK:
        return "BRK";
    default:
        return "synchronous exception";
    }
}

static void exception(const struct trapframe *tf)
{
    struct fault f = {.kind = FAULT_OTHER, .name = class_name(tf->esr), .code = tf->esr, .tf = tf};

    switch (ESR_EC(tf->esr)) {
    case EC_UNKNOWN:
    case EC_SVE_ACCESS: // their registers are not saved (preempt.S): they stay disabled (head.S)
    case EC_SME_ACCESS:
        f.kind = FAULT_ILLEGAL;
        break;
    case EC_BRK:
        f.kind = (tf->esr & 0xffff) == BRK_TRAP ? FAULT_ILLEGAL : FAULT_BREAKPOINT;
        break;
    case EC_INSN_ABORT:
    case EC_DATA_ABORT:
        f.addr = tf->far;
        if (ESR_FSC(tf->esr) < FSC_TRANSLATION || ESR_FSC(tf->esr) > FSC_PERMISSION)
            break; // alignment, or the bus said no
        f.kind = FAULT_PAGE;
        f.present = ESR_FSC(tf->esr) != FSC_TRANSLATION;
        f.access = ESR_EC(tf->esr) == EC_INSN_ABORT ? ACCESS_EXEC
                   : tf->esr & ESR_WNR              ? ACCESS_WRITE
                                                    : ACCESS_READ;
        if (fault_resolve(&f))
            return;
        break;
    }
    fault_report(&f);
}

void trap_handler(struct trapframe *tf, enum trap_kind kind)
{
    struct fault f = {.kind = FAULT_OTHER, .code = tf->esr, .tf = tf};

    switch (kind) {
    case TRAP_IRQ:
        irqchip_handle(tf);
        return;
    case TRAP_SYNC:
        if (tf->elr == (uintptr_t)semihost_hlt) {
            tf->elr = (uintptr_t)semihost_absent;
            return;
        }
        exception(tf);
        return;
    case TRAP_FIQ:
        f.name = "FIQ";
        break;
    case TRAP_SERROR:
        f.name = "SError";
        break;
    case TRAP_LOWER:
        f.name = "exception from a lower level";
        break;
    }
    fault_report(&f);
}

/* ---- frames ----------------------------------------------------------------------------------- */

uintptr_t trapframe_pc(const struct trapframe *tf)
{
    return tf->elr;
}

uintptr_t trapframe_fp(const struct trapframe *tf)
{
    return tf->x[29];
}

uintptr_t trapframe_sp(const struct trapframe *tf)
{
    return tf->sp;
}

/* The call has put it into the link register, and nothing has run since. */
uintptr_t trapframe_caller(const struct trapframe *tf)
{
    return tf->x[30];
}

void trapframe_print(const struct trapframe *tf)
{
    for (unsigned i = 0; i < 28; i += 4)
        kprintf("x%-2u=%016lx x%-2u=%016lx x%-2u=%016lx x%-2u=%016lx\n", i, tf->x[i], i + 1,
                tf->x[i + 1], i + 2, tf->x[i + 2], i + 3, tf->x[i + 3]);
    kprintf("x28=%016lx fp =%016lx lr =%016lx sp =%016lx\n", tf->x[28], tf->x[29], tf->x[30],
            tf->sp);
    kprintf("pc =%016lx spsr=%08lx esr=%08lx far=%016lx\n", tf->elr, tf->spsr, tf->esr, tf->far);
}
