/*
 * initrd.c - the boot module as a list of files, read in place.
 *
 * A module in cpio's "newc" format is a row of entries, each of them
 *
 *   offset  +0        +110            +110+namesize, up to 4    + filesize, up to 4
 *           | header | name, NUL, pad | data, pad               | next entry
 *
 * where the header is the magic "070701" and 13 fields of 8 hex digits. An entry named TRAILER!!!
 * ends an archive; zeros and more archives may follow.
 *
 * Protocol:  initrd_init() once at boot, before anyone reads; then the module never changes, so
 *            readers need no lock.
 * Invariant: initrd_init() has read every entry with read_entry(), so it can't fail for a reader.
 * Why no index: a lookup is a walk over headers, once per fopen(); an index would have to be
 *            allocated before there is an allocator.
 * Source:    cpio(5); Linux Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#include "kernel/initrd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HEADER_BYTES 110
#define MAGIC_BYTES  6
#define FIELD_BYTES  8
#define ALIGN        4

#define MODE_TYPE    UINT32_C(0170000)
#define MODE_REGULAR UINT32_C(0100000)

#define TRAILER "TRAILER!!!"

/* A name in an error line is cut, so that what is expected still fits. */
#define NAME "%.60s"

enum field {
    F_INO,
    F_MODE,
    F_UID,
    F_GID,
    F_NLINK,
    F_MTIME,
    F_FILESIZE,
    F_DEVMAJOR,
    F_DEVMINOR,
    F_RDEVMAJOR,
    F_RDEVMINOR,
    F_NAMESIZE,
    F_CHECK,
    F_COUNT,
};

_Static_assert(MAGIC_BYTES + F_COUNT * FIELD_BYTES == HEADER_BYTES, "cpio newc header");

static const char *const field_name[F_COUNT] = {
    "ino",      "mode",     "uid",       "gid",       "nlink",    "mtime", "filesize",
    "devmajor", "devminor", "rdevmajor", "rdevminor", "namesize", "check",
};

struct entry {
    size_t at;           // offset of its header
    size_t next;         // offset behind its data and padding; at most the module's size
    uint32_t f[F_COUNT]; // by enum field
    bool has_sum;        // magic 070702: F_CHECK is the sum of the data
    const char *name;    // as stored
    const uint8_t *data;
};

/* Constant after initrd_init(). bytes == 0: no file. */
static struct {
    const uint8_t *data;
    size_t bytes;
    const char *raw_name; // NULL: a cpio archive
} module;

static size_t align_up(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Names in archives come as "a", "./a" and "/a". */
static const char *plain_name(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name += name[0] == '/' ? 1 : 2;
    return name;
}

static bool is_magic(const uint8_t *p)
{
    return memcmp(p, "070701", MAGIC_BYTES) == 0 || memcmp(p, "070702", MAGIC_BYTES) == 0;
}

static bool is_regular(const struct entry *en)
{
    return (en->f[F_MODE] & MODE_TYPE) == MODE_REGULAR;
}

static bool is_trailer(const struct entry *en)
{
    return strcmp(en->name, TRAILER) == 0;
}

/* What may be shown of n unknown bytes. */
static void show(char *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] >= ' ' && from[i] <= '~' ? (char)from[i] : '?';
    to[n] = '\0';
}

static bool parse_hex(const uint8_t *p, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < FIELD_BYTES; i++) {
        uint32_t digit;

        if (p[i] >= '0' && p[i] <= '9')
            digit = (uint32_t)(p[i] - '0');
        else if (p[i] >= 'a' && p[i] <= 'f')
            digit = (uint32_t)(p[i] - 'a' + 10);
        else if (p[i] >= 'A' && p[i] <= 'F')
            digit = (uint32_t)(p[i] - 'A' + 10);
        else
            return false;
        *v = *v << 4 | digit;
    }
    return true;
}

static int parse_fields(struct entry *en, unsigned number, const uint8_t *header, struct errbuf *e)
{
    for (int i = 0; i < F_COUNT; i++) {
        const uint8_t *p = header + MAGIC_BYTES + i * FIELD_BYTES;
        char shown[FIELD_BYTES + 1];

        if (parse_hex(p, &en->f[i]))
            continue;
        show(shown, p, FIELD_BYTES);
        return fail(e, -EINVAL,
                    "initrd: entry %u at offset %zu: %s is \"%s\", %d hex digits expected", number,
                    en->at, field_name[i], shown, FIELD_BYTES);
    }
    return 0;
}

static int parse_name(struct entry *en, unsigned number, const uint8_t *name, struct errbuf *e)
{
    size_t size = en->f[F_NAMESIZE];
    size_t n = 0;

    while (n < size && name[n] != '\0')
        n++;
    if (n == size)
        return fail(e, -EINVAL,
                    "initrd: entry %u at offset %zu: bad name: no NUL in its %zu bytes, one as the "
                    "last expected",
                    number, en->at, size);
    if (n != size - 1)
        return fail(e, -EINVAL,
                    "initrd: entry %u at offset %zu: bad name: a NUL after %zu of its %zu bytes, "
                    "one as the last expected",
                    number, en->at, n, size);
    en->name = (const char *)name;
    return 0;
}

/* The magic, the fields, the name. */
static int read_header(struct entry *en, unsigned number, struct errbuf *e)
{
    const uint8_t *header = module.data + en->at;
    size_t left = module.bytes - en->at;
    char shown[MAGIC_BYTES + 1];
    int err;

    if (left < HEADER_BYTES)
        return fail(e, -EIO,
                    "initrd: entry %u at offset %zu: %zu bytes left in the module, a header of %d "
                    "expected (truncated?)",
                    number, en->at, left, HEADER_BYTES);
    if (!is_magic(header)) {
        show(shown, header, MAGIC_BYTES);
        return fail(
            e, -EINVAL,
            "initrd: entry %u at offset %zu: magic \"%s\", \"070701\" or \"070702\" expected",
            number, en->at, shown);
    }
    en->has_sum = header[MAGIC_BYTES - 1] == '2';
    err = parse_fields(en, number, header, e);
    if (err != 0)
        return err;
    if (en->f[F_NAMESIZE] > left - HEADER_BYTES)
        return fail(e, -EIO,
                    "initrd: entry %u at offset %zu: its name of %u bytes ends at %zu, but the "
                    "module has %zu (truncated?)",
                    number, en->at, (unsigned)en->f[F_NAMESIZE],
                    en->at + HEADER_BYTES + en->f[F_NAMESIZE], module.bytes);
    return parse_name(en, number, header + HEADER_BYTES, e);
}

/* The entry at en->at, the number-th of the module. 64-bit sums of 32-bit fields can't overflow. */
static int read_entry(struct entry *en, unsigned number, struct errbuf *e)
{
    int err = read_header(en, number, e);
    size_t data;
    size_t end;

    if (err != 0)
        return err;
    data = align_up(en->at + HEADER_BYTES + en->f[F_NAMESIZE]);
    end = data + en->f[F_FILESIZE];
    /* The padding alone may be missing at the end of the module: nothing is read there. */
    if (end > module.bytes && en->f[F_FILESIZE] != 0)
        return fail(
            e, -EIO,
            "initrd: entry %u \"" NAME
            "\" at offset %zu: its %u bytes end at %zu, but the module has %zu (truncated?)",
            number, en->name, en->at, (unsigned)en->f[F_FILESIZE], end, module.bytes);
    en->data = module.data + (data < module.bytes ? data : module.bytes);
    en->next = align_up(end) < module.bytes ? align_up(end) : module.bytes;
    return 0;
}

static int check_sum(const struct entry *en, unsigned number, struct errbuf *e)
{
    uint32_t sum = 0;

    if (!en->has_sum || !is_regular(en))
        return 0;
    for (size_t i = 0; i < en->f[F_FILESIZE]; i++)
        sum += en->data[i];
    if (sum == en->f[F_CHECK])
        return 0;
    return fail(e, -EINVAL,
                "initrd: entry %u \"" NAME
                "\" at offset %zu: its bytes sum to 0x%08x, check is 0x%08x",
                number, en->name, en->at, (unsigned)sum, (unsigned)en->f[F_CHECK]);
}

static int check_entry(const struct entry *en, unsigned number, struct errbuf *e)
{
    if (is_regular(en) && plain_name(en->name)[0] == '\0')
        return fail(e, -EINVAL,
                    "initrd: entry %u \"" NAME
                    "\" at offset %zu: a file whose name is empty, a path expected",
                    number, en->name, en->at);
    return check_sum(en, number, e);
}

/* Where the next archive begins, or the module's size. An archive begins at a multiple of ALIGN. */
static size_t skip_zeros(size_t at)
{
    while (at < module.bytes && module.data[at] == 0)
        at++;
    return at < module.bytes ? at & ~(size_t)(ALIGN - 1) : at;
}

static int check_archives(struct errbuf *e)
{
    struct entry en = {.at = 0};
    unsigned number = 1;

    for (; en.at < module.bytes; number++) {
        int err = read_entry(&en, number, e);

        if (err == 0)
            err = check_entry(&en, number, e);
        if (err != 0)
            return err;
        if (is_trailer(&en))
            en.at = skip_zeros(en.next);
        else if (en.next == module.bytes)
            return fail(e, -EIO,
                        "initrd: the module ends at %zu, after entry %u \"" NAME
                        "\", %s expected there (truncated?)",
                        module.bytes, number, en.name, TRAILER);
        else
            en.at = en.next;
    }
    return 0;
}

/* The whole module is one file. */
static int set_raw(const char *name, struct errbuf *e)
{
    module.raw_name = plain_name(name);
    if (module.raw_name[0] != '\0')
        return 0;
    return fail(e, -EINVAL,
                "initrd: the module of %zu bytes is no cpio archive, so it is one file, and its "
                "name is \"\", initrd=NAME expected",
                module.bytes);
}

int initrd_init(const void *data, size_t bytes, const char *raw_name, struct errbuf *e)
{
    int err;

    module.data = data;
    module.bytes = bytes;
    module.raw_name = NULL;
    if (bytes == 0)
        return 0;
    if (bytes >= MAGIC_BYTES && is_magic(data))
        err = check_archives(e);
    else
        err = set_raw(raw_name, e);
    if (err != 0)
        module.bytes = 0;
    return err;
}

/* Steps to the entry at `at`, behind padding between archives. false: there is none. */
static bool step(struct entry *en, size_t at)
{
    en->at = skip_zeros(at);
    return en->at < module.bytes && read_entry(en, 0, NULL) == 0;
}

static bool same_inode(const struct entry *a, const struct entry *b)
{
    return a->f[F_INO] == b->f[F_INO] && a->f[F_DEVMAJOR] == b->f[F_DEVMAJOR] &&
           a->f[F_DEVMINOR] == b->f[F_DEVMINOR];
}

/* Of the names that are links to one file, one entry has the data (cpio: the last). Inode numbers
 * mean something only inside one archive, which the walk from the start of the module finds. */
static void find_link_data(struct entry *en)
{
    struct entry found = *en;
    struct entry other;

    for (size_t at = 0; step(&other, at); at = other.next) {
        if (is_trailer(&other)) {
            if (other.at > en->at)
                break;
            found = *en;
        } else if (is_regular(&other) && other.f[F_FILESIZE] != 0 && same_inode(&other, en)) {
            found = other;
        }
    }
    en->data = found.data;
    en->f[F_FILESIZE] = found.f[F_FILESIZE];
}

static int next_raw(struct initrd_file *f)
{
    if (f->next == module.bytes)
        return 0;
    f->name = module.raw_name;
    f->data = module.data;
    f->bytes = module.bytes;
    f->next = module.bytes;
    return 1;
}

int initrd_next(struct initrd_file *f)
{
    struct entry en;

    if (module.raw_name != NULL)
        return next_raw(f);
    while (step(&en, f->next)) {
        f->next = en.next;
        if (!is_regular(&en) || is_trailer(&en))
            continue;
        if (en.f[F_NLINK] > 1 && en.f[F_FILESIZE] == 0)
            find_link_data(&en);
        f->name = plain_name(en.name);
        f->data = en.data;
        f->bytes = en.f[F_FILESIZE];
        return 1;
    }
    f->next = module.bytes;
    return 0;
}

int initrd_find(const char *name, struct initrd_file *f)
{
    struct initrd_file at = {.next = 0};
    bool found = false;

    name = plain_name(name);
    while (initrd_next(&at)) {
        if (strcmp(at.name, name) == 0) {
            *f = at;
            found = true;
        }
    }
    return found ? 0 : -ENOENT;
}
