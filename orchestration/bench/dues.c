#include "orchestration/bench/dues.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ese-core/memory.h"

#define FIRST_ROOM 256
#define CAME (-1) /* instead of when it was due */

struct lane {
    int64_t *due_ns; /* by sequence */
    size_t count, room;
};

struct ese_dues {
    struct lane lanes[ESE_ID_LANES];
    int64_t from_ns, to_ns;
    int64_t measured, missing;
    struct ese_histogram *latency_us;
};

struct ese_dues *ese_dues_new(void)
{
    struct ese_dues *dues = ese_alloc(sizeof *dues);

    dues->latency_us = ese_histogram_new();
    return dues;
}

void ese_dues_free(struct ese_dues **dues)
{
    if (*dues == NULL)
        return;
    for (size_t i = 0; i < ESE_ID_LANES; i++)
        free((*dues)->lanes[i].due_ns);
    ese_histogram_free(&(*dues)->latency_us);
    free(*dues);
    *dues = NULL;
}

void ese_dues_note(struct ese_dues *dues, uint16_t lane, int64_t due_ns)
{
    struct lane *noted = &dues->lanes[lane];

    assert(lane < ESE_ID_LANES && due_ns >= 0);
    if (noted->count == noted->room) {
        noted->room = noted->room == 0 ? FIRST_ROOM : noted->room * 2;
        noted->due_ns = ese_realloc_array(noted->due_ns, noted->room, sizeof *noted->due_ns);
    }
    noted->due_ns[noted->count++] = due_ns;
}

static bool is_measured(const struct ese_dues *dues, int64_t due_ns)
{
    return due_ns >= dues->from_ns && due_ns < dues->to_ns;
}

void ese_dues_measure(struct ese_dues *dues, int64_t from_ns, int64_t to_ns)
{
    dues->from_ns = from_ns;
    dues->to_ns = to_ns;
    for (size_t i = 0; i < ESE_ID_LANES; i++) {
        for (size_t j = 0; j < dues->lanes[i].count; j++)
            dues->measured += is_measured(dues, dues->lanes[i].due_ns[j]);
    }
    dues->missing = dues->measured;
}

void ese_dues_came(struct ese_dues *dues, const struct ese_id *id, int64_t came_ns)
{
    struct ese_id_parts parts = ese_id_read(id);
    const struct lane *lane = &dues->lanes[parts.lane];

    if (parts.sequence >= lane->count)
        return;
    int64_t due_ns = lane->due_ns[parts.sequence];
    lane->due_ns[parts.sequence] = CAME;
    if (due_ns == CAME || !is_measured(dues, due_ns))
        return;
    dues->missing--;
    ese_histogram_record(dues->latency_us, came_ns < due_ns ? 0 : (came_ns - due_ns) / 1000);
}

int64_t ese_dues_measured(const struct ese_dues *dues)
{
    return dues->measured;
}

int64_t ese_dues_missing(const struct ese_dues *dues)
{
    return dues->missing;
}

const struct ese_histogram *ese_dues_latency_us(const struct ese_dues *dues)
{
    return dues->latency_us;
}
