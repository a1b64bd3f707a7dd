#include "tests/contract/journey.h"

#include <assert.h>
#include <stdarg.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

struct ese_journey *ese_journey_new(int lanes)
{
    struct ese_journey *journey = ese_alloc(sizeof *journey);
    journey->run = ese_id_draw_run();
    journey->lanes = lanes;
    return journey;
}

void ese_journey_free(struct ese_journey **journey)
{
    if (*journey == NULL)
        return;
    for (int i = 0; i < (*journey)->count; i++)
        ese_event_clear(&(*journey)->events[i].event);
    free(*journey);
    *journey = NULL;
}

/* ---- making events --------------------------------------------------------------------------- */

static void fill(struct ese_event *event, uint32_t run, int number, int key)
{
    char data[120];
    snprintf(event->ip, sizeof event->ip, "10.0.%u.%d", run % 200, key % 200);
    if (key % 2 == 0) {
        ese_fit_text(event->type, sizeof event->type, ESE_TYPE_CLICK);
        ese_fit_text(event->sub_type, sizeof event->sub_type, ESE_SUB_TYPE_KEY_PRESS);
        snprintf(data, sizeof data, "{\"note\":\"<\xc3\xa9>\",\"number\":%d}", number);
    } else {
        ese_fit_text(event->type, sizeof event->type, ESE_TYPE_ORDER);
        ese_fit_text(event->sub_type, sizeof event->sub_type, "ORDER_CREATED");
        snprintf(data, sizeof data, "{\"number\":%d,\"orderId\":\"order-%u-%d\"}", number, run,
                 key);
    }
    event->data = ese_copy_text(data);
    event->client_ts = ese_clock_wall_ms();
    ese_event_set_key(event);
}

/* Of a person's two events one comes later. */
static int64_t due_ms(const struct ese_journey *journey, int number)
{
    const struct ese_event *event = &journey->events[number].event;
    int before = number - 1;
    while (before >= 0 && strcmp(journey->events[before].event.ip, event->ip) != 0)
        before--;
    int64_t earliest = before >= 0 ? journey->events[before].event.client_ts + 1 : 0;
    return event->client_ts > earliest ? event->client_ts : earliest;
}

const struct ese_event *ese_journey_next(struct ese_journey *journey, int keys)
{
    assert(journey->count < ESE_JOURNEY_EVENTS);
    int number = journey->count++;
    struct ese_journey_event *made = &journey->events[number];
    fill(&made->event, journey->run, number, number % keys);
    made->event.client_ts = due_ms(journey, number);
    uint32_t lane = ese_event_key_hash(made->event.key) % (uint32_t)journey->lanes;
    made->event.id = ese_id_make(&(struct ese_id_parts){
        .time_ms = made->event.client_ts, .lane = (uint16_t)lane, .run = journey->run,
        .sequence = (uint32_t)number});
    ese_event_set_traceparent(&made->event);
    made->rank = -1;
    return &made->event;
}

/* ---- noting ---------------------------------------------------------------------------------- */

void ese_journey_note_wrong(struct ese_journey *journey, const char *format, ...)
{
    va_list arguments;
    if (journey->wrong[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(journey->wrong, sizeof journey->wrong, format, arguments);
    va_end(arguments);
}

/* The event of that id; NULL for one of another run. */
static struct ese_journey_event *find(struct ese_journey *journey, const struct ese_id *id)
{
    struct ese_id_parts parts = ese_id_read(id);
    if (parts.run != journey->run)
        return NULL;
    if (parts.sequence >= (uint32_t)journey->count ||
        !ese_id_equal(id, &journey->events[parts.sequence].event.id)) {
        ese_journey_note_wrong(journey, "an id of this run that was never made, sequence %u",
                               parts.sequence);
        return NULL;
    }
    return &journey->events[parts.sequence];
}

void ese_journey_note_sent(struct ese_journey *journey, const struct ese_event *event)
{
    struct ese_journey_event *found = find(journey, &event->id);
    assert(found != NULL);
    found->sent = true;
}

void ese_journey_note_outcome(struct ese_journey *journey,
                              const struct ese_acknowledgement *outcome)
{
    struct ese_journey_event *found = find(journey, &outcome->id);
    if (found == NULL) {
        ese_journey_note_wrong(journey, "an outcome for an event that was not sent");
        return;
    }
    found->outcomes++;
    found->last = *outcome;
}

/* Only what a server adds may differ. */
static bool same(const struct ese_event *sent, const struct ese_event *handed)
{
    return ese_event_content_hash(sent) == ese_event_content_hash(handed) &&
           strcmp(sent->key, handed->key) == 0 &&
           strcmp(sent->traceparent, handed->traceparent) == 0;
}

void ese_journey_note_handed(struct ese_journey *journey, const struct ese_record *record)
{
    struct ese_journey_event *found = find(journey, &record->event.id);
    if (found == NULL)
        return;
    int number = (int)(found - journey->events);
    if (!same(&found->event, &record->event))
        ese_journey_note_wrong(journey, "event %d was changed on its way: %s %s %s", number,
                               record->event.sub_type,
                ese_event_data(&record->event), record->event.traceparent);
    if (record->event.server_ts < found->event.client_ts - 60000)
        ese_journey_note_wrong(journey, "event %d: server_ts %lld is no time of storing", number,
                (long long)record->event.server_ts);
    if (found->handed++ == 0) {
        found->rank = journey->handings;
        found->partition = record->partition;
        found->offset = record->offset;
    }
    journey->handings++;
}

int ese_journey_outcomes(const struct ese_journey *journey, enum ese_outcome outcome)
{
    int count = 0;
    for (int i = 0; i < journey->count; i++)
        count += journey->events[i].outcomes > 0 && journey->events[i].last.outcome == outcome;
    return count;
}

static bool is_acknowledged(const struct ese_journey_event *event)
{
    return event->outcomes > 0 && event->last.outcome == ESE_OUTCOME_ACKNOWLEDGED;
}

int ese_journey_awaited(const struct ese_journey *journey)
{
    int count = 0;
    for (int i = 0; i < journey->count; i++)
        count += is_acknowledged(&journey->events[i]) && journey->events[i].handed == 0;
    return count;
}

void ese_journey_forget_handed(struct ese_journey *journey)
{
    for (int i = 0; i < journey->count; i++) {
        journey->events[i].handed = 0;
        journey->events[i].rank = -1;
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static const char *say(struct ese_journey *journey, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(journey->said, sizeof journey->said, format, arguments);
    va_end(arguments);
    return journey->said;
}

const char *ese_journey_check_outcomes(struct ese_journey *journey)
{
    if (journey->wrong[0] != '\0')
        return journey->wrong;
    for (int i = 0; i < journey->count; i++) {
        const struct ese_journey_event *event = &journey->events[i];
        if (event->outcomes != (event->sent ? 1 : 0))
            return say(journey, "event %d was %s and has %d outcomes", i,
                       event->sent ? "sent" : "not sent", event->outcomes);
    }
    return NULL;
}

static bool was_not_stored(const struct ese_journey_event *event)
{
    enum ese_outcome outcome = event->last.outcome;
    return !event->sent || (event->outcomes > 0 && (outcome == ESE_OUTCOME_REFUSED ||
                                                    outcome == ESE_OUTCOME_NOT_SENT));
}

const char *ese_journey_check_handed(struct ese_journey *journey)
{
    for (int i = 0; i < journey->count; i++) {
        const struct ese_journey_event *event = &journey->events[i];
        if (is_acknowledged(event) && event->handed == 0)
            return say(journey, "event %d was acknowledged and never handed", i);
    }
    return NULL;
}

const char *ese_journey_check_strangers(struct ese_journey *journey)
{
    if (journey->wrong[0] != '\0')
        return journey->wrong;
    for (int i = 0; i < journey->count; i++) {
        const struct ese_journey_event *event = &journey->events[i];
        if (was_not_stored(event) && event->handed > 0)
            return say(journey, "event %d was certainly not stored, and yet handed", i);
    }
    return NULL;
}

const char *ese_journey_check_once(struct ese_journey *journey)
{
    for (int i = 0; i < journey->count; i++) {
        if (journey->events[i].handed > 1)
            return say(journey, "event %d was handed %d times", i, journey->events[i].handed);
    }
    return NULL;
}

const char *ese_journey_check_order(struct ese_journey *journey)
{
    for (int i = 0; i < journey->count; i++) {
        const struct ese_journey_event *later = &journey->events[i];
        if (!is_acknowledged(later) || later->handed == 0)
            continue;
        for (int k = i - 1; k >= 0; k--) {
            const struct ese_journey_event *earlier = &journey->events[k];
            if (!is_acknowledged(earlier) || strcmp(earlier->event.key, later->event.key) != 0)
                continue;
            if (earlier->handed > 0 && earlier->rank > later->rank)
                return say(journey, "event %d of %s was handed before event %d", i,
                           later->event.key, k);
            break; /* its neighbour was compared with the one before it */
        }
    }
    return NULL;
}

const char *ese_journey_check_places(struct ese_journey *journey)
{
    for (int i = 0; i < journey->count; i++) {
        const struct ese_journey_event *event = &journey->events[i];
        if (!is_acknowledged(event) || event->handed != 1 || event->last.offset < 0)
            continue;
        if (event->last.partition != event->partition || event->last.offset != event->offset)
            return say(journey, "event %d was acknowledged at %d/%lld and handed from %d/%lld", i,
                       event->last.partition, (long long)event->last.offset, event->partition,
                       (long long)event->offset);
    }
    return NULL;
}
