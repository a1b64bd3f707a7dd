/*
 * explain.h - one event's whole story: every record of a run that is about it, about the decisions that were made of it
 * and about their mails, in the order of time, with what the fault did meanwhile,
 * what it had done before and was still so when the event came, and, of one that had not come to its end, the first of
 * what it did to those who had it afterwards (story_deeds.h). Where no consumer has committed it, it also tells
 * which of them was told that what stood where it was stored is no longer kept, and, where none was even handed it,
 * that whoever read the store back was told so; of ESE_BOOK_SKIPS stretches (book_skips.h) at most.
 */
#ifndef ESE_LAB_EXPLAIN_H
#define ESE_LAB_EXPLAIN_H

#include <stdbool.h>

#include "ese-core/buffer.h"
#include "ese-core/id.h"
#include "orchestration/lab/deed.h"

struct ese_explain {
    const char *directory; /* one transport's, see artifacts.h */
    int64_t schedule_ns;   /* monotonic: when the load's schedule began; 0: with the first event that was due */
    bool is_foreign;       /* recorded by somebody else */
    struct ese_id id;      /* of the event */
    void (*partition_name)(int32_t partition, char *text, size_t size); /* NULL: by number */
    const struct ese_deeds *deeds;                                      /* NULL: nobody knows of any */
    int members; /* how many consumers there were; 0: not known */
};

/* Appends it, a line a record; what cannot be read is named. Times are seconds since the schedule began. False:
 * nobody says anything of it. */
bool ese_explain_event(const struct ese_explain *asked, struct ese_buffer *text);

/* Appends what the judge has told of it (struct ese_judge_options), were that anything. */
void ese_explain_judged(const struct ese_buffer *told, struct ese_buffer *text);
#define ESE_EXPLAIN_LINE_SIZE 240 /* with its end */

/* A record of the event with that number among those asked for, so long after its schedule began. */
typedef void ese_explain_take(void *context, size_t number, int64_t after_ns, const char *who, const char *line);

/* The same of many events of one directory, all different, in one reading: hands the lines of one after those of the
 * other. What cannot be read is named in `unread`, a line each. */
void ese_explain_events(const struct ese_explain asked[], size_t count, ese_explain_take *take, void *context,
                        struct ese_buffer *unread);

#endif
