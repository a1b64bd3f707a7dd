/*
 * dead_letter_event.h - a dead letter as an event: what travels on the topics `dlq.<topic>`.
 *
 *   type, sub_type, ip, key, traceparent
 *                the dead event's; of what was none the type that was expected there, and else where
 *                it stood
 *   id           the record's own: put there again it is another record, and by partition and offset
 *                in data the same letter
 *   client_ts    when it was put there
 *   data         {"number","partition","offset","cause","reason","tries","dead_ms","id","client_ts",
 *                "data"}; id, client_ts and data are the dead event's, data as text; or, of what was
 *                none, bytes, with \xNN for what is no plain character, and whole. What is too long
 *                for an event is left out, and cut is true
 *
 * A transport that has topics is told by its option "topic" that these are meant. Over one that has
 * none, the place its own options name holds nothing else.
 */
#ifndef ESE_DEAD_LETTER_EVENT_H
#define ESE_DEAD_LETTER_EVENT_H

#define ESE_TOPIC_DEAD_LETTERS "dead-letters"

#endif
