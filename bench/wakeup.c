/*
 * wakeup.c - from before a send to a channel until the goroutine that waited there runs.
 *
 * wakeup.same_p       on the only P; the sender waits right after it
 * wakeup.other_p      on another P, whose core had gone to sleep; the sender keeps its own busy
 * wakeup.other_p_hot  the same 20 us after the last time
 *
 * The last two need two cores: with one nothing is printed for them.
 */
#include <stdatomic.h>

#include "bench/percentile.h"

#define US INT64_C(1000)

static struct chan *to_receiver, *answers;
static _Atomic(int64_t) received; // when; 0: not yet
static atomic_int same_core;

static void receive(void *arg)
{
    int64_t sent;

    (void)arg;
    while (chan_recv(to_receiver, &sent) == 0) {
        int64_t late = nanotime() - sent;
        chan_send(answers, &late);
    }
    chan_send(answers, &(int64_t){0});
}

static void same_p(double *late, size_t n)
{
    int64_t answer;

    gosched(); // it waits
    for (size_t i = 0; i < n; i++) {
        int64_t now = nanotime();
        chan_send(to_receiver, &now);
        chan_recv(answers, &answer);
        late[i] = (double)answer;
    }
}

static void receive_elsewhere(void *arg)
{
    int core;

    (void)arg;
    while (chan_recv(to_receiver, &core) == 0) {
        int64_t now = nanotime();
        atomic_fetch_add(&same_core, core == gocpu());
        atomic_store(&received, now);
    }
    chan_send(answers, &(int64_t){0});
}

static void spin(int64_t ns)
{
    int64_t until = nanotime() + ns;

    while (nanotime() < until)
        ;
}

static void other_p(double *late, size_t n, int64_t pause_ns)
{
    for (size_t i = 0; i < n; i++) {
        spin(pause_ns); // what the receiver's core takes to go to sleep, or not
        atomic_store(&received, 0);
        int core = gocpu();
        int64_t now = nanotime();
        chan_send(to_receiver, &core);
        while (!atomic_load(&received))
            ;
        late[i] = (double)(atomic_load(&received) - now);
    }
}

static void other_p_idle(double *late, size_t n)
{
    other_p(late, n, 1000 * US);
}

static void other_p_hot(double *late, size_t n)
{
    other_p(late, n, 20 * US);
}

static void with_receiver(void (*fn)(void *), const char *name, const char *suffix,
                          void (*sample)(double *late, size_t n), size_t n)
{
    to_receiver = chan_make(sizeof(int64_t), 0);
    answers = chan_make(sizeof(int64_t), 0);
    bench_require(to_receiver && answers && go(fn, NULL) == 0);
    bench_latency(name, suffix, sample, n);
    chan_close(to_receiver);
    chan_recv(answers, NULL);
    chan_free(to_receiver);
    chan_free(answers);
}

static void wakeup(const char *name)
{
    int procs = gomaxprocs(1);

    with_receiver(receive, name, ".same_p", same_p, 1000);
    gomaxprocs(procs);
    if (procs < 2)
        return;
    with_receiver(receive_elsewhere, name, ".other_p", other_p_idle, 200);
    with_receiver(receive_elsewhere, name, ".other_p_hot", other_p_hot, 1000);
    printf("# wakeup.other_p: %d times on the sender's own core after all\n",
           atomic_load(&same_core));
}

static const struct bench benches[] = {
    {"wakeup", .run = wakeup},
};

int main(int argc, char **argv)
{
    return bench_main(benches, LENGTH(benches), argc, argv);
}
