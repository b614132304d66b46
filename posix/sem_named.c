/*
 * sem_named.c - semaphores by name. There is one process, so the names are its own: a list.
 *
 * A semaphore lives while it has its name or is open.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct named {
    sem_t sem; // first: what sem_open() gives
    struct named *next;
    unsigned open; // times
    bool linked;   // has its name
    char name[];
};

/* A mutex and not the lock of a monitor: malloc() is called under it. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct named *list;

static struct named *find(const char *name)
{
    struct named *n = list;

    while (n && !(n->linked && strcmp(n->name, name) == 0))
        n = n->next;
    return n;
}

static int make(const char *name, unsigned value, struct named **made)
{
    struct named *n;

    if (value > SEM_VALUE_MAX)
        return EINVAL;
    n = malloc(sizeof *n + strlen(name) + 1);
    if (!n)
        return ENOMEM;
    sem_init(&n->sem, 0, value);
    n->next = list;
    n->open = 0;
    n->linked = true;
    strcpy(n->name, name);
    *made = list = n;
    return 0;
}

static int open_locked(const char *name, int flags, unsigned value, struct named **n)
{
    int err = 0;

    *n = find(name);
    if (*n && (flags & O_CREAT) && (flags & O_EXCL))
        return EEXIST;
    if (!*n)
        err = flags & O_CREAT ? make(name, value, n) : ENOENT;
    if (!err)
        (*n)->open++;
    return err;
}

sem_t *sem_open(const char *name, int flags, ...)
{
    struct named *n;
    unsigned value = 0;
    va_list ap;

    if (flags & O_CREAT) {
        va_start(ap, flags);
        (void)va_arg(ap, int); // the mode: nobody else could open it
        value = va_arg(ap, unsigned);
        va_end(ap);
    }
    pthread_mutex_lock(&list_lock);
    int err = name[0] == '\0' || strcmp(name, "/") == 0 ? EINVAL
                                                        : open_locked(name, flags, value, &n);
    pthread_mutex_unlock(&list_lock);
    if (!err)
        return &n->sem;
    errno = err;
    return SEM_FAILED;
}

static void free_if_unused(struct named *n)
{
    struct named **p = &list;

    if (n->open || n->linked)
        return;
    while (*p != n)
        p = &(*p)->next;
    *p = n->next;
    free(n);
}

int sem_close(sem_t *s)
{
    struct named *n;

    pthread_mutex_lock(&list_lock);
    for (n = list; n && &n->sem != s; n = n->next)
        ;
    bool found = n && n->open;
    if (found) {
        n->open--;
        free_if_unused(n);
    }
    pthread_mutex_unlock(&list_lock);
    if (found)
        return 0;
    errno = EINVAL;
    return -1;
}

int sem_unlink(const char *name)
{
    pthread_mutex_lock(&list_lock);
    struct named *n = find(name);
    if (n) {
        n->linked = false;
        free_if_unused(n);
    }
    pthread_mutex_unlock(&list_lock);
    if (n)
        return 0;
    errno = ENOENT;
    return -1;
}
