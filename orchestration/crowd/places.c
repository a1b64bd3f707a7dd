#include "orchestration/crowd/places.h"

#include <stdlib.h>
#include <unistd.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"

static struct ese_crowd_place *find(const struct ese_crowd_places *places, int32_t partition)
{
    for (int i = 0; i < places->count; i++) {
        if (places->list[i].partition == partition)
            return &places->list[i];
    }
    return NULL;
}

static void pass(struct ese_crowd_places *places, int32_t partition, int64_t next)
{
    struct ese_crowd_place *place = find(places, partition);
    if (place == NULL) {
        places->list = ese_realloc_array(places->list, (size_t)places->count + 1, sizeof *places->list);
        place = &places->list[places->count++];
        *place = (struct ese_crowd_place){.partition = partition};
    }
    place->next = next > place->next ? next : place->next; /* what strays among the others may stand before them */
    place->has_moved = true;
}

int64_t ese_crowd_places_from(const struct ese_crowd_places *places, int32_t partition)
{
    const struct ese_crowd_place *place = find(places, partition);
    return place == NULL ? ESE_OFFSET_EARLIEST : place->next;
}

void ese_crowd_places_pass(struct ese_crowd_places *places, const struct ese_batch *batch)
{
    for (int i = 0; i < places->count; i++)
        places->list[i].has_moved = false;
    for (int i = 0; i < batch->count; i++)
        pass(places, batch->records[i].partition, batch->records[i].next);
    for (int i = 0; i < batch->unreadable; i++)
        pass(places, batch->unreadables[i].partition, batch->unreadables[i].next);
}

void ese_crowd_places_free(struct ese_crowd_places *places)
{
    free(places->list);
    *places = (struct ese_crowd_places){0};
}

int ese_crowd_places_read(const char *path, struct ese_crowd_places places[], int count, struct ese_error *error)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    int said;
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    if (ese_history_read_open(path, &reader, error) != 0)
        return -1;
    while ((said = ese_history_read_next(reader, &record, error)) == 1) {
        if (record.kind == ESE_HISTORY_COMMITTED && record.aux >= 1 && record.aux <= count)
            pass(&places[record.aux - 1], record.partition, record.a);
    }
    ese_history_read_close(&reader);
    return said;
}
