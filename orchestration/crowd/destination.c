#include "orchestration/crowd/destination.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

#define POLL_MS 200
#define MAX_BATCH 200
#define TRY_MS 100 /* of one that fails: until it tries again */

struct ese_crowd_destination {
    const struct ese_crowd_setting *setting;
    int number;
    struct ese_crowd_way way;
    struct ese_crowd_places places;
    char group[160];
    struct ese_consumer *consumer; /* NULL: it is away, or fails just now */
    int64_t handed;                /* events, by this program */
    int64_t well_ns;               /* when it is to be well again; 0: it has not fallen ill yet */
    atomic_bool is_given;
    _Atomic int64_t at_end_ns;
    struct ese_error error; /* code ESE_OK: none */
    pthread_t thread;
};

/* ---- what stands in the history -------------------------------------------------------------- */

static void note(struct ese_crowd_destination *destination, enum ese_history_kind kind, int32_t partition, int64_t a,
                 int64_t b)
{
    const struct ese_history_record record = {.kind = (uint16_t)kind, .aux = (uint16_t)destination->number,
                                              .partition = partition, .time_ns = ese_clock_monotonic_ns(),
                                              .a = a, .b = b};
    ese_history_record(destination->setting->history, &record);
}

static void note_handed(struct ese_crowd_destination *destination, const struct ese_batch *batch)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    for (int i = 0; i < batch->count; i++) {
        const struct ese_record *handed = &batch->records[i];
        const struct ese_history_record record = {.kind = ESE_HISTORY_HANDED, .partition = handed->partition,
                                                  .time_ns = now_ns, .id = handed->event.id, .a = handed->offset,
                                                  .b = destination->number};
        ese_history_record(destination->setting->history, &record);
    }
    destination->handed += batch->count;
    ese_history_count(destination->setting->history, ESE_COUNT_HANDED, batch->count);
}

/* ---- what the transport tells ---------------------------------------------------------------- */

static int64_t on_given(void *context, int32_t partition)
{
    struct ese_crowd_destination *destination = context;
    int64_t from = destination->setting->transport->promises.positions_survive
                       ? ese_crowd_places_from(&destination->places, partition) : ESE_OFFSET_EARLIEST;
    note(destination, ESE_HISTORY_GIVEN, partition, from, 0);
    atomic_store(&destination->is_given, true);
    return from;
}

static void on_taken(void *context, int32_t partition)
{
    note(context, ESE_HISTORY_TAKEN, partition, 0, 0);
}

static void on_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    note(context, ESE_HISTORY_SKIPPED, partition, from, to);
}

static int join(struct ese_crowd_destination *destination)
{
    const struct ese_consume_settings settings = {
        .group = destination->group,
        .max_batch = MAX_BATCH,
        .listener = {.context = destination, .given = on_given, .taken = on_taken, .skipped = on_skipped},
    };
    if (destination->consumer != NULL)
        return 0;
    return destination->setting->transport->consume->open(destination->setting->config, &settings,
                                                          &destination->consumer, &destination->error);
}

static void leave(struct ese_crowd_destination *destination)
{
    destination->setting->transport->consume->close(&destination->consumer);
}

/* ---- what it does with a batch --------------------------------------------------------------- */

static void acknowledge(struct ese_crowd_destination *destination, const struct ese_batch *batch)
{
    const struct ese_consume_face *face = destination->setting->transport->consume;
    ese_crowd_places_pass(&destination->places, batch);
    for (int i = 0; i < destination->places.count; i++) {
        const struct ese_crowd_place *place = &destination->places.list[i];
        if (!place->has_moved)
            continue;
        note(destination, ESE_HISTORY_COMMITTED, place->partition, place->next, 0);
        if (face->acknowledge != NULL)
            face->acknowledge(destination->consumer, place->partition, place->next);
    }
}

/* Closed for so long, with nothing acknowledged of what is in hand. */
static void be_gone(struct ese_crowd_destination *destination, int ms)
{
    leave(destination);
    ese_service_wait(ms);
}

static bool is_ill(struct ese_crowd_destination *destination)
{
    const struct ese_crowd_way *way = &destination->way;
    int64_t now_ns = ese_clock_monotonic_ns();
    if (way->kind == ESE_CROWD_HEALTHY || destination->handed < way->after)
        return false;
    if (destination->well_ns == 0)
        destination->well_ns = now_ns + way->for_ms * ESE_NS_PER_MS;
    return way->for_ms == 0 || now_ns < destination->well_ns;
}

/* False: nothing is to be acknowledged. */
static bool suffer(struct ese_crowd_destination *destination)
{
    switch (destination->way.kind) {
    case ESE_CROWD_SLOW:
        return !ese_service_wait(destination->way.wait_ms);
    case ESE_CROWD_FAILING:
        be_gone(destination, TRY_MS);
        return false;
    case ESE_CROWD_AWAY:
        be_gone(destination, destination->way.for_ms);
        return false;
    default:
        while (!ese_service_wait(POLL_MS))
            ;
        return false;
    }
}

/* What was found is the end, as of the moment that the batch tells, or as it was asked for. */
static void note_end(struct ese_crowd_destination *destination, const struct ese_batch *batch, int64_t asked_ns)
{
    if (batch->at_end)
        atomic_store(&destination->at_end_ns, batch->end_ns != 0 ? batch->end_ns : asked_ns);
}

static int turn(struct ese_crowd_destination *destination)
{
    struct ese_batch batch = {0};
    if (join(destination) != 0)
        return -1;
    int64_t asked_ns = ese_clock_monotonic_ns();
    if (destination->setting->transport->consume->next(destination->consumer, POLL_MS, &batch,
                                                       &destination->error) != 0)
        return -1;
    note_handed(destination, &batch);
    if (batch.count + batch.unreadable > 0) {
        if (is_ill(destination) && !suffer(destination))
            return 0;
        acknowledge(destination, &batch);
    }
    if (destination->way.kind != ESE_CROWD_HUNG && atomic_load(&destination->is_given))
        note_end(destination, &batch, asked_ns);
    return 0;
}

static void *run(void *context)
{
    struct ese_crowd_destination *destination = context;
    int result = 0;
    while (result == 0 && !ese_service_stopping())
        result = turn(destination);
    leave(destination);
    if (result != 0)
        ese_service_stop();
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_crowd_destination_open(const struct ese_crowd_setting *setting, int number, const struct ese_crowd_way *way,
                               struct ese_crowd_places *places, struct ese_crowd_destination **destination,
                               struct ese_error *error)
{
    struct ese_crowd_destination *opened = ese_alloc(sizeof *opened);
    opened->setting = setting;
    opened->number = number;
    opened->way = *way;
    opened->places = *places;
    *places = (struct ese_crowd_places){0};
    snprintf(opened->group, sizeof opened->group, "%s-destination-%d", setting->group, number);
    atomic_init(&opened->at_end_ns, way->kind == ESE_CROWD_HUNG ? INT64_MAX : 0);
    errno = pthread_create(&opened->thread, NULL, run, opened);
    if (errno == 0) {
        *destination = opened;
        return 0;
    }
    ese_fail_errno(error, "cannot start a thread for destination %d", number);
    ese_crowd_places_free(&opened->places);
    free(opened);
    return -1;
}

bool ese_crowd_destination_is_given(const struct ese_crowd_destination *destination)
{
    return atomic_load(&destination->is_given);
}

int64_t ese_crowd_destination_at_end_ns(const struct ese_crowd_destination *destination)
{
    return atomic_load(&destination->at_end_ns);
}

int ese_crowd_destination_close(struct ese_crowd_destination **destination, struct ese_error *error)
{
    struct ese_crowd_destination *closed = *destination;
    if (closed == NULL)
        return 0;
    *destination = NULL;
    pthread_join(closed->thread, NULL);
    int result = 0;
    if (closed->error.code != ESE_OK)
        result = ese_fail(error, closed->error.code, "destination %d: %s", closed->number, closed->error.text);
    ese_crowd_places_free(&closed->places);
    free(closed);
    return result;
}
