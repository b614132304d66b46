/*
 * errbuf.h - one line that says what was wrong with some input and what would be right.
 *
 * Parsers never print and never stop the machine: they return -errno and leave the line here, so the
 * same code runs in the kernel and in host tests that assert the text.
 */
#ifndef KERNEL_ERRBUF_H
#define KERNEL_ERRBUF_H

struct errbuf {
    char text[200];
};

/* Formats the line (cut to fit) and returns `err`, so that a parser can `return fail(e, -EINVAL, ...)`. */
int fail(struct errbuf *e, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
