/* One case of each fault, and who never got their mail: wrapped, behind the table. */
#include "orchestration/lab/report.h"

#define WIDTH 108
#define INDENT 6

/* Words of text, wrapped and indented. */
static void add_wrapped(const char *text, struct ese_buffer *into)
{
    int column = WIDTH; /* the first begins a line, too */
    const char *before = "";
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column + 1 + length > WIDTH) {
            ese_buffer_printf(into, "%s%*s", before, INDENT, "");
            column = INDENT + length;
        } else {
            ese_buffer_text(into, " ");
            column += 1 + length;
        }
        ese_buffer_printf(into, "%.*s", length, text);
        before = "\n";
        text += length + (text[length] == ' ');
    }
    ese_buffer_text(into, "\n");
}

static void add_faults(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_stories *stories = &transport->judgement.stories;
    for (int i = 0; i < stories->fault_count; i++) {
        const struct ese_story *story = &stories->faults[i];
        ese_buffer_printf(text, "    %s, %s: the first of %lld\n", transport->name, story->what,
                          (long long)story->events);
        add_wrapped(story->text, text);
    }
}

static void add_people(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_stories *stories = &transport->judgement.stories;
    for (int i = 0; i < stories->people_count; i++) {
        ese_buffer_printf(text, "    %s, %s\n", transport->name, stories->people[i].what);
        add_wrapped(stories->people[i].text, text);
    }
}

static bool has_any(const struct ese_results *results, bool people)
{
    for (int i = 0; i < results->count; i++) {
        const struct ese_stories *stories = &results->transports[i].judgement.stories;
        if ((people ? stories->people_count : stories->fault_count) > 0)
            return true;
    }
    return false;
}

void ese_report_stories(const struct ese_results *results, struct ese_buffer *text)
{
    if (has_any(results, false))
        ese_buffer_text(text, "\n  WHAT WENT WRONG, the first case of each kind\n");
    for (int i = 0; i < results->count; i++)
        add_faults(&results->transports[i], text);
    if (has_any(results, true))
        ese_buffer_text(text, "\n  WHO NEVER GOT THEIR MAIL, three of them\n");
    for (int i = 0; i < results->count; i++)
        add_people(&results->transports[i], text);
}
