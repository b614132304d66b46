/* elf/dl-tunables.h - stands in for the file of this name in glibc: there is nothing to tune, locks are not elided. */
#ifndef SHIM_DL_TUNABLES_H
#define SHIM_DL_TUNABLES_H

#define TUNABLE_GET_FULL(...) 0

#endif
