#include "orchestration/lab/crowd_account.h"

#include <stdlib.h>

#include "ese-core/histogram.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/due_events.h"
#include "orchestration/lab/verdict.h"

enum { HANDED = 1, DELIVERED = 2 }; /* a destination's mark of an event */

#define PARTITIONS 16 /* told apart where order is looked at; of any beyond nothing is said */

/* Handed, and not acknowledged yet. */
struct handing {
    size_t event;
    int32_t partition;
    int64_t offset;
};

struct destination {
    char *marks;             /* of each event */
    struct handing *handings;
    size_t count, room;
    int64_t *newest;         /* of each line and partition: the sequence delivered last, and 1; 0: none */
    int64_t delivered, in_time, again, out_of_order; /* in_time: before the last event of all was acknowledged */
};

struct reading {
    const struct ese_due_events *events;
    struct destination *destinations;
    const struct ese_crowd_way *ways;
    int count;
    int32_t partitions[PARTITIONS];
    int partition_count;
    int64_t measured_from_ns;
    struct ese_histogram *latency[ESE_CROWD_KINDS];
};

/* ---- one destination ------------------------------------------------------------------------- */

static int place_of(struct reading *reading, int32_t partition)
{
    int place = 0;
    while (place < reading->partition_count && reading->partitions[place] != partition)
        place++;
    if (place == reading->partition_count && place < PARTITIONS)
        reading->partitions[reading->partition_count++] = partition;
    return place;
}

/* A lane is ordered, and so is what of it is in one partition. */
static void look_at_order(struct reading *reading, struct destination *destination, const struct handing *handing)
{
    const struct ese_due_event *event = &reading->events->list[handing->event];
    int place = place_of(reading, handing->partition);
    if (place == PARTITIONS || !ese_id_is_ours(&event->id))
        return;
    int64_t *newest = &destination->newest[event->line * PARTITIONS + place];
    int64_t sequence = (int64_t)ese_id_read(&event->id).sequence + 1;
    destination->out_of_order += sequence < *newest;
    *newest = sequence > *newest ? sequence : *newest;
}

static void deliver(struct reading *reading, int number, const struct handing *handing, int64_t at_ns)
{
    struct destination *destination = &reading->destinations[number];
    const struct ese_due_event *event = &reading->events->list[handing->event];
    if (destination->marks[handing->event] == DELIVERED)
        return;
    destination->marks[handing->event] = DELIVERED;
    destination->delivered++;
    destination->in_time += at_ns <= reading->events->last_ns;
    look_at_order(reading, destination, handing);
    if (event->due_ns >= reading->measured_from_ns)
        ese_histogram_record(reading->latency[reading->ways[number].kind], (at_ns - event->due_ns) / 1000);
}

static void take_handed(const struct reading *reading, struct destination *destination,
                        const struct ese_history_record *record)
{
    const struct ese_due_event *event = ese_due_events_find(reading->events, &record->id);
    if (event == NULL) /* of unknown outcome, or somebody else's */
        return;
    size_t index = (size_t)(event - reading->events->list);
    destination->again += destination->marks[index] != 0;
    if (destination->marks[index] == 0)
        destination->marks[index] = HANDED;
    if (destination->count == destination->room) {
        destination->room = destination->room == 0 ? 64 : 2 * destination->room;
        destination->handings = ese_realloc_array(destination->handings, destination->room,
                                                  sizeof *destination->handings);
    }
    destination->handings[destination->count++] =
        (struct handing){.event = index, .partition = record->partition, .offset = record->a};
}

/* Those of the partition that lie before `next` leave; delivered, where it is said when. */
static void let_go(struct reading *reading, int number, int32_t partition, int64_t next, int64_t delivered_ns)
{
    struct destination *destination = &reading->destinations[number];
    size_t kept = 0;
    for (size_t i = 0; i < destination->count; i++) {
        const struct handing handing = destination->handings[i];
        if (handing.partition != partition || handing.offset >= next)
            destination->handings[kept++] = handing;
        else if (delivered_ns != 0)
            deliver(reading, number, &handing, delivered_ns);
    }
    destination->count = kept;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void take(struct reading *reading, const struct ese_history_record *record)
{
    int64_t number = record->kind == ESE_HISTORY_HANDED ? record->b : record->aux;
    if (number < 1 || number > reading->count)
        return;
    if (record->kind == ESE_HISTORY_HANDED)
        take_handed(reading, &reading->destinations[number - 1], record);
    else if (record->kind == ESE_HISTORY_COMMITTED)
        let_go(reading, (int)number - 1, record->partition, record->a, record->time_ns);
    else if (record->kind == ESE_HISTORY_GIVEN) /* what was in hand is handed again */
        let_go(reading, (int)number - 1, record->partition, INT64_MAX, 0);
}

static int read_crowd(const char *directory, struct reading *reading, struct ese_error *error)
{
    struct ese_history_record record;
    struct ese_history_reader *reader = ese_artifact_history(directory, ESE_ARTIFACT_CROWD_HISTORY);
    if (reader == NULL)
        return 0; /* it was never there: all is missed */
    int said;
    while ((said = ese_history_read_next(reader, &record, error)) == 1)
        take(reading, &record);
    ese_history_read_close(&reader);
    return said < 0 ? ese_fail_within(error, "%s", ESE_ARTIFACT_CROWD_HISTORY) : 0;
}

static void add(struct ese_crowd_sum *sum, const struct destination *destination, int64_t expected)
{
    int64_t behind = expected - destination->in_time;
    sum->count++;
    sum->expected += expected;
    sum->delivered += destination->delivered;
    sum->missed += expected - destination->delivered;
    sum->again += destination->again;
    sum->out_of_order += destination->out_of_order;
    sum->behind = behind > sum->behind ? behind : sum->behind;
}

static void add_up(const struct reading *reading, struct ese_crowd_account *account)
{
    struct ese_histogram *all = ese_histogram_new();
    int64_t expected = (int64_t)reading->events->count;
    for (int i = 0; i < reading->count; i++) {
        add(&account->of[reading->ways[i].kind], &reading->destinations[i], expected);
        if (reading->ways[i].kind != ESE_CROWD_HUNG)
            add(&account->all, &reading->destinations[i], expected);
    }
    for (int kind = 0; kind < ESE_CROWD_KINDS; kind++) {
        account->of[kind].latency = ese_latency_of(reading->latency[kind]);
        if (kind != ESE_CROWD_HUNG)
            ese_histogram_merge(all, reading->latency[kind]);
    }
    account->all.latency = ese_latency_of(all);
    ese_histogram_free(&all);
}

static void begin(struct reading *reading)
{
    reading->destinations = ese_alloc_array((size_t)reading->count, sizeof *reading->destinations);
    for (int i = 0; i < reading->count; i++) {
        struct destination *destination = &reading->destinations[i];
        destination->marks = ese_alloc(reading->events->count + 1);
        destination->newest = ese_alloc_array((size_t)reading->events->lines * PARTITIONS + 1,
                                              sizeof *destination->newest);
    }
    for (int kind = 0; kind < ESE_CROWD_KINDS; kind++)
        reading->latency[kind] = ese_histogram_new();
}

static void end(struct reading *reading)
{
    for (int i = 0; i < reading->count; i++) {
        free(reading->destinations[i].marks);
        free(reading->destinations[i].handings);
        free(reading->destinations[i].newest);
    }
    free(reading->destinations);
    for (int kind = 0; kind < ESE_CROWD_KINDS; kind++)
        ese_histogram_free(&reading->latency[kind]);
}

static int read_and_add_up(const char *directory, struct reading *reading, struct ese_crowd_account *account,
                           struct ese_error *error)
{
    if (reading->events->count * (size_t)reading->count > ESE_CROWD_MARKS_MOST)
        return ese_fail(error, ESE_E_FULL, "%zu events for %d destinations are more than can be looked at: run for a "
                                           "shorter time, or with fewer", reading->events->count, reading->count);
    begin(reading);
    int status = read_crowd(directory, reading, error);
    if (status == 0)
        add_up(reading, account);
    end(reading);
    return status;
}

int ese_crowd_account(const char *directory, const struct ese_crowd_plan *plan, int64_t measured_from_ns,
                      struct ese_crowd_account *account, struct ese_error *error)
{
    struct ese_crowd_way ways[ESE_CROWD_MOST];
    struct ese_due_events events;
    struct reading reading = {.events = &events, .ways = ways, .count = plan->destinations,
                              .measured_from_ns = measured_from_ns};
    *account = (struct ese_crowd_account){0};
    if (plan->destinations == 0)
        return 0;
    ese_crowd_draw(plan->seed, plan->destinations, plan->flaky, ways);
    int status = ese_due_events_read(directory, &events, error);
    if (status == 0)
        status = read_and_add_up(directory, &reading, account, error);
    ese_due_events_free(&events);
    return status;
}
