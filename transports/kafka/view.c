#include "transports/kafka/view_internal.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define SLICE_MS 50 /* how often who waits is asked whether it goes on */
#define ALIGNMENT 8

_Static_assert(ESE_EVENT_DATA_LIMIT + sizeof(struct ese_view_entry) + ESE_EVENT_IP_SIZE +
                       2 * ESE_EVENT_TYPE_SIZE + ESE_TRACEPARENT_SIZE + ALIGNMENT < ESE_VIEW_ROOM,
               "any event must fit a block");

/* ---- life ---------------------------------------------------------------------------------- */

struct ese_view *ese_view_new(int64_t bytes)
{
    struct ese_view *view = ese_alloc(sizeof *view);
    pthread_condattr_t monotonic;
    assert(bytes >= ESE_VIEW_LEAST_BYTES);
    view->holders = 1;
    view->most = (int)(bytes / 2 / ESE_VIEW_BLOCK_BYTES);
    view->blocks = ese_alloc_array((size_t)view->most, sizeof(struct ese_view_block *));
    view->list_bytes = (size_t)bytes / 2 / ESE_VIEW_LISTS;
    view->lost_ms = INT64_MIN;
    pthread_mutex_init(&view->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&view->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return view;
}

void ese_view_release(struct ese_view *view)
{
    pthread_mutex_lock(&view->lock);
    bool is_last = --view->holders == 0;
    pthread_mutex_unlock(&view->lock);
    if (!is_last)
        return;
    for (int i = 0; i < view->made; i++)
        free(view->blocks[i]);
    free(view->blocks);
    pthread_cond_destroy(&view->progress);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

void ese_view_free(struct ese_view **view)
{
    if (*view != NULL)
        ese_view_release(*view);
    *view = NULL;
}

/* ---- entries ------------------------------------------------------------------------------- */

const struct ese_view_entry *ese_view_entry_first(const struct ese_view_block *block)
{
    return block->filled > 0 ? (const struct ese_view_entry *)block->entries : NULL;
}

const struct ese_view_entry *ese_view_entry_next(const struct ese_view_block *block,
                                                 const struct ese_view_entry *entry)
{
    const char *next = (const char *)entry + entry->size;
    return next < block->entries + block->filled ? (const struct ese_view_entry *)next : NULL;
}

static char *take_text(char *place, char *target, size_t size)
{
    ese_fit_text(target, size, place);
    return place + strlen(place) + 1;
}

void ese_view_entry_read(const struct ese_view_entry *entry, struct ese_event *event)
{
    *event = (struct ese_event){.id = entry->id,
                                .client_ts = entry->client_ts,
                                .server_ts = entry->server_ts};
    char *place = take_text((char *)entry->texts, event->ip, sizeof event->ip);
    place = take_text(place, event->type, sizeof event->type);
    place = take_text(place, event->sub_type, sizeof event->sub_type);
    event->data = take_text(place, event->traceparent, sizeof event->traceparent);
}

static size_t size_of(const struct ese_event *event)
{
    size_t size = sizeof(struct ese_view_entry) + strlen(event->ip) + strlen(event->type) +
                  strlen(event->sub_type) + strlen(event->traceparent) +
                  strlen(ese_event_data(event)) + 5;
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static char *put_text(char *place, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(place, text, size);
    return place + size;
}

static void write_entry(struct ese_view_entry *entry, const struct ese_event *event)
{
    entry->id = event->id;
    entry->client_ts = event->client_ts;
    entry->server_ts = event->server_ts;
    char *place = put_text(entry->texts, event->ip);
    place = put_text(place, event->type);
    place = put_text(place, event->sub_type);
    place = put_text(place, event->traceparent);
    put_text(place, ese_event_data(event));
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void free_block(struct ese_view *view, struct ese_view_block *block)
{
    block->is_used = false;
    block->newer = NULL;
    if (view->last_free != NULL)
        view->last_free->newer = block;
    else
        view->first_free = block;
    view->last_free = block;
    view->figures.events -= block->count;
    view->figures.bytes -= ESE_VIEW_BLOCK_BYTES;
}

/* Of a partition what is dropped is always the beginning of what is kept. */
static void drop_oldest(struct ese_view *view, struct ese_view_partition *partition)
{
    struct ese_view_block *block = partition->oldest;
    partition->oldest = block->newer;
    if (partition->oldest == NULL)
        partition->newest = NULL;
    partition->first = block->last_offset + 1;
    free_block(view, block);
}

/* Whose newest event is the oldest. */
static void make_room(struct ese_view *view)
{
    struct ese_view_partition *found = NULL;
    for (int i = 0; i < view->count; i++) {
        struct ese_view_partition *partition = &view->partitions[i];
        if (partition->oldest != NULL &&
            (found == NULL || partition->oldest->reached_ms < found->oldest->reached_ms))
            found = partition;
    }
    view->figures.evicted += found->oldest->count;
    if (view->lost_ms < found->oldest->reached_ms)
        view->lost_ms = found->oldest->reached_ms;
    drop_oldest(view, found);
}

static struct ese_view_block *take_free(struct ese_view *view)
{
    struct ese_view_block *block = view->first_free;
    view->first_free = block->newer;
    if (view->first_free == NULL)
        view->last_free = NULL;
    return block;
}

static struct ese_view_block *begin_block(struct ese_view *view,
                                          struct ese_view_partition *partition)
{
    struct ese_view_block *block;
    if (view->first_free == NULL && view->made == view->most)
        make_room(view);
    if (view->first_free != NULL)
        block = take_free(view);
    else
        block = view->blocks[view->made++] = ese_alloc(ESE_VIEW_BLOCK_BYTES);
    *block = (struct ese_view_block){.is_used = true,
                                      .partition = partition->code,
                                      .life = block->life + 1};
    if (partition->newest != NULL)
        partition->newest->newer = block;
    else
        partition->oldest = block;
    partition->newest = block;
    view->figures.bytes += ESE_VIEW_BLOCK_BYTES;
    return block;
}

/* ---- filling ------------------------------------------------------------------------------- */

static struct ese_view_partition *find(struct ese_view *view, int32_t code)
{
    for (int i = 0; i < view->count; i++) {
        if (view->partitions[i].code == code)
            return &view->partitions[i];
    }
    return NULL;
}

static struct ese_view_partition *find_or_make(struct ese_view *view, int32_t code)
{
    struct ese_view_partition *partition = find(view, code);
    if (partition != NULL || view->count == ESE_VIEW_PARTITIONS)
        return partition;
    partition = &view->partitions[view->count++];
    *partition = (struct ese_view_partition){.code = code, .reached_ms = INT64_MIN};
    return partition;
}

void ese_view_prepare(struct ese_view *view, const int32_t *partitions, int count)
{
    pthread_mutex_lock(&view->lock);
    for (int i = 0; i < count; i++) {
        struct ese_view_partition *partition = find(view, partitions[i]);
        if (partition != NULL)
            partition->goal_since = 0;
    }
    pthread_mutex_unlock(&view->lock);
}

/* Its log may not be what it was: what was wanted of that may never come. */
static void begin(struct ese_view *view, struct ese_view_partition *partition,
                  const struct ese_view_part *part)
{
    while (partition->oldest != NULL)
        drop_oldest(view, partition);
    partition->begun = true;
    partition->lives++;
    partition->first = partition->next = part->first;
    partition->reached_ms = INT64_MIN;
    partition->goal = part->next > partition->goal_since ? part->next : partition->goal_since;
}

bool ese_view_begin(struct ese_view *view, const struct ese_view_part *parts, int count)
{
    bool all = true;
    pthread_mutex_lock(&view->lock);
    for (int i = 0; i < count; i++) {
        struct ese_view_partition *partition = find_or_make(view, parts[i].partition);
        all = all && partition != NULL;
        if (partition != NULL)
            begin(view, partition, &parts[i]);
    }
    pthread_cond_broadcast(&view->progress);
    pthread_mutex_unlock(&view->lock);
    return all;
}

/* A topic may take the time from who writes: one that has not come yet must not keep what is behind it from
 * growing old. */
static int64_t reached_by(const struct ese_event *event)
{
    int64_t now_ms = ese_clock_wall_ms();
    return event->server_ts < now_ms ? event->server_ts : now_ms;
}

static void add(struct ese_view *view, struct ese_view_partition *partition, int64_t offset,
                const struct ese_event *event)
{
    size_t size = size_of(event);
    struct ese_view_block *block = partition->newest;
    if (block == NULL || block->filled + size > ESE_VIEW_ROOM)
        block = begin_block(view, partition);
    struct ese_view_entry *entry = (struct ese_view_entry *)(block->entries + block->filled);
    int64_t reached_ms = reached_by(event);
    if (partition->reached_ms < reached_ms)
        partition->reached_ms = reached_ms;
    write_entry(entry, event);
    entry->reached_ms = partition->reached_ms;
    entry->offset = offset;
    entry->size = size;
    block->filled += size;
    block->count++;
    block->last_offset = offset;
    block->reached_ms = partition->reached_ms;
    partition->next = offset + 1;
    view->figures.events++;
}

void ese_view_add(struct ese_view *view, int32_t code, int64_t offset,
                  const struct ese_event *event)
{
    pthread_mutex_lock(&view->lock);
    struct ese_view_partition *partition = find(view, code);
    if (partition != NULL && partition->begun && offset >= partition->next)
        add(view, partition, offset, event);
    pthread_cond_broadcast(&view->progress);
    pthread_mutex_unlock(&view->lock);
}

void ese_view_pass(struct ese_view *view, int32_t code, int64_t offset)
{
    pthread_mutex_lock(&view->lock);
    struct ese_view_partition *partition = find(view, code);
    if (partition != NULL && partition->begun && offset > partition->next)
        partition->next = offset;
    pthread_cond_broadcast(&view->progress);
    pthread_mutex_unlock(&view->lock);
}

void ese_view_expire(struct ese_view *view, int64_t since_ms)
{
    pthread_mutex_lock(&view->lock);
    for (int i = 0; i < view->count; i++) {
        struct ese_view_partition *partition = &view->partitions[i];
        while (partition->oldest != NULL && partition->oldest->reached_ms < since_ms)
            drop_oldest(view, partition);
    }
    pthread_mutex_unlock(&view->lock);
}

/* ---- goals --------------------------------------------------------------------------------- */

void ese_view_want(struct ese_view *view, int32_t code, int64_t offset)
{
    pthread_mutex_lock(&view->lock);
    struct ese_view_partition *partition = find_or_make(view, code);
    if (partition != NULL && partition->goal < offset + 1)
        partition->goal = offset + 1;
    if (partition != NULL && partition->goal_since < offset + 1)
        partition->goal_since = offset + 1;
    pthread_mutex_unlock(&view->lock);
}

bool ese_view_lacks_partitions(struct ese_view *view)
{
    bool lacks = false;
    pthread_mutex_lock(&view->lock);
    for (int i = 0; i < view->count && !lacks; i++)
        lacks = !view->partitions[i].begun;
    pthread_mutex_unlock(&view->lock);
    return lacks;
}

/* What is to be waited for; once anything was begun, as all that there is then is begun at once. */
struct wanted {
    struct wanted_goal {
        int64_t goal;
        int lives; /* of the partition, when it was noted */
    } goals[ESE_VIEW_PARTITIONS];
    int count; /* 0: not noted yet */
};

static void note_goal(const struct ese_view_partition *partition, struct wanted_goal *goal)
{
    *goal = (struct wanted_goal){.goal = partition->goal, .lives = partition->lives};
}

static void note_goals(const struct ese_view *view, struct wanted *wanted)
{
    bool has_begun = false;
    for (int i = 0; i < view->count; i++)
        has_begun |= view->partitions[i].begun;
    for (int i = 0; has_begun && i < view->count; i++)
        note_goal(&view->partitions[i], &wanted->goals[wanted->count++]);
}

static bool are_met(const struct ese_view *view, struct wanted *wanted)
{
    if (wanted->count == 0)
        note_goals(view, wanted);
    for (int i = 0; i < wanted->count; i++) {
        const struct ese_view_partition *partition = &view->partitions[i];
        if (wanted->goals[i].lives > 0 && wanted->goals[i].lives != partition->lives)
            note_goal(partition, &wanted->goals[i]); /* begun anew: it was of a log that is gone */
        if (!partition->begun || partition->next < wanted->goals[i].goal)
            return false;
    }
    return wanted->count > 0;
}

static void wait_a_slice(struct ese_view *view)
{
    int64_t until_ns = ese_clock_monotonic_ns() + SLICE_MS * ESE_NS_PER_MS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S,
                                   .tv_nsec = until_ns % ESE_NS_PER_S};
    pthread_cond_timedwait(&view->progress, &view->lock, &until);
}

int ese_view_await(struct ese_view *view, const struct ese_view_patience *patience,
                   struct ese_error *error)
{
    struct wanted wanted = {.count = 0};
    int64_t limit_ns = ese_clock_monotonic_ns() + patience->timeout_ms * ESE_NS_PER_MS;
    char text[256];
    int result = 0;
    pthread_mutex_lock(&view->lock);
    while (result == 0 && !are_met(view, &wanted)) {
        if (!patience->goes_on(patience->context, text, sizeof text))
            result = ese_fail(error, ESE_E_CLOSED, "%s", text);
        else if (ese_clock_monotonic_ns() >= limit_ns)
            result = ese_fail(error, ESE_E_TIMEOUT,
                              "the topics could not be read as far as this answer needs within %d "
                              "ms: try again", patience->timeout_ms);
        else
            wait_a_slice(view);
    }
    pthread_mutex_unlock(&view->lock);
    return result;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int compare_parts(const void *a, const void *b)
{
    int32_t first = ((const struct ese_view_part *)a)->partition;
    int32_t second = ((const struct ese_view_part *)b)->partition;
    return (first > second) - (first < second);
}

int ese_view_parts(struct ese_view *view, struct ese_view_part parts[ESE_VIEW_PARTITIONS])
{
    int count = 0;
    pthread_mutex_lock(&view->lock);
    for (int i = 0; i < view->count; i++) {
        const struct ese_view_partition *partition = &view->partitions[i];
        if (partition->begun)
            parts[count++] = (struct ese_view_part){partition->code, partition->first,
                                                    partition->next};
    }
    pthread_mutex_unlock(&view->lock);
    qsort(parts, (size_t)count, sizeof *parts, compare_parts);
    return count;
}

static int64_t read_from(const struct ese_view_partition *partition, int64_t offset,
                         ese_view_visit *visit, void *context)
{
    const struct ese_view_block *block = partition->oldest;
    while (block != NULL && block->last_offset < offset)
        block = block->newer;
    for (; block != NULL; block = block->newer) {
        const struct ese_view_entry *entry = ese_view_entry_first(block);
        for (; entry != NULL; entry = ese_view_entry_next(block, entry)) {
            struct ese_event event;
            if (entry->offset < offset)
                continue;
            ese_view_entry_read(entry, &event);
            if (!visit(context, &event, entry->offset))
                return entry->offset + 1;
        }
    }
    return partition->next;
}

int64_t ese_view_read(struct ese_view *view, int32_t code, int64_t offset, ese_view_visit *visit,
                      void *context)
{
    int64_t next = -1;
    pthread_mutex_lock(&view->lock);
    const struct ese_view_partition *partition = find(view, code);
    if (partition != NULL && partition->begun && offset >= partition->first &&
        offset <= partition->next)
        next = read_from(partition, offset, visit, context);
    pthread_mutex_unlock(&view->lock);
    return next;
}

void ese_view_tell(struct ese_view *view, struct ese_view_figures *figures)
{
    pthread_mutex_lock(&view->lock);
    *figures = view->figures;
    pthread_mutex_unlock(&view->lock);
}
