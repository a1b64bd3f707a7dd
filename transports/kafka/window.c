#include "transports/kafka/window.h"

#include <assert.h>

#include "ese-core/digest.h"
#include "ese-core/memory.h"
#include "transports/kafka/spans.h"

#define FEWEST_BUCKET_BITS 10
#define MOST_SPANS 262144 /* of 16 bytes each, and 80 more for a lane */

/* By age. */
struct line {
    struct ese_window_entry *oldest, *newest;
};

struct ese_window {
    int64_t keep_ms;
    int64_t most, most_whole;
    int64_t count, settled_count;
    struct ese_window_entry **buckets; /* a power of two, for ever: untouched ones cost no memory */
    int bucket_bits;
    uint64_t salt; /* drawn, so that nobody can choose names that share a bucket */
    struct line settled; /* ids of ours, by when they were stored */
    struct line others;
    struct ese_spans *spans;
};

/* ---- names --------------------------------------------------------------------------------- */

static struct ese_name digested(enum ese_name_kind kind, const char *source, const char *text)
{
    const struct ese_digest_part parts[] = {{source, strlen(source) + 1}, {text, strlen(text)}};
    uint8_t digest[ESE_DIGEST_SIZE];
    struct ese_name name = {.kind = (uint8_t)kind};
    ese_digest(parts, ESE_COUNT_OF(parts), digest);
    memcpy(name.bytes, digest, sizeof name.bytes);
    return name;
}

struct ese_name ese_name_of_event(const struct ese_event *event)
{
    if (event->foreign_id[0] != '\0')
        return digested(ESE_NAME_FOREIGN, event->source, event->foreign_id);
    struct ese_name name = {.kind = ESE_NAME_ID};
    memcpy(name.bytes, event->id.bytes, sizeof name.bytes);
    return name;
}

struct ese_name ese_name_of_key(const char *idempotency_key)
{
    return digested(ESE_NAME_KEY, "", idempotency_key);
}

/* Ids differ mostly in their last bytes, the sequence. A multiplication carries what differs upwards only: the high
 * bits are the mixed ones. */
static size_t bucket_of(const struct ese_window *window, const struct ese_name *name)
{
    uint64_t halves[2];
    memcpy(halves, name->bytes, sizeof halves);
    uint64_t mixed = (halves[0] ^ name->kind ^ window->salt) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32 ^ halves[1]) * (window->salt | 1);
    return (size_t)(mixed >> (64 - window->bucket_bits));
}

static bool same(const struct ese_name *a, const struct ese_name *b)
{
    return a->kind == b->kind && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- lines --------------------------------------------------------------------------------- */

static void join(struct line *line, struct ese_window_entry *entry)
{
    entry->older = line->newest;
    entry->newer = NULL;
    *(line->newest != NULL ? &line->newest->newer : &line->oldest) = entry;
    line->newest = entry;
}

static void leave(struct line *line, struct ese_window_entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &line->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &line->newest) = entry->older;
}

/* ---- the window ---------------------------------------------------------------------------- */

struct ese_window *ese_window_new(int64_t keep_ms, int64_t most, int64_t most_whole)
{
    struct ese_window *window = ese_alloc(sizeof *window);
    int bits = FEWEST_BUCKET_BITS;
    while (((size_t)1 << bits) < (size_t)most / 2)
        bits++;
    window->keep_ms = keep_ms;
    window->most = most;
    window->most_whole = most_whole;
    window->spans = ese_spans_new(keep_ms, MOST_SPANS);
    window->buckets = ese_alloc_array((size_t)1 << bits, sizeof *window->buckets);
    window->bucket_bits = bits;
    window->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return window;
}

void ese_window_free(struct ese_window **window)
{
    if (*window == NULL)
        return;
    while ((*window)->settled.oldest != NULL)
        ese_window_forget(*window, (*window)->settled.oldest);
    while ((*window)->others.oldest != NULL)
        ese_window_forget(*window, (*window)->others.oldest);
    ese_spans_free(&(*window)->spans);
    free((*window)->buckets);
    free(*window);
    *window = NULL;
}

struct ese_window_entry *ese_window_find(const struct ese_window *window,
                                         const struct ese_name *name)
{
    struct ese_window_entry *entry = window->buckets[bucket_of(window, name)];
    while (entry != NULL && !same(&entry->name, name))
        entry = entry->chain;
    return entry;
}

struct ese_window_entry *ese_window_add(struct ese_window *window, const struct ese_name *name,
                                        int64_t now_ms)
{
    if (window->count == window->most)
        return NULL;
    struct ese_window_entry *entry = ese_alloc(sizeof *entry);
    struct ese_window_entry **bucket = &window->buckets[bucket_of(window, name)];
    entry->name = *name;
    entry->made_ms = now_ms;
    entry->chain = *bucket;
    *bucket = entry;
    join(&window->others, entry);
    window->count++;
    return entry;
}

void ese_window_forget(struct ese_window *window, struct ese_window_entry *entry)
{
    struct ese_window_entry **link = &window->buckets[bucket_of(window, &entry->name)];
    while (*link != entry) {
        assert(*link != NULL);
        link = &(*link)->chain;
    }
    *link = entry->chain;
    leave(entry->is_settled ? &window->settled : &window->others, entry);
    window->settled_count -= entry->is_settled;
    window->count--;
    free(entry->answer);
    free(entry);
}

void ese_window_stored(struct ese_window *window, struct ese_window_entry *entry)
{
    entry->state = ESE_ENTRY_STORED;
    if (entry->name.kind != ESE_NAME_ID || !ese_id_is_ours(&entry->id) || entry->is_settled)
        return;
    leave(&window->others, entry);
    join(&window->settled, entry);
    entry->is_settled = true;
    window->settled_count++;
}

bool ese_window_had(const struct ese_window *window, const struct ese_event *event)
{
    return event->foreign_id[0] == '\0' && ese_id_is_ours(&event->id) && ese_spans_have(window->spans, &event->id);
}

static void expire(struct ese_window *window, struct line *line, int64_t now_ms)
{
    for (int i = 0; i < ESE_WINDOW_STEP; i++) {
        struct ese_window_entry *oldest = line->oldest;
        if (oldest == NULL || now_ms - oldest->made_ms < window->keep_ms ||
            oldest->state == ESE_ENTRY_IN_FLIGHT)
            return;
        ese_window_forget(window, oldest);
    }
}

/* Keeps the oldest by their place. */
static void fold(struct ese_window *window, int64_t now_ms)
{
    for (int i = 0; i < ESE_WINDOW_STEP && window->settled_count > window->most_whole; i++) {
        struct ese_window_entry *oldest = window->settled.oldest;
        if (!ese_spans_add(window->spans, &oldest->id, now_ms))
            return;
        ese_window_forget(window, oldest);
    }
}

void ese_window_expire(struct ese_window *window, int64_t now_ms)
{
    expire(window, &window->settled, now_ms);
    expire(window, &window->others, now_ms);
    fold(window, now_ms);
}

int64_t ese_window_count(const struct ese_window *window)
{
    return window->count;
}

int64_t ese_window_spans(const struct ese_window *window)
{
    return (int64_t)ese_spans_count(window->spans);
}

int64_t ese_window_longest_chain(const struct ese_window *window)
{
    int64_t longest = 0;
    for (size_t i = 0; i < (size_t)1 << window->bucket_bits; i++) {
        int64_t length = 0;
        for (const struct ese_window_entry *entry = window->buckets[i]; entry != NULL; entry = entry->chain)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}
