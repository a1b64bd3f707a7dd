#include "transports/http/store_lanes.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define LANES_MOST 65536
#define MARKS_MOST 131072
#define MARKS_ANYWAY 2 /* that a lane has, however many there are: its first and its last */
#define DISTANCE 256
#define BUCKETS 65536 /* a power of two */
#define NONE (-1)

/* The event of that sequence is at `first`, and what follows in its lane, up to the next mark, not beyond
 * first + span. */
struct mark {
    int64_t first;
    uint32_t sequence, span;
};

struct lane {
    uint32_t run;
    uint16_t number;
    int64_t highest; /* sequence; NONE: it has had nothing */
    int64_t newest;  /* offset, strays included; of what was taken back, too: not too small */
    int64_t astray;  /* up to this offset there may be strays beyond `highest` */
    struct mark *marks;
    uint32_t mark_count, mark_size;
    struct lane *chain;
};

/* Noted, and not committed: what was before. */
struct noted {
    struct lane *lane;
    int64_t highest;
    uint32_t span;
    bool began_mark;
};

struct ese_store_lanes {
    struct ese_store_bounds bounds;
    struct lane *buckets[BUCKETS];
    size_t lane_count, mark_count;
    int64_t distance;
    int64_t first;       /* of the log, as committed */
    int64_t swept_first; /* what that was when lanes were looked through */
    int64_t astray;      /* the newest offset of a stray whose lane is not here */
    uint64_t salt;       /* drawn, so that nobody can choose ids that share a bucket */
    struct noted *noted;
    size_t noted_count, noted_size;
    struct lane *latest; /* that was found: what was looked for is noted next; or NULL */
};

struct ese_store_lanes *ese_store_lanes_new(const struct ese_store_bounds *bounds)
{
    struct ese_store_lanes *lanes = ese_alloc(sizeof(*lanes));

    lanes->bounds.lanes = bounds->lanes != 0 ? bounds->lanes : LANES_MOST;
    lanes->bounds.marks = bounds->marks != 0 ? bounds->marks : MARKS_MOST;
    lanes->bounds.distance = bounds->distance != 0 ? bounds->distance : DISTANCE;
    lanes->distance = lanes->bounds.distance;
    lanes->astray = NONE;
    lanes->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return lanes;
}

static void free_lane(struct lane *lane)
{
    free(lane->marks);
    free(lane);
}

void ese_store_lanes_free(struct ese_store_lanes **lanes)
{
    if (*lanes == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*lanes)->buckets[i] != NULL) {
            struct lane *lane = (*lanes)->buckets[i];
            (*lanes)->buckets[i] = lane->chain;
            free_lane(lane);
        }
    }
    free((*lanes)->noted);
    free(*lanes);
    *lanes = NULL;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static size_t bucket_of(const struct ese_store_lanes *lanes, const struct ese_id_parts *parts)
{
    uint64_t mixed = ((uint64_t)parts->run << 12 | parts->lane) ^ lanes->salt;

    mixed *= UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing: the high bits are the mixed ones */
    mixed ^= mixed >> 32;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return mixed >> 48;
}
_Static_assert(BUCKETS == 1 << (64 - 48), "as many as the bits that choose one");

static struct lane *find_lane(struct ese_store_lanes *lanes, const struct ese_id_parts *parts)
{
    struct lane *lane = lanes->latest;

    if (lane != NULL && lane->run == parts->run && lane->number == parts->lane)
        return lane;
    lane = lanes->buckets[bucket_of(lanes, parts)];
    while (lane != NULL && (lane->run != parts->run || lane->number != parts->lane))
        lane = lane->chain;
    lanes->latest = lane;
    return lane;
}

/* NULL where there are as many as there may be. */
static struct lane *add_lane(struct ese_store_lanes *lanes, const struct ese_id_parts *parts)
{
    struct lane **bucket = &lanes->buckets[bucket_of(lanes, parts)], *lane;

    if (lanes->lane_count >= lanes->bounds.lanes)
        return NULL;
    lane = ese_alloc(sizeof(*lane));
    *lane = (struct lane){.run = parts->run, .number = parts->lane, .highest = NONE, .astray = lanes->astray,
                          .chain = *bucket};
    *bucket = lane;
    lanes->lane_count++;
    return lane;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* True where the event began one; else the last one reaches as far, and *before says how far it did. */
static bool put_mark(struct ese_store_lanes *lanes, struct lane *lane, uint32_t sequence, int64_t offset,
                     uint32_t *before)
{
    struct mark *last = lane->mark_count > 0 ? &lane->marks[lane->mark_count - 1] : NULL;

    if (last != NULL && offset - last->first < lanes->distance) {
        *before = last->span;
        last->span = (uint32_t)(offset - last->first);
        return false;
    }
    if (lane->mark_count == lane->mark_size) {
        lane->mark_size = lane->mark_size == 0 ? 2 : 2 * lane->mark_size;
        lane->marks = ese_realloc_array(lane->marks, lane->mark_size, sizeof(*lane->marks));
    }
    lane->marks[lane->mark_count++] = (struct mark){.first = offset, .sequence = sequence};
    lanes->mark_count++;
    return true;
}

static void take_mark_back(struct ese_store_lanes *lanes, const struct noted *noted)
{
    struct lane *lane = noted->lane;

    if (noted->began_mark) {
        lane->mark_count--;
        lanes->mark_count--;
    } else {
        lane->marks[lane->mark_count - 1].span = noted->span;
    }
}

/* The last mark that is not behind the sequence, or NULL. */
static const struct mark *mark_before(const struct lane *lane, int64_t sequence)
{
    size_t low = 0, high = lane->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lane->marks[middle].sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &lane->marks[low - 1] : NULL;
}

/* The first `count` of a lane's marks are those that are left. */
static void keep_marks(struct ese_store_lanes *lanes, struct lane *lane, uint32_t count)
{
    lanes->mark_count -= lane->mark_count - count;
    lane->mark_count = count;
    if (count > 0 && lane->mark_size > 2 * count) {
        lane->mark_size = count;
        lane->marks = ese_realloc_array(lane->marks, count, sizeof(*lane->marks));
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Marks of what has left the log leave, too. */
static void drop_old_marks(struct ese_store_lanes *lanes, struct lane *lane)
{
    uint32_t old = 0;

    while (old < lane->mark_count && lane->marks[old].first + lane->marks[old].span < lanes->first)
        old++;
    if (old == 0)
        return;
    memmove(lane->marks, lane->marks + old, (lane->mark_count - old) * sizeof(*lane->marks));
    keep_marks(lanes, lane, lane->mark_count - old);
}

/* Lanes and marks leave that have nothing left in the log. */
static void sweep(struct ese_store_lanes *lanes)
{
    lanes->swept_first = lanes->first;
    lanes->latest = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct lane **link = &lanes->buckets[i];
        while (*link != NULL) {
            struct lane *lane = *link;
            drop_old_marks(lanes, lane);
            if (lane->newest >= lanes->first) {
                link = &lane->chain;
                continue;
            }
            *link = lane->chain;
            lanes->lane_count--;
            lanes->mark_count -= lane->mark_count;
            free_lane(lane);
        }
    }
}

/* One for two. The last stays as it is: what is repeated is most often the last that a lane has had. */
static void halve_marks_of(struct ese_store_lanes *lanes, struct lane *lane)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < lane->mark_count; i++) {
        struct mark mark = lane->marks[i];
        if (i + 2 < lane->mark_count) {
            int64_t span = lane->marks[i + 1].first + lane->marks[i + 1].span - mark.first;
            if (span <= UINT32_MAX) {
                mark.span = (uint32_t)span;
                i++;
            }
        }
        lane->marks[kept++] = mark;
    }
    keep_marks(lanes, lane, kept);
}

static void halve_marks(struct ese_store_lanes *lanes)
{
    if (lanes->distance <= UINT32_MAX / 2)
        lanes->distance *= 2;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct lane *lane = lanes->buckets[i]; lane != NULL; lane = lane->chain)
            halve_marks_of(lanes, lane);
    }
}

/* While nothing is noted that is not committed. Looking through all lanes pays when as much has left the log as
 * an eighth of the lanes had at least. */
static void keep_bounds(struct ese_store_lanes *lanes)
{
    const struct ese_store_bounds *bounds = &lanes->bounds;
    size_t marks = lanes->mark_count, anyway = MARKS_ANYWAY * lanes->lane_count;
    bool is_over = marks > bounds->marks + anyway;

    if (is_over || (lanes->lane_count >= bounds->lanes &&
                    lanes->first >= lanes->swept_first + (int64_t)bounds->lanes / 8))
        sweep(lanes);
    if (is_over && lanes->mark_count > bounds->marks / 2 + anyway)
        halve_marks(lanes);
    else if (is_over && lanes->mark_count < bounds->marks / 4 && lanes->distance > bounds->distance)
        lanes->distance /= 2;
}

/* ---- finding --------------------------------------------------------------------------------- */

static enum ese_store_where find_marked(const struct ese_store_lanes *lanes, const struct lane *lane,
                                        int64_t sequence, struct ese_store_place *place)
{
    const struct mark *mark = mark_before(lane, sequence);

    if (mark == NULL)
        return ESE_STORE_ASTRAY; /* in front of all that is left of its lane */
    *place = (struct ese_store_place){.first = mark->first, .last = mark->first + mark->span};
    if (mark->sequence == sequence)
        place->last = place->first;
    else if (sequence == lane->highest)
        place->first = place->last;
    return place->last < lanes->first ? ESE_STORE_ASTRAY : ESE_STORE_BETWEEN;
}

enum ese_store_where ese_store_lanes_find(struct ese_store_lanes *lanes, const struct ese_id *id,
                                          struct ese_store_place *place)
{
    struct ese_id_parts parts = ese_id_read(id);
    const struct lane *lane;

    if (!ese_id_is_ours(id))
        return ESE_STORE_ASTRAY;
    lane = find_lane(lanes, &parts);
    if (lane != NULL && parts.sequence <= lane->highest)
        return find_marked(lanes, lane, parts.sequence, place);
    int64_t astray = lane == NULL ? lanes->astray : lane->astray;
    return astray >= lanes->first ? ESE_STORE_ASTRAY : ESE_STORE_NOWHERE;
}

/* ---- noting ---------------------------------------------------------------------------------- */

static void note_stray(struct ese_store_lanes *lanes, struct lane *lane, uint32_t sequence, int64_t offset)
{
    if (lane == NULL) {
        lanes->astray = offset;
        return;
    }
    lane->newest = offset;
    if (sequence > lane->highest)
        lane->astray = offset;
}

void ese_store_lanes_note_stray(struct ese_store_lanes *lanes, const struct ese_id *id, int64_t offset)
{
    struct ese_id_parts parts = ese_id_read(id);

    if (ese_id_is_ours(id))
        note_stray(lanes, find_lane(lanes, &parts), parts.sequence, offset);
}

static struct noted *add_noted(struct ese_store_lanes *lanes)
{
    if (lanes->noted_count == lanes->noted_size) {
        lanes->noted_size = lanes->noted_size == 0 ? 64 : 2 * lanes->noted_size;
        lanes->noted = ese_realloc_array(lanes->noted, lanes->noted_size, sizeof(*lanes->noted));
    }
    return &lanes->noted[lanes->noted_count++];
}

bool ese_store_lanes_note(struct ese_store_lanes *lanes, const struct ese_id *id, int64_t offset)
{
    struct ese_id_parts parts = ese_id_read(id);
    struct lane *lane;
    struct noted *noted;

    if (!ese_id_is_ours(id))
        return false;
    lane = find_lane(lanes, &parts);
    if (lane == NULL)
        lane = add_lane(lanes, &parts);
    if (lane == NULL || parts.sequence <= lane->highest) {
        note_stray(lanes, lane, parts.sequence, offset);
        return false;
    }
    noted = add_noted(lanes);
    *noted = (struct noted){.lane = lane, .highest = lane->highest};
    noted->began_mark = put_mark(lanes, lane, parts.sequence, offset, &noted->span);
    lane->highest = parts.sequence;
    lane->newest = offset;
    return true;
}

size_t ese_store_lanes_noted(const struct ese_store_lanes *lanes)
{
    return lanes->noted_count;
}

void ese_store_lanes_rollback(struct ese_store_lanes *lanes, size_t count)
{
    while (lanes->noted_count > count) {
        struct noted *noted = &lanes->noted[--lanes->noted_count];
        take_mark_back(lanes, noted);
        noted->lane->highest = noted->highest;
    }
}

void ese_store_lanes_commit(struct ese_store_lanes *lanes, int64_t first)
{
    lanes->noted_count = 0;
    lanes->first = first;
    keep_bounds(lanes);
}
