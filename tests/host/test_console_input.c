/*
 * test_console_input.c - the ring between the console's interrupt and who reads it.
 *
 * Goal:   every byte arrives once and in order, however slow the reader is; a full ring turns the device's
 *         interrupt off, and reading turns it on again, never too late; the key calls and is not input.
 * Method: one thread is the device and its interrupt's handler, another one reads. A turn-on that is lost
 *         would leave both waiting: the alarm ends the program then. Under ThreadSanitizer.
 * Time:   under 5 s.
 */
#define _GNU_SOURCE
#include "kernel/console_input.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "kernel/panic.h"
#include "tests/host/tap.h"

#define RING_BYTES 1024
#define MANY       500000
#define KEY        0x1c
#define HANG_S     50

static atomic_bool on;
static unsigned turned_off, keys;

_Noreturn void throw(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("Bail out! ");
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static void interrupt(bool to)
{
    turned_off += !to; // by the handler only
    atomic_store(&on, to);
}

/* No byte is the key. */
static uint8_t byte_of(uint32_t i)
{
    uint8_t b = (uint8_t)(i * 2654435761u >> 13);

    return b == KEY ? 0 : b;
}

/* Up to n bytes from number `from` on, as a handler takes them: how many there was room for. */
static uint32_t receive(uint32_t from, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && console_input_room_isr()) {
        console_input_isr(byte_of(from + i));
        i++;
    }
    return i;
}

static bool expect(const char *have, uint32_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)have[i] != byte_of(from + (uint32_t)i))
            return false;
    return true;
}

static void count_key(void)
{
    keys++;
}

static void test_alone(void)
{
    char buf[2 * RING_BYTES];

    ok(console_input_read(buf, sizeof buf) == 0, "nothing has come");
    console_input_attach(interrupt);
    ok(atomic_load(&on), "a device that is attached is on");
    ok(receive(0, 10) == 10 && console_input_read(buf, 4) == 4 && expect(buf, 0, 4) &&
           console_input_read(buf, 0) == 0 && console_input_read(buf, sizeof buf) == 6 &&
           expect(buf, 4, 6),
       "bytes come out as they went in");
    ok(receive(0, 2 * RING_BYTES) == RING_BYTES && !atomic_load(&on) && turned_off == 1,
       "the ring is full: the interrupt is off");
    ok(console_input_read(buf, 1) == 1 && atomic_load(&on), "reading one turns it on");
    ok(receive(RING_BYTES, 2) == 1 && !atomic_load(&on), "there was room for one");
    ok(console_input_read(buf, sizeof buf) == RING_BYTES && expect(buf, 1, RING_BYTES) &&
           atomic_load(&on),
       "all of it comes out");

    console_input_isr(KEY);
    ok(console_input_read(buf, 1) == 1 && buf[0] == KEY, "a key without handler is input");
    console_set_key_handler(KEY, count_key);
    console_input_isr(KEY);
    ok(console_input_read(buf, 1) == 0 && keys == 1, "the key calls and is not input");
}

static void *device(void *unused)
{
    uint32_t sent = 0;

    while (sent < MANY) {
        uint32_t n = 1 + sent % 97;
        if (atomic_load(&on))
            sent += receive(sent, n < MANY - sent ? n : MANY - sent);
        else
            sched_yield();
    }
    return unused;
}

static void test_threads(void)
{
    char buf[300];
    uint32_t got = 0;
    bool good = true;
    pthread_t id;

    turned_off = 0;
    pthread_create(&id, NULL, device, NULL);
    while (got < MANY) {
        size_t n = console_input_read(buf, 1 + got % sizeof buf);
        good &= expect(buf, got, n);
        got += (uint32_t)n;
    }
    pthread_join(id, NULL);
    ok(good, "%d bytes from one thread to another", MANY);
    ok(turned_off > 0, "some of them waited in the device");
}

int main(void)
{
    alarm(HANG_S);
    test_alone();
    test_threads();
    return done();
}
