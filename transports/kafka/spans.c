#include "transports/kafka/spans.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define BUCKETS 65536 /* a power of two; untouched ones cost no memory */
#define SWEEP_EVERY_MS 1000

struct span {
    int64_t newest_ms; /* when the last of it was stored */
    uint32_t first, last;
};

struct lane {
    uint32_t run;
    uint16_t number;
    uint32_t count, size;
    struct span *spans; /* by sequence, none beside another */
    struct lane *chain;
};

struct ese_spans {
    int64_t keep_ms;
    size_t most, count;
    int64_t swept_ms;
    uint64_t salt; /* drawn, so that nobody can choose ids that share a bucket */
    struct lane *buckets[BUCKETS];
};

struct ese_spans *ese_spans_new(int64_t keep_ms, size_t most)
{
    struct ese_spans *spans = ese_alloc(sizeof *spans);
    spans->keep_ms = keep_ms;
    spans->most = most;
    spans->swept_ms = INT64_MIN / 2;
    spans->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return spans;
}

static void free_lane(struct lane *lane)
{
    free(lane->spans);
    free(lane);
}

void ese_spans_free(struct ese_spans **spans)
{
    if (*spans == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*spans)->buckets[i] != NULL) {
            struct lane *lane = (*spans)->buckets[i];
            (*spans)->buckets[i] = lane->chain;
            free_lane(lane);
        }
    }
    free(*spans);
    *spans = NULL;
}

/* ---- lanes --------------------------------------------------------------------------------- */

static size_t bucket_of(const struct ese_spans *spans, const struct ese_id_parts *parts)
{
    uint64_t mixed = ((uint64_t)parts->run << 12 | parts->lane) ^ spans->salt;
    mixed *= UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing: the high bits are the mixed ones */
    mixed ^= mixed >> 32;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return mixed >> 48;
}
_Static_assert(BUCKETS == 1 << (64 - 48), "as many as the bits that choose one");

static struct lane *find_lane(const struct ese_spans *spans, const struct ese_id_parts *parts)
{
    struct lane *lane = spans->buckets[bucket_of(spans, parts)];
    while (lane != NULL && (lane->run != parts->run || lane->number != parts->lane))
        lane = lane->chain;
    return lane;
}

static struct lane *add_lane(struct ese_spans *spans, const struct ese_id_parts *parts)
{
    struct lane **bucket = &spans->buckets[bucket_of(spans, parts)];
    struct lane *lane = ese_alloc(sizeof *lane);
    *lane = (struct lane){.run = parts->run, .number = parts->lane, .chain = *bucket};
    *bucket = lane;
    return lane;
}

/* The number of the first span that does not end in front of the sequence; `count` where all do. */
static uint32_t place_of(const struct lane *lane, uint32_t sequence)
{
    uint32_t low = 0, high = lane->count;
    if (high > 0 && lane->spans[high - 1].last < sequence)
        return high; /* nearly always */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lane->spans[middle].last < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- room ---------------------------------------------------------------------------------- */

/* The lanes that are left have spans that are young enough. */
static void sweep(struct ese_spans *spans, int64_t now_ms)
{
    spans->swept_ms = now_ms;
    spans->count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct lane **link = &spans->buckets[i];
        while (*link != NULL) {
            struct lane *lane = *link;
            uint32_t kept = 0;
            for (uint32_t k = 0; k < lane->count; k++) {
                if (now_ms - lane->spans[k].newest_ms < spans->keep_ms)
                    lane->spans[kept++] = lane->spans[k];
            }
            lane->count = kept;
            spans->count += kept;
            if (kept > 0) {
                link = &lane->chain;
            } else {
                *link = lane->chain;
                free_lane(lane);
            }
        }
    }
}

/* True where there may be one more. Looking through all of them is not for every time. */
static bool make_room(struct ese_spans *spans, int64_t now_ms)
{
    if (spans->count >= spans->most && now_ms - spans->swept_ms >= SWEEP_EVERY_MS)
        sweep(spans, now_ms);
    return spans->count < spans->most;
}

/* ---- spans --------------------------------------------------------------------------------- */

static void insert(struct ese_spans *spans, struct lane *lane, uint32_t place, struct span span)
{
    if (lane->count == lane->size) {
        lane->size = lane->size == 0 ? 1 : 2 * lane->size;
        lane->spans = ese_realloc_array(lane->spans, lane->size, sizeof *lane->spans);
    }
    memmove(lane->spans + place + 1, lane->spans + place, (lane->count - place) * sizeof *lane->spans);
    lane->spans[place] = span;
    lane->count++;
    spans->count++;
}

/* A span in front of the place, or at it, that the sequence makes longer; both may become one. */
static bool prolong(struct ese_spans *spans, struct lane *lane, uint32_t place, uint32_t sequence, int64_t now_ms)
{
    struct span *before = place > 0 ? &lane->spans[place - 1] : NULL;
    struct span *behind = place < lane->count ? &lane->spans[place] : NULL;
    bool joins_before = before != NULL && before->last + 1 == sequence;
    bool joins_behind = behind != NULL && behind->first <= sequence + (uint64_t)1;
    if (behind != NULL && joins_behind) {
        behind->newest_ms = now_ms;
        behind->first = behind->first < sequence ? behind->first : sequence;
    }
    if (before == NULL || !joins_before)
        return joins_behind;
    before->newest_ms = now_ms;
    before->last = sequence;
    if (behind != NULL && joins_behind) {
        before->last = behind->last;
        memmove(behind, behind + 1, (lane->count - place - 1) * sizeof *behind);
        lane->count--;
        spans->count--;
    }
    return true;
}

bool ese_spans_add(struct ese_spans *spans, const struct ese_id *id, int64_t now_ms)
{
    struct ese_id_parts parts = ese_id_read(id);
    struct lane *lane = find_lane(spans, &parts);
    if (lane != NULL && prolong(spans, lane, place_of(lane, parts.sequence), parts.sequence, now_ms))
        return true;
    if (!make_room(spans, now_ms))
        return false;
    lane = find_lane(spans, &parts); /* it may have been swept away */
    if (lane == NULL)
        lane = add_lane(spans, &parts);
    const struct span alone = {.newest_ms = now_ms, .first = parts.sequence, .last = parts.sequence};
    insert(spans, lane, place_of(lane, parts.sequence), alone);
    return true;
}

bool ese_spans_have(const struct ese_spans *spans, const struct ese_id *id)
{
    struct ese_id_parts parts = ese_id_read(id);
    const struct lane *lane = find_lane(spans, &parts);
    if (lane == NULL)
        return false;
    uint32_t place = place_of(lane, parts.sequence);
    return place < lane->count && lane->spans[place].first <= parts.sequence;
}

size_t ese_spans_count(const struct ese_spans *spans)
{
    return spans->count;
}
