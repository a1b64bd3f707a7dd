/*
 * letter_topic.h - dead letters are put on a topic, too, for whoever wants to look at them there:
 * dlq.click-events beside click-events (dead_letter_event.h in ese-core).
 *
 * The table is what counts: each of its rows goes there once it is committed, until the transport has
 * acknowledged it, which is noted in the row. So each is there at least once; where the process dies
 * between the two it is there again, and known by its partition and offset. Members put those of the
 * partitions they hold, in turns. At most 32 are under way, the others wait in the table until some
 * of these were acknowledged.
 *
 * The producer is opened when there is something to put, and no sooner, and closed half a second after there was
 * anything, and for a second once it was open for five: over a transport that only one may write to, other members
 * have their turn. One thread, the member's;
 * nothing here waits. Whoever waits for it to be idle need not wait for ever: where the transport has
 * acknowledged nothing for ESE_LETTER_TOPIC_GIVE_UP_MS it has failed for them, though it is tried again.
 */
#ifndef ESE_LETTER_TOPIC_H
#define ESE_LETTER_TOPIC_H

#include <stdbool.h>

#include "ese-consumer/holdings.h"
#include "transports/transport.h"

struct ese_letter_topic_options {
    const char *specification; /* TRANSPORT[:OPTION=VALUE...]; NULL: that by which events come, as it */
    const struct ese_config *config; /* is configured there, if it has topics */
    const struct ese_transport *transport;
    struct ese_state *state;
    const struct ese_holdings *holdings;
    int64_t give_up_ms; /* 0: ESE_LETTER_TOPIC_GIVE_UP_MS */
};

#define ESE_LETTER_TOPIC_GIVE_UP_MS 20000 /* as long as the producer tries twice */

struct ese_letter_topic;

/* topic stays NULL where there is none. ESE_E_USAGE when the specification is none. */
int ese_letter_topic_open(const struct ese_letter_topic_options *options,
                          struct ese_letter_topic **topic, struct ese_error *error);
void ese_letter_topic_close(struct ese_letter_topic **topic); /* what is under way is let go */

/* Takes answers, and puts what there is to put; to be called again and again. -1: the state file
 * cannot be read or written. A topic that is away is asked again. */
int ese_letter_topic_turn(struct ese_letter_topic *topic, struct ese_error *error);

/* Nothing is to be put, as far as the last turn has seen. */
bool ese_letter_topic_is_idle(const struct ese_letter_topic *topic);

/* There was something to put all the time, and nothing of it was taken for so long that it is not to be waited for. */
bool ese_letter_topic_has_failed(const struct ese_letter_topic *topic);

#endif
