/*
 * event_intake.h - the original's ingest routes, POST /event and POST /events, before any store.
 *
 * Reads and checks the request (a batch is refused as a whole), gives ids to events that have none,
 * hands them to the store's `append`, and answers when the store says what became of them:
 *
 *   stored     201 with the stored event, or the array of them; with `Prefer: return=minimal` (RFC 7240) with neither
 *   full       503 with Retry-After: certainly not stored, and why
 *   at bound   503 with Retry-After, and why: the store holds as much as it may
 *   conflict   422: the same id or Idempotency-Key with another content
 *   unknown    504: perhaps stored; a retry of the same id is safe
 *   unsynced   503 without Retry-After: perhaps stored, as the disk failed, and the server ends
 *   failed     507 (no room: the disk is full) or 503
 *
 * POST /event also takes a CloudEvent in binary content mode (cloud_event.h): its id and source are
 * the event's foreign id. What is wrong with one is told in words, in a 400.
 *
 * An event without an id gets one whose run is this process's and whose lane is its key's. An id
 * that is not a UUIDv7, or comes with a "source", is foreign: kept beside ours. The source of ours is
 * nobody else's, and refused in words, too (400). The header
 * Idempotency-Key names a request as a whole; traceparent names its trace.
 *
 * A store whose memory of names dies with its process asks for ids that are made from them
 * (ese_event_intake_make_ids_from_names), so that whoever reads can tell a retry that was stored
 * again from its id.
 *
 * Counters of the original: health_ping_count, add_event_ping_count, add_events_ping_count,
 * get_events_ping_count (the last is counted by who serves GET /events).
 */
#ifndef ESE_EVENT_INTAKE_H
#define ESE_EVENT_INTAKE_H

#include <stdbool.h>

#include "ese-core/append_result.h"
#include "ese-core/event_json.h"
#include "ese-core/group_writer.h"
#include "ese-core/http_server.h"

#define ESE_INTAKE_KEY_SIZE 128
#define ESE_INTAKE_WHY_SIZE 600

/* One request on its way through a store. The intake owns it; between append and done it is the
 * store's to read and to fill. */
struct ese_append {
    struct ese_group_item item; /* the store's, for its queue; the first member */
    /* The store fills server_ts; for what it has had before, also id and whatever else it answered
     * then. */
    struct ese_event_list list;
    char idempotency_key[ESE_INTAKE_KEY_SIZE]; /* "" when there is none */
    uint64_t *contents;         /* of each event, its ese_event_content_hash */
    uint64_t content_hash;      /* over all events, where there is a key: for its comparison */
    bool many;                  /* POST /events: the answer is an array */
    char why[ESE_INTAKE_WHY_SIZE]; /* the store's words for a 503: what is wrong and what to do */
};

/* Called on the HTTP thread; must not block. Answers through ese_append_done, at once or later. */
typedef void ese_append_function(void *store, struct ese_append *append);

/* Answers the request behind append, on the HTTP thread, and frees both. Any thread. */
void ese_append_done(struct ese_append *append, enum ese_append_result result);

struct ese_event_intake;

struct ese_event_intake *ese_event_intake_new(struct ese_http_server *server,
                                              struct ese_metrics *metrics, int max_batch,
                                              ese_append_function *append, void *store);
/* Before the server starts. From then on an event with a foreign id gets the id that is made from
 * (source, id). One without any id, in a request with an Idempotency-Key, is named by that: its
 * foreign id is then "idempotency-key/HASH/N/KEY", with its number in the request, from 0, and the
 * request's content hash in 16 hexadecimal digits, as a key may be used for another request once it
 * is forgotten. */
void ese_event_intake_make_ids_from_names(struct ese_event_intake *intake);

/* Before the server starts: takes nothing. From then on every post is answered 403, unread:
 * "Nothing was stored: " and why, which is kept. */
void ese_event_intake_refuse(struct ese_event_intake *intake, const char *why);

void ese_event_intake_free(struct ese_event_intake **intake); /* after the server closed */

#endif
