/*
 * libc.h - what the rest of the kernel asks of the libc it is linked with.
 *
 * libc.c is the part that is the same for every libc; libc_newlib.c and libc_picolibc.c give each one
 * the functions it expects from a system (`make LIBC=` picks one). Whatever a libc calls a lock is an
 * rmutex: recursive, owned by the goroutine, and parking.
 */
#ifndef KERNEL_LIBC_H
#define KERNEL_LIBC_H

struct libc_args {
    int argc;
    char **argv;
    char **env;
};

/* The main goroutine: environ, constructors, main(argc, argv), exit(). */
void libc_run_main(void *libc_args);

/* Before the constructors: sees to it that exit() runs the destructors, after what the program gives to
 * atexit(). Ctx: G. */
void libc_init(void);

/* The calling goroutine ends: give back what the libc allocated for it. Ctx: G. */
void libc_thread_exit(void);

/* Before that: what POSIX threads do at a thread's end (posix/thread.c). Absent in a program without them. Ctx: G. */
void posix_thread_exit(void) __attribute__((weak));

/* What the libc's streams still hold, where its exit() does not write it. Ctx: G. */
void libc_flush(void);

#endif
