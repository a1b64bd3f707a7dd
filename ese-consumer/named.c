#include "ese-consumer/named.h"

#include <assert.h>
#include <inttypes.h>

#include "ese-core/memory.h"

#define SPARE 4096 /* so many that leave can be brought back */
#define FORGOTTEN_AT_ONCE 8 /* a jump in event time must not make one event pay for all */

/* Lies in the ring at its number, and in one chain of the table. */
struct entry {
    struct ese_id id;
    int64_t event_time_ms;
    uint32_t next_in_bucket; /* its place in the ring and 1; 0: none */
};

struct ese_named {
    struct entry *ring; /* untouched parts of it cost no memory */
    size_t limit, room;
    uint32_t *buckets;  /* as next_in_bucket */
    size_t mask;
    int64_t first, next;     /* numbers: first .. next - 1 are remembered */
    int64_t cleared, unsaved; /* what the last save left: its first, its next */
    int64_t evicted, evicted_saved;
    uint64_t salt; /* drawn, so that nobody can choose names that share a bucket */
};

struct ese_named *ese_named_new(size_t limit)
{
    assert(limit > 0 && limit < UINT32_MAX - SPARE);
    struct ese_named *named = ese_alloc(sizeof *named);
    size_t buckets = 1;
    while (buckets < limit)
        buckets *= 2;
    named->limit = limit;
    named->room = limit + SPARE;
    named->ring = ese_alloc_array(named->room, sizeof *named->ring);
    named->buckets = ese_alloc_array(buckets, sizeof *named->buckets);
    named->mask = buckets - 1;
    named->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return named;
}

void ese_named_free(struct ese_named **named)
{
    if (*named == NULL)
        return;
    free((*named)->ring);
    free((*named)->buckets);
    free(*named);
    *named = NULL;
}

/* ---- the table ------------------------------------------------------------------------------ */

static uint32_t place_of(const struct ese_named *named, int64_t number)
{
    return (uint32_t)((uint64_t)number % named->room);
}

/* All bits of an id that was made from a name are mixed already. */
static uint32_t *bucket_of(const struct ese_named *named, const struct ese_id *id)
{
    uint64_t bits;
    memcpy(&bits, id->bytes + sizeof id->bytes - sizeof bits, sizeof bits);
    bits = (bits ^ named->salt) * UINT64_C(0x9e3779b97f4a7c15);
    return &named->buckets[(bits >> 32) & named->mask];
}

static bool knows(const struct ese_named *named, const struct ese_id *id)
{
    uint32_t link = *bucket_of(named, id);
    while (link != 0 && !ese_id_equal(&named->ring[link - 1].id, id))
        link = named->ring[link - 1].next_in_bucket;
    return link != 0;
}

static void join_bucket(struct ese_named *named, int64_t number)
{
    uint32_t place = place_of(named, number);
    uint32_t *bucket = bucket_of(named, &named->ring[place].id);
    named->ring[place].next_in_bucket = *bucket;
    *bucket = place + 1;
}

static void leave_bucket(struct ese_named *named, int64_t number)
{
    uint32_t place = place_of(named, number);
    uint32_t *link = bucket_of(named, &named->ring[place].id);
    while (*link != place + 1)
        link = &named->ring[*link - 1].next_in_bucket;
    *link = named->ring[place].next_in_bucket;
}

static void forget_first(struct ese_named *named)
{
    leave_bucket(named, named->first);
    named->first++;
}

static void forget_old(struct ese_named *named, int64_t event_time_ms)
{
    for (int i = 0; i < FORGOTTEN_AT_ONCE && named->first < named->next; i++) {
        const struct entry *oldest = &named->ring[place_of(named, named->first)];
        if (oldest->event_time_ms >= event_time_ms - ESE_NAMED_KEPT_MS)
            return;
        forget_first(named);
    }
}

static void add(struct ese_named *named, const struct ese_id *id, int64_t event_time_ms)
{
    if (ese_named_count(named) == named->limit) {
        forget_first(named);
        named->evicted++;
    }
    named->ring[place_of(named, named->next)] =
        (struct entry){.id = *id, .event_time_ms = event_time_ms};
    join_bucket(named, named->next++);
}

/* ---- what others call ----------------------------------------------------------------------- */

bool ese_named_note(struct ese_named *named, const struct ese_id *id, int64_t event_time_ms)
{
    forget_old(named, event_time_ms);
    if (knows(named, id))
        return true;
    add(named, id, event_time_ms);
    return false;
}

int ese_named_restore(struct ese_named *named, const struct ese_named_event *event,
                      struct ese_error *error)
{
    if (ese_named_count(named) == 0)
        named->first = named->next = named->cleared = event->number;
    if (event->number != named->next || event->number < 0)
        return ese_fail(error, ESE_E_INVALID,
                        "of the named events in the state file, number %" PRId64
                        " is missing; delete the file to begin anew",
                        named->next);
    add(named, &event->id, event->event_time_ms);
    named->unsaved = named->next;
    return 0;
}

int ese_named_save(struct ese_named *named, const struct ese_named_shelf *shelf,
                   struct ese_error *error)
{
    if (named->unsaved < named->first)
        named->unsaved = named->first; /* came and left in between */
    for (; named->unsaved < named->next; named->unsaved++) {
        const struct entry *entry = &named->ring[place_of(named, named->unsaved)];
        const struct ese_named_event event = {.number = named->unsaved, .id = entry->id,
                                              .event_time_ms = entry->event_time_ms};
        if (shelf->put(shelf->context, &event, error) != 0)
            return -1;
    }
    named->evicted_saved = named->evicted;
    if (named->cleared == named->first)
        return 0;
    if (shelf->clear(shelf->context, named->first, error) != 0)
        return -1;
    named->cleared = named->first;
    return 0;
}

bool ese_named_undo(struct ese_named *named)
{
    bool all_left = named->first > named->unsaved; /* what was saved */
    int64_t number = all_left ? named->first : named->unsaved;
    if (named->next - named->cleared > (int64_t)named->room)
        return false;
    while (number < named->next)
        leave_bucket(named, number++);
    number = all_left ? named->unsaved : named->first;
    while (number > named->cleared)
        join_bucket(named, --number);
    named->first = named->cleared;
    named->next = named->unsaved;
    named->evicted = named->evicted_saved;
    return true;
}

size_t ese_named_count(const struct ese_named *named)
{
    return (size_t)(named->next - named->first);
}

int64_t ese_named_evicted(const struct ese_named *named)
{
    return named->evicted;
}
