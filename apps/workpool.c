/*
 * workpool.c - a fixed number of workers, who share jobs by a channel and answer by another.
 *
 * Arguments: how many jobs (default 20).
 *
 *   main --jobs--> worker, worker, ... (one for each core) --answers--> main
 *
 * A job is a number, the answer how many steps it takes to come down to 1 by Collatz' rule. Answers come in any
 * order, so each has its job with it; jobs are over when their channel is closed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"

struct answer {
    long job;
    int steps;
};

static struct chan *jobs, *answers;

static int collatz(unsigned long long n)
{
    int steps = 0;

    for (; n != 1; steps++)
        n = n % 2 ? 3 * n + 1 : n / 2;
    return steps;
}

static void work(void *arg)
{
    struct answer a;

    (void)arg;
    while (chan_recv(jobs, &a.job) == 0) {
        a.steps = collatz((unsigned long long)a.job);
        chan_send(answers, &a);
    }
}

/* The jobs do not fit into their channel, and main is busy with the answers. */
static void hand_out(void *n)
{
    for (long job = 1; job <= *(long *)n; job++)
        chan_send(jobs, &job);
    chan_close(jobs);
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 20;
    int *steps = n > 0 ? calloc((size_t)n + 1, sizeof *steps) : NULL;
    struct answer a;

    if (!steps) {
        printf("usage: workpool [JOBS], as many as there is memory for\n");
        return 1;
    }
    jobs = chan_make(sizeof(long), 8);
    answers = chan_make(sizeof a, 8);
    for (int i = 0; i < numcpu(); i++)
        go(work, NULL);
    go(hand_out, &n);

    for (long i = 0; i < n; i++) {
        chan_recv(answers, &a);
        steps[a.job] = a.steps;
    }
    for (long job = 1; job <= n; job++)
        printf("%ld: %d step%s\n", job, steps[job], steps[job] == 1 ? "" : "s");
}
