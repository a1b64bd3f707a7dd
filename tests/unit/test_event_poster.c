/* The poster against a server whose store does what a test tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/event_intake.h"
#include "ese-core/event_poster.h"
#include "ese-core/memory.h"

enum { LANES = 16, MOST_STORED = 4096 };

/* What the store says to an event: each test writes it into the event's ip. */
#define STORED "stored"
#define FULL_ONCE "full once"         /* 503 to the first attempt */
#define FULL "full"                   /* 503 always */
#define CONFLICT "conflict"           /* 422 */
#define UNKNOWN_ONCE "unknown once"   /* 504 to the first attempt, though it stored it */
#define UNKNOWN "unknown"             /* 504 always */
#define UNSYNCED "unsynced"           /* 503 that does not say when to come again, always */
#define NEVER "never"                 /* no answer */
#define SLOW "slow"                   /* stored, told from another thread after a while */
#define UNKNOWN_FULL "unknown, then full"

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    struct ese_event_intake *intake;
    struct ese_event_poster *poster;
    char url[80];
    uint32_t sequences[LANES];
    /* The store, on the server's thread. */
    struct ese_id stored[MOST_STORED];
    struct ese_id seen[MOST_STORED]; /* in the order of arrival, repeats included */
    char trace[ESE_TRACEPARENT_SIZE];
    atomic_int stored_count, seen_count;
    pthread_mutex_t lock; /* for the following: the test answers these at its end */
    struct ese_append *unanswered[64];
    int unanswered_count;
    pthread_t slow[MOST_STORED];
    int slow_count;
};

static bool seen_before(struct fixture *fixture, const struct ese_id *id)
{
    for (int i = 0; i < fixture->seen_count; i++) {
        if (ese_id_equal(&fixture->seen[i], id))
            return true;
    }
    return false;
}

static void store(struct fixture *fixture, const struct ese_id *id)
{
    for (int i = 0; i < fixture->stored_count; i++) {
        if (ese_id_equal(&fixture->stored[i], id))
            return;
    }
    assert_true(fixture->stored_count < MOST_STORED);
    fixture->stored[fixture->stored_count++] = *id;
}

static void *answer_slowly(void *context)
{
    ese_clock_sleep_until(ese_clock_monotonic_ns() + 5 * ESE_NS_PER_MS);
    ese_append_done(context, ESE_APPEND_STORED);
    return NULL;
}

static enum ese_append_result decide(const char *wish, bool again)
{
    static const struct {
        const char *wish;
        enum ese_append_result first, then;
    } wishes[] = {
        {STORED, ESE_APPEND_STORED, ESE_APPEND_STORED},
        {FULL_ONCE, ESE_APPEND_FULL, ESE_APPEND_STORED},
        {FULL, ESE_APPEND_FULL, ESE_APPEND_FULL},
        {CONFLICT, ESE_APPEND_CONFLICT, ESE_APPEND_CONFLICT},
        {UNKNOWN_ONCE, ESE_APPEND_UNKNOWN, ESE_APPEND_STORED},
        {UNKNOWN, ESE_APPEND_UNKNOWN, ESE_APPEND_UNKNOWN},
        {UNKNOWN_FULL, ESE_APPEND_UNKNOWN, ESE_APPEND_FULL},
        {UNSYNCED, ESE_APPEND_UNSYNCED, ESE_APPEND_UNSYNCED},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        if (strcmp(wishes[i].wish, wish) == 0)
            return again ? wishes[i].then : wishes[i].first;
    }
    fail_msg("no such wish: %s", wish);
    return ESE_APPEND_FAILED;
}

static void append(void *context, struct ese_append *append)
{
    struct fixture *fixture = context;
    const struct ese_event *event = &append->list.events[0];
    bool again = seen_before(fixture, &event->id);
    assert_true(fixture->seen_count < MOST_STORED);
    fixture->seen[fixture->seen_count++] = event->id;
    memcpy(fixture->trace, event->traceparent, sizeof fixture->trace);
    if (strcmp(event->ip, NEVER) == 0) {
        pthread_mutex_lock(&fixture->lock);
        fixture->unanswered[fixture->unanswered_count++] = append;
        pthread_mutex_unlock(&fixture->lock);
    } else if (strcmp(event->ip, SLOW) == 0) {
        store(fixture, &event->id);
        pthread_mutex_lock(&fixture->lock);
        pthread_create(&fixture->slow[fixture->slow_count++], NULL, answer_slowly, append);
        pthread_mutex_unlock(&fixture->lock);
    } else {
        enum ese_append_result result = decide(event->ip, again);
        if (result == ESE_APPEND_STORED || result == ESE_APPEND_UNKNOWN)
            store(fixture, &event->id);
        ese_append_done(append, result);
    }
}

/* address: port 0, or where a server was before. */
static void start_server(struct fixture *fixture, const char *address)
{
    struct ese_error error = {0};
    const struct ese_http_server_options options = {.listen = address, .metrics = fixture->metrics};
    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    fixture->intake = ese_event_intake_new(fixture->server, fixture->metrics, 100, append, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
}

static void stop_server(struct fixture *fixture)
{
    if (fixture->server == NULL)
        return; /* stopped before */
    ese_http_server_quiesce(fixture->server); /* nothing further comes to the store */
    pthread_mutex_lock(&fixture->lock);
    for (int i = 0; i < fixture->unanswered_count; i++)
        ese_append_done(fixture->unanswered[i], ESE_APPEND_FAILED);
    for (int i = 0; i < fixture->slow_count; i++)
        pthread_join(fixture->slow[i], NULL);
    fixture->unanswered_count = fixture->slow_count = 0;
    pthread_mutex_unlock(&fixture->lock);
    ese_http_server_close(&fixture->server);
    ese_event_intake_free(&fixture->intake);
}

static struct fixture *start(int inflight, int connections, int deadline_ms)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    struct ese_error error = {0};
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->metrics = ese_metrics_new();
    start_server(fixture, "127.0.0.1:0");
    snprintf(fixture->url, sizeof fixture->url, "http://%s/",
             ese_http_server_address(fixture->server));
    const struct ese_event_poster_options options = {.server = fixture->url,
                                                     .inflight = inflight,
                                                     .connections = connections,
                                                     .retry_deadline_ms = deadline_ms};
    assert_int_equal(ese_event_poster_open(&options, &fixture->poster, &error), 0);
    return fixture;
}

static void stop(struct fixture *fixture)
{
    ese_event_poster_close(&fixture->poster);
    assert_null(fixture->poster);
    stop_server(fixture);
    ese_metrics_free(&fixture->metrics);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

/* An event of that lane, due `age_ms` ago, whose ip says what becomes of it. Returns its id. */
static struct ese_id send_event(struct fixture *fixture, uint16_t lane, const char *wish,
                                int age_ms)
{
    struct ese_event event = {.client_ts = ese_clock_wall_ms() - age_ms};
    struct ese_error error = {0};
    const struct ese_id_parts parts = {
        .time_ms = event.client_ts, .lane = lane, .run = 7, .sequence = fixture->sequences[lane]++};
    event.id = ese_id_make(&parts);
    snprintf(event.type, sizeof event.type, "T");
    snprintf(event.sub_type, sizeof event.sub_type, "S");
    snprintf(event.ip, sizeof event.ip, "%s", wish);
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    assert_int_equal(ese_event_poster_send(fixture->poster, &event, &error), 0);
    return event.id;
}

static struct ese_acknowledgement next_outcome(struct fixture *fixture)
{
    struct ese_acknowledgement acknowledgement;
    int64_t limit_ns = ese_clock_monotonic_ns() + 15 * ESE_NS_PER_S;
    while (ese_event_poster_poll(fixture->poster, 1000, &acknowledgement, 1) == 0)
        assert_true(ese_clock_monotonic_ns() < limit_ns);
    return acknowledgement;
}

static void expect_outcome(struct fixture *fixture, const struct ese_id *id,
                           enum ese_outcome outcome, int attempts)
{
    struct ese_acknowledgement acknowledgement = next_outcome(fixture);
    assert_true(ese_id_equal(&acknowledgement.id, id));
    assert_int_equal(acknowledgement.outcome, outcome);
    if (attempts >= 0)
        assert_int_equal(acknowledgement.attempts, attempts);
    assert_int_equal(acknowledgement.partition, -1);
    assert_int_equal(acknowledgement.offset, -1);
    assert_true(acknowledgement.done_ns <= ese_clock_monotonic_ns());
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void acknowledged_at_once_or_later(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 10000);
    struct ese_id first = send_event(fixture, 0, STORED, 0);
    assert_int_equal(ese_event_poster_pending(fixture->poster), 1);
    expect_outcome(fixture, &first, ESE_OUTCOME_ACKNOWLEDGED, 1);
    assert_int_equal(ese_event_poster_pending(fixture->poster), 0);
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&first, id);
    assert_memory_equal(fixture->trace + 3, id, 8); /* its own traceparent travelled */
    struct ese_id second = send_event(fixture, 0, SLOW, 0);
    expect_outcome(fixture, &second, ESE_OUTCOME_ACKNOWLEDGED, 1);
    struct ese_id third = send_event(fixture, 0, UNKNOWN_ONCE, 0);
    expect_outcome(fixture, &third, ESE_OUTCOME_ACKNOWLEDGED, 2);
    assert_int_equal(fixture->stored_count, 3); /* the repeat was known by its id */
    stop(fixture);
}

/* It knows what it has sent. */
static void what_was_stored_is_not_sent_back(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 10000);
    struct ese_id id = send_event(fixture, 0, STORED, 0);
    expect_outcome(fixture, &id, ESE_OUTCOME_ACKNOWLEDGED, 1);
    struct ese_metric *sent = ese_metrics_counter(fixture->metrics, "ese_http_sent_bytes_total", NULL, "");
    assert_int_equal(ese_metric_value(sent), 0);
    id = send_event(fixture, 0, CONFLICT, 0); /* what is sent is counted */
    expect_outcome(fixture, &id, ESE_OUTCOME_REFUSED, 1);
    assert_true(ese_metric_value(sent) > 0);
    stop(fixture);
}

static void refused_at_once_where_repeating_helps_nobody(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 10000);
    struct ese_id id = send_event(fixture, 0, CONFLICT, 0);
    expect_outcome(fixture, &id, ESE_OUTCOME_REFUSED, 1);
    stop(fixture);
}

static void at_the_deadline_refused_or_unknown(void **state)
{
    static const struct {
        const char *wish;
        enum ese_outcome outcome;
    } cases[] = {{FULL, ESE_OUTCOME_REFUSED},
                 {UNKNOWN, ESE_OUTCOME_UNKNOWN},
                 {UNKNOWN_FULL, ESE_OUTCOME_UNKNOWN},
                 {UNSYNCED, ESE_OUTCOME_UNKNOWN},
                 {NEVER, ESE_OUTCOME_UNKNOWN}};
    enum { CASES = sizeof cases / sizeof cases[0] };
    struct ese_id ids[CASES];
    (void)state;
    struct fixture *fixture = start(10, CASES, 1500);
    int64_t began_ns = ese_clock_monotonic_ns();
    for (uint16_t i = 0; i < CASES; i++)
        ids[i] = send_event(fixture, i, cases[i].wish, 700);
    for (int left = CASES; left > 0; left--) {
        struct ese_acknowledgement one = next_outcome(fixture);
        int64_t took_ms = (ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_MS;
        uint16_t lane = ese_id_read(&one.id).lane;
        assert_true(ese_id_equal(&one.id, &ids[lane]));
        assert_int_equal(one.outcome, cases[lane].outcome);
        assert_in_range(took_ms, 750, 1800); /* from the due time, and a second at most beyond */
    }
    stop(fixture);
}

static void late_ones_are_never_sent(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 1000);
    struct ese_id late = send_event(fixture, 0, STORED, 1001);
    expect_outcome(fixture, &late, ESE_OUTCOME_NOT_SENT, 0);
    assert_int_equal(fixture->seen_count, 0);
    struct ese_id blocks = send_event(fixture, 1, NEVER, 0);
    struct ese_id behind = send_event(fixture, 1, STORED, 500); /* due earlier, though sent later */
    struct ese_id last = send_event(fixture, 1, STORED, -5000);
    expect_outcome(fixture, &behind, ESE_OUTCOME_NOT_SENT, 0);
    expect_outcome(fixture, &blocks, ESE_OUTCOME_UNKNOWN, 1);
    expect_outcome(fixture, &last, ESE_OUTCOME_ACKNOWLEDGED, 1);
    stop(fixture);
}

static void an_absent_server_is_met_with_retries(void **state)
{
    (void)state;
    struct fixture *fixture = start(100, 4, 20000);
    char address[80];
    snprintf(address, sizeof address, "%s", ese_http_server_address(fixture->server));
    stop_server(fixture);
    struct ese_id ids[20];
    for (int i = 0; i < 20; i++)
        ids[i] = send_event(fixture, (uint16_t)(i % 4), STORED, 0);
    struct ese_acknowledgement none;
    assert_int_equal(ese_event_poster_poll(fixture->poster, 300, &none, 1), 0);
    start_server(fixture, address);
    for (int i = 0; i < 20; i++) {
        struct ese_acknowledgement one = next_outcome(fixture);
        assert_int_equal(one.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    }
    assert_int_equal(fixture->stored_count, 20);
    for (int i = 0; i < 20; i++)
        assert_true(seen_before(fixture, &ids[i]));
    assert_int_equal(ese_event_poster_pending(fixture->poster), 0);
    stop(fixture);
}

static void a_server_that_never_was_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 500);
    stop_server(fixture);
    struct ese_id id = send_event(fixture, 0, STORED, 0);
    expect_outcome(fixture, &id, ESE_OUTCOME_REFUSED, -1); /* nothing ever left */
    stop(fixture);
}

/* ---- order and bounds ------------------------------------------------------------------------ */

static void lanes_keep_their_order_through_retries(void **state)
{
    static const char *const wishes[] = {STORED, FULL_ONCE, SLOW, UNKNOWN_ONCE, STORED};
    enum { EVENTS = 5 * LANES };
    (void)state;
    struct fixture *fixture = start(EVENTS, LANES, 20000);
    for (int i = 0; i < EVENTS; i++)
        send_event(fixture, (uint16_t)(i % LANES), wishes[(i / LANES) % 5], 0);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(next_outcome(fixture).outcome, ESE_OUTCOME_ACKNOWLEDGED);
    assert_int_equal(fixture->stored_count, EVENTS);
    uint32_t expected[LANES] = {0};
    for (int i = 0; i < EVENTS; i++) {
        struct ese_id_parts parts = ese_id_read(&fixture->stored[i]);
        assert_int_equal(parts.sequence, expected[parts.lane]++);
    }
    stop(fixture);
}

static void a_lane_that_waits_holds_no_other(void **state)
{
    (void)state;
    struct fixture *fixture = start(100, 1, 1500);
    struct ese_id full = send_event(fixture, 0, FULL, 0);
    for (int i = 0; i < 50; i++) {
        struct ese_id id = send_event(fixture, 1, STORED, 0);
        expect_outcome(fixture, &id, ESE_OUTCOME_ACKNOWLEDGED, 1);
    }
    expect_outcome(fixture, &full, ESE_OUTCOME_REFUSED, -1);
    stop(fixture);
}

/* The server asks for a second: fewer attempts than the back-off alone would make. */
static void retry_after_is_respected(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 1, 1800);
    struct ese_id id = send_event(fixture, 0, FULL, 0);
    struct ese_acknowledgement one = next_outcome(fixture);
    assert_true(ese_id_equal(&one.id, &id));
    assert_int_equal(one.outcome, ESE_OUTCOME_REFUSED);
    assert_int_equal(one.attempts, 2);
    stop(fixture);
}

static void beyond_inflight_nothing_is_taken(void **state)
{
    (void)state;
    struct fixture *fixture = start(3, 2, 10000);
    struct ese_event event = {.client_ts = ese_clock_wall_ms()};
    struct ese_error error = {0};
    event.id = ese_id_make(&(struct ese_id_parts){.lane = 5, .run = 1});
    for (int i = 0; i < 3; i++)
        send_event(fixture, (uint16_t)i, STORED, 0);
    assert_int_equal(ese_event_poster_send(fixture->poster, &event, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_int_equal(ese_event_poster_pending(fixture->poster), 3);
    next_outcome(fixture);
    send_event(fixture, 3, STORED, 0);
    for (int i = 0; i < 3; i++)
        next_outcome(fixture);
    assert_int_equal(ese_event_poster_pending(fixture->poster), 0);
    stop(fixture);
}

static void poll_keeps_its_time_and_its_bound(void **state)
{
    (void)state;
    struct fixture *fixture = start(10, 2, 10000);
    struct ese_acknowledgement some[10];
    int64_t began_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_event_poster_poll(fixture->poster, 100, some, 10), 0);
    assert_in_range((ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_MS, 100, 5000);
    for (int i = 0; i < 10; i++)
        send_event(fixture, 0, STORED, 20000); /* late: ten outcomes at once */
    assert_int_equal(ese_event_poster_poll(fixture->poster, 0, some, 4), 4);
    assert_int_equal(ese_event_poster_poll(fixture->poster, 0, some, 10), 6);
    stop(fixture);
}

static void closing_lets_go_of_all(void **state)
{
    (void)state;
    struct fixture *fixture = start(100, 2, 10000);
    for (int i = 0; i < 20; i++)
        send_event(fixture, (uint16_t)(i % LANES), i % 3 == 0 ? NEVER : FULL, 0);
    struct ese_acknowledgement none;
    ese_event_poster_poll(fixture->poster, 50, &none, 1);
    stop(fixture);
}

static void a_server_must_be_a_url(void **state)
{
    struct ese_event_poster *poster = NULL;
    struct ese_error error = {0};
    const struct ese_event_poster_options options = {
        .server = "127.0.0.1:2001", .inflight = 1, .connections = 1, .retry_deadline_ms = 1};
    (void)state;
    assert_int_equal(ese_event_poster_open(&options, &poster, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "127.0.0.1:2001"));
    ese_event_poster_close(&poster);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_at_once_or_later),
        cmocka_unit_test(what_was_stored_is_not_sent_back),
        cmocka_unit_test(refused_at_once_where_repeating_helps_nobody),
        cmocka_unit_test(at_the_deadline_refused_or_unknown),
        cmocka_unit_test(late_ones_are_never_sent),
        cmocka_unit_test(an_absent_server_is_met_with_retries),
        cmocka_unit_test(a_server_that_never_was_is_refused),
        cmocka_unit_test(lanes_keep_their_order_through_retries),
        cmocka_unit_test(a_lane_that_waits_holds_no_other),
        cmocka_unit_test(retry_after_is_respected),
        cmocka_unit_test(beyond_inflight_nothing_is_taken),
        cmocka_unit_test(poll_keeps_its_time_and_its_bound),
        cmocka_unit_test(closing_lets_go_of_all),
        cmocka_unit_test(a_server_must_be_a_url),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
