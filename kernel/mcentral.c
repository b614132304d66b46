/*
 * mcentral.c - the spans of a size class that no P owns, and frees that are not the owner's.
 *
 * Protocol:  mcentral[class].lock guards the list of partial spans, both bitmaps of the class's
 *            spans without owner, remote[] of those with one, and every change of an owner. A P
 *            that has used up its span first takes back what others freed in it; only if that is
 *            nothing it lets go of it, and whoever frees the first object then puts it into the
 *            list.
 * Why remote frees take a lock: with it a span changes hands while no free is under way, so an
 *            object freed twice is seen even if the two come from different cores. They are the
 *            rarer ones.
 * May not be done under the lock: anything but look at the span. Pages are given back after it.
 */
#include "kernel/lock.h"
#include "kernel/span.h"
#include "sched/sched.h"

struct mcentral {
    _Alignas(CACHE_LINE) struct spinlock lock;
    struct span *partial; // lock; the one that came last is first: its lines are the warmest
};

static struct mcentral mcentral[MEM_CLASSES] = {
    [0 ... MEM_CLASSES - 1] = {.lock = SPINLOCK_INIT(RANK_MCENTRAL)},
};

static void list_push(struct mcentral *c, struct span *s)
{
    s->prev = NULL;
    s->next = c->partial;
    if (s->next)
        s->next->prev = s;
    c->partial = s;
    s->listed = true;
}

static void list_remove(struct mcentral *c, struct span *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        c->partial = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->listed = false;
}

bool span_find(struct span *s)
{
    for (uint32_t w = 0; w < SPAN_WORDS; w++)
        if (word_get(&s->free[w])) {
            s->cur = w;
            return true;
        }
    return false;
}

/* What others freed becomes the owner's. Ctx: the owner, the lock held. */
static void drain(struct span *s)
{
    for (unsigned w = 0; w < SPAN_WORDS; w++) {
        uint64_t bits = word_get(&s->remote[w]);
        if (!bits)
            continue;
        word_set(&s->free[w], word_get(&s->free[w]) | bits);
        word_set(&s->remote[w], 0);
    }
    span_set_owner(s, span_owner(s) & ~(uintptr_t)OWNER_REMOTE);
}

/* Takes a span from its owner. Ctx: the owner, the lock held. */
static void disown(struct mcentral *c, struct span *s)
{
    unsigned nfree = 0;

    drain(s);
    for (unsigned w = 0; w < SPAN_WORDS; w++)
        nfree += (unsigned)__builtin_popcountll(word_get(&s->free[w]));
    s->nfree = (uint16_t)nfree;
    span_set_owner(s, 0);
    if (nfree > 0 && nfree < s->objects)
        list_push(c, s);
}

struct span *mcentral_refill(struct p *pp, unsigned class)
{
    struct mcentral *c = &mcentral[class];
    struct span *s = pp->mcache.alloc[class];

    lock(&c->lock);
    if (s != NO_SPAN) {
        drain(s);
        if (!span_find(s)) {
            disown(c, s);
            s = NO_SPAN;
        }
    }
    if (s == NO_SPAN && (s = c->partial) != NULL) {
        list_remove(c, s);
        span_set_owner(s, (uintptr_t)pp);
        span_find(s);
    }
    pp->mcache.alloc[class] = s ? s : NO_SPAN;
    unlock(&c->lock);
    return s;
}

bool mcentral_return(struct span *s)
{
    struct mcentral *c = &mcentral[s->class];

    lock(&c->lock);
    disown(c, s);
    bool empty = s->nfree == s->objects;
    unlock(&c->lock);
    return empty;
}

/* The state of p, which lay in s when it was looked up without a lock. */
static enum object object_state(const struct span *s, unsigned class, const void *p,
                                uint64_t *index)
{
    if (span_of(page_of(p)) != s || s->class != class)
        return OBJECT_STALE;
    if (!span_index((uintptr_t)p - s->base, s->magic, s->limit, index))
        return OBJECT_INTERIOR;
    if ((word_get(&s->free[*index / 64]) | word_get(&s->remote[*index / 64])) >> *index % 64 & 1)
        return OBJECT_FREE;
    return OBJECT_GOOD;
}

/* pp goes on with s instead of the span it has. Returns that one if all of it is free. */
static struct span *adopt(struct mcentral *c, struct p *pp, struct span *s)
{
    struct span *old = pp->mcache.alloc[s->class];

    if (s->listed)
        list_remove(c, s);
    span_set_owner(s, (uintptr_t)pp);
    pp->mcache.alloc[s->class] = s;
    if (old == NO_SPAN)
        return NULL;
    disown(c, old);
    return old->nfree == old->objects ? old : NULL;
}

/* An object of a span without owner. Objects that were made one after the other are often freed
 * so: the second free in a row into the same span makes it the P's own, and the others need no
 * lock. */
static struct span *free_unowned(struct mcentral *c, struct p *pp, struct span *s, uint64_t index)
{
    const struct span **last = &pp->mcache.last[s->class % MCACHE_LAST];

    span_put(s, index);
    s->nfree++;
    if (s->nfree == s->objects) {
        if (s->listed)
            list_remove(c, s);
        return s;
    }
    if (*last == s)
        return adopt(c, pp, s);
    *last = s;
    if (!s->listed)
        list_push(c, s);
    return NULL;
}

/* Ctx: the lock held, object `index` allocated. Returns a span that is free as a whole, or NULL. */
static struct span *free_locked(struct mcentral *c, struct p *pp, struct span *s, uint64_t index)
{
    uintptr_t owner = span_owner(s);

    if (!owner)
        return free_unowned(c, pp, s, index);
    if ((owner & ~(uintptr_t)OWNER_REMOTE) == (uintptr_t)pp) {
        drain(s);
        span_put(s, index);
    } else {
        uint64_t *w = &s->remote[index / 64];
        word_set(w, word_get(w) | UINT64_C(1) << index % 64);
        span_set_owner(s, owner | OWNER_REMOTE);
    }
    return NULL;
}

enum object mcentral_free(struct p *pp, struct span *s, void *p, struct span **empty)
{
    unsigned class = s->class;
    struct mcentral *c = &mcentral[class];
    uint64_t index;

    *empty = NULL;
    lock(&c->lock);
    enum object state = object_state(s, class, p, &index);
    if (state == OBJECT_GOOD)
        *empty = free_locked(c, pp, s, index);
    unlock(&c->lock);
    return state;
}

enum object mcentral_check(struct span *s, const void *p)
{
    unsigned class = s->class;
    uint64_t index;

    lock(&mcentral[class].lock);
    enum object state = object_state(s, class, p, &index);
    unlock(&mcentral[class].lock);
    return state;
}
