#include "ese-client/again.h"

#include <assert.h>

#include "ese-core/memory.h"

enum state { UNDER_WAY, DUE, AGAIN_UNDER_WAY };

struct kept {
    struct ese_event event;
    enum state state;
    bool is_noted;
};

/* In the order they were sent, so that what an outcome comes of stands near the beginning, mostly. */
struct ese_again {
    int64_t every, seen;
    struct kept *kept;
    int count, most, open;
};

struct ese_again *ese_again_new(int64_t every, int most)
{
    struct ese_again *again = ese_alloc(sizeof *again);
    again->every = every;
    again->most = every > 0 ? most : 0;
    again->kept = ese_alloc_array((size_t)again->most + 1, sizeof *again->kept);
    return again;
}

static void leave(struct ese_again *again, int place)
{
    again->open -= again->kept[place].state != UNDER_WAY;
    ese_event_clear(&again->kept[place].event);
    again->count--;
    memmove(&again->kept[place], &again->kept[place + 1], (size_t)(again->count - place) * sizeof *again->kept);
    again->kept[again->count] = (struct kept){.state = UNDER_WAY};
}

void ese_again_free(struct ese_again **again)
{
    struct ese_again *old = *again;
    if (old == NULL)
        return;
    while (old->count > 0)
        leave(old, old->count - 1);
    free(old->kept);
    free(old);
    *again = NULL;
}

void ese_again_sent(struct ese_again *again, const struct ese_event *event)
{
    if (again->every == 0 || ++again->seen % again->every != 0 || again->count == again->most)
        return;
    struct kept *kept = &again->kept[again->count++];
    *kept = (struct kept){.state = UNDER_WAY};
    ese_event_copy(&kept->event, event);
}

/* Its place; -1: there is none. */
static int find(const struct ese_again *again, const struct ese_id *id, enum state state)
{
    for (int i = 0; i < again->count; i++) {
        if (again->kept[i].state == state && ese_id_equal(&again->kept[i].event.id, id))
            return i;
    }
    return -1;
}

void ese_again_told(struct ese_again *again, const struct ese_id *id, enum ese_outcome outcome)
{
    int place = find(again, id, UNDER_WAY);
    if (place < 0)
        return;
    if (outcome != ESE_OUTCOME_ACKNOWLEDGED) {
        leave(again, place);
        return;
    }
    again->kept[place].state = DUE;
    again->open++;
}

static struct kept *first_due(const struct ese_again *again)
{
    for (int i = 0; again->open > 0 && i < again->count; i++) {
        if (again->kept[i].state == DUE)
            return &again->kept[i];
    }
    return NULL;
}

const struct ese_event *ese_again_due(const struct ese_again *again)
{
    const struct kept *due = first_due(again);
    return due == NULL ? NULL : &due->event;
}

bool ese_again_note(struct ese_again *again)
{
    struct kept *due = first_due(again);
    assert(due != NULL);
    bool was_noted = due->is_noted;
    due->is_noted = true;
    return !was_noted;
}

void ese_again_taken(struct ese_again *again)
{
    struct kept *due = first_due(again);
    assert(due != NULL);
    due->state = AGAIN_UNDER_WAY;
}

void ese_again_drop(struct ese_again *again)
{
    struct kept *due = first_due(again);
    assert(due != NULL);
    leave(again, (int)(due - again->kept));
}

bool ese_again_ended(struct ese_again *again, const struct ese_id *id)
{
    int place = find(again, id, AGAIN_UNDER_WAY);
    if (place >= 0)
        leave(again, place);
    return place >= 0;
}

int ese_again_open(const struct ese_again *again)
{
    return again->open;
}
