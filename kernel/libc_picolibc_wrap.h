/*
 * libc_picolibc_wrap.h - picolibc's stream functions that libc_picolibc.c puts a lock around.
 *
 * The Makefile takes the names for --wrap from this list: X(type, name, parameters, arguments, stream).
 */
#ifndef KERNEL_LIBC_PICOLIBC_WRAP_H
#define KERNEL_LIBC_PICOLIBC_WRAP_H

#define LIBC_PICOLIBC_WRAPPED(X)                                                           \
    X(int, vfprintf, (FILE * f, const char *fmt, va_list ap), (f, fmt, ap), f)             \
    X(int, vfscanf, (FILE * f, const char *fmt, va_list ap), (f, fmt, ap), f)              \
    X(int, fputs, (const char *s, FILE *f), (s, f), f)                                     \
    X(int, puts, (const char *s), (s), stdout)                                             \
    X(int, fputc, (int c, FILE *f), (c, f), f)                                             \
    X(int, fgetc, (FILE * f), (f), f)                                                      \
    X(int, ungetc, (int c, FILE *f), (c, f), f)                                            \
    X(char *, fgets, (char *s, int n, FILE *f), (s, n, f), f)                              \
    X(size_t, fread, (void *p, size_t size, size_t n, FILE *f), (p, size, n, f), f)        \
    X(size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f), (p, size, n, f), f) \
    X(int, fseek, (FILE * f, long offset, int whence), (f, offset, whence), f)             \
    X(int, fseeko, (FILE * f, __off_t offset, int whence), (f, offset, whence), f)         \
    X(__off_t, ftello, (FILE * f), (f), f)                                                 \
    X(int, setvbuf, (FILE * f, char *buf, int mode, size_t size), (f, buf, mode, size), f) \
    X(int, fclose, (FILE * f), (f), f)                                                     \
    X(int, getc, (FILE * f), (f), f)                                                       \
    X(int, putc, (int c, FILE *f), (c, f), f)                                              \
    X(long, ftell, (FILE * f), (f), f)

#endif
