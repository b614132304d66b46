/*
 * libc.c - the part of the libc glue that is the same for every libc.
 */
#include "kernel/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/file.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "sched/memstats.h"
#include "sched/schedstats.h"
#include "sched/sched.h"
#include "sched/trace.h"

/* Linker script. */
extern void (*const __preinit_array_start[])(void);
extern void (*const __preinit_array_end[])(void);
extern void (*const __init_array_start[])(void);
extern void (*const __init_array_end[])(void);

extern int main(int argc, char **argv);
extern char **environ; // the libc's; not every unistd.h declares it

static void run(void (*const *from)(void), void (*const *to)(void))
{
    while (from < to)
        (*from++)();
}

void libc_run_main(void *libc_args)
{
    const struct libc_args *args = libc_args;

    environ = args->env;
    libc_init();
    run(__preinit_array_start, __preinit_array_end);
    run(__init_array_start, __init_array_end);
    sched_constructed();
    exit(main(args->argc, args->argv));
}

/* ---- the system calls that both libcs make, by their POSIX names ---- */

static ssize_t or_errno(ssize_t r)
{
    if (r >= 0)
        return r;
    errno = (int)-r;
    return -1;
}

_Noreturn void _exit(int status)
{
    libc_flush();
    if (options.memstats)
        memstats_print();
    if (options.schedstats)
        schedstats_print();
    console_take();
    panic_stop_others();
    console_break_lock();
    trace_finish();
    arch_exit(status & 0xff);
}

int open(const char *path, int flags, ...)
{
    return (int)or_errno(file_open(path, flags));
}

int close(int fd)
{
    return (int)or_errno(file_close(fd));
}

ssize_t read(int fd, void *buf, size_t bytes)
{
    return or_errno(file_read(fd, buf, bytes));
}

ssize_t write(int fd, const void *buf, size_t bytes)
{
    return or_errno(file_write(fd, buf, bytes));
}

off_t lseek(int fd, off_t offset, int whence)
{
    return or_errno(file_seek(fd, offset, whence));
}

int fstat(int fd, struct stat *st)
{
    bool console;
    off_t bytes = or_errno(file_size(fd, &console));

    if (bytes < 0)
        return -1;
    memset(st, 0, sizeof *st);
    st->st_mode = console ? S_IFCHR | 0666 : S_IFREG | 0444;
    st->st_size = bytes;
    st->st_nlink = 1;
    return 0;
}

int isatty(int fd)
{
    bool console;

    if (or_errno(file_size(fd, &console)) < 0)
        return 0;
    if (!console)
        errno = ENOTTY;
    return console;
}

/* One program, one process. */
pid_t getpid(void)
{
    return 1;
}

/* raise() comes here. No signal has a meaning to the machine but an end of the program. */
int kill(pid_t pid, int sig)
{
    (void)pid;
    panic("signal %d raised", sig);
}

/* The C library's abort() raises a signal, which nothing here could catch. */
_Noreturn void abort(void)
{
    panic("abort() called");
}

/* What assert() calls when it fails. */
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *expr);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *expr)
{
    panic("assertion \"%s\" failed: file %s, line %d%s%s", expr, file, line,
          function ? ", function " : "", function ? function : "");
}

/* For prebuilt objects that were compiled with -fstack-protector (libfdt). */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x595e9fbd94fda766;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
    throw("stack smashing detected");
}

/*
 * What the compiler calls for a division by zero where the hardware gives no exception (arm64 is built
 * with -fsanitize=integer-divide-by-zero). The layout is the compiler's.
 */
struct ubsan_source_location {
    const char *file;
    uint32_t line;
    uint32_t column;
};

_Noreturn void __ubsan_handle_divrem_overflow_abort(const struct ubsan_source_location *where,
                                                    uintptr_t lhs, uintptr_t rhs);
_Noreturn void __ubsan_handle_divrem_overflow_abort(const struct ubsan_source_location *where,
                                                    uintptr_t lhs, uintptr_t rhs)
{
    (void)lhs;
    (void)rhs;
    panic("runtime error: integer divide by zero\n[%s:%u]", where->file, where->line);
}
