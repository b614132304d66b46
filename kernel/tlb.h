/*
 * tlb.h - when an unmapped page, or the place where it was, may be used again.
 *
 * Nobody is interrupted for an unmapping: it is stamped, and what was unmapped rests until every core has
 * passed the stamp. Each core passes on its own, in schedule(); an idle core counts as passed and flushes
 * before it runs again; tlb_sync() is for those in need.
 */
#ifndef KERNEL_TLB_H
#define KERNEL_TLB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct m;

#define TLB_IDLE UINT64_MAX

#if RT0_DEBUG
/* For a test: what is unmapped counts as forgotten at once, and is not. */
extern bool tlb_broken;
#endif

/* A stamp for entries that were cleared before the call: they are in no TLB once tlb_passed(stamp).
 * Ctx: g0 or isr. */
uint64_t tlb_unmapped(void);

/* Whether every core has passed. If not, they will at their next schedule(). Ctx: g0 or isr. */
bool tlb_passed(uint64_t stamp);

/* Makes every core pass and waits for it. Ctx: g0 or isr, holding no lock that is waited for with interrupts
 * masked (RANK_STACKPOOL and above). */
void tlb_sync(uint64_t stamp);

/* This core passes if there is something to pass. Ctx: g0 or isr. */
void tlb_pass(struct m *mp);

/* Around an idle core's sleep. Ctx: g0. */
void tlb_idle_enter(struct m *mp);
void tlb_idle_leave(struct m *mp);

#endif
