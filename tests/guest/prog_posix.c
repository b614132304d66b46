/*
 * prog_posix.c - a program as people have them, of POSIX only: threads, a queue with a mutex and conditions, and a
 * main() that leaves by pthread_exit(). tests/check/posix runs it and looks at what it prints.
 *
 * Argument: none: all goes well; "status": a thread ends the program with 3 while others wait for ever.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRODUCERS 4
#define CONSUMERS 3
#define ITEMS     1000
#define SLOTS     16

static struct queue {
    int item[SLOTS];
    unsigned head, tail;
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .not_empty = PTHREAD_COND_INITIALIZER,
           .not_full = PTHREAD_COND_INITIALIZER};

static void put(struct queue *q, int item)
{
    pthread_mutex_lock(&q->lock);
    while (q->tail - q->head == SLOTS)
        pthread_cond_wait(&q->not_full, &q->lock);
    q->item[q->tail++ % SLOTS] = item;
    pthread_cond_signal(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

static int take(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->head == q->tail)
        pthread_cond_wait(&q->not_empty, &q->lock);
    int item = q->item[q->head++ % SLOTS];
    pthread_cond_signal(&q->not_full);
    pthread_mutex_unlock(&q->lock);
    return item;
}

static void *producer(void *arg)
{
    for (int i = 1; i <= ITEMS; i++)
        put(&queue, i);
    return arg;
}

static void *consumer(void *arg)
{
    long sum = 0;
    int item;

    (void)arg;
    while ((item = take(&queue)) != 0)
        sum += item;
    return (void *)sum;
}

static void *end_program(void *arg)
{
    printf("exit\n");
    exit((int)(intptr_t)arg);
}

static pthread_t main_thread;

static void *say_last(void *arg)
{
    void *result;

    pthread_join(main_thread, &result);
    printf("main left %ld\n", (long)result);
    return arg;
}

static void at_exit(void)
{
    printf("atexit\n");
}

int main(int argc, char **argv)
{
    pthread_t producers[PRODUCERS], consumers[CONSUMERS], last;
    long sum = 0;
    void *result;

    atexit(at_exit);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_create(&consumers[i], NULL, consumer, NULL);
    if (argc > 1 && strcmp(argv[1], "status") == 0) {
        pthread_create(&last, NULL, end_program, (void *)3);
        pthread_join(consumers[0], NULL);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&producers[i], NULL, producer, NULL);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i], NULL);
    for (int i = 0; i < CONSUMERS; i++)
        put(&queue, 0);
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(consumers[i], &result);
        sum += (long)result;
    }
    printf("%d producers, %d consumers, sum %ld\n", PRODUCERS, CONSUMERS, sum);
    main_thread = pthread_self();
    pthread_create(&last, NULL, say_last, NULL);
    pthread_exit((void *)42);
}
