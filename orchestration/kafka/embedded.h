/*
 * embedded.h - librdkafka's mock cluster inside this process, where neither Java nor a cluster can
 * be had.
 *
 * Good for a first look and for tests. It keeps records in memory, silently drops what goes beyond
 * 100,000 records or 5 MiB a partition, answers a waiting fetch only when its time is over, and
 * its transactions do not isolate. So whatever is shown with it says ESE_EMBEDDED_WARNING, and
 * whoever drives load through it stays below ESE_EMBEDDED_RECORDS a partition or refuses.
 */
#ifndef ESE_EMBEDDED_H
#define ESE_EMBEDDED_H

#include "ese-core/error.h"
#include "orchestration/kafka/topics.h"

#define ESE_EMBEDDED_WARNING "mock broker, no durability, figures are not Kafka's"
#define ESE_EMBEDDED_RECORDS 20000 /* 5 MiB of records of about 250 bytes */

struct ese_embedded;

/* One broker on a free loopback port, with these topics (properties mean nothing to it). */
int ese_embedded_start(const struct ese_topics *topics, const char *prefix,
                       struct ese_embedded **embedded, struct ese_error *error);
const char *ese_embedded_bootstrap(const struct ese_embedded *embedded);
void ese_embedded_stop(struct ese_embedded **embedded);

#endif
