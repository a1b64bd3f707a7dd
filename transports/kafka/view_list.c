/*
 * view_list.c - the list of everything, out of a view. Part of the view.
 *
 * A list has no events of its own: it has their places, sorted, and reads each when it is handed.
 * What was dropped in between is told by the life of its block; the lists' share of the bytes is
 * for the places, and for the ips that they are sorted by.
 */
#include "transports/kafka/view_internal.h"

#include "ese-core/memory.h"

#define FIRST_ROOM 256 /* of ips: a power of two */

struct place {
    uint32_t block, entry; /* number, and where in it */
    uint32_t ip;           /* number; once sorted, its rank */
    int32_t partition;
    uint64_t life;
    int64_t reached_ms;
    int64_t offset;
};

struct ips {
    char **texts;
    uint32_t count, room;
    uint32_t *slots; /* numbers + 1, by hash; twice as many as there is room */
};

struct ese_view_list {
    struct ese_view *view;
    struct place *places;
    size_t count, room, handed;
};

/* ---- ips ----------------------------------------------------------------------------------- */

static void put_ip(struct ips *ips, uint32_t number)
{
    uint32_t mask = 2 * ips->room - 1;
    uint32_t slot = ese_event_key_hash(ips->texts[number]) & mask;
    while (ips->slots[slot] != 0)
        slot = (slot + 1) & mask;
    ips->slots[slot] = number + 1;
}

static void grow_ips(struct ips *ips)
{
    ips->room = ips->room == 0 ? FIRST_ROOM : 2 * ips->room;
    ips->texts = ese_realloc_array(ips->texts, ips->room, sizeof(char *));
    free(ips->slots);
    ips->slots = ese_alloc_array(2 * (size_t)ips->room, sizeof *ips->slots);
    for (uint32_t i = 0; i < ips->count; i++)
        put_ip(ips, i);
}

static size_t bytes_of_ips(const struct ips *ips)
{
    return ips->room * (sizeof(char *) + 2 * sizeof *ips->slots) + ips->count * ESE_EVENT_IP_SIZE;
}

static uint32_t number_of_ip(struct ips *ips, const char *text)
{
    if (ips->count == ips->room)
        grow_ips(ips);
    uint32_t mask = 2 * ips->room - 1;
    for (uint32_t slot = ese_event_key_hash(text) & mask; ips->slots[slot] != 0;
         slot = (slot + 1) & mask) {
        if (strcmp(ips->texts[ips->slots[slot] - 1], text) == 0)
            return ips->slots[slot] - 1;
    }
    ips->texts[ips->count] = ese_copy_text(text);
    put_ip(ips, ips->count);
    return ips->count++;
}

static void free_ips(struct ips *ips)
{
    for (uint32_t i = 0; i < ips->count; i++)
        free(ips->texts[i]);
    free(ips->texts);
    free(ips->slots);
}

struct ranked {
    const char *text;
    uint32_t number;
};

static int compare_ips(const void *a, const void *b)
{
    return strcmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

/* Their numbers become their ranks: as strcmp has it, and SQLite. */
static void rank_ips(struct ese_view_list *list, const struct ips *ips)
{
    struct ranked *ranked = ese_alloc_array((size_t)ips->count + 1, sizeof *ranked);
    uint32_t *ranks = ese_alloc_array((size_t)ips->count + 1, sizeof *ranks);
    for (uint32_t i = 0; i < ips->count; i++)
        ranked[i] = (struct ranked){.text = ips->texts[i], .number = i};
    qsort(ranked, ips->count, sizeof *ranked, compare_ips);
    for (uint32_t i = 0; i < ips->count; i++)
        ranks[ranked[i].number] = i;
    for (size_t i = 0; i < list->count; i++)
        list->places[i].ip = ranks[list->places[i].ip];
    free(ranks);
    free(ranked);
}

/* ---- taking -------------------------------------------------------------------------------- */

/* The ends as they are when the list is begun: what is behind them is not of this list, so that it
 * lacks nothing that stands before what it has. */
struct ends {
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    int count;
};

/* Room for all that are there, and so for all in front of the ends. */
static void find_ends(struct ese_view_list *list, struct ends *ends)
{
    struct ese_view_figures figures;
    ends->count = ese_view_parts(list->view, ends->parts);
    ese_view_tell(list->view, &figures);
    list->room = (size_t)figures.events;
}

static int64_t end_of(const struct ends *ends, int32_t partition)
{
    for (int i = 0; i < ends->count; i++) {
        if (ends->parts[i].partition == partition)
            return ends->parts[i].next;
    }
    return 0;
}

/* Under the lock, one block at a time: nobody waits long. */
static void note_block(struct ese_view_list *list, struct ips *ips, uint32_t number,
                       const struct ends *ends, int64_t since_ms)
{
    const struct ese_view_block *block = list->view->blocks[number];
    int64_t end = end_of(ends, block->partition);
    const struct ese_view_entry *entry = block->is_used ? ese_view_entry_first(block) : NULL;
    for (; entry != NULL && entry->offset < end; entry = ese_view_entry_next(block, entry)) {
        if (entry->server_ts < since_ms || list->count == list->room)
            continue;
        list->places[list->count++] =
            (struct place){.block = number,
                           .entry = (uint32_t)((const char *)entry - block->entries),
                           .ip = number_of_ip(ips, entry->texts),
                           .partition = block->partition,
                           .life = block->life,
                           .reached_ms = entry->reached_ms,
                           .offset = entry->offset};
    }
}

static int check_room(const struct ese_view_list *list, const struct ips *ips, int64_t since_ms,
                      struct ese_error *error)
{
    static const char remedy[] =
        "read them page by page, GET /events?after=earliest and then ?after= the \"next\" of each "
        "page; or start the server with a larger --view-bytes, or a shorter --retention";
    if (list->view->lost_ms >= since_ms)
        return ese_fail(error, ESE_E_FULL,
                        "not all events that are not older than --retention fit --view-bytes: %s",
                        remedy);
    if (list->room * sizeof *list->places + bytes_of_ips(ips) > list->view->list_bytes)
        return ese_fail(error, ESE_E_FULL,
                        "a list of all events that are not older than --retention would take more "
                        "than its quarter of --view-bytes: %s", remedy);
    return 0;
}

static int note_all(struct ese_view_list *list, struct ips *ips, int64_t since_ms,
                    struct ese_error *error)
{
    struct ends ends;
    struct ese_view *view = list->view;
    find_ends(list, &ends);
    pthread_mutex_lock(&view->lock);
    int result = check_room(list, ips, since_ms, error);
    if (result == 0)
        list->places = ese_alloc_array(list->room + 1, sizeof *list->places);
    for (int i = 0; result == 0 && i < view->made; i++) {
        note_block(list, ips, (uint32_t)i, &ends, since_ms);
        result = check_room(list, ips, since_ms, error);
        pthread_mutex_unlock(&view->lock);
        pthread_mutex_lock(&view->lock);
    }
    pthread_mutex_unlock(&view->lock);
    return result;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *first = a;
    const struct place *second = b;
    int order = compare_numbers(first->ip, second->ip);
    if (order == 0)
        order = compare_numbers(first->reached_ms, second->reached_ms);
    if (order == 0)
        order = compare_numbers(first->partition, second->partition);
    return order != 0 ? order : compare_numbers(first->offset, second->offset);
}

int ese_view_list_take(struct ese_view *view, int64_t since_ms, struct ese_view_list **list,
                       struct ese_error *error)
{
    struct ips ips = {.texts = NULL};
    struct ese_view_list *taken = *list = ese_alloc(sizeof *taken);
    taken->view = view;
    pthread_mutex_lock(&view->lock);
    view->holders++;
    pthread_mutex_unlock(&view->lock);
    int result = note_all(taken, &ips, since_ms, error);
    if (result == 0) {
        rank_ips(taken, &ips);
        if (taken->count > 0)
            qsort(taken->places, taken->count, sizeof *taken->places, compare_places);
    } else {
        ese_view_list_free(list);
    }
    free_ips(&ips);
    return result;
}

/* ---- handing ------------------------------------------------------------------------------- */

size_t ese_view_list_count(const struct ese_view_list *list)
{
    return list->count;
}

static int hand(struct ese_view_list *list,
                bool (*visit)(void *context, const struct ese_event *event), void *context,
                struct ese_error *error)
{
    while (list->handed < list->count) {
        const struct place *place = &list->places[list->handed];
        const struct ese_view_block *block = list->view->blocks[place->block];
        struct ese_event event;
        if (block->life != place->life)
            return ese_fail(error, ESE_E_GONE,
                            "it was read so slowly that its events left --view-bytes meanwhile");
        ese_view_entry_read((const struct ese_view_entry *)(block->entries + place->entry),
                            &event);
        list->handed++;
        if (!visit(context, &event))
            return 1;
    }
    return 0;
}

int ese_view_list_hand(struct ese_view_list *list,
                       bool (*visit)(void *context, const struct ese_event *event), void *context,
                       struct ese_error *error)
{
    pthread_mutex_lock(&list->view->lock);
    int result = hand(list, visit, context, error);
    pthread_mutex_unlock(&list->view->lock);
    return result;
}

void ese_view_list_free(struct ese_view_list **list)
{
    if (*list == NULL)
        return;
    ese_view_release((*list)->view);
    free((*list)->places);
    free(*list);
    *list = NULL;
}
