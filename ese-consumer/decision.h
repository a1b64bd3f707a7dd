/*
 * decision.h - what a rule concluded: the cause of one mail.
 *
 * A decision's id follows from what it concludes and from nothing else, so that whoever concludes
 * the same again (a consumer that was killed before its commit, a predecessor, a second reader)
 * names it the same, and one decision gives one mail:
 *
 *     ese_id_derive("RULE:KEY", the ids of the events behind it, in the order the rule had them)
 *
 * that is, a UUID version 8 from the first bits of SHA-256 over the text "steady-click:10.0.0.1-3",
 * a NUL, and the events' ids of 16 bytes each.
 */
#ifndef ESE_DECISION_H
#define ESE_DECISION_H

#include "ese-core/buffer.h"
#include "ese-core/event.h"

#define ESE_DECISION_EVENTS 8 /* ids of events behind one decision at most */

/* The original's addresses. */
#define ESE_DECISION_FROM "consumer@ese.org"
#define ESE_DECISION_TO "click_updated@ese.org"

struct ese_decision {
    struct ese_id id;
    char rule[32];
    char key[ESE_EVENT_KEY_SIZE];
    struct ese_id events[ESE_DECISION_EVENTS];
    int event_count;
    /* The mail. */
    char from[64];
    char to[64];
    char subject[ESE_EVENT_IP_SIZE + 64];
    char content[256];
    char traceparent[ESE_TRACEPARENT_SIZE]; /* of the event that completed it; or "" */
    /* Where and when it was made; set when it is saved. */
    int32_t partition;
    int64_t made_ms;
};

/* Names it and puts in all but subject and content. `last` is the event that completed it. */
void ese_decision_make(struct ese_decision *decision, const char *rule,
                       const struct ese_event *last, const struct ese_id *events, int event_count);

/* What the mailer is asked for: {"from","to","subject","content","id"}, and, unless it is NULL,
 * "transport". */
void ese_decision_write_mail(struct ese_buffer *buffer, const struct ese_decision *decision,
                             const char *transport);

#endif
