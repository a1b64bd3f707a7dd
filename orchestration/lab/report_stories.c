/* One case of each fault, who never got their mail, and the mails of which nobody knows: wrapped, behind the table. */
#include "orchestration/lab/report.h"

#include "ese-core/memory.h"

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

static void add_list(const struct ese_results_transport *transport, const struct ese_story list[], int count,
                     struct ese_buffer *text)
{
    for (int i = 0; i < count; i++) {
        ese_buffer_printf(text, "    %s, %s\n", transport->name, list[i].what);
        add_wrapped(list[i].text, text);
    }
}

static void add_people(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_stories *stories = &transport->judgement.stories;
    add_list(transport, stories->people, stories->people_count, text);
}

static void add_unknown(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_stories *stories = &transport->judgement.stories;
    add_list(transport, stories->unknown_mails, stories->unknown_count, text);
    if (stories->unknown > stories->unknown_count)
        ese_buffer_printf(text, "    %s: and %lld more\n", transport->name,
                          (long long)stories->unknown - stories->unknown_count);
}

static int count_faults(const struct ese_stories *stories)
{
    return stories->fault_count;
}

static int count_people(const struct ese_stories *stories)
{
    return stories->people_count;
}

static int count_unknown(const struct ese_stories *stories)
{
    return stories->unknown_count;
}

static const struct chapter {
    const char *heading;
    int (*count)(const struct ese_stories *stories);
    void (*add)(const struct ese_results_transport *transport, struct ese_buffer *text);
} chapters[] = {
    {"WHAT WENT WRONG, the first case of each kind", count_faults, add_faults},
    {"WHO NEVER GOT THEIR MAIL, three of them", count_people, add_people},
    {"MAILS OF UNKNOWN END: each was sent once or not at all, and is neither lost nor doubled", count_unknown,
     add_unknown},
};

static bool has_any(const struct ese_results *results, const struct chapter *chapter)
{
    for (int i = 0; i < results->count; i++) {
        if (chapter->count(&results->transports[i].judgement.stories) > 0)
            return true;
    }
    return false;
}

void ese_report_stories(const struct ese_results *results, struct ese_buffer *text)
{
    for (size_t i = 0; i < ESE_COUNT_OF(chapters); i++) {
        if (!has_any(results, &chapters[i]))
            continue;
        ese_buffer_printf(text, "\n  %s\n", chapters[i].heading);
        for (int transport = 0; transport < results->count; transport++)
            chapters[i].add(&results->transports[transport], text);
    }
}
