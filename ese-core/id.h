/*
 * id.h - the id of an event: a UUID version 7 (RFC 9562) that says where it stood in its lane.
 *
 *     48 bits  Unix time in ms: the event's due time (client_ts)
 *      4 bits  version, 7
 *     12 bits  lane: at most 4,096 of them (rand_a)
 *      2 bits  variant, binary 10
 *     30 bits  run: drawn anew by every process that makes ids (rand_b, high part)
 *     32 bits  sequence: counted per lane from 0 (rand_b, low part)
 *
 * A lane is ordered, so (run, lane) and one number say what a reader has had (see repeats in
 * ese-consumer). Sorting ids sorts by due time. An id of all zero bits is "none".
 *
 * What has no place in a lane has an id derived from what makes it what it is, of version 8: a
 * decision, a record that came without an id, an event that somebody else has given a name.
 */
#ifndef ESE_ID_H
#define ESE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"

#define ESE_ID_LANES 4096
#define ESE_ID_TEXT_SIZE 37 /* 36 characters and the NUL */

struct ese_id {
    uint8_t bytes[16];
};

struct ese_id_parts {
    int64_t time_ms;
    uint16_t lane;
    uint32_t run; /* 30 bits */
    uint32_t sequence;
};

struct ese_id ese_id_make(const struct ese_id_parts *parts);
struct ese_id_parts ese_id_read(const struct ese_id *id);
uint16_t ese_id_lane(const struct ese_id *id); /* that part of it alone */

/* 30 random bits from the kernel, never 0. */
uint32_t ese_id_draw_run(void);

/* In lower case (RFC 9562, section 4). */
void ese_id_text(const struct ese_id *id, char text[ESE_ID_TEXT_SIZE]);

/* Any UUID in the text form, either case. ESE_E_INVALID otherwise. */
int ese_id_parse(const char *text, struct ese_id *id, struct ese_error *error);

/* True for version 7 and variant 10: one of ours with a place in a lane, as far as its bits can
 * tell. */
bool ese_id_is_ours(const struct ese_id *id);

bool ese_id_is_none(const struct ese_id *id);
bool ese_id_equal(const struct ese_id *a, const struct ese_id *b);
int ese_id_compare(const struct ese_id *a, const struct ese_id *b); /* as memcmp */

/* A name for something that follows from other things: UUID version 8 from the first bits of a
 * SHA-256 over the text, a NUL, and the ids in order. The same inputs give the same id. */
struct ese_id ese_id_derive(const char *text, const struct ese_id *ids, int count);

#endif
