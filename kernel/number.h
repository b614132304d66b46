/*
 * number.h - numbers in the text of the command line.
 */
#ifndef KERNEL_NUMBER_H
#define KERNEL_NUMBER_H

#include <stdint.h>

/* The text [s, end), decimal or hex with 0x: 0, -EINVAL (not a number) or -ERANGE (one of more than 64 bits). */
int number_parse(const char *s, const char *end, uint64_t *out);

#endif
