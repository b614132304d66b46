/*
 * pipeline.c - stages with channels between them, all of which end when one cancel is fired.
 *
 *   generate --numbers--> square --squares--> main
 *
 * Neither stage knows how many numbers are wanted, and neither ends by itself: main takes what it needs and then
 * calls off the rest. Wherever a stage waits at that moment, that call returns -ECANCELED.
 */
#include <stdio.h>
#include <string.h>

#include "rt0/cancel.h"
#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"

enum { WANTED = 10 };

static struct chan *numbers, *squares;
static struct cancel enough;
static struct waitgroup stages;
static int generate_err, square_err; // why each ended; read when both have

static void generate(void *arg)
{
    int err = 0;

    (void)arg;
    for (long n = 1; err == 0; n++)
        err = chan_send_cancel(numbers, &n, DEADLINE_NONE, &enough);
    generate_err = err;
    waitgroup_done(&stages);
}

static void square(void *arg)
{
    long n;
    int err;

    (void)arg;
    do {
        err = chan_recv_cancel(numbers, &n, DEADLINE_NONE, &enough);
        n *= n;
        if (err == 0)
            err = chan_send_cancel(squares, &n, DEADLINE_NONE, &enough);
    } while (err == 0);
    square_err = err;
    waitgroup_done(&stages);
}

int main(void)
{
    long n;

    numbers = chan_make(sizeof n, 0);
    squares = chan_make(sizeof n, 0);
    waitgroup_add(&stages, 2);
    go(generate, NULL);
    go(square, NULL);

    for (int i = 0; i < WANTED; i++) {
        chan_recv(squares, &n);
        printf("%ld%c", n, i < WANTED - 1 ? ' ' : '\n');
    }
    cancel_fire(&enough);
    waitgroup_wait(&stages);
    printf("generate: %s\n", strerror(-generate_err));
    printf("square: %s\n", strerror(-square_err));
}
