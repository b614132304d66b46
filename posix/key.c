/*
 * key.c - values that each thread has its own of.
 *
 * Protocol:  a key is a place in the table; its generation is odd while it exists, and never comes back. A value is
 *            kept with the generation that it was set under, so those of a deleted key are not seen by the next that
 *            has its place. Creating and deleting are under the lock; looking a value up takes one relaxed load:
 *            a thread that uses a key has been told of it.
 * The end:   keys_end() calls destructors until there are no values left, four times at most (POSIX).
 */
#include <errno.h>
#include <stdlib.h>

#include "posix/thread.h"

#define BLOCK   32
#define NBLOCKS (PTHREAD_KEYS_MAX / BLOCK)
_Static_assert(NBLOCKS == sizeof((struct thread){0}.keys) / sizeof(struct key_block *), "thread.h");

struct key_block {
    struct {
        uint32_t generation;
        void *value;
    } at[BLOCK];
};

static struct {
    struct spinlock lock;
    struct {
        _Atomic(uint32_t) generation; // a  relaxed; lock stores
        void (*destructor)(void *);   // lock
    } key[PTHREAD_KEYS_MAX];
} keys;

static uint32_t generation_of(pthread_key_t key)
{
    return key < PTHREAD_KEYS_MAX
               ? atomic_load_explicit(&keys.key[key].generation, memory_order_relaxed)
               : 0;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int err = EAGAIN;

    lock(&keys.lock);
    for (pthread_key_t k = 0; err && k < PTHREAD_KEYS_MAX; k++) {
        uint32_t generation = generation_of(k);
        if (generation % 2)
            continue;
        atomic_store_explicit(&keys.key[k].generation, generation + 1, memory_order_relaxed);
        keys.key[k].destructor = destructor;
        *key = k;
        err = 0;
    }
    unlock(&keys.lock);
    return err;
}

int pthread_key_delete(pthread_key_t key)
{
    int err = EINVAL;

    lock(&keys.lock);
    uint32_t generation = generation_of(key);
    if (generation % 2) {
        atomic_store_explicit(&keys.key[key].generation, generation + 1, memory_order_relaxed);
        err = 0;
    }
    unlock(&keys.lock);
    return err;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    uint32_t generation = generation_of(key);

    if (!(generation % 2))
        return EINVAL;
    struct key_block **block = &thread_self()->keys[key / BLOCK];
    if (!*block && value)
        *block = calloc(1, sizeof **block);
    if (!*block)
        return value ? ENOMEM : 0;
    (*block)->at[key % BLOCK].generation = generation;
    (*block)->at[key % BLOCK].value = (void *)value;
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    struct thread *t = thread_self_if_any();
    uint32_t generation = generation_of(key);
    struct key_block *block = t && generation % 2 ? t->keys[key / BLOCK] : NULL;

    return block && block->at[key % BLOCK].generation == generation ? block->at[key % BLOCK].value
                                                                    : NULL;
}

/* NULL: the key has none, or is another one by now. */
static void (*destructor_of(pthread_key_t key, uint32_t generation))(void *)
{
    lock(&keys.lock);
    void (*destructor)(void *) = generation_of(key) == generation ? keys.key[key].destructor : NULL;
    unlock(&keys.lock);
    return destructor;
}

/* Whether there was a value. */
static bool end_one(struct key_block *block, pthread_key_t key)
{
    void *value = block->at[key % BLOCK].value;

    if (!value)
        return false;
    block->at[key % BLOCK].value = NULL;
    void (*destructor)(void *) = destructor_of(key, block->at[key % BLOCK].generation);
    if (destructor)
        destructor(value);
    return true;
}

static bool end_all(struct thread *t)
{
    bool any = false;

    for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++)
        if (t->keys[key / BLOCK])
            any |= end_one(t->keys[key / BLOCK], key);
    return any;
}

void keys_end(struct thread *t)
{
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS && end_all(t); i++)
        ;
    for (int i = 0; i < NBLOCKS; i++) {
        free(t->keys[i]);
        t->keys[i] = NULL;
    }
}
