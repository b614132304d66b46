/*
 * prog_lines.c - many goroutines print whole lines; for tests/check/lines.
 *
 * Arguments: how many lines each of 8 goroutines per core prints (default 200).
 *
 * Line i of goroutine g is "<g.i:" + a fill of 0 to 180 letters + ":g.i>": the check sees from a
 * line alone whether it is whole. It is printed by one call, of another function and format each
 * time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt0/chan.h"
#include "rt0/go.h"

#define FILL_MAX 180
#define LINE_MAX (FILL_MAX + 100)

static int nlines;
static struct chan *finished;

/* The letters between the two ends of a line; they differ from goroutine to goroutine. */
static int fill(char *text, int g, int i)
{
    int n = (g * 7 + i * 13) % (FILL_MAX + 1);

    memset(text, 'a' + g % 26, (size_t)n);
    text[n] = 0;
    return n;
}

static void print_line(int g, int i)
{
    char letters[FILL_MAX + 1], line[LINE_MAX];
    int n = fill(letters, g, i);

    switch (i % 6) {
    case 0:
        printf("<%d.%d:%s:%d.%d>\n", g, i, letters, g, i);
        break;
    case 1:
        printf("<%s%d%c%d:%.*s%s:%d.%d%s", "", g, '.', i, n / 2, letters, letters + n / 2, g, i,
               ">\n");
        break;
    case 2:
        fprintf(stdout, "<%lld.%zu:%s:%.0f.%u>\n", (long long)g, (size_t)i, letters, (double)g,
                (unsigned)i);
        break;
    case 3:
        snprintf(line, sizeof line, "<%d.%d:%s:%d.%d>\n", g, i, letters, g, i);
        fputs(line, stdout);
        break;
    case 4:
        snprintf(line, sizeof line, "<%d.%d:%s:%d.%d>", g, i, letters, g, i);
        puts(line);
        break;
    default:
        n = snprintf(line, sizeof line, "<%d.%d:%s:%d.%d>\n", g, i, letters, g, i);
        fwrite(line, 1, (size_t)n, stdout);
        break;
    }
}

static void print_lines(void *arg)
{
    for (int i = 0; i < nlines; i++) {
        print_line((int)(intptr_t)arg, i);
        if (i % 16 == 0)
            gosched();
    }
    chan_send(finished, NULL);
}

int main(int argc, char **argv)
{
    int n = 8 * numcpu();

    nlines = argc > 1 ? atoi(argv[1]) : 200;
    finished = chan_make(0, 0);
    for (int g = 0; g < n; g++)
        if (go(print_lines, (void *)(intptr_t)g))
            return 1;
    for (int g = 0; g < n; g++)
        chan_recv(finished, NULL);
    printf("%d goroutines printed %d lines each\n", n, nlines);
}
