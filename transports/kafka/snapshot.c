#include "transports/kafka/snapshot.h"

#include "ese-core/memory.h"

#define FIRST_ROOM 1024

struct entry {
    struct ese_id id;
    int64_t client_ts, server_ts;
    int64_t reached_ms; /* the latest server_ts of its partition up to here */
    size_t number;      /* among all that were added */
    int32_t partition;
    char texts[]; /* ip, type, sub_type and data, each with its NUL */
};

struct ese_snapshot {
    struct entry **entries;
    size_t count, room;
    size_t bytes_left;
    struct reached {
        int32_t partition;
        int64_t ms;
    } *reached; /* how far time has come in each partition */
    size_t partitions;
    size_t handed;
};

struct ese_snapshot *ese_snapshot_new(size_t most_events)
{
    struct ese_snapshot *snapshot = ese_alloc(sizeof *snapshot);
    snapshot->bytes_left = most_events * ESE_SNAPSHOT_EVENT_BYTES;
    return snapshot;
}

void ese_snapshot_free(struct ese_snapshot **snapshot)
{
    if (*snapshot == NULL)
        return;
    for (size_t i = 0; i < (*snapshot)->count; i++)
        free((*snapshot)->entries[i]);
    free((*snapshot)->entries);
    free((*snapshot)->reached);
    free(*snapshot);
    *snapshot = NULL;
}

/* ---- taking -------------------------------------------------------------------------------- */

/* Raises how far the partition has come; returns that. */
static int64_t reach(struct ese_snapshot *snapshot, int32_t partition, int64_t ms)
{
    struct reached *reached = snapshot->reached;
    size_t i = 0;
    while (i < snapshot->partitions && reached[i].partition != partition)
        i++;
    if (i == snapshot->partitions) {
        snapshot->reached = reached = ese_realloc_array(reached, i + 1, sizeof *reached);
        reached[i] = (struct reached){.partition = partition, .ms = ms};
        snapshot->partitions++;
    }
    if (reached[i].ms < ms)
        reached[i].ms = ms;
    return reached[i].ms;
}

static char *put_text(char *place, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(place, text, size);
    return place + size;
}

static void make_room(struct ese_snapshot *snapshot)
{
    if (snapshot->count < snapshot->room)
        return;
    snapshot->room = snapshot->room == 0 ? FIRST_ROOM : 2 * snapshot->room;
    snapshot->entries =
        ese_realloc_array(snapshot->entries, snapshot->room, sizeof(struct entry *));
}

int ese_snapshot_add(struct ese_snapshot *snapshot, const struct ese_event *event,
                     int32_t partition, struct ese_error *error)
{
    const char *data = ese_event_data(event);
    size_t size = sizeof(struct entry) + strlen(event->ip) + strlen(event->type) +
                  strlen(event->sub_type) + strlen(data) + 4;
    if (size + sizeof(struct entry *) > snapshot->bytes_left)
        return ese_fail(error, ESE_E_FULL,
                        "the events that are not older than --retention take more memory than a "
                        "list has, %d bytes for each of --list-events: raise that, or shorten "
                        "--retention", ESE_SNAPSHOT_EVENT_BYTES);
    snapshot->bytes_left -= size + sizeof(struct entry *);
    struct entry *entry = ese_alloc(size);
    entry->id = event->id;
    entry->client_ts = event->client_ts;
    entry->server_ts = event->server_ts;
    entry->reached_ms = reach(snapshot, partition, event->server_ts);
    entry->number = snapshot->count;
    entry->partition = partition;
    char *behind = put_text(entry->texts, event->ip);
    behind = put_text(behind, event->type);
    behind = put_text(behind, event->sub_type);
    put_text(behind, data);
    make_room(snapshot);
    snapshot->entries[snapshot->count++] = entry;
    return 0;
}

size_t ese_snapshot_count(const struct ese_snapshot *snapshot)
{
    return snapshot->count;
}

/* ---- handing ------------------------------------------------------------------------------- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Partitions are read in any order: only within one does the number tell anything. */
static int compare(const void *a, const void *b)
{
    const struct entry *first = *(struct entry *const *)a;
    const struct entry *second = *(struct entry *const *)b;
    int order = strcmp(first->texts, second->texts);
    if (order == 0)
        order = compare_numbers(first->reached_ms, second->reached_ms);
    if (order == 0)
        order = compare_numbers(first->partition, second->partition);
    return order != 0 ? order : compare_numbers((int64_t)first->number, (int64_t)second->number);
}

void ese_snapshot_sort(struct ese_snapshot *snapshot)
{
    if (snapshot->count > 0)
        qsort(snapshot->entries, snapshot->count, sizeof(struct entry *), compare);
}

static char *take_text(char *place, char *target, size_t size)
{
    ese_fit_text(target, size, place);
    return place + strlen(place) + 1;
}

bool ese_snapshot_next(struct ese_snapshot *snapshot, struct ese_event *event)
{
    if (snapshot->handed == snapshot->count)
        return false;
    struct entry *entry = snapshot->entries[snapshot->handed++];
    *event = (struct ese_event){.id = entry->id,
                                .client_ts = entry->client_ts,
                                .server_ts = entry->server_ts};
    char *behind = take_text(entry->texts, event->ip, sizeof event->ip);
    behind = take_text(behind, event->type, sizeof event->type);
    event->data = take_text(behind, event->sub_type, sizeof event->sub_type);
    return true;
}
