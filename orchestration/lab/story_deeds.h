/*
 * story_deeds.h - which of a fault's deeds belong to one event's story: what was still so when it came, what was done
 * until the last was heard of it, and, where it had not come to its end by then, the first of what befell those who had
 * it afterwards, as it may be lost by that.
 */
#ifndef ESE_LAB_STORY_DEEDS_H
#define ESE_LAB_STORY_DEEDS_H

#include "orchestration/lab/deed.h"

#define ESE_STORY_DEEDS_AFTER 8 /* are told of those afterwards, the nearest; of others, how many they are */

struct ese_story_span {
    int64_t first_ns, last_ns; /* when it was due, or else its first record, and its last; monotonic */
    unsigned roles;            /* who has it at the last (whereabouts.h) */
    int members;               /* how many consumers there were; 0: not known */
};

typedef void ese_story_deed_take(void *context, int64_t done_ns, const char *text);

/* Hands them in the order in which they were done. */
void ese_story_deeds_each(const struct ese_deeds *deeds, const struct ese_story_span *span, ese_story_deed_take *take,
                          void *context);

#endif
