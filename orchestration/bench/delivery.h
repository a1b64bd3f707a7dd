/*
 * delivery.h - how fast events come to a receiver (sink.h), whoever pushes them: what those rounds have in common.
 *
 * The time runs where they come. What is measured begins when the warm-up is over, and ends when its time is; but where
 * no more lie there than that takes, a tenth of them is the warm-up, and it ends a twentieth before their end.
 */
#ifndef ESE_BENCH_DELIVERY_H
#define ESE_BENCH_DELIVERY_H

#include "orchestration/bench/child.h"
#include "orchestration/bench/contender.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/sink.h"

struct ese_delivery {
    struct ese_sink *sink;
    struct ese_child *child; /* who pushes; fails when it ends */
    const struct ese_stint *stint;
    const char *directory; /* its data's, on the device in question */
    int64_t total;         /* events that will come; INT64_MAX where there is no end of them */
    /* what is measured */
    int64_t began_ns, events, sink_ns;
    struct ese_gauge gauge;
};

/* The moment from which on, and up to which, events are counted. */
void ese_delivery_begin(struct ese_delivery *delivery);
void ese_delivery_end(struct ese_delivery *delivery, struct ese_round *round);

/* All of it, of what begins to come by itself. */
int ese_delivery_measure(struct ese_delivery *delivery, struct ese_round *round, struct ese_error *error);

#endif
