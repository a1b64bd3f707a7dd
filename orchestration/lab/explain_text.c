/* One event's story, as text. */
#include "ese-core/clock.h"
#include "orchestration/lab/explain.h"

struct text {
    struct ese_buffer *text;
    bool is_told;
};

static void put_line(void *context, size_t number, int64_t after_ns, const char *who, const char *line)
{
    struct text *text = context;
    (void)number;
    text->is_told = true;
    ese_buffer_printf(text->text, "  %10.4f s  %-12s %s\n", (double)after_ns / (double)ESE_NS_PER_S, who, line);
}

bool ese_explain_event(const struct ese_explain *asked, struct ese_buffer *text)
{
    struct ese_buffer unread = ESE_BUFFER_INIT(4096);
    struct text lines = {.text = text};
    ese_explain_events(asked, 1, put_line, &lines, &unread);
    if (unread.length > 0)
        ese_buffer_text(text, unread.text);
    ese_buffer_free(&unread);
    return lines.is_told;
}

void ese_explain_judged(const struct ese_buffer *told, struct ese_buffer *text)
{
    if (told->length > 0)
        ese_buffer_printf(text, "  judged: %s\n", told->text);
}
