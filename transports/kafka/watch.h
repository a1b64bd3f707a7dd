/*
 * watch.h - whether the cluster is there, asked twice a second by a thread of its own.
 *
 * So that requests to a gateway whose cluster is away are refused at once instead of piling up
 * until each has met its time limit; and so that the label on a run is true: a gateway that shall
 * promise `disk` or `replicas` does not serve on topics that are not made for it.
 */
#ifndef ESE_KAFKA_WATCH_H
#define ESE_KAFKA_WATCH_H

#include "transports/kafka/cluster.h"

struct ese_watch;

/* The cluster must outlive it. */
struct ese_watch *ese_watch_start(const struct ese_cluster *cluster,
                                  enum ese_durability durability);
void ese_watch_stop(struct ese_watch **watch);

/* Whether it is there; when it is not, text says why and what to do. Any thread. Away until it was
 * seen for the first time. */
bool ese_watch_tell(struct ese_watch *watch, char *text, size_t size);

#endif
