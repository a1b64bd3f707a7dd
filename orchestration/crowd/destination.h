/*
 * destination.h - one who wants all events, each in his own time: a consumer of a group of his own, on a thread of his
 * own, so that no other waits for him.
 *
 * What he is handed and acknowledges stands in the crowd's history: HANDED (b: his number), GIVEN, COMMITTED, TAKEN and
 * SKIPPED (aux: his number). COMMITTED comes before the transport is told: that is his whole effect.
 */
#ifndef ESE_CROWD_DESTINATION_H
#define ESE_CROWD_DESTINATION_H

#include "ese-core/history.h"
#include "orchestration/crowd/places.h"
#include "orchestration/crowd/plan.h"

/* Of all of a crowd; kept by who opens it, longer than any destination. */
struct ese_crowd_setting {
    const struct ese_config *config;
    const struct ese_transport *transport;
    struct ese_history *history;
    const char *group; /* each one's is that, and his number: "ese-lab-destination-7" */
};

struct ese_crowd_destination;

/* Starts it. `places` become its own. number: from 1. */
int ese_crowd_destination_open(const struct ese_crowd_setting *setting, int number, const struct ese_crowd_way *way,
                               struct ese_crowd_places *places, struct ese_crowd_destination **destination,
                               struct ese_error *error);

/* Any thread, while it runs. */
bool ese_crowd_destination_is_given(const struct ese_crowd_destination *destination); /* something, at any time */
/* CLOCK_MONOTONIC: when there was nothing that it has not acknowledged by now; 0: never yet. Of one that hangs
 * INT64_MAX: nobody waits for it. */
int64_t ese_crowd_destination_at_end_ns(const struct ese_crowd_destination *destination);

/* Waits for its end, once a stop was asked for (service.h). -1: it had ended before, for good. NULL behind the pointer
 * is allowed. */
int ese_crowd_destination_close(struct ese_crowd_destination **destination, struct ese_error *error);

#endif
