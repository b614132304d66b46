/*
 * panic.h - how the machine ends when it can't go on.
 *
 * Each of these stops the other cores, prints what happened and where, and leaves with exit status 2
 * (Go's). The texts are Go's where Go has one.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdbool.h>
#include <stdint.h>

#define EXIT_FATAL 2

struct trapframe;

/* "fatal error: TEXT": an invariant of the runtime is broken, or the program misused it beyond repair. */
_Noreturn void throw(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for what the program as a whole came to (a deadlock): no place of its own, every goroutine. */
_Noreturn void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "panic: TEXT": the program did what C leaves undefined, or gave up (abort). */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "rt0: cannot boot: TEXT": input from outside (memory map, device tree, command line, module) can't
 * be used. No traceback: the code is not at fault. */
_Noreturn void boot_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What a CPU exception was, in the machine-independent words that the report needs. */
enum fault_kind {
    FAULT_PAGE,    // access to addr failed
    FAULT_DIVIDE,  // integer division
    FAULT_ILLEGAL, // undefined instruction, deliberate trap
    FAULT_BREAKPOINT,
    FAULT_OTHER, // `name` says what
};

enum fault_access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

struct fault {
    enum fault_kind kind;
    enum fault_access access; // FAULT_PAGE
    bool present;             // FAULT_PAGE: a page is there, but does not allow the access
    uintptr_t addr;           // FAULT_PAGE
    const char *name;         // the manual's name of the exception
    uint64_t code;            // its error code or syndrome
    const struct trapframe *tf;
};

/* A page fault: true if it was a stack that had to grow, and the access can be made again. Ctx: isr. */
bool fault_resolve(const struct fault *f);

/* Reports a CPU exception that nothing handles. Ctx: isr. */
_Noreturn void fault_report(const struct fault *f);

/*
 * Upward door, set by sched_init(): the scheduler's words for what was running.
 * describe  prints the "goroutine N [running]:" line and the traceback from pc and fp.
 * all       prints every goroutine that waits.
 * resolve   grows the stack that addr lies in; false if there is none, or it can't grow.
 * explain   says why an access to addr failed, if it was one to a stack: false if it was not.
 * finish    prints what the program asked to see at its end.
 */
struct panic_hooks {
    void (*describe)(uintptr_t pc, uintptr_t fp);
    void (*all)(void);
    bool (*resolve)(uintptr_t addr);
    bool (*explain)(uintptr_t addr, uintptr_t sp);
    void (*finish)(void);
};
void panic_set_hooks(const struct panic_hooks *hooks);

/* The IRQ_STOP handler: another core is panicking or exiting. tf is not used. Ctx: isr. */
void panic_stop_isr(struct trapframe *tf);

/* Stops every other core, for an orderly exit: the caller is the only one that runs from here on. If
 * another core is ending the machine already, its end counts, and this does not return. Ctx: any. */
void panic_stop_others(void);

#endif
