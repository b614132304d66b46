/*
 * main.c - wordcount: the most frequent words of all files of the boot module.
 *
 * Arguments: how many words (default 10).
 *
 *   main: read files -> one goroutine per chunk: count -> per shard one goroutine: merge -> main: print
 *
 * A chunk's words are split by hash into as many shards as there are cores; a merger owns a shard, so
 * mergers share nothing and need no lock. Everything goes over channels.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/initrd.h"
#include "table.h"

#define CHUNK_BYTES (16 * 1024)

struct chunk {
    const char *text;
    size_t from, to; // words that begin in [from, to) are this chunk's
    size_t bytes;    // of the whole text
};

static unsigned nshards;
static struct chan **shards; // struct table: one from every chunk to every shard
static struct chan *merged;  // struct table: one from every shard

static void die(const char *what)
{
    printf("wordcount: %s\n", what);
    exit(1);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void count_words(const struct chunk *c, struct table *tables)
{
    size_t i = c->from;

    /* A word that began before is the chunk before's. */
    while (i > 0 && i < c->to && is_letter(c->text[i]) && is_letter(c->text[i - 1]))
        i++;
    while (i < c->to) {
        size_t start = i;
        while (i < c->bytes && is_letter(c->text[i]))
            i++;
        if (i == start) {
            i++;
            continue;
        }
        const char *word = c->text + start;
        struct entry e = {word, (uint32_t)(i - start), word_hash(word, i - start), 1};
        if (!table_add(&tables[e.hash % nshards], &e))
            die("out of memory");
    }
}

static void count_chunk(void *arg)
{
    struct chunk *c = arg;
    struct table tables[nshards];

    for (unsigned s = 0; s < nshards; s++)
        if (!table_init(&tables[s], 256))
            die("out of memory");
    count_words(c, tables);
    free(c);
    for (unsigned s = 0; s < nshards; s++)
        chan_send(shards[s], &tables[s]);
}

/* The tables of one shard into one, until the channel is closed. */
static void merge_shard(void *arg)
{
    struct table all, t;

    if (!table_init(&all, 1024))
        die("out of memory");
    while (chan_recv(arg, &t) == 0) {
        for (size_t i = 0; i < t.capacity; i++)
            if (t.entries[i].word && !table_add(&all, &t.entries[i]))
                die("out of memory");
        table_free(&t);
        chan_send(merged, NULL);
    }
    table_sort(&all);
    chan_send(merged, &all);
}

static char *read_file(const char *name, size_t *bytes)
{
    char path[512];

    snprintf(path, sizeof path, "/initrd/%s", name);
    FILE *f = fopen(path, "r");
    if (!f || fseek(f, 0, SEEK_END)) {
        printf("wordcount: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    *bytes = (size_t)ftell(f);
    char *text = malloc(*bytes + 1);
    rewind(f);
    if (!text || fread(text, 1, *bytes, f) != *bytes)
        die("out of memory, or a short read");
    fclose(f);
    return text;
}

/* A goroutine for each chunk of the text. Returns how many. */
static int start_chunks(const char *text, size_t bytes)
{
    int n = 0;

    for (size_t at = 0; at < bytes; at += CHUNK_BYTES, n++) {
        struct chunk *c = malloc(sizeof *c);
        if (!c)
            die("out of memory");
        *c = (struct chunk){text, at, at + CHUNK_BYTES < bytes ? at + CHUNK_BYTES : bytes, bytes};
        if (go(count_chunk, c))
            die("out of memory");
    }
    return n;
}

static void start_mergers(void)
{
    shards = calloc(nshards, sizeof *shards);
    merged = chan_make(sizeof(struct table), 64);
    if (!shards || !merged)
        die("out of memory");
    for (unsigned s = 0; s < nshards; s++) {
        shards[s] = chan_make(sizeof(struct table), 4);
        if (!shards[s] || go(merge_shard, shards[s]))
            die("out of memory");
    }
}

/* The shards' sorted lists, merged as far as asked for. */
static void print_top(struct table *lists, long n)
{
    size_t *at = calloc(nshards, sizeof *at);

    for (; at && n > 0; n--) {
        struct entry *best = NULL;
        unsigned from = 0;
        for (unsigned s = 0; s < nshards; s++) {
            struct entry *e = &lists[s].entries[at[s]];
            if (at[s] < lists[s].used && (!best || entry_compare(e, best) < 0)) {
                best = e;
                from = s;
            }
        }
        if (!best)
            break;
        at[from]++;
        char word[best->bytes + 1];
        for (uint32_t i = 0; i < best->bytes; i++)
            word[i] = (char)tolower((unsigned char)best->word[i]);
        word[best->bytes] = 0;
        printf("%7llu %s\n", (unsigned long long)best->count, word);
    }
    free(at);
}

int main(int argc, char **argv)
{
    struct initrd_file f = {0};
    char *end = NULL;
    long top = argc > 1 ? strtol(argv[1], &end, 10) : 10;
    int nfiles = 0, nchunks = 0;
    size_t total_bytes = 0;

    if (argc > 2 || (end && *end) || top < 0)
        die("usage: wordcount [N], N words to print");
    nshards = (unsigned)numcpu();
    start_mergers();
    for (; initrd_next(&f); nfiles++) {
        size_t bytes;
        char *text = read_file(f.name, &bytes);
        nchunks += start_chunks(text, bytes);
        total_bytes += bytes;
    }
    if (nfiles == 0)
        die("no file to read: start it with INITRD=file or INITRD=dir");

    /* Every chunk answers through every shard; then the shards may end. */
    for (int i = 0; i < nchunks * (int)nshards; i++)
        chan_recv(merged, NULL);
    struct table lists[nshards];
    for (unsigned s = 0; s < nshards; s++)
        chan_close(shards[s]);
    for (unsigned s = 0; s < nshards; s++)
        chan_recv(merged, &lists[s]);

    unsigned long long words = 0, distinct = 0;
    for (unsigned s = 0; s < nshards; s++) {
        distinct += lists[s].used;
        for (size_t i = 0; i < lists[s].used; i++)
            words += lists[s].entries[i].count;
    }
    print_top(lists, top);
    printf("total: %llu words, %llu distinct, in %d files of %zu bytes, by %d chunks on %u cores\n",
           words, distinct, nfiles, total_bytes, nchunks, nshards);
}
