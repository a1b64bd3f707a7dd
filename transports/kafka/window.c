#include "transports/kafka/window.h"

#include <assert.h>

#include "ese-core/digest.h"
#include "ese-core/memory.h"

#define FEWEST_BUCKET_BITS 10

struct ese_window {
    int64_t keep_ms;
    int64_t most;
    int64_t count;
    struct ese_window_entry **buckets; /* a power of two, for ever: untouched ones cost no memory */
    int bucket_bits;
    uint64_t salt; /* drawn, so that nobody can choose names that share a bucket */
    struct ese_window_entry *oldest, *newest;
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

/* ---- the window ---------------------------------------------------------------------------- */

struct ese_window *ese_window_new(int64_t keep_ms, int64_t most)
{
    struct ese_window *window = ese_alloc(sizeof *window);
    int bits = FEWEST_BUCKET_BITS;
    while (((size_t)1 << bits) < (size_t)most / 2)
        bits++;
    window->keep_ms = keep_ms;
    window->most = most;
    window->buckets = ese_alloc_array((size_t)1 << bits, sizeof *window->buckets);
    window->bucket_bits = bits;
    window->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return window;
}

void ese_window_free(struct ese_window **window)
{
    if (*window == NULL)
        return;
    while ((*window)->oldest != NULL)
        ese_window_forget(*window, (*window)->oldest);
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
    entry->older = window->newest;
    if (window->newest != NULL)
        window->newest->newer = entry;
    else
        window->oldest = entry;
    window->newest = entry;
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
    *(entry->older != NULL ? &entry->older->newer : &window->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &window->newest) = entry->older;
    window->count--;
    free(entry->answer);
    free(entry);
}

void ese_window_expire(struct ese_window *window, int64_t now_ms)
{
    for (int i = 0; i < ESE_WINDOW_STEP; i++) {
        struct ese_window_entry *oldest = window->oldest;
        if (oldest == NULL || now_ms - oldest->made_ms < window->keep_ms ||
            oldest->state == ESE_ENTRY_IN_FLIGHT)
            return;
        ese_window_forget(window, oldest);
    }
}

int64_t ese_window_count(const struct ese_window *window)
{
    return window->count;
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
