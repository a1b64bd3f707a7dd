/*
 * event_poster.h - sends events by POST /event, or to where each belongs, in order per lane, again
 * and again until told.
 *
 * The produce side every HTTP transport shares. A lane (the lane number in the event's id) has one
 * request in flight; what is not answered is sent again under the same id, after a back-off, until
 * the retry deadline, which runs from the moment the event was due. So order per key survives
 * retries.
 *
 *   2xx                                            acknowledged
 *   400, 409, 413, 422                             refused at once (sending it again would not help)
 *   429, 503 with Retry-After, refused connection  certainly not stored: again
 *   anything else, or no answer                    perhaps stored: again
 *
 * At the deadline an event of which every attempt was certainly not stored is refused; otherwise
 * unknown. An event whose deadline passed while it waited behind others in its lane is not_sent.
 * One thread.
 */
#ifndef ESE_EVENT_POSTER_H
#define ESE_EVENT_POSTER_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

struct ese_http_answer;

enum ese_outcome {
    ESE_OUTCOME_ACKNOWLEDGED,
    ESE_OUTCOME_REFUSED,  /* every attempt was refused: certainly not stored */
    ESE_OUTCOME_UNKNOWN,  /* perhaps stored: at least one attempt had no answer */
    ESE_OUTCOME_NOT_SENT  /* never left this process */
};

/* What became of one event that was sent. */
struct ese_acknowledgement {
    struct ese_id id;
    enum ese_outcome outcome;
    int32_t partition; /* where it was stored, or -1 when the transport does not say */
    int64_t offset;    /* or -1 */
    int attempts;
    int64_t done_ns;   /* monotonic */
};

struct ese_event_poster;

#define ESE_POST_PATH_SIZE 512
#define ESE_POST_HEADERS_SIZE 512

/* Where an event is posted to, and what goes with it. */
struct ese_post_address {
    char path[ESE_POST_PATH_SIZE];       /* begins with a slash; as it goes over the wire: escaped where it has to be */
    char headers[ESE_POST_HEADERS_SIZE]; /* "Name: value" lines, a newline between them, beside traceparent */
    int number;                          /* the caller's own; kept with the event, for ese_post_place */
};

/* Changes what is not to be as it stands there: "/event", "Prefer: return=minimal" and 0. Asked once an
 * event, from send; all attempts are the same. */
typedef void ese_post_addressing(const struct ese_event *event, struct ese_post_address *address);

/* Reads from a 2xx where the event with that number is stored, by ese_http_answer_header or the body;
 * both stand at -1, not known. From poll. */
typedef void ese_post_place(const struct ese_http_answer *answer, int number, int32_t *partition, int64_t *offset);

struct ese_buffer;

/* Appends the body. */
typedef void ese_post_writing(struct ese_buffer *buffer, const struct ese_event *event);

struct ese_event_poster_options {
    const char *server;        /* "http://127.0.0.1:2001" */
    const char *token;         /* or NULL */
    int inflight;              /* events held at most; beyond: send is ESE_E_FULL */
    int connections;           /* at most this many at once */
    int64_t retry_deadline_ms; /* from client_ts */
    ese_post_addressing *address; /* NULL: each to /event */
    ese_post_place *place;     /* NULL: a 2xx does not say where */
    ese_post_writing *write;   /* NULL: as it is posted to /event (event_json.h) */
};

int ese_event_poster_open(const struct ese_event_poster_options *options,
                          struct ese_event_poster **poster, struct ese_error *error);

/* Takes a copy. ESE_E_FULL when `inflight` events are held already. */
int ese_event_poster_send(struct ese_event_poster *poster, const struct ese_event *event,
                          struct ese_error *error);

/* Waits at most timeout_ms for outcomes; returns how many were written (0..max). */
int ese_event_poster_poll(struct ese_event_poster *poster, int timeout_ms,
                          struct ese_acknowledgement *acknowledgements, int max);

/* How many events have no outcome yet. */
int ese_event_poster_pending(const struct ese_event_poster *poster);

/* Lets go of what is pending, without outcomes. */
void ese_event_poster_close(struct ese_event_poster **poster);

#endif
