/*
 * arch.h - as that of the scheduler's host tests.
 */
#include "tests/host/shim_sched/arch/arch.h"
