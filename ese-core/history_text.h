/*
 * history_text.h - a history (history.h) as text, one JSON object a line: for whoever wants to read one, and for
 * programs of others, who write what they saw and have it judged (docs/evidence.md has the kinds and their members).
 *
 *     {"history":1,"party":"ese-client","transport":"http","boot":"6b0f...","wall_offset_ns":1793500000000000000}
 *     {"time_ns":81273,"kind":"offered","id":"...","type":"...","sub_type":"...","key":"10.0.0.1","client_ts":17935...}
 *     {"time_ns":81980,"kind":"acknowledged","id":"...","partition":0,"offset":41,"attempts":1}
 *
 * Ids stand here as they were written: what becomes of names that are none of ours is the reader's to say. One thread.
 */
#ifndef ESE_HISTORY_TEXT_H
#define ESE_HISTORY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/buffer.h"
#include "ese-core/history.h"

#define ESE_HISTORY_TEXT_VERSION 1
#define ESE_HISTORY_TEXT_LIMIT 8192 /* bytes of a line */

/* The first line, if there is one: whose the history is, and by which clock. */
struct ese_history_title {
    char party[64], transport[64];
    struct ese_history_clock clock; /* {0, 0}: not told */
};

/* Any other. */
struct ese_history_line {
    struct ese_history_record record;     /* but for its ids, */
    char id[ESE_EVENT_FOREIGN_ID_SIZE];   /* which are here, as they were written; "": none */
    char other[ESE_EVENT_FOREIGN_ID_SIZE]; /* of an overwritten event: by whom */
    /* Of an event that is offered, or found: */
    char type[ESE_EVENT_TYPE_SIZE], sub_type[ESE_EVENT_TYPE_SIZE], key[ESE_EVENT_KEY_SIZE];
};

/* "acknowledged"; NULL: it has none, as a KEY record, which is told with its offer. */
const char *ese_history_kind_name(enum ese_history_kind kind);

/* Append a line, with its end. The record is the reader's last. */
void ese_history_text_title(const struct ese_history_title *title, struct ese_buffer *text);
void ese_history_text_write(const struct ese_history_reader *reader, const struct ese_history_record *record,
                            struct ese_buffer *text);

/* Whether it is a title. */
bool ese_history_text_is_title(const char *text, size_t length);
/* ESE_E_INVALID says which member is missing or wrong, and what it has to be. Members that are not known are passed
 * over. */
int ese_history_text_read_title(const char *text, size_t length, struct ese_history_title *title,
                                struct ese_error *error);
int ese_history_text_read(const char *text, size_t length, struct ese_history_line *line, struct ese_error *error);

#endif
