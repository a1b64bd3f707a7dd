/*
 * window.h - what the gateway has been asked to store lately, by name, so that a retry is answered
 * as before.
 *
 * A name is an event's id, a foreign id with its source, or an Idempotency-Key. Foreign names and
 * keys are kept as the first 128 bits of their SHA-256. An entry stays for `keep_ms` after it was
 * made; there are at most `most` of them, and one more is refused, never an older one dropped.
 *
 * Ids of ours come by the thousand a second, and their lanes are in order: of those that are stored the newest
 * `most_whole` are entries, from which the answer can be repeated. Older ones are kept by their place alone (spans.h),
 * that they were stored and no more. Where there is no room for that, they stay entries.
 *
 * Not thread-safe.
 */
#ifndef ESE_KAFKA_WINDOW_H
#define ESE_KAFKA_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/event.h"

enum ese_name_kind { ESE_NAME_ID, ESE_NAME_FOREIGN, ESE_NAME_KEY };

struct ese_name {
    uint8_t bytes[16];
    uint8_t kind; /* enum ese_name_kind */
};

/* its foreign id where it has one */
struct ese_name ese_name_of_event(const struct ese_event *event);
struct ese_name ese_name_of_key(const char *idempotency_key);

enum ese_entry_state {
    ESE_ENTRY_NEW,       /* just made, nothing produced yet */
    ESE_ENTRY_IN_FLIGHT, /* produced, no outcome yet */
    ESE_ENTRY_STORED,
    ESE_ENTRY_UNKNOWN    /* perhaps stored */
};

struct ese_window_entry {
    struct ese_name name;
    uint8_t state; /* enum ese_entry_state */
    bool doubtful; /* an attempt ended unknown */
    uint64_t content_hash;
    struct ese_id id;  /* of an event: what it was given the first time */
    int64_t server_ts;
    void *waiting; /* the gateway's: who is to be told of the outcome */
    void *answer;  /* the gateway's, for a key: allocated, freed with the entry */
    int64_t made_ms;
    bool is_settled; /* the window's: an id of ours that is stored */
    struct ese_window_entry *chain;
    struct ese_window_entry *older, *newer;
};

struct ese_window;

struct ese_window *ese_window_new(int64_t keep_ms, int64_t most, int64_t most_whole);
void ese_window_free(struct ese_window **window);

/* NULL when there is none. Valid until it is forgotten. */
struct ese_window_entry *ese_window_find(const struct ese_window *window,
                                         const struct ese_name *name);

/* Of a name that is not there yet. NULL when the window is full. */
struct ese_window_entry *ese_window_add(struct ese_window *window, const struct ese_name *name,
                                        int64_t now_ms);
void ese_window_forget(struct ese_window *window, struct ese_window_entry *entry);

/* Its event is stored; nobody waits for it any more. */
void ese_window_stored(struct ese_window *window, struct ese_window_entry *entry);

/* Whether this event, which has no entry, was stored: by the place of its id, where that is ours. */
bool ese_window_had(const struct ese_window *window, const struct ese_event *event);

/* Forgets what is old enough, and keeps by its place what is beyond most_whole, ESE_WINDOW_STEP entries of each at
 * most, so that no caller waits long. One that is in flight stays, and what is younger behind it. No entry that was
 * found before may be used after. */
#define ESE_WINDOW_STEP 4096
void ese_window_expire(struct ese_window *window, int64_t now_ms);

int64_t ese_window_count(const struct ese_window *window);
int64_t ese_window_spans(const struct ese_window *window); /* of those that are kept by their place */

/* How many names share a bucket at most: what a search may cost. For tests: it looks at all of them. */
int64_t ese_window_longest_chain(const struct ese_window *window);

#endif
