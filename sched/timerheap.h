/*
 * timerheap.h - a 4-ary heap of timers, the earliest first.
 *
 * The times lie in the array, so that comparing touches no timer; each timer knows its place in it,
 * so that it can be taken out at once: a program may free a timer's memory as soon as timer_stop()
 * has returned.
 */
#ifndef SCHED_TIMERHEAP_H
#define SCHED_TIMERHEAP_H

#include <stdbool.h>
#include <stdint.h>

struct timer;

struct timer_slot {
    int64_t when;
    struct timer *t;
};
_Static_assert(sizeof(struct timer_slot) == 16, "four children of a slot are a cache line");

/* Each of these works on the n slots of a heap; the lock that guards them is the caller's. */

/* There is room for n + 1. */
void timerheap_push(struct timer_slot *heap, uint32_t n, int64_t when, struct timer *t);
/* Leaves n - 1. */
void timerheap_remove(struct timer_slot *heap, uint32_t n, uint32_t index);
/* The timer at that index gets another time. */
void timerheap_update(struct timer_slot *heap, uint32_t n, uint32_t index, int64_t when);

/* Whether the order holds and every timer knows its place. */
bool timerheap_check(const struct timer_slot *heap, uint32_t n);

#endif
