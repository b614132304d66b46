/*
 * policy.c - the policies that are linked in, by name.
 *
 * One of your own: a file sched/policy_NAME.c, a line in policy.h and one here (docs/policies.md).
 */
#include "sched/policy.h"

#include <stddef.h>
#include <string.h>

static const struct sched_policy *const policies[] = {
    &policy_gmp, &policy_fifo, &policy_rr, &policy_prio, &policy_gmp_seam,
};

enum { NPOLICY = sizeof policies / sizeof policies[0] };

const struct sched_policy *policy_find(const char *name)
{
    for (size_t i = 0; i < NPOLICY; i++)
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}

/* Appends what fits of text at buf[at], and returns where the text would end. */
static size_t append(char *buf, size_t bytes, size_t at, const char *text)
{
    size_t len = strlen(text);

    if (at < bytes)
        memcpy(buf + at, text, len < bytes - at ? len : bytes - at);
    return at + len;
}

void policy_names(char *buf, unsigned bytes)
{
    size_t at = 0;

    if (bytes == 0)
        return;
    for (size_t i = 0; i < NPOLICY; i++) {
        at = append(buf, bytes, at, i ? ", " : "");
        at = append(buf, bytes, at, policies[i]->name);
    }
    buf[at < bytes ? at : bytes - 1] = '\0';
}
