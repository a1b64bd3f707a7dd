/*
 * again.h - events that are sent twice: each so manieth, under the same id, once its first sending was acknowledged.
 *
 * That is what a person does who presses twice, or a program that does not believe an answer. What becomes of the
 * second sending is no outcome of the event, which has had its own. Bounded: where as many are kept as may be, a
 * further event is sent once only. One thread.
 */
#ifndef ESE_AGAIN_H
#define ESE_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/event_poster.h" /* enum ese_outcome */

struct ese_again;

/* every 0: none is sent twice. At most `most` are kept. */
struct ese_again *ese_again_new(int64_t every, int most);
void ese_again_free(struct ese_again **again);

/* An event was handed to the transport: it is copied, if it is to be sent twice. */
void ese_again_sent(struct ese_again *again, const struct ese_event *event);
/* It has had its outcome: one that was acknowledged is due again. */
void ese_again_told(struct ese_again *again, const struct ese_id *id, enum ese_outcome outcome);
/* The first that is due; NULL: none is. Valid until the next call but this one and _note. */
const struct ese_event *ese_again_due(const struct ese_again *again);
/* Whether that was not noted yet; from now on it is. */
bool ese_again_note(struct ese_again *again);
/* The one that is due was handed to the transport once more; or that will not have it. */
void ese_again_taken(struct ese_again *again);
void ese_again_drop(struct ese_again *again);
/* An outcome has come of an event that has had one: false where it was not sent twice. */
bool ese_again_ended(struct ese_again *again, const struct ese_id *id);
/* How many are due, or were sent again and have not ended. */
int ese_again_open(const struct ese_again *again);

#endif
