/*
 * arch.h - for the heap's host tests: a thread is an M.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

struct g;
struct m;

extern _Thread_local struct m *this_m;

static inline struct m *getm(void)
{
    return this_m;
}

/* Plain calls; what is only allowed on g0 asks on_g0(). */
void systemstack(void (*fn)(void *arg), void *arg);

#endif
