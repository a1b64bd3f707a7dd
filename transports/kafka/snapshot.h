/*
 * snapshot.h - the events of the topics as they were at one moment, sorted by ip.
 *
 * Kept compactly, as there are many of them: what is shown of an event takes some 120 bytes in
 * here, and 600 as a struct ese_event. One thread at a time. No librdkafka here, so that this can
 * be tested without.
 */
#ifndef ESE_KAFKA_SNAPSHOT_H
#define ESE_KAFKA_SNAPSHOT_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

/* Memory for each event it was made for. Some may be larger, as long as others are smaller. */
#define ESE_SNAPSHOT_EVENT_BYTES 256

struct ese_snapshot;

struct ese_snapshot *ese_snapshot_new(size_t most_events);
void ese_snapshot_free(struct ese_snapshot **snapshot);

/* Takes what is shown of the event; those of one partition in order of offset. ESE_E_FULL: there is
 * no memory left for it. */
int ese_snapshot_add(struct ese_snapshot *snapshot, const struct ese_event *event,
                     int32_t partition, struct ese_error *error);

size_t ese_snapshot_count(const struct ese_snapshot *snapshot);

/* After the last add: by ip; those of one ip by server_ts, as far as that does not turn round two
 * of one partition, whatever its broker's clock did. */
void ese_snapshot_sort(struct ese_snapshot *snapshot);

/* The next one in that order: valid as long as the snapshot, and not to be cleared. False: there
 * are no more. */
bool ese_snapshot_next(struct ese_snapshot *snapshot, struct ese_event *event);

#endif
