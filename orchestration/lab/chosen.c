#include "orchestration/lab/chosen.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/stories.h"

#define FAULTLESS (UINT64_C(1) << 63) /* so that they come behind all others */

/* Of one of ours by its place in its lane: time and run are another's over another transport. */
static uint64_t rank_of(const struct ese_id *id)
{
    uint64_t parts[2];
    memcpy(parts, id->bytes, sizeof parts);
    if (ese_id_is_ours(id)) {
        const struct ese_id_parts place = ese_id_read(id);
        parts[0] = place.lane;
        parts[1] = place.sequence;
    }
    struct ese_random random = ese_random_seeded(parts[0], parts[1]);
    return ese_random_below(&random, FAULTLESS);
}

static int compare(const void *a, const void *b)
{
    const struct ese_chosen_event *one = a, *other = b;
    if (one->rank != other->rank)
        return one->rank < other->rank ? -1 : 1;
    return ese_id_compare(&one->id, &other->id);
}

void ese_chosen_settle(struct ese_chosen *chosen)
{
    if (chosen->count > 0)
        qsort(chosen->events, chosen->count, sizeof *chosen->events, compare);
    if (chosen->count > chosen->most)
        chosen->count = chosen->most;
}

static void put(struct ese_chosen *chosen, const struct ese_chosen_event *event)
{
    if (chosen->size == 0) {
        chosen->size = 2 * chosen->most + 1;
        chosen->events = ese_alloc_array(chosen->size, sizeof *chosen->events);
    }
    if (chosen->count == chosen->size)
        ese_chosen_settle(chosen);
    chosen->events[chosen->count++] = *event;
}

void ese_chosen_take(void *context, const struct ese_evidence *evidence)
{
    struct ese_chosen *chosen = context;
    const struct ese_book *book = &evidence->book;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        const char *kind = entry->is_out ? NULL : ese_stories_kind(book, entry);
        if (entry->is_out || (entry->due_ns == 0 && kind == NULL))
            continue;
        chosen->seen++;
        chosen->faulty += kind != NULL;
        const struct ese_chosen_event event = {
            .id = entry->id, .kind = kind, .rank = rank_of(&entry->id) | (kind == NULL ? FAULTLESS : 0)};
        put(chosen, &event);
    }
}

void ese_chosen_free(struct ese_chosen *chosen)
{
    free(chosen->events);
    chosen->events = NULL;
    chosen->count = chosen->size = 0;
}
