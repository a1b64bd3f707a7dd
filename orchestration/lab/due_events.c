#include "orchestration/lab/due_events.h"

#include <stdlib.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/party.h"

static int compare(const void *a, const void *b)
{
    return ese_id_compare(&((const struct ese_due_event *)a)->id, &((const struct ese_due_event *)b)->id);
}

struct ese_due_event *ese_due_events_find(const struct ese_due_events *events, const struct ese_id *id)
{
    const struct ese_due_event wanted = {.id = *id};
    return bsearch(&wanted, events->list, events->count, sizeof wanted, compare);
}

void ese_due_events_free(struct ese_due_events *events)
{
    free(events->list);
    *events = (struct ese_due_events){0};
}

/* ---- what was offered, and acknowledged ------------------------------------------------------ */

static int take_offered(struct ese_due_events *events, const struct ese_history_record *record, struct ese_error *error)
{
    if (record->kind != ESE_HISTORY_OFFERED)
        return 0;
    if (events->count == ESE_JUDGE_MOST)
        return ese_fail(error, ESE_E_FULL, "more than %d events were offered: what destinations came to is not told; "
                                           "run for a shorter time", ESE_JUDGE_MOST);
    events->list[events->count++] = (struct ese_due_event){.id = record->id, .due_ns = record->time_ns};
    return 0;
}

static int take_acknowledged(struct ese_due_events *events, const struct ese_history_record *record,
                             struct ese_error *error)
{
    (void)error;
    struct ese_due_event *event =
        record->kind == ESE_HISTORY_ACKNOWLEDGED ? ese_due_events_find(events, &record->id) : NULL;
    if (event != NULL)
        event->acknowledged_ns = record->time_ns;
    return 0;
}

typedef int taker(struct ese_due_events *events, const struct ese_history_record *record, struct ese_error *error);

static int read_client(const char *directory, int client, struct ese_due_events *events, taker *take,
                       struct ese_error *error)
{
    char name[ESE_ARTIFACT_MEMBER_SIZE];
    struct ese_history_record record;
    ese_artifact_client(client, name);
    struct ese_history_reader *reader = ese_artifact_history(directory, name);
    if (reader == NULL)
        return 0; /* there are not so many; who judges says so where there is none at all */
    int said;
    while ((said = ese_history_read_next(reader, &record, error)) == 1) {
        if (take(events, &record, error) < 0) {
            said = -1;
            break;
        }
    }
    ese_history_read_close(&reader);
    return said;
}

static int read_clients(const char *directory, struct ese_due_events *events, taker *take, struct ese_error *error)
{
    int status = 0;
    for (int client = 1; status == 0 && client <= ESE_CLIENTS; client++)
        status = read_client(directory, client, events, take, error);
    return status;
}

static void keep_acknowledged(struct ese_due_events *events)
{
    size_t kept = 0;
    for (size_t i = 0; i < events->count; i++) {
        int64_t at_ns = events->list[i].acknowledged_ns;
        if (at_ns == 0)
            continue;
        events->last_ns = at_ns > events->last_ns ? at_ns : events->last_ns;
        events->list[kept++] = events->list[i];
    }
    events->count = kept;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static uint64_t line_key(const struct ese_id *id)
{
    const struct ese_id_parts parts = ese_id_read(id);
    return (uint64_t)parts.run * ESE_ID_LANES + parts.lane;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static void number_lines(struct ese_due_events *events)
{
    uint64_t *keys = ese_alloc_array(events->count + 1, sizeof *keys);
    size_t lines = 0;
    for (size_t i = 0; i < events->count; i++)
        keys[i] = line_key(&events->list[i].id);
    qsort(keys, events->count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < events->count; i++) {
        if (lines == 0 || keys[lines - 1] != keys[i])
            keys[lines++] = keys[i];
    }
    for (size_t i = 0; i < events->count; i++) {
        uint64_t key = line_key(&events->list[i].id);
        const uint64_t *found = bsearch(&key, keys, lines, sizeof key, compare_keys);
        events->list[i].line = (int)(found - keys);
    }
    events->lines = (int)lines;
    free(keys);
}

int ese_due_events_read(const char *directory, struct ese_due_events *events, struct ese_error *error)
{
    *events = (struct ese_due_events){.list = ese_alloc_array(ESE_JUDGE_MOST, sizeof *events->list)};
    if (read_clients(directory, events, take_offered, error) < 0)
        return -1;
    qsort(events->list, events->count, sizeof *events->list, compare);
    if (read_clients(directory, events, take_acknowledged, error) < 0)
        return -1;
    keep_acknowledged(events);
    number_lines(events);
    return 0;
}
