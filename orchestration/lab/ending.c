#include "orchestration/lab/ending.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"

void ese_endings_add(struct ese_endings *endings, const char *party, int status,
                     const char *last_words)
{
    if (endings->count == ESE_ENDINGS)
        return;
    struct ese_ending *ending = &endings->list[endings->count++];
    *ending = (struct ese_ending){.status = status, .ended_ns = ese_clock_monotonic_ns()};
    snprintf(ending->party, sizeof ending->party, "%s", party);
    snprintf(ending->last_words, sizeof ending->last_words, "%s", last_words);
    for (char *c = ending->last_words; *c != '\0'; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
}

const struct ese_ending *ese_endings_find(const struct ese_endings *endings, const char *party)
{
    for (int i = 0; i < endings->count; i++) {
        if (strcmp(endings->list[i].party, party) == 0)
            return &endings->list[i];
    }
    return NULL;
}

void ese_ending_text(const struct ese_ending *ending, char text[ESE_ENDING_TEXT_SIZE])
{
    char how[40] = "ended";
    if (ending->status > 128)
        snprintf(how, sizeof how, "was killed by signal %d", ending->status - 128);
    else if (ending->status >= 0)
        snprintf(how, sizeof how, "ended with exit status %d", ending->status);
    snprintf(text, ESE_ENDING_TEXT_SIZE, "the %s %s, and no fault had asked for it", ending->party,
             how);
}

void ese_ending_write(const struct ese_ending *ending, struct ese_buffer *buffer)
{
    char text[ESE_ENDING_TEXT_SIZE];
    ese_ending_text(ending, text);
    ese_buffer_text(buffer, text);
    if (ending->last_words[0] != '\0')
        ese_buffer_printf(buffer, "; it said: %s", ending->last_words);
}

const char *ese_endings_text(const struct ese_endings *endings, char text[ESE_ENDING_TEXT_SIZE])
{
    if (endings->count == 0)
        return NULL;
    ese_ending_text(&endings->list[0], text);
    return text;
}
