/*
 * selects.h - the cases of a select, and one in a goroutine of its own (parks.h).
 */
#ifndef TESTS_GUEST_SELECTS_H
#define TESTS_GUEST_SELECTS_H

#include "sched/chan.h"
#include "tests/guest/parks.h"

#define NO_RESULT 77 // until the case is done

static inline struct select_case receive(struct chan *c, void *elem)
{
    return (struct select_case){SELECT_RECV, c, elem, NO_RESULT};
}

static inline struct select_case send(struct chan *c, void *elem)
{
    return (struct select_case){SELECT_SEND, c, elem, NO_RESULT};
}

static inline bool nobody_waits(const struct chan *c)
{
    return !c->recvq.first && !c->recvq.last && !c->sendq.first && !c->sendq.last;
}

static inline int run_select(struct call *call)
{
    return chan_select_cancel(call->on, call->number, call->deadline_ns, call->cancel);
}

static inline struct call call_of(struct select_case *cases, int n)
{
    return (struct call){.fn = run_select, .on = cases, .number = n, .deadline_ns = DEADLINE_NONE};
}

#endif
