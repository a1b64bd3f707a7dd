#include "ese-consumer/decision.h"

#include <assert.h>
#include <jansson.h>

#include "ese-core/memory.h"

void ese_decision_make(struct ese_decision *decision, const char *rule,
                       const struct ese_event *last, const struct ese_id *events, int event_count)
{
    assert(event_count > 0 && event_count <= ESE_DECISION_EVENTS);
    char cause[sizeof decision->rule + sizeof decision->key];
    snprintf(cause, sizeof cause, "%s:%s", rule, last->key);
    *decision = (struct ese_decision){
        .id = ese_id_derive(cause, events, event_count),
        .event_count = event_count,
        .from = ESE_DECISION_FROM,
        .to = ESE_DECISION_TO,
    };
    snprintf(decision->rule, sizeof decision->rule, "%s", rule);
    snprintf(decision->key, sizeof decision->key, "%s", last->key);
    snprintf(decision->traceparent, sizeof decision->traceparent, "%s", last->traceparent);
    memcpy(decision->events, events, (size_t)event_count * sizeof *events);
}

void ese_decision_write_mail(struct ese_buffer *buffer, const struct ese_decision *decision,
                             const char *transport)
{
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&decision->id, id);
    json_t *mail = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "from", decision->from, "to",
                             decision->to, "subject", decision->subject, "content",
                             decision->content, "id", id, "transport", transport);
    assert(mail != NULL); /* every text in an event came through a JSON reader and is UTF-8 */
    char *text = json_dumps(mail, JSON_COMPACT);
    ese_buffer_text(buffer, text);
    free(text);
    json_decref(mail);
}
