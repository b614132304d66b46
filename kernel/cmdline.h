/*
 * cmdline.h - the kernel command line: `key=value ... -- words for main()`.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/errbuf.h"

enum cmdline_kind {
    CMDLINE_U64,      // decimal, or hex with 0x; dest: uint64_t
    CMDLINE_BYTES,    // the same, or with K, M or G (2^10, 2^20, 2^30) behind it; dest: uint64_t
    CMDLINE_DURATION, // the same, or with ns, us, ms or s behind it; dest: uint64_t, nanoseconds
    CMDLINE_BOOL,     // 0 or 1; the bare key means 1; dest: bool
    CMDLINE_STR,      // dest: const char *, points into the text
    CMDLINE_PAIRS,    // NAME=TEXT, as often as there is room; dest: struct cmdline_pairs
};

/* NAME=TEXT words, which point into the text. Of several with one name the last counts, in the place of the first. */
struct cmdline_pairs {
    char **list; // room for max + 1; always ends with NULL
    unsigned n, max;
};

struct cmdline_key {
    const char *name;
    enum cmdline_kind kind;
    void *dest;        // holds the default until the key is met
    uint64_t min, max; // U64, BYTES, DURATION: inclusive; STR: bounds of its length; PAIRS: unused
    const char *help;  // one line, for the list printed with an unknown key
    bool *given;       // becomes true when the key is met; NULL: the default says enough
};

/*
 * cmdline_parse - split `text` in place and store the values of known keys.
 * Words are separated by blanks; "double quotes" keep blanks inside a word and are removed, so
 * key="a b" works. The word `--` ends the keys; every word after it, further `--` included, goes to
 * argv[0..*argc), with argv[*argc] == NULL. A key given twice: the later wins, unless it holds pairs.
 * unknown(word) is called for each word before `--` whose key is not in the table; it is not an error.
 * Returns 0; -EINVAL (not a number, no such unit, not 0 or 1, missing value, no NAME=, unclosed quote), -ERANGE
 * (outside min..max, or does not fit 64 bits), -E2BIG (more than argv_max - 1 words, or too many pairs), with a line in e
 * that names the key, the value as given and what would be right.
 */
int cmdline_parse(char *text, const struct cmdline_key *keys, size_t nkeys, char **argv,
                  int argv_max, int *argc, void (*unknown)(const char *word), struct errbuf *e);

#endif
