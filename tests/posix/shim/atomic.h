/* atomic.h - stands in for the file of this name in glibc. */
#ifndef SHIM_ATOMIC_H
#define SHIM_ATOMIC_H

#define atomic_load_relaxed(p)         __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store_relaxed(p, v)     __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)

#endif
