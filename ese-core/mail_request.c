#include "ese-core/mail_request.h"

#include <stdio.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

void ese_mail_request_make(struct ese_event *event, const struct ese_mail_request *request)
{
    *event = (struct ese_event){.type = ESE_TYPE_MAIL_REQUEST, .sub_type = ESE_TYPE_MAIL_REQUEST,
                                .id = request->event, .client_ts = ese_clock_wall_ms()};
    snprintf(event->ip, sizeof event->ip, "%s", request->key);
    snprintf(event->key, sizeof event->key, "%s", request->key);
    snprintf(event->traceparent, sizeof event->traceparent, "%s", request->traceparent);
    event->data = ese_copy_text(request->body);
}
