/*
 * payload.h - the events that all contenders are given: 205 bytes of JSON, a fresh key and a fresh id each.
 *
 * The bytes are made before the clock runs. What changes from event to event is a number of eight digits, which stands
 * twice at known places, in the key and in the id (id.h: the sequence within a lane): writing it costs some
 * nanoseconds, so that the generator has no part in the figures, and a run of any length no need of memory. All events
 * are of the time at which the bytes were made, unless they are spread, as those of a backlog, in which time goes on.
 */
#ifndef ESE_BENCH_PAYLOAD_H
#define ESE_BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/id.h"

#define ESE_PAYLOAD_BYTES 205
#define ESE_PAYLOAD_DIGITS 8
#define ESE_PAYLOAD_KEY_LENGTH 21 /* "10.0.0.1-" and twelve digits */

struct ese_payload {
    char text[ESE_PAYLOAD_BYTES + ESE_ID_TEXT_SIZE]; /* of a record its id is behind, as it is no part of it */
    size_t key_at; /* where the number stands, at the end of either */
    size_t id_at;
    size_t time_at; /* client_ts */
    uint16_t lane;
    int64_t first_ms, step_ms; /* of event 0, and from one to the next; 0: it stands still */
};

/* Of one lane of one run: nobody else's events have its keys and ids. As it is posted (event_json.h). */
void ese_payload_make(struct ese_payload *payload, uint32_t run, uint16_t lane);
/* As it is a record of Kafka's: of as many bytes. */
void ese_payload_make_record(struct ese_payload *payload, uint32_t run, uint16_t lane);

/* Lets client_ts go on with the number. */
void ese_payload_spread(struct ese_payload *payload, int64_t first_ms, int64_t step_ms);

/* Makes of the bytes at `event`, a copy of payload's text, its event of that number. */
void ese_payload_number(const struct ese_payload *payload, char *event, uint32_t number);

/* And back. */
uint32_t ese_payload_read_number(const struct ese_payload *payload, const char *event);

/* Where the event's key begins (it has ESE_PAYLOAD_KEY_LENGTH), and its id (36). */
const char *ese_payload_key(const struct ese_payload *payload, const char *event);
const char *ese_payload_id(const struct ese_payload *payload, const char *event);

#endif
