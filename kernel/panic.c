/*
 * panic.c - throw, panic, boot_fail and the report of CPU exceptions.
 *
 * Protocol:  the first core that wants to end the machine, by a report or by exit(), wins `ending` and
 *            stops the others; one that loses halts. Each core says in mp->stopped that it has, so from
 *            then on one core runs. A core that does not answer (interrupts masked for good) is given up
 *            after a while; nothing here waits for a lock that it may hold: the console's is ignored.
 * Invariant: a failure while reporting ends at once with its own short line, never in a loop.
 */
#include "kernel/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/layout.h"
#include "kernel/malloc.h"
#include "kernel/print.h"
#include "kernel/traceback.h"
#include "sched/sched.h"

static _Atomic(struct m *) ending;

#define STOP_WAIT_NS INT64_C(1000000000)
static SEALED const struct panic_hooks *hooks;

void panic_set_hooks(const struct panic_hooks *h)
{
    hooks = h;
}

void panic_stop_isr(struct trapframe *tf)
{
    (void)tf;
    /* Release: what this core did before is seen by the core that waits in stop_others(). */
    atomic_store_explicit(&getm()->stopped, true, memory_order_release);
    arch_halt();
}

static bool is_other(const struct m *mp)
{
    return mp != getm() && atomic_load_explicit(&mp->online, memory_order_acquire);
}

static bool all_stopped(void)
{
    for (unsigned i = 0; i < sched.nm; i++)
        /* Acquire: pairs with the release in panic_stop_isr(). */
        if (is_other(allm[i]) && !atomic_load_explicit(&allm[i]->stopped, memory_order_acquire))
            return false;
    return true;
}

static void stop_others(void)
{
    for (unsigned i = 0; i < sched.nm; i++)
        if (is_other(allm[i]))
            irqchip_send(allm[i], IRQ_STOP);
    int64_t give_up = clock_nanotime() + STOP_WAIT_NS;
    while (!all_stopped() && clock_nanotime() < give_up)
        cpu_relax();
}

/* True: this core ends the machine. It may come here again, when its report fails. */
static bool claim(void)
{
    struct m *none = NULL;

    return atomic_compare_exchange_strong(&ending, &none, getm());
}

void panic_stop_others(void)
{
    irq_disable();
    if (!claim())
        panic_stop_isr(NULL);
    stop_others();
}

static _Noreturn void leave(void)
{
    static bool leaving; // a failure in there ends it

    if (hooks && !leaving) {
        leaving = true;
        hooks->finish();
    }
    console_flush_unattached();
    arch_exit(EXIT_FATAL);
}

/* A line of the program's may be cut off in the middle: the report begins on a new one. */
static void begin(void)
{
    irq_disable();
    if (!claim()) {
        if (atomic_load(&ending) != getm())
            panic_stop_isr(NULL);
        console_break_lock();
        memset(getm()->ranks_held, 0, sizeof getm()->ranks_held);
        kprintf("\nrt0: failed again while reporting; giving up\n");
        leave();
    }
    stop_others();
    console_break_lock();
    memset(getm()->ranks_held, 0, sizeof getm()->ranks_held);
    if (!console_at_line_start())
        kprintf("\n");
}

static _Noreturn void end(uintptr_t pc, uintptr_t fp)
{
    kprintf("\n");
    if (hooks)
        hooks->describe(pc, fp);
    else
        traceback(pc, fp, (uintptr_t)m0_stack_lo, (uintptr_t)m0_stack_hi);
    leave();
}

static void say(const char *prefix, const char *fmt, va_list ap)
{
    char text[256];

    kvsnprintf(text, sizeof text, fmt, ap);
    kprintf("%s%s\n", prefix, text);
}

/* The traceback begins at the caller of the function that this stands in. */
#define END_AT_CALLER() \
    end((uintptr_t)__builtin_return_address(0), *(uintptr_t *)__builtin_frame_address(0))

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    begin();
    va_start(ap, fmt);
    say("fatal error: ", fmt, ap);
    va_end(ap);
    END_AT_CALLER();
}

_Noreturn void fatal(const char *fmt, ...)
{
    va_list ap;

    begin();
    va_start(ap, fmt);
    say("fatal error: ", fmt, ap);
    va_end(ap);
    hooks->all();
    leave();
}

_Noreturn void panic(const char *fmt, ...)
{
    va_list ap;

    begin();
    va_start(ap, fmt);
    say("panic: ", fmt, ap);
    va_end(ap);
    END_AT_CALLER();
}

_Noreturn void boot_fail(const char *fmt, ...)
{
    va_list ap;

    begin();
    va_start(ap, fmt);
    say("rt0: cannot boot: ", fmt, ap);
    va_end(ap);
    leave();
}

/* Go's rule: an address below this is a NULL pointer with a field's offset added. */
#define NULL_PAGE_BYTES 4096

/* True: it came from free(), whose caller is the place to show. */
static bool say_page_fault(const struct fault *f, uintptr_t pc)
{
    static const char *const access_name[] = {"read", "write", "execute"};
    bool in_free = false;

    if (hooks && !f->present && f->access != ACCESS_EXEC &&
        hooks->explain(f->addr, trapframe_sp(f->tf)))
        ; // it has been said
    else if (!f->present && (in_free = malloc_fault(f->addr)))
        ;
    else if (f->addr < NULL_PAGE_BYTES)
        kprintf("panic: runtime error: invalid memory address or nil pointer dereference\n");
    else
        kprintf("unexpected fault address %#lx\nfatal error: fault\n", f->addr);
    kprintf("[%s: %s of %s page, code=%#lx addr=%#lx pc=%#lx]\n", f->name, access_name[f->access],
            f->present ? "a protected" : "an unmapped", f->code, f->addr, pc);
    return in_free;
}

/* Once this core ends the machine, every fault is a failure to be told: a core that was stopped may hold the
 * locks that growing a stack takes. */
bool fault_resolve(const struct fault *f)
{
    if (atomic_load(&ending) == getm())
        return false;
    return hooks && !f->present && f->access != ACCESS_EXEC && hooks->resolve(f->addr);
}

_Noreturn void fault_report(const struct fault *f)
{
    uintptr_t pc = trapframe_pc(f->tf), fp = trapframe_fp(f->tf);
    bool in_callee = f->kind == FAULT_PAGE && f->access == ACCESS_EXEC;

    begin();
    switch (f->kind) {
    case FAULT_PAGE:
        in_callee |= say_page_fault(f, pc);
        break;
    case FAULT_DIVIDE:
        kprintf("panic: runtime error: integer divide by zero\n[%s: pc=%#lx]\n", f->name, pc);
        break;
    case FAULT_ILLEGAL:
        kprintf("fatal error: illegal instruction\n[%s: code=%#lx pc=%#lx]\n", f->name, f->code,
                pc);
        break;
    case FAULT_BREAKPOINT:
        kprintf("fatal error: breakpoint\n[%s: code=%#lx pc=%#lx]\n", f->name, f->code, pc);
        break;
    case FAULT_OTHER:
        kprintf("fatal error: unexpected exception\n[%s: code=%#lx pc=%#lx]\n", f->name, f->code,
                pc);
        break;
    }
    kprintf("\n");
    trapframe_print(f->tf);
    /* A call of something that is no function, or free(), which has no frame: the caller's is the one to show. */
    if (in_callee && trapframe_caller(f->tf))
        pc = trapframe_caller(f->tf);
    end(pc, fp);
}
