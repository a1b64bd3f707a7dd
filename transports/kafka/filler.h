/*
 * filler.h - keeps a view of the topics as they grow, on a thread of its own.
 *
 * It begins with the first question, at the first record that is not older than the retention, and
 * reads on from there. Once a second it looks for partitions that were added; at once for one that is
 * wanted and was not begun yet. A partition whose log is not what it was (records left before
 * they could be read, or it was cut) is begun anew, as often as it takes.
 */
#ifndef ESE_KAFKA_FILLER_H
#define ESE_KAFKA_FILLER_H

#include "ese-core/metrics.h"
#include "transports/kafka/reader.h"

struct ese_filler;

struct ese_filler_options {
    struct ese_view *view; /* this and the reader outlive it; the reading is the filler's */
    struct ese_reader *reader;
    int64_t retention_ms;
    struct ese_metrics *metrics;
    void (*progress)(void *context); /* there is more in the view; the filler's thread */
    void *context;
};

int ese_filler_start(const struct ese_filler_options *options, struct ese_filler **filler,
                     struct ese_error *error);

/* Somebody asks: now, if it has not begun, it does. Any thread. */
void ese_filler_begin(struct ese_filler *filler);

/* False: the topics are none that a view can be kept of; then text says why. Any thread, also once it is stopped. */
bool ese_filler_tell(const struct ese_filler *filler, char *text, size_t size);

/* Nothing is filled any more. NULL is allowed; so is a second time. */
void ese_filler_stop(struct ese_filler *filler);

/* Stops it. NULL behind the pointer is allowed; nulls it. */
void ese_filler_free(struct ese_filler **filler);

#endif
