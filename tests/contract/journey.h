/*
 * journey.h - the events of one test: what was sent, what became of each, what was handed, and
 * whether that fits together.
 *
 * The checks answer with NULL, or with a sentence about the first thing they found wrong: so they
 * can be tested themselves, with faults planted (faulty.h).
 */
#ifndef ESE_JOURNEY_H
#define ESE_JOURNEY_H

#include "transports/transport.h"

#define ESE_JOURNEY_EVENTS 4096

struct ese_journey_event {
    struct ese_event event;
    bool sent;
    int outcomes; /* how many were told */
    struct ese_acknowledgement last;
    int handed;   /* how often */
    int64_t rank; /* when first handed, counted over all handings; -1 never */
    int32_t partition;
    int64_t offset; /* where first handed */
};

struct ese_journey {
    uint32_t run; /* of all its events' ids */
    int lanes;
    int count;
    struct ese_journey_event events[ESE_JOURNEY_EVENTS];
    int64_t handings;
    char wrong[256]; /* the first thing seen while it was noted */
    char said[256];  /* what the last check found */
};

struct ese_journey *ese_journey_new(int lanes);
void ese_journey_free(struct ese_journey **journey);

/* The next event: of `keys` keys by turns, every other one an order (key: orderId), due now, or a
 * millisecond after the last one of its ip, with an id that says its lane. The journey's. */
const struct ese_event *ese_journey_next(struct ese_journey *journey, int keys);

/* What was seen of it. Events of other runs are passed over; whatever else is strange is kept in
 * `wrong`. */
void ese_journey_note_sent(struct ese_journey *journey, const struct ese_event *event);
void ese_journey_note_outcome(struct ese_journey *journey,
                              const struct ese_acknowledgement *outcome);
void ese_journey_note_handed(struct ese_journey *journey, const struct ese_record *record);
/* Something else that must not be; the first is kept. */
void ese_journey_note_wrong(struct ese_journey *journey, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As if nothing had been handed yet: for reading again. */
void ese_journey_forget_handed(struct ese_journey *journey);

/* How many events have that outcome; how many acknowledged ones were not handed yet. */
int ese_journey_outcomes(const struct ese_journey *journey, enum ese_outcome outcome);
int ese_journey_awaited(const struct ese_journey *journey);

/* Every event sent has exactly one outcome, told by its id. */
const char *ese_journey_check_outcomes(struct ese_journey *journey);
/* Every acknowledged event was handed. */
const char *ese_journey_check_handed(struct ese_journey *journey);
/* What was handed was handed as it was sent, and none that was certainly not stored. */
const char *ese_journey_check_strangers(struct ese_journey *journey);
/* No event was handed again. */
const char *ese_journey_check_once(struct ese_journey *journey);
/* Of every key, the acknowledged events were first handed in the order in which they were sent. */
const char *ese_journey_check_order(struct ese_journey *journey);
/* Where an acknowledgement says where an event was stored, it was handed from there. */
const char *ese_journey_check_places(struct ese_journey *journey);

#endif
