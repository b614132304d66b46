/*
 * scavenge.h - giving free pages back to the host, slowly while cores idle or all at once.
 *
 * Without a virtio-balloon device that takes reports all of this does nothing, and soon at no cost.
 */
#ifndef KERNEL_SCAVENGE_H
#define KERNEL_SCAVENGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAVENGE_LOOK_NS INT64_C(1000000000)

/*
 * scavenge_step - one bounded step towards the goal, or nothing if it is too early for one.
 * now_ns    nanotime()
 * *next_ns  when another call is wanted; INT64_MAX: not before more memory has been freed. A core
 *           that frees it tells nobody, so call whenever a core runs out of work, and every
 *           SCAVENGE_LOOK_NS as long as one core runs while others sleep. One sleeping core with
 *           an alarm for it is enough. A call before the time costs one load.
 * Returns whether pages were handed to the host, or came back from it as given.
 * Any number of cores may call it; one of them works. It takes some 100 us at most; once, the first
 * step that has pages to give looks for the device, which takes longer on arm64.
 * Ctx: g0.
 * Source: the goal and the pacing are those of Go's background scavenger (mgcscavenge.go).
 */
bool scavenge_step(int64_t now_ns, int64_t *next_ns);

/*
 * scavenge_batch - report up to 8 MiB of free pages, whatever the goal, and wait for the answer.
 * Returns how many pages the host got; 0: there is nothing more, or nobody to take it.
 * For memreclaim(), which calls it until there is nothing more and may be preempted in between.
 * Ctx: g0.
 */
size_t scavenge_batch(void);

#endif
