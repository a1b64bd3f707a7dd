#include "transports/kafka/ahead.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

enum state {
    RESTING,
    WORKING,
    ASKING, /* the work waits for the owner */
    STOPPING
};

struct ese_ahead {
    void (*work)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    enum state state;
    void (*what)(void *argument); /* is asked for */
    void *argument;
};

/* With the lock held. */
static void turn_to(struct ese_ahead *ahead, enum state state)
{
    ahead->state = state;
    pthread_cond_broadcast(&ahead->changed);
}

static void *run(void *context)
{
    struct ese_ahead *ahead = context;
    pthread_mutex_lock(&ahead->lock);
    while (ahead->state != STOPPING) {
        if (ahead->state != WORKING) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        pthread_mutex_unlock(&ahead->lock);
        ahead->work(ahead->context);
        pthread_mutex_lock(&ahead->lock);
        turn_to(ahead, RESTING);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

void ese_ahead_begin(struct ese_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    assert(ahead->state == RESTING);
    turn_to(ahead, WORKING);
    pthread_mutex_unlock(&ahead->lock);
}

void ese_ahead_settle(struct ese_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (ahead->state != RESTING) {
        if (ahead->state != ASKING) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        pthread_mutex_unlock(&ahead->lock); /* who asks waits */
        ahead->what(ahead->argument);
        pthread_mutex_lock(&ahead->lock);
        turn_to(ahead, WORKING);
    }
    pthread_mutex_unlock(&ahead->lock);
}

void ese_ahead_ask(struct ese_ahead *ahead, void (*what)(void *argument), void *argument)
{
    if (!pthread_equal(pthread_self(), ahead->thread)) {
        what(argument);
        return;
    }
    pthread_mutex_lock(&ahead->lock);
    ahead->what = what;
    ahead->argument = argument;
    turn_to(ahead, ASKING);
    while (ahead->state == ASKING)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void let_go(struct ese_ahead *ahead)
{
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

int ese_ahead_open(void (*work)(void *context), void *context, struct ese_ahead **ahead, struct ese_error *error)
{
    struct ese_ahead *opened = ese_alloc(sizeof *opened);
    opened->work = work;
    opened->context = context;
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->changed, NULL);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    if (failed != 0) {
        let_go(opened);
        return ese_fail(error, ESE_E_IO, "no thread to read ahead: %s", strerror(failed));
    }
    *ahead = opened;
    return 0;
}

void ese_ahead_close(struct ese_ahead **ahead)
{
    struct ese_ahead *closed = *ahead;
    if (closed == NULL)
        return;
    ese_ahead_settle(closed);
    pthread_mutex_lock(&closed->lock);
    turn_to(closed, STOPPING);
    pthread_mutex_unlock(&closed->lock);
    pthread_join(closed->thread, NULL);
    let_go(closed);
    *ahead = NULL;
}
