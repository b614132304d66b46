/*
 * pingpong.c - two players and a ball, which is a channel's element.
 *
 * Arguments: after how many hits the game ends (default 6).
 *
 * Each player waits at his own end of the table and hits to the other's. Whoever makes the last hit
 * keeps the ball and closes the other's end: that is how the game is over for him, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"

struct player {
    const char *name;
    struct chan *mine, *other;
};

static long last = 6;
static struct waitgroup playing;

static void play(void *arg)
{
    struct player *p = arg;
    long hits;

    while (chan_recv(p->mine, &hits) == 0) {
        printf("%s %ld\n", p->name, ++hits);
        if (hits == last)
            break;
        chan_send(p->other, &hits);
    }
    chan_close(p->other);
    waitgroup_done(&playing);
}

int main(int argc, char **argv)
{
    struct chan *left = chan_make(sizeof(long), 0), *right = chan_make(sizeof(long), 0);
    struct player players[] = {{"ping", left, right}, {"pong", right, left}};

    if (argc > 1 && (last = atol(argv[1])) < 1) {
        printf("usage: pingpong [HITS], at least 1\n");
        return 1;
    }
    waitgroup_add(&playing, 2);
    go(play, &players[0]);
    go(play, &players[1]);
    chan_send(left, &(long){0});
    waitgroup_wait(&playing);
    printf("game over\n");
}
