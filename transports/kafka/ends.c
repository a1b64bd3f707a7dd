#include "transports/kafka/ends.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define ANSWER_MS 200 /* so long it waits at most */

enum state {
    RESTING,
    ASKED,    /* the list is the thread's */
    ANSWERED, /* and the asker's again */
    STOPPING
};

struct ese_ends {
    rd_kafka_t *handle;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    enum state state;
    rd_kafka_topic_partition_list_t *list;
    int64_t asked_ns;
};

/* ---- the thread ---------------------------------------------------------------------------- */

/* Where a broker does not tell, nothing is known of any. */
static bool ask(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END; /* as the time asked for: the end */
    if (rd_kafka_offsets_for_times(handle, list, ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR || list->elems[i].offset < 0)
            return false;
    }
    return true;
}

/* The lock is let go of meanwhile. */
static void answer(struct ese_ends *ends)
{
    rd_kafka_topic_partition_list_t *list = ends->list;
    ends->asked_ns = ese_clock_monotonic_ns();
    pthread_mutex_unlock(&ends->lock);
    bool is_told = ask(ends->handle, list);
    pthread_mutex_lock(&ends->lock);
    if (!is_told) {
        rd_kafka_topic_partition_list_destroy(list);
        ends->list = NULL;
    }
    if (ends->state == ASKED)
        ends->state = is_told ? ANSWERED : RESTING;
}

static void *run(void *context)
{
    struct ese_ends *ends = context;
    pthread_mutex_lock(&ends->lock);
    while (ends->state != STOPPING) {
        if (ends->state == ASKED)
            answer(ends);
        else
            pthread_cond_wait(&ends->work, &ends->lock);
    }
    pthread_mutex_unlock(&ends->lock);
    return NULL;
}

/* ---- the asker ----------------------------------------------------------------------------- */

void ese_ends_ask(struct ese_ends *ends, rd_kafka_topic_partition_list_t *partitions)
{
    pthread_mutex_lock(&ends->lock);
    if (ends->state == RESTING) {
        ends->state = ASKED;
        ends->list = partitions;
        partitions = NULL;
        pthread_cond_signal(&ends->work);
    }
    pthread_mutex_unlock(&ends->lock);
    if (partitions != NULL)
        rd_kafka_topic_partition_list_destroy(partitions);
}

rd_kafka_topic_partition_list_t *ese_ends_take(struct ese_ends *ends, int64_t *asked_ns)
{
    rd_kafka_topic_partition_list_t *taken = NULL;
    pthread_mutex_lock(&ends->lock);
    if (ends->state == ANSWERED) {
        taken = ends->list;
        *asked_ns = ends->asked_ns;
        ends->list = NULL;
        ends->state = RESTING;
    }
    pthread_mutex_unlock(&ends->lock);
    return taken;
}

/* ---- life ---------------------------------------------------------------------------------- */

int ese_ends_open(rd_kafka_t *handle, struct ese_ends **ends, struct ese_error *error)
{
    struct ese_ends *opened = ese_alloc(sizeof *opened);
    opened->handle = handle;
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->work, NULL);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    if (failed == 0) {
        *ends = opened;
        return 0;
    }
    pthread_cond_destroy(&opened->work);
    pthread_mutex_destroy(&opened->lock);
    free(opened);
    return ese_fail(error, ESE_E_IO, "no thread to ask for ends: %s", strerror(failed));
}

void ese_ends_close(struct ese_ends **ends)
{
    struct ese_ends *old = *ends;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->lock);
    old->state = STOPPING;
    pthread_cond_signal(&old->work);
    pthread_mutex_unlock(&old->lock);
    pthread_join(old->thread, NULL);
    if (old->list != NULL)
        rd_kafka_topic_partition_list_destroy(old->list);
    pthread_cond_destroy(&old->work);
    pthread_mutex_destroy(&old->lock);
    free(old);
    *ends = NULL;
}
