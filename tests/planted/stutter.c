/* A client every tenth of whose events is written twice, as by a retry that nobody knows again. */
#include "ese-core/event_json.h"

void __real_ese_event_json_write_line(struct ese_buffer *buffer, const struct ese_event *event);
void __wrap_ese_event_json_write_line(struct ese_buffer *buffer, const struct ese_event *event);

void __wrap_ese_event_json_write_line(struct ese_buffer *buffer, const struct ese_event *event)
{
    static int events;
    __real_ese_event_json_write_line(buffer, event);
    if (++events % 10 != 0)
        return;
    ese_buffer_text(buffer, "\n");
    __real_ese_event_json_write_line(buffer, event);
}
