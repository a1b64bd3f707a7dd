#include "orchestration/lab/story_deeds.h"

#define TEXT_SIZE 200

/* NULL: it is not told. Lines are struck at their near ends. */
static const char *what_beside(const struct ese_deeds *deeds, int number, const struct ese_story_span *span)
{
    const struct ese_deed *deed = &deeds->list[number];
    if (deed->done_ns < span->first_ns)
        return ese_deeds_is_in_force(deeds, number, span->members, span->first_ns)
                   ? ", which was still so when the event came"
                   : NULL;
    if (deed->done_ns <= span->last_ns)
        return deed->roles != 0 ? "" : NULL;
    return (deed->roles & span->roles) != 0 ? ", after the last that is heard of the event" : NULL;
}

static void tell(const struct ese_deed *deed, const char *beside, ese_story_deed_take *take, void *context)
{
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_SIZE);
    ese_deed_words(deed, &text);
    ese_buffer_text(&text, beside);
    take(context, deed->done_ns, text.text);
    ese_buffer_free(&text);
}

void ese_story_deeds_each(const struct ese_deeds *deeds, const struct ese_story_span *span, ese_story_deed_take *take,
                          void *context)
{
    int after = 0;
    int64_t more_ns = 0;
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        const char *beside = what_beside(deeds, i, span);
        if (beside == NULL)
            continue;
        after += deed->done_ns > span->last_ns;
        if (after <= ESE_STORY_DEEDS_AFTER)
            tell(deed, beside, take, context);
        else if (after == ESE_STORY_DEEDS_AFTER + 1)
            more_ns = deed->done_ns;
    }
    if (after > ESE_STORY_DEEDS_AFTER) {
        char more[TEXT_SIZE];
        snprintf(more, sizeof more, "and %d more, from then on", after - ESE_STORY_DEEDS_AFTER);
        take(context, more_ns, more);
    }
}
