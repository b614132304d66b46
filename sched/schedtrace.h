/*
 * schedtrace.h - the scheduler's state on the console, in Go's format.
 */
#ifndef SCHED_SCHEDTRACE_H
#define SCHED_SCHEDTRACE_H

#include <stdbool.h>

/* One line; detailed: one more for each P, M and goroutine. The kernel's keys schedtrace=MS and scheddetail=1.
 * Ctx: g0, no locks. */
void schedtrace(bool detailed);

#endif
