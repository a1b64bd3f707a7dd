#include "ese-core/sqlite_checkpointer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"

enum state {
    RESTING,
    WORKING,
    STOPPING
};

struct ese_sqlite_checkpointer {
    sqlite3 *handle; /* the thread's, once it runs */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work, rest;
    enum state state;
    int frames; /* taken in */
};

/* ---- the thread ------------------------------------------------------------------------------ */

/* Passive: it waits for nobody, and nobody for it. */
static int checkpoint(sqlite3 *handle)
{
    int logged = 0, taken_in = 0;
    int result = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &logged, &taken_in);
    return result == SQLITE_OK && taken_in > 0 ? taken_in : 0;
}

static void *run(void *context)
{
    struct ese_sqlite_checkpointer *checkpointer = context;
    pthread_mutex_lock(&checkpointer->lock);
    while (checkpointer->state != STOPPING) {
        if (checkpointer->state == RESTING) {
            pthread_cond_wait(&checkpointer->work, &checkpointer->lock);
            continue;
        }
        pthread_mutex_unlock(&checkpointer->lock);
        int frames = checkpoint(checkpointer->handle);
        pthread_mutex_lock(&checkpointer->lock);
        checkpointer->frames = frames;
        if (checkpointer->state == WORKING)
            checkpointer->state = RESTING;
        pthread_cond_signal(&checkpointer->rest);
    }
    pthread_mutex_unlock(&checkpointer->lock);
    return NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

void ese_sqlite_checkpointer_ask(struct ese_sqlite_checkpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->state = WORKING;
    pthread_cond_signal(&checkpointer->work);
    pthread_mutex_unlock(&checkpointer->lock);
}

bool ese_sqlite_checkpointer_rests(struct ese_sqlite_checkpointer *checkpointer, int *frames)
{
    pthread_mutex_lock(&checkpointer->lock);
    bool rests = checkpointer->state == RESTING;
    *frames = checkpointer->frames;
    pthread_mutex_unlock(&checkpointer->lock);
    return rests;
}

void ese_sqlite_checkpointer_settle(struct ese_sqlite_checkpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->lock);
    while (checkpointer->state == WORKING)
        pthread_cond_wait(&checkpointer->rest, &checkpointer->lock);
    pthread_mutex_unlock(&checkpointer->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The log is opened with the first look at the database. */
static int open_handle(struct ese_sqlite_checkpointer *checkpointer, const char *path, struct ese_error *error)
{
    static const char settings[] =
        "PRAGMA mmap_size = 0; PRAGMA synchronous = NORMAL; SELECT count(*) FROM sqlite_schema";
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &checkpointer->handle, flags, ese_sqlite_syncs_vfs()) == SQLITE_OK &&
        sqlite3_exec(checkpointer->handle, settings, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return ese_fail(error, ESE_E_IO, "database %s: a second handle cannot be had: %s", path,
                    sqlite3_errmsg(checkpointer->handle));
}

int ese_sqlite_checkpointer_open(const char *path, struct ese_sqlite_checkpointer **checkpointer,
                                 struct ese_error *error)
{
    struct ese_sqlite_checkpointer *opened = *checkpointer = ese_alloc(sizeof *opened);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->work, NULL);
    pthread_cond_init(&opened->rest, NULL);
    int result = open_handle(opened, path, error);
    if (result == 0) {
        int failed = pthread_create(&opened->thread, NULL, run, opened);
        opened->started = failed == 0;
        result = failed == 0 ? 0 : ese_fail(error, ESE_E_IO, "no thread for a checkpoint: %s", strerror(failed));
    }
    if (result != 0)
        ese_sqlite_checkpointer_close(checkpointer);
    return result;
}

void ese_sqlite_checkpointer_close(struct ese_sqlite_checkpointer **checkpointer)
{
    struct ese_sqlite_checkpointer *closed = *checkpointer;
    if (closed == NULL)
        return;
    *checkpointer = NULL;
    pthread_mutex_lock(&closed->lock);
    closed->state = STOPPING;
    pthread_cond_signal(&closed->work);
    pthread_mutex_unlock(&closed->lock);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    sqlite3_close(closed->handle);
    pthread_cond_destroy(&closed->rest);
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->lock);
    free(closed);
}
