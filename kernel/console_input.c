/*
 * console_input.c - a ring of what the console has received.
 *
 * Protocol:  one producer, the handler of the console's interrupt, which goes to the boot CPU and is not nested;
 *            one consumer, whoever calls console_input_read(). Each stores its own index and reads the other's.
 * Full:      what does not fit stays in the device, so that nothing is lost of a file that is piped to a virtual
 *            machine. The producer turns the interrupt off, then says so in `stalled`, then looks once more;
 *            the consumer makes room, then looks at `stalled` (both seq_cst, so one of them sees the other). Who
 *            takes `stalled` back turns the interrupt on.
 * Invariant: 0 <= in - out <= INPUT_BYTES (uint32 arithmetic, the indices wrap).
 */
#include "kernel/console_input.h"

#include <stdatomic.h>

#include "kernel/layout.h"
#include "kernel/panic.h"

#define INPUT_BYTES 1024
_Static_assert((INPUT_BYTES & (INPUT_BYTES - 1)) == 0, "the indices wrap");

static struct {
    _Atomic(uint32_t) in;  // producer stores
    _Atomic(uint32_t) out; // consumer stores
    _Atomic(bool) stalled;
    uint8_t bytes[INPUT_BYTES];
} ring;

static SEALED console_interrupt *interrupt;
static uint8_t key;
static void (*_Atomic key_handler)(void); // release when key is set, acquire

void console_set_key_handler(char k, void (*fn)(void))
{
    if (atomic_load_explicit(&key_handler, memory_order_relaxed))
        throw("console_set_key_handler: key %#x has one already", key);
    key = (uint8_t)k;
    atomic_store_explicit(&key_handler, fn, memory_order_release);
}

void console_input_attach(console_interrupt *fn)
{
    interrupt = fn;
    interrupt(true);
}

/* seq_cst: see "Full"; also acquire: the consumer has read what is to be overwritten. */
static bool has_room(void)
{
    uint32_t in = atomic_load_explicit(&ring.in, memory_order_relaxed);

    return in - atomic_load_explicit(&ring.out, memory_order_seq_cst) != INPUT_BYTES;
}

static bool take_stalled(void)
{
    return atomic_exchange_explicit(&ring.stalled, false, memory_order_seq_cst);
}

bool console_input_room_isr(void)
{
    if (has_room())
        return true;
    interrupt(false);
    atomic_store_explicit(&ring.stalled, true, memory_order_seq_cst);
    if (!has_room() || !take_stalled())
        return false;
    interrupt(true);
    return true;
}

void console_input_isr(uint8_t byte)
{
    uint32_t in = atomic_load_explicit(&ring.in, memory_order_relaxed);
    void (*handler)(void) = atomic_load_explicit(&key_handler, memory_order_acquire);

    if (handler && byte == key) {
        handler();
        return;
    }
    ring.bytes[in % INPUT_BYTES] = byte;
    /* Release: pairs with the acquire in console_input_read(). */
    atomic_store_explicit(&ring.in, in + 1, memory_order_release);
}

size_t console_input_read(char *buf, size_t bytes)
{
    uint32_t out = atomic_load_explicit(&ring.out, memory_order_relaxed);
    size_t n = (uint32_t)(atomic_load_explicit(&ring.in, memory_order_acquire) - out);

    if (n > bytes)
        n = bytes;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        buf[i] = (char)ring.bytes[(out + i) % INPUT_BYTES];
    atomic_store_explicit(&ring.out, out + (uint32_t)n, memory_order_seq_cst);
    if (atomic_load_explicit(&ring.stalled, memory_order_seq_cst) && take_stalled())
        interrupt(true);
    return n;
}
