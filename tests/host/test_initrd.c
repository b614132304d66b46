/*
 * test_initrd.c - the boot module: cpio archives and raw files.
 *
 * Goal:   files come out with the name and bytes they went in with; each refusal has its text; no
 *         module, however broken, makes a read outside of it.
 * Method: archives built by a small writer here; every module in an allocation of exactly its size,
 *         so that AddressSanitizer sees a read past it. Directed cases, every length of a good
 *         archive, and random corruption, after which whatever was accepted is read to the end.
 *         With an argument: lists the files of that module, to compare with what cpio packed.
 * Time:   under 20 s.
 */
#include "kernel/initrd.h"
#include "tests/host/tap.h"

#include <errno.h>
#include <limits.h>

#define RANDOM_CHANGES 100000

#define REGULAR   0100644u
#define DIRECTORY 040755u
#define SYMLINK   0120777u

static char built[1 << 16];
static size_t nbuilt;
static bool with_sums;

/* The module at hand, exactly its size. */
static void *module;

static struct errbuf e;

struct member {
    unsigned ino;
    unsigned mode;
    unsigned nlink;
    const char *name;
    const char *data;
};

static void pad(size_t to)
{
    while (nbuilt % to != 0)
        built[nbuilt++] = '\0';
}

/* One header and name; the data is up to the caller. Returns the offset of the header. */
static size_t add_header(const struct member *m, size_t bytes, unsigned sum)
{
    size_t at = nbuilt;

    nbuilt += (size_t)sprintf(built + nbuilt,
                              "%s%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
                              with_sums ? "070702" : "070701", m->ino, m->mode, 1000, 1000,
                              m->nlink, 0x5eadbeef, bytes, 8, 1, 0, 0, strlen(m->name) + 1, sum);
    memcpy(built + nbuilt, m->name, strlen(m->name) + 1);
    nbuilt += strlen(m->name) + 1;
    pad(4);
    return at;
}

static size_t add(struct member m)
{
    size_t bytes = strlen(m.data);
    unsigned sum = 0;
    size_t at;

    for (size_t i = 0; i < bytes; i++)
        sum += (unsigned char)m.data[i];
    at = add_header(&m, bytes, with_sums ? sum : 0);
    memcpy(built + nbuilt, m.data, bytes);
    nbuilt += bytes;
    pad(4);
    return at;
}

static size_t add_file(const char *name, const char *data)
{
    static unsigned ino = 100;

    return add((struct member){ino++, REGULAR, 1, name, data});
}

static void add_trailer(void)
{
    add((struct member){0, 0, 1, "TRAILER!!!", ""});
}

static int take(const void *from, size_t bytes)
{
    free(module);
    module = exact_copy(from, bytes);
    e.text[0] = '\0';
    return initrd_init(module, bytes, "data", &e);
}

static int take_built(void)
{
    return take(built, nbuilt);
}

static void start(void)
{
    nbuilt = 0;
    with_sums = false;
}

static void refuse(int err, const char *want)
{
    struct initrd_file f = {.next = 0};

    ok(take_built() == err, "refused");
    same(e.text, want);
    ok(initrd_next(&f) == 0, "then there is no file");
}

/* All files, as "name=data;" each. */
static const char *listing(void)
{
    static char text[4096];
    struct initrd_file f = {.next = 0};
    size_t n = 0;

    text[0] = '\0';
    while (initrd_next(&f))
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s=%.*s;", f.name, (int)f.bytes,
                              (const char *)f.data);
    return text;
}

static void test_files(void)
{
    struct initrd_file f = {.next = 0};

    start();
    add((struct member){1, DIRECTORY, 3, ".", ""});
    add_file("a", "1");
    add((struct member){2, DIRECTORY, 2, "dir", ""});
    add_file("./dir/b.txt", "twelve bytes");
    add((struct member){3, SYMLINK, 1, "link", "dir/b.txt"});
    add((struct member){4, 020644, 1, "dev", ""});
    add_file("/empty", "");
    add_file(".//./hidden/.x", "3");
    add_trailer();
    pad(512);
    ok(take_built() == 0, "an archive with every kind of entry");
    same(listing(), "a=1;dir/b.txt=twelve bytes;empty=;hidden/.x=3;");
    ok(initrd_find("dir/b.txt", &f) == 0 && f.bytes == 12 &&
           memcmp(f.data, "twelve bytes", 12) == 0,
       "find");
    ok(initrd_next(&f) == 1 && strcmp(f.name, "empty") == 0, "and step on from there");
    ok(initrd_find("./dir/b.txt", &f) == 0 && initrd_find("/a", &f) == 0, "find with ./ and /");
    ok(initrd_find("dir", &f) == -ENOENT && initrd_find("link", &f) == -ENOENT,
       "only regular files");
    ok(initrd_find("dir/b", &f) == -ENOENT && initrd_find("", &f) == -ENOENT &&
           initrd_find("TRAILER!!!", &f) == -ENOENT,
       "no such file");
    while (initrd_next(&f))
        ;
    ok(initrd_next(&f) == 0 && initrd_next(&f) == 0, "the end stays the end");
}

static void test_archives(void)
{
    struct initrd_file f;

    start();
    add_trailer();
    ok(take_built() == 0 && strcmp(listing(), "") == 0, "an archive without a file");
    start();
    add_file("a", "old");
    add_file("b", "2");
    add_trailer();
    nbuilt -= 2;
    ok(take_built() == 0 && strcmp(listing(), "a=old;b=2;") == 0,
       "padding behind the trailer may lack");
    nbuilt += 2;
    pad(512);
    add_file("a", "new");
    add_trailer();
    ok(take_built() == 0, "two archives");
    same(listing(), "a=old;b=2;a=new;");
    ok(initrd_find("a", &f) == 0 && memcmp(f.data, "new", 3) == 0, "of one name the last");
    start();
    with_sums = true;
    add_file("a", "\xff\xff\xff");
    add((struct member){1, DIRECTORY, 2, "dir", ""});
    add_trailer();
    ok(take_built() == 0 && strcmp(listing(), "a=\xff\xff\xff;") == 0, "an archive with sums");
}

/* cpio gives the data to the last of the links; others give it to the first. */
static void test_links(void)
{
    start();
    add((struct member){7, REGULAR, 3, "one", ""});
    add((struct member){8, REGULAR, 2, "other", ""});
    add((struct member){7, REGULAR, 3, "two", ""});
    add((struct member){7, REGULAR, 3, "three", "shared"});
    add((struct member){8, REGULAR, 2, "another", ""});
    add_trailer();
    pad(512);
    add((struct member){8, REGULAR, 2, "x", "second archive"});
    add((struct member){8, REGULAR, 2, "y", ""});
    add((struct member){7, REGULAR, 2, "z", ""});
    add((struct member){9, REGULAR, 1, "alone", ""});
    add((struct member){0, REGULAR, 1, "empty", ""});
    add((struct member){0, REGULAR, 1, "full", "no link"});
    add_trailer();
    ok(take_built() == 0, "hard links");
    same(listing(), "one=shared;other=;two=shared;three=shared;another=;x=second archive;y=second "
                    "archive;z=;alone=;empty=;full=no link;");
}

static void test_raw(void)
{
    static const char text[] = "07070";
    struct initrd_file f = {.next = 0};

    ok(take(text, 5) == 0, "a module that is no archive");
    ok(initrd_next(&f) == 1 && strcmp(f.name, "data") == 0 && f.bytes == 5 &&
           memcmp(f.data, "07070", 5) == 0,
       "is one file");
    ok(initrd_next(&f) == 0 && initrd_next(&f) == 0, "and no other");
    ok(initrd_find("./data", &f) == 0 && initrd_find("a", &f) == -ENOENT, "found by its name");
    ok(initrd_init(module, 5, "/x/y", &e) == 0 && initrd_find("x/y", &f) == 0,
       "a path as its name");
    ok(initrd_init(module, 5, "./", &e) == -EINVAL, "a raw module without a name");
    same(e.text, "initrd: the module of 5 bytes is no cpio archive, so it is one file, and its "
                 "name is \"\", initrd=NAME expected");
    f.next = 0;
    ok(initrd_next(&f) == 0, "then there is no file");
    ok(take("070707", 6) == 0 && initrd_find("data", &f) == 0,
       "cpio of another format is one file");
    ok(initrd_init(NULL, 0, "", &e) == 0, "no module");
    f.next = 0;
    ok(initrd_next(&f) == 0 && initrd_find("data", &f) == -ENOENT, "has no file");
}

static void test_header_refusals(void)
{
    size_t at;

    start();
    add_file("a", "1234");
    at = add_file("b.txt", "5678");
    add_trailer();
    built[at + 3] = '\xee';
    refuse(-EINVAL,
           "initrd: entry 2 at offset 116: magic \"070?01\", \"070701\" or \"070702\" expected");
    built[at + 3] = '7';
    memcpy(built + at + 6 + 6 * 8, "0000zz\0014", 8);
    refuse(-EINVAL,
           "initrd: entry 2 at offset 116: filesize is \"0000zz?4\", 8 hex digits expected");
    memcpy(built + at + 6 + 6 * 8, "00000004", 8);
    memcpy(built + at + 6 + 12 * 8, "        ", 8);
    refuse(-EINVAL, "initrd: entry 2 at offset 116: check is \"        \", 8 hex digits expected");
    memcpy(built + at + 6 + 12 * 8, "0000ABCD", 8);
    ok(take_built() == 0 && strcmp(listing(), "a=1234;b.txt=5678;") == 0,
       "upper-case digits, and no sum to check");
    memcpy(built + at + 6 + 11 * 8, "00000000", 8);
    refuse(
        -EINVAL,
        "initrd: entry 2 at offset 116: bad name: no NUL in its 0 bytes, one as the last expected");
    memcpy(built + at + 6 + 11 * 8, "00000005", 8);
    refuse(
        -EINVAL,
        "initrd: entry 2 at offset 116: bad name: no NUL in its 5 bytes, one as the last expected");
    memcpy(built + at + 6 + 11 * 8, "00000007", 8);
    refuse(-EINVAL, "initrd: entry 2 at offset 116: bad name: a NUL after 5 of its 7 bytes, one as "
                    "the last expected");
    memcpy(built + at + 6 + 11 * 8, "ffffffff", 8);
    refuse(-EIO, "initrd: entry 2 at offset 116: its name of 4294967295 bytes ends at 4294967521, "
                 "but the module has 360 (truncated?)");
}

static void test_data_refusals(void)
{
    size_t at;

    start();
    add_file("a", "1234");
    at = add_file("b.txt", "5678");
    add_trailer();
    memcpy(built + at + 6 + 6 * 8, "00001000", 8);
    refuse(-EIO, "initrd: entry 2 \"b.txt\" at offset 116: its 4096 bytes end at 4328, but the "
                 "module has 360 (truncated?)");
    memcpy(built + at + 6 + 6 * 8, "FFFFffff", 8);
    refuse(-EIO, "initrd: entry 2 \"b.txt\" at offset 116: its 4294967295 bytes end at 4294967527, "
                 "but the module has 360 (truncated?)");
    start();
    add_file("./", "1");
    refuse(-EINVAL,
           "initrd: entry 1 \"./\" at offset 0: a file whose name is empty, a path expected");
    start();
    with_sums = true;
    at = add_file("a", "1234");
    add_trailer();
    built[at + 112] = '2';
    refuse(-EINVAL,
           "initrd: entry 1 \"a\" at offset 0: its bytes sum to 0x000000cb, check is 0x000000ca");
}

static void test_end_refusals(void)
{
    start();
    add_file("a", "1234");
    refuse(-EIO, "initrd: the module ends at 116, after entry 1 \"a\", TRAILER!!! expected there "
                 "(truncated?)");
    nbuilt += 60;
    memcpy(built + 116, built, 60);
    refuse(-EIO, "initrd: entry 2 at offset 116: 60 bytes left in the module, a header of 110 "
                 "expected (truncated?)");
    nbuilt += 50;
    memcpy(built + 116, built, 110);
    refuse(-EIO,
           "initrd: entry 2 at offset 116: its name of 2 bytes ends at 228, but the module has "
           "226 (truncated?)");
    start();
    add_file("a", "1234");
    memset(built + nbuilt, 0, 200);
    nbuilt += 200;
    refuse(-EINVAL,
           "initrd: entry 2 at offset 116: magic \"??????\", \"070701\" or \"070702\" expected");
    start();
    add_trailer();
    pad(512);
    memset(built + nbuilt, 'x', 200);
    nbuilt += 200;
    refuse(-EINVAL,
           "initrd: entry 2 at offset 512: magic \"xxxxxx\", \"070701\" or \"070702\" expected");
    start();
    add_trailer();
    pad(512);
    built[nbuilt++] = '\0';
    add_header(&(struct member){0, 0, 1, "TRAILER!!!", ""}, 0, 0);
    refuse(-EINVAL,
           "initrd: entry 2 at offset 512: magic \"?07070\", \"070701\" or \"070702\" expected");
}

static void default_archive(void)
{
    start();
    with_sums = true;
    add((struct member){1, DIRECTORY, 3, "dir", ""});
    add((struct member){7, REGULAR, 2, "dir/one", ""});
    add((struct member){7, REGULAR, 2, "dir/two", "shared"});
    with_sums = false;
    add((struct member){8, SYMLINK, 1, "link", "dir/two"});
    add_file("./last", "12345");
    add_trailer();
    pad(512);
    add_file("more", "x");
    add_trailer();
}

/* Touches every byte that a reader may touch. 0 files if the module was refused. */
static bool readable(int err)
{
    struct initrd_file f = {.next = 0};
    unsigned long sum = 0;
    unsigned files = 0;

    for (; initrd_next(&f); files++) {
        struct initrd_file g;

        for (size_t i = 0; i < f.bytes; i++)
            sum += ((const unsigned char *)f.data)[i];
        if (f.name[0] == '\0' || initrd_find(f.name, &g) != 0)
            return false;
    }
    return sum < ULONG_MAX && (err == 0 ? e.text[0] == '\0' : files == 0 && e.text[0] != '\0') &&
           (err == 0 || err == -EINVAL || err == -EIO);
}

/* A cut archive is refused, or it is raw, or what lacks is the second archive or padding. */
static void test_lengths(void)
{
    size_t first_end;
    size_t second_end;
    bool good = true;

    default_archive();
    second_end = nbuilt - 3; // the padding behind the last trailer's name
    first_end = 0;
    for (size_t i = 0; i + 10 < nbuilt && first_end == 0; i++) {
        if (memcmp(built + i, "TRAILER!!!", 10) == 0)
            first_end = i + 11;
    }
    ok(take_built() == 0, "the archive that is cut");
    for (size_t n = 0; n <= nbuilt && good; n++) {
        bool want = n < 6 || (n >= first_end && n <= 512 * ((first_end + 511) / 512)) ||
                    n >= second_end;
        int err = take(built, n);

        good = readable(err) && (err == 0) == want;
        if (!good)
            printf("# length %zu: %d %s\n", n, err, e.text);
    }
    ok(good, "every length of it");
}

static void test_random(void)
{
    bool good = true;
    int accepted = 0;

    default_archive();
    for (int i = 0; i < RANDOM_CHANGES && good; i++) {
        size_t at[2] = {rnd_below(nbuilt), rnd_below(nbuilt)};
        char was[2] = {built[at[0]], built[at[1]]};
        int err;

        built[at[0]] = rnd_below(2) == 0 ? (char)rnd() : "0123456789abcdef"[rnd_below(16)];
        if (rnd_below(2) == 0)
            built[at[1]] = (char)rnd();
        err = take_built();
        accepted += err == 0;
        good = readable(err);
        built[at[1]] = was[1];
        built[at[0]] = was[0];
    }
    ok(good, "%d random corruptions, %d of them accepted", RANDOM_CHANGES, accepted);
}

static int list_module(const char *path)
{
    static char bytes[1 << 26];
    FILE *from = fopen(path, "rb");
    struct initrd_file f = {.next = 0};
    size_t n;

    if (from == NULL)
        return 1;
    n = fread(bytes, 1, sizeof(bytes), from);
    fclose(from);
    if (take(bytes, n) != 0) {
        printf("%s\n", e.text);
        return 1;
    }
    while (initrd_next(&f)) {
        unsigned long sum = 0;

        for (size_t i = 0; i < f.bytes; i++)
            sum += ((const unsigned char *)f.data)[i];
        printf("%s %zu %lu\n", f.name, f.bytes, sum);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int status = list_module(argv[1]);

        free(module);
        return status;
    }
    test_files();
    test_archives();
    test_links();
    test_raw();
    test_header_refusals();
    test_data_refusals();
    test_end_refusals();
    test_lengths();
    test_random();
    free(module);
    return done();
}
