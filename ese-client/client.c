#include "ese-client/client.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>

#include "ese-client/again.h"
#include "ese-client/padding.h"
#include "ese-client/pending.h"
#include "ese-client/poison.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/news.h"
#include "ese-core/service.h"

#define POLL_MOST_MS 100          /* so that a stop is seen soon */
#define POLL_TYPED_MS 10          /* so that a typed line is seen soon while others are pending */
#define SENDS_BETWEEN_POLLS 64
#define OUTCOMES_A_POLL 256
#define NAP_NS (100 * INT64_C(1000)) /* between polls, the next event being due within 1 ms */
#define WIRE_EVERY_NS (100 * ESE_NS_PER_MS)
#define WALL_SET_NS (100 * ESE_NS_PER_MS) /* what NTP does not set at once it makes up for in both clocks */
#define DRAIN_STOPPED_NS (2 * ESE_NS_PER_S)
#define DRAIN_GRACE_NS (2 * ESE_NS_PER_S) /* a transport has one second beyond its retry deadline */

struct loop {
    const struct ese_client *client;
    struct ese_totals *totals;
    struct ese_pending *pending;
    struct ese_again *again;
    int64_t opened_ns;     /* when this process was there */
    int64_t start_ns;      /* of the schedule, monotonic */
    int64_t wall_offset_ns; /* makes a due time a client_ts */
    struct ese_event event; /* the one that comes next */
    int64_t due_ns;         /* its, monotonic */
    bool is_held;           /* event is filled */
    int64_t scheduled;      /* events the source gave */
    int64_t last_due_ns;
    int sends; /* since the last poll */
    int64_t next_wire_ns;
    struct ese_news full; /* whether the transport is, and takes nothing */
};

/* ---- outcomes -------------------------------------------------------------------------------- */

struct outcome {
    enum ese_history_kind kind;
    enum ese_history_counter counter;
    size_t total; /* where in struct ese_totals */
};

static const struct outcome outcomes[] = {
    [ESE_OUTCOME_ACKNOWLEDGED] = {ESE_HISTORY_ACKNOWLEDGED, ESE_COUNT_ACKNOWLEDGED,
                                  offsetof(struct ese_totals, acknowledged)},
    [ESE_OUTCOME_REFUSED] = {ESE_HISTORY_REFUSED, ESE_COUNT_REFUSED,
                             offsetof(struct ese_totals, refused)},
    [ESE_OUTCOME_UNKNOWN] = {ESE_HISTORY_UNKNOWN, ESE_COUNT_UNKNOWN,
                             offsetof(struct ese_totals, unknown)},
    [ESE_OUTCOME_NOT_SENT] = {ESE_HISTORY_NOT_SENT, ESE_COUNT_NOT_SENT,
                              offsetof(struct ese_totals, not_sent)},
};

static void note_outcome(struct loop *loop, const struct ese_acknowledgement *ack)
{
    const struct outcome *outcome = &outcomes[ack->outcome];
    struct ese_history *history = loop->client->history;
    struct ese_history_record record = {.kind = (uint16_t)outcome->kind,
                                        .partition = ack->partition,
                                        .time_ns = ack->done_ns,
                                        .id = ack->id,
                                        .a = ack->offset,
                                        .b = ack->attempts};
    ese_history_record(history, &record);
    ese_history_count(history, outcome->counter, 1);
    *(int64_t *)((char *)loop->totals + outcome->total) += 1;
    ese_vitals_ended(loop->client->vitals, ack->outcome);
}

static void take_outcome(struct loop *loop, const struct ese_acknowledgement *ack)
{
    int64_t due_ns;
    bool known = ese_pending_take(loop->pending, &ack->id, &due_ns);
    if (!known && ese_again_ended(loop->again, &ack->id))
        return;
    assert(known && "a transport gives one outcome for each event it took");
    if (!known)
        return;
    note_outcome(loop, ack);
    ese_again_told(loop->again, &ack->id, ack->outcome);
    if (ack->outcome != ESE_OUTCOME_ACKNOWLEDGED)
        return;
    int64_t latency_us = ack->done_ns < due_ns ? 0 : (ack->done_ns - due_ns) / 1000;
    ese_histogram_record(loop->totals->latency_us, latency_us);
    ese_vitals_acknowledged(loop->client->vitals, latency_us, ese_pending_count(loop->pending),
                            ack->done_ns);
    ese_history_set(loop->client->history, ESE_COUNT_LAST_DONE_NS, ack->done_ns);
}

static void note_progress(struct loop *loop)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    ese_progress_show(loop->client->progress, loop->totals, now_ns);
    ese_vitals_turned(loop->client->vitals, ese_pending_count(loop->pending), now_ns);
    if (now_ns < loop->next_wire_ns)
        return;
    loop->next_wire_ns = now_ns + WIRE_EVERY_NS;
    ese_history_note_wire(loop->client->history);
    ese_vitals_note_wire(loop->client->vitals);
}

/* What is due again, as far as the transport has room. */
static void send_again(struct loop *loop)
{
    const struct ese_client *client = loop->client;
    const struct ese_event *event;
    while ((event = ese_again_due(loop->again)) != NULL) {
        struct ese_error error = {.code = ESE_OK};
        struct ese_history_record again = {.kind = ESE_HISTORY_SENT_AGAIN, .partition = -1, .id = event->id, .a = -1,
                                           .time_ns = ese_clock_monotonic_ns()};
        if (ese_again_note(loop->again))
            ese_history_record(client->history, &again);
        if (client->produce->send(client->producer, event, &error) == 0) {
            ese_again_taken(loop->again);
            loop->totals->sent_again++;
        } else if (error.code == ESE_E_FULL) {
            return;
        } else {
            ese_log_warning("an event is not sent again: %s", error.text);
            ese_again_drop(loop->again);
        }
    }
}

/* Lets the transport work, for timeout_ms at most, and takes what became of the events. */
static void poll_transport(struct loop *loop, int timeout_ms)
{
    const struct ese_client *client = loop->client;
    struct ese_acknowledgement acks[OUTCOMES_A_POLL];
    int got;
    do {
        got = client->produce->poll(client->producer, timeout_ms, acks, OUTCOMES_A_POLL);
        for (int i = 0; i < got; i++)
            take_outcome(loop, &acks[i]);
        timeout_ms = 0;
    } while (got == OUTCOMES_A_POLL);
    send_again(loop);
    loop->sends = 0;
    note_progress(loop);
}

/* ---- offering -------------------------------------------------------------------------------- */

static void note_offered(struct loop *loop, int64_t now_ns)
{
    struct ese_history *history = loop->client->history;
    loop->last_due_ns = loop->due_ns;
    ese_history_offer(history, &loop->event, loop->due_ns);
    ese_history_count(history, ESE_COUNT_OFFERED, 1);
    loop->totals->offered++;
    bool late = now_ns - loop->due_ns > ESE_CLIENT_LATE_NS;
    if (late) {
        ese_history_count(history, ESE_COUNT_LATE, 1);
        loop->totals->late++;
    }
    ese_vitals_offered(loop->client->vitals, loop->due_ns, now_ns, late);
    struct ese_history_record sent = {.kind = ESE_HISTORY_SENT, .partition = -1, .time_ns = now_ns,
                                      .id = loop->event.id, .a = -1};
    ese_history_record(history, &sent);
}

static void note_not_sent(struct loop *loop)
{
    struct ese_acknowledgement none = {.id = loop->event.id, .outcome = ESE_OUTCOME_NOT_SENT,
                                       .partition = -1, .offset = -1,
                                       .done_ns = ese_clock_monotonic_ns()};
    note_outcome(loop, &none);
}

static void tell_full(struct loop *loop, const struct ese_error *full)
{
    if (!ese_news_due(&loop->full, full != NULL))
        return;
    if (full != NULL)
        ese_log_warning("events are not sent: %s", full->text);
    else
        ese_log_info("events are sent again");
}

/* A schedule does not wait: what does not fit is not sent. Without one there is time. */
static int send_event(struct loop *loop, struct ese_error *error)
{
    const struct ese_client *client = loop->client;
    while (client->produce->send(client->producer, &loop->event, error) != 0) {
        bool full = error->code == ESE_E_FULL;
        if (full)
            tell_full(loop, error);
        if (full && client->source->at_once && !ese_service_stopping()) {
            poll_transport(loop, 1);
            continue;
        }
        note_not_sent(loop);
        return full ? 0 : -1;
    }
    tell_full(loop, NULL);
    ese_pending_add(loop->pending, &loop->event.id, loop->due_ns);
    ese_again_sent(loop->again, &loop->event);
    return 0;
}

static bool is_set(int64_t apart_ns)
{
    return apart_ns >= WALL_SET_NS || apart_ns <= -WALL_SET_NS;
}

/* The schedule is kept by the monotonic clock, whatever the wall clock is set to; but client_ts goes
 * along, as everybody else compares it with theirs (client.h). */
static void follow_wall_clock(struct loop *loop, int64_t now_ns)
{
    int64_t about_ns = ese_clock_wall_us() * 1000 - now_ns - loop->wall_offset_ns;
    if (!is_set(about_ns)) /* mostly: whoever looks more closely reads the clocks four times */
        return;
    int64_t set_ns = ese_clock_wall_offset_ns() - loop->wall_offset_ns;
    if (!is_set(set_ns))
        return;
    loop->wall_offset_ns += set_ns;
    ese_log_warning("the wall clock was set %s by %lld ms: client_ts goes along",
                    set_ns > 0 ? "forward" : "back",
                    (llabs(set_ns) + ESE_NS_PER_MS / 2) / ESE_NS_PER_MS);
}

static int offer(struct loop *loop, int64_t now_ns, struct ese_error *error)
{
    const struct ese_client *client = loop->client;
    follow_wall_clock(loop, now_ns);
    int64_t client_ts = (loop->due_ns + loop->wall_offset_ns) / ESE_NS_PER_MS;
    if (client->source->face->stamp != NULL)
        client->source->face->stamp(&loop->event, client_ts);
    if (client->poison_every > 0 && loop->scheduled % client->poison_every == 0)
        ese_poison_add(&loop->event);
    ese_padding_add(&loop->event, client->payload_bytes);
    ese_lanes_name(client->lanes, &loop->event, client_ts);
    note_offered(loop, now_ns);
    int sent = send_event(loop, error);
    ese_event_clear(&loop->event);
    loop->is_held = false;
    if (sent == 0 && ++loop->sends >= SENDS_BETWEEN_POLLS)
        poll_transport(loop, 0);
    return sent;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Until the next event is due, in whole milliseconds while the transport can wait for outcomes, and
 * in naps for the rest, so that outcomes are not seen a millisecond late. */
static void wait_until_due(struct loop *loop, int64_t now_ns)
{
    int64_t left_ms = (loop->due_ns - now_ns) / ESE_NS_PER_MS;
    if (left_ms > 0) {
        poll_transport(loop, left_ms < POLL_MOST_MS ? (int)left_ms : POLL_MOST_MS);
        return;
    }
    poll_transport(loop, 0);
    int64_t nap_ns = ese_clock_monotonic_ns() + NAP_NS;
    ese_clock_sleep_until(nap_ns < loop->due_ns ? nap_ns : loop->due_ns);
}

/* A transport's poll cannot watch the source's descriptor: with events pending, ask often. */
static void wait_for_source(struct loop *loop)
{
    if (ese_pending_count(loop->pending) > 0) {
        poll_transport(loop, POLL_TYPED_MS);
        return;
    }
    struct pollfd wanted[] = {
        {.fd = loop->client->source->fd, .events = POLLIN},
        {.fd = ese_service_stop_fd(), .events = POLLIN},
    };
    poll(wanted, 2, POLL_MOST_MS);
    note_progress(loop);
}

/* ---- the schedule ---------------------------------------------------------------------------- */

static void begin(struct loop *loop)
{
    const struct ese_client *client = loop->client;
    loop->opened_ns = ese_clock_monotonic_ns();
    loop->wall_offset_ns = ese_clock_wall_offset_ns();
    loop->start_ns = client->start_at_ms == 0
                         ? loop->opened_ns
                         : client->start_at_ms * ESE_NS_PER_MS - loop->wall_offset_ns;
    loop->last_due_ns = loop->start_ns;
    loop->totals->started_ns = loop->start_ns < loop->opened_ns ? loop->opened_ns : loop->start_ns;
}

static bool is_over(const struct loop *loop)
{
    const struct ese_client *client = loop->client;
    return client->duration_ns > 0 && loop->due_ns >= loop->start_ns + client->duration_ns;
}

static int64_t due_of(const struct loop *loop, int64_t offset_ns)
{
    if (!loop->client->source->at_once)
        return loop->start_ns + offset_ns;
    int64_t now_ns = ese_clock_monotonic_ns();
    return now_ns < loop->start_ns ? loop->start_ns : now_ns;
}

/* Holds the next event of the schedule. What was due before this process was there belongs to an
 * earlier life of it, or to nobody. Returns what the source says. */
static int fetch(struct loop *loop, struct ese_error *error)
{
    const struct ese_client *client = loop->client;
    if (client->count > 0 && loop->scheduled >= client->count)
        return ESE_SOURCE_END;
    int64_t offset_ns;
    ese_event_clear(&loop->event);
    int said = client->source->face->next(client->source, &loop->event, &offset_ns, error);
    if (said != ESE_SOURCE_EVENT)
        return said;
    loop->scheduled++;
    loop->due_ns = due_of(loop, offset_ns);
    if (is_over(loop))
        return ESE_SOURCE_END;
    loop->is_held = loop->due_ns >= loop->opened_ns;
    if (!loop->is_held) {
        loop->totals->skipped++;
        ese_vitals_skipped(client->vitals);
    }
    return said;
}

/* One event further, or one wait. 1: go on; 0: the end of the schedule; -1. */
static int step(struct loop *loop, struct ese_error *error)
{
    bool is_full = ese_pending_count(loop->pending) >= loop->client->settings.inflight;
    if (loop->client->source->at_once && is_full) {
        poll_transport(loop, POLL_TYPED_MS);
        return 1;
    }
    if (!loop->is_held) {
        int said = fetch(loop, error);
        if (said == ESE_SOURCE_LATER)
            wait_for_source(loop);
        if (!loop->is_held)
            return said == -1 ? -1 : said != ESE_SOURCE_END;
    }
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns < loop->due_ns) {
        wait_until_due(loop, now_ns);
        return 1;
    }
    return offer(loop, now_ns, error) == 0 ? 1 : -1;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void drain(struct loop *loop)
{
    int64_t deadline_ms = loop->client->settings.retry_deadline_ms;
    int64_t until_ns = loop->last_due_ns + deadline_ms * ESE_NS_PER_MS + DRAIN_GRACE_NS;
    bool stopping = false;
    while (ese_pending_count(loop->pending) > 0 || ese_again_open(loop->again) > 0) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (ese_service_stopping() && !stopping) {
            stopping = true;
            if (until_ns > now_ns + DRAIN_STOPPED_NS)
                until_ns = now_ns + DRAIN_STOPPED_NS;
        }
        if (now_ns >= until_ns)
            break;
        poll_transport(loop, POLL_MOST_MS);
    }
}

/* Nobody will wait for these any longer. */
static void give_up_pending(struct loop *loop)
{
    struct ese_acknowledgement none = {.outcome = ESE_OUTCOME_UNKNOWN,
                                       .partition = -1,
                                       .offset = -1,
                                       .done_ns = ese_clock_monotonic_ns()};
    while (ese_pending_take_any(loop->pending, &none.id))
        note_outcome(loop, &none);
}

int ese_client_run(const struct ese_client *client, struct ese_totals *totals,
                   struct ese_error *error)
{
    struct loop loop = {.client = client, .totals = totals,
                        .pending = ese_pending_new(client->settings.inflight),
                        .again = ese_again_new(client->resend_every, client->settings.inflight)};
    begin(&loop);
    int going = 1;
    while (going == 1 && !ese_service_stopping())
        going = step(&loop, error);
    drain(&loop);
    give_up_pending(&loop);
    totals->ended_ns = ese_clock_monotonic_ns();
    ese_history_note_wire(client->history);
    ese_progress_end(client->progress);
    ese_event_clear(&loop.event);
    ese_pending_free(&loop.pending);
    ese_again_free(&loop.again);
    return going == -1 ? -1 : 0;
}
