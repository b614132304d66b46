/*
 * chat.c - rooms full of members, each a goroutine: whatever one says, all in the room hear, in one order.
 *
 * Arguments: members (default 10000) and how many are in a room (default 20).
 *
 *   member --said--> room --heard--> every member of the room, the speaker too
 *
 * A member says one line and hears as many as there are members. It has to do both at once: if all waited to speak
 * while the room waits for them to hear, nobody would go on. That is what select is for; once a member has spoken,
 * that case has no channel any more, and so is never ready.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt0/chan.h"
#include "rt0/go.h"
#include "rt0/sync.h"

struct line {
    uint32_t speaker;
};

struct room {
    struct chan *said;
    struct member *members;
};

struct member {
    struct room *room;
    struct chan *heard;
    uint32_t number;
    uint32_t heard_lines;
    uint64_t story; // a hash of all lines, in order
};

static uint32_t nmembers = 10000, per_room = 20;
static struct waitgroup talking;

static void *must(void *p)
{
    if (!p) {
        printf("out of memory\n");
        exit(1);
    }
    return p;
}

static void start(void (*fn)(void *), void *arg)
{
    waitgroup_add(&talking, 1);
    if (go(fn, arg))
        must(NULL);
}

static void run_member(void *arg)
{
    struct member *m = arg;
    struct line mine = {m->number}, line;
    struct select_case cases[] = {
        {.dir = SELECT_SEND, .c = m->room->said, .elem = &mine},
        {.dir = SELECT_RECV, .c = m->heard, .elem = &line},
    };

    while (m->heard_lines < per_room) {
        if (chan_select(cases, 2, DEADLINE_NONE) == 0) {
            cases[0].c = NULL;
        } else {
            m->story = m->story * 1000003 + line.speaker;
            m->heard_lines++;
        }
    }
    waitgroup_done(&talking);
}

static void run_room(void *arg)
{
    struct room *r = arg;
    struct line line;

    for (uint32_t said = 0; said < per_room; said++) {
        chan_recv(r->said, &line);
        for (uint32_t i = 0; i < per_room; i++)
            chan_send(r->members[i].heard, &line);
    }
    waitgroup_done(&talking);
}

static void open_room(struct room *r, struct member *members)
{
    *r = (struct room){must(chan_make(sizeof(struct line), 0)), members};
    for (uint32_t i = 0; i < per_room; i++) {
        struct chan *heard = must(chan_make(sizeof(struct line), 4));
        members[i] = (struct member){.room = r, .heard = heard, .number = i};
        start(run_member, &members[i]);
    }
    start(run_room, r);
}

/* Rooms in which somebody heard another story than the first. */
static uint32_t count_confused(const struct room *rooms, uint32_t n)
{
    uint32_t confused = 0;

    for (uint32_t r = 0; r < n; r++)
        for (uint32_t i = 1; i < per_room; i++)
            if (rooms[r].members[i].story != rooms[r].members[0].story) {
                confused++;
                break;
            }
    return confused;
}

int main(int argc, char **argv)
{
    nmembers = argc > 1 ? (uint32_t)atol(argv[1]) : nmembers;
    per_room = argc > 2 ? (uint32_t)atol(argv[2]) : per_room;
    if (per_room < 1 || nmembers < per_room || nmembers % per_room) {
        printf("usage: chat [MEMBERS [PER_ROOM]], MEMBERS a multiple of PER_ROOM\n");
        return 1;
    }
    uint32_t nrooms = nmembers / per_room;
    struct room *rooms = must(calloc(nrooms, sizeof *rooms));
    struct member *members = must(calloc(nmembers, sizeof *members));

    for (uint32_t r = 0; r < nrooms; r++)
        open_room(&rooms[r], members + (size_t)r * per_room);
    waitgroup_wait(&talking);

    unsigned long long heard = 0;
    for (uint32_t i = 0; i < nmembers; i++)
        heard += members[i].heard_lines;
    uint32_t confused = count_confused(rooms, nrooms);
    printf("%u members in %u rooms heard %llu lines\n", (unsigned)nmembers, (unsigned)nrooms,
           heard);
    printf("rooms in which not all heard the same: %u\n", (unsigned)confused);
    return confused != 0;
}
