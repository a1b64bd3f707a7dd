/* The open loop against a transport made of a list, which the tests tell what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "ese-client/clicks.h"
#include "ese-client/client.h"
#include "ese-client/replay.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/stepped_clock.h"

enum { HELD_MOST = 100000, STEP_EVERY = 50 };

struct ese_producer {
    struct ese_id held[HELD_MOST];
    int count;
    int64_t sent;
    int64_t polls;
    int64_t first_send_ns;
    int room;         /* held at most */
    bool is_mute;     /* gives no outcomes */
    bool is_broken;   /* send fails for good */
    int64_t stall_ns; /* the first send takes so long */
    enum ese_outcome outcome;
    const int64_t *steps_ns; /* what the wall clock is set by, behind every STEP_EVERY events */
    int step_count;
    int64_t farthest_ms; /* a client_ts was from the wall clock */
    int64_t last_ts;
    int set_back; /* how often client_ts went back */
};

/* As a transport does: it reads the wall clock, and would give up what is too old. */
static void compare_clocks(struct ese_producer *fake, const struct ese_event *event)
{
    int64_t apart_ms = ese_clock_wall_ms() - event->client_ts;
    apart_ms = apart_ms < 0 ? -apart_ms : apart_ms;
    if (apart_ms > fake->farthest_ms)
        fake->farthest_ms = apart_ms;
    fake->set_back += event->client_ts < fake->last_ts;
    fake->last_ts = event->client_ts;
    if (fake->step_count > 0 && fake->sent % STEP_EVERY == 0) {
        ese_test_wall_step(*fake->steps_ns++);
        fake->step_count--;
    }
}

static int fake_send(struct ese_producer *fake, const struct ese_event *event,
                     struct ese_error *error)
{
    if (fake->is_broken)
        return ese_fail(error, ESE_E_IO, "the disk is gone");
    if (fake->count >= fake->room)
        return ese_fail(error, ESE_E_FULL, "full");
    if (fake->sent++ == 0) {
        fake->first_send_ns = ese_clock_monotonic_ns();
        while (ese_clock_monotonic_ns() < fake->first_send_ns + fake->stall_ns)
            ese_clock_sleep_until(fake->first_send_ns + fake->stall_ns);
    }
    compare_clocks(fake, event);
    fake->held[fake->count++] = event->id;
    return 0;
}

static int fake_poll(struct ese_producer *fake, int timeout_ms, struct ese_acknowledgement *acks,
                     int max)
{
    fake->polls++;
    if (fake->count == 0 || fake->is_mute) {
        ese_clock_sleep_until(ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS);
        return 0;
    }
    int count = fake->count < max ? fake->count : max;
    for (int i = 0; i < count; i++)
        acks[i] = (struct ese_acknowledgement){.id = fake->held[--fake->count],
                                               .outcome = fake->outcome,
                                               .partition = 1,
                                               .offset = 5,
                                               .attempts = 2,
                                               .done_ns = ese_clock_monotonic_ns()};
    return count;
}

static const struct ese_produce_face fake_face = {.send = fake_send, .poll = fake_poll};

struct bench {
    struct ese_producer *fake;
    struct ese_progress progress;
    struct ese_metrics *metrics;
    struct ese_client client;
    struct ese_totals totals;
    char *directory;
    char *history;
};

static void set_up(struct bench *bench, struct ese_source *source)
{
    *bench =
        (struct bench){.fake = ese_alloc(sizeof *bench->fake), .progress = ese_progress_on(NULL)};
    bench->fake->room = HELD_MOST;
    bench->metrics = ese_metrics_new();
    bench->directory = ese_test_directory_make();
    bench->history = ese_test_path(bench->directory, "client.history");
    bench->client =
        (struct ese_client){.source = source,
                            .produce = &fake_face,
                            .producer = bench->fake,
                            .progress = &bench->progress,
                            .vitals = ese_vitals_new(bench->metrics, 10000),
                            .lanes = ese_lanes_new(64, 5),
                            .settings = {.inflight = HELD_MOST, .retry_deadline_ms = 1000}};
    struct ese_error error;
    assert_int_equal(ese_history_open(&(struct ese_history_options){.path = bench->history, .party = "ese-client",
                                                                    .transport = "fake", .limit = 1 << 26},
                                      &bench->client.history, &error),
                     0);
    bench->totals.latency_us = ese_histogram_new();
}

static int64_t metric(const struct bench *bench, const char *name)
{
    return ese_metric_value(ese_metrics_counter(bench->metrics, name, NULL, ""));
}

/* What Prometheus reads is what the report will say. */
static void check_metrics(const struct bench *bench)
{
    const struct ese_totals *totals = &bench->totals;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    char line[100];
    assert_int_equal(metric(bench, "ese_client_offered_total"), totals->offered);
    assert_int_equal(metric(bench, "ese_client_acknowledged_total"), totals->acknowledged);
    assert_int_equal(metric(bench, "ese_client_refused_total"), totals->refused);
    assert_int_equal(metric(bench, "ese_client_unknown_total"), totals->unknown);
    assert_int_equal(metric(bench, "ese_client_not_sent_total"), totals->not_sent);
    assert_int_equal(metric(bench, "ese_client_late_total"), totals->late);
    assert_int_equal(metric(bench, "ese_client_skipped_total"), totals->skipped);
    ese_metrics_render(bench->metrics, &text);
    snprintf(line, sizeof line, "\nese_client_latency_seconds_count %d\n",
             (int)totals->acknowledged);
    assert_non_null(strstr(text.text, line));
    ese_buffer_free(&text);
}

static void run(struct bench *bench)
{
    struct ese_error error;
    assert_int_equal(ese_client_run(&bench->client, &bench->totals, &error), 0);
    const struct ese_totals *totals = &bench->totals;
    assert_int_equal(totals->offered,
                     totals->acknowledged + totals->refused + totals->unknown + totals->not_sent);
    assert_int_equal(ese_histogram_count(totals->latency_us), totals->acknowledged);
    check_metrics(bench);
}

static void tear_down(struct bench *bench)
{
    ese_history_close(&bench->client.history);
    ese_source_close(&bench->client.source);
    ese_lanes_free(&bench->client.lanes);
    ese_histogram_free(&bench->totals.latency_us);
    ese_vitals_free(&bench->client.vitals);
    ese_metrics_free(&bench->metrics);
    free(bench->fake);
    free(bench->history);
    ese_test_directory_remove(&bench->directory);
}

/* How many records of a kind the history holds. */
static int64_t noted(const struct bench *bench, enum ese_history_kind kind)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    struct ese_error error;
    assert_int_equal(ese_history_read_open(bench->history, &reader, &error), 0);
    int64_t count = 0;
    while (ese_history_read_next(reader, &record, &error) == 1)
        count += record.kind == kind;
    ese_history_read_close(&reader);
    return count;
}

static void duration_ends_the_schedule_and_all_is_noted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 1000, 1, 3));
    bench.client.duration_ns = ESE_NS_PER_S / 2;
    int64_t began_ns = ese_clock_monotonic_ns();
    run(&bench);
    assert_true(ese_clock_monotonic_ns() - began_ns >= ESE_NS_PER_S / 2 - ESE_CLICKS_BURST_NS);
    assert_in_range(bench.totals.acknowledged, 350, 650);
    assert_int_equal(bench.fake->sent, bench.totals.offered);
    assert_int_equal(noted(&bench, ESE_HISTORY_OFFERED), bench.totals.offered);
    assert_int_equal(noted(&bench, ESE_HISTORY_SENT), bench.totals.offered);
    assert_int_equal(noted(&bench, ESE_HISTORY_ACKNOWLEDGED), bench.totals.offered);
    tear_down(&bench);
}

static void offers_precede_their_sends_and_outcomes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.count = 300;
    run(&bench);
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record, before = {.kind = 0};
    struct ese_error error;
    assert_int_equal(ese_history_read_open(bench.history, &reader, &error), 0);
    while (ese_history_read_next(reader, &record, &error) == 1) {
        if (record.kind == ESE_HISTORY_SENT) {
            assert_int_equal(before.kind, ESE_HISTORY_OFFERED);
            assert_true(ese_id_equal(&before.id, &record.id));
            assert_true(before.time_ns <= record.time_ns);
        }
        if (record.kind == ESE_HISTORY_ACKNOWLEDGED) {
            assert_int_equal(record.partition, 1);
            assert_int_equal(record.a, 5);
            assert_int_equal(record.b, 2);
        }
        before = record;
    }
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_OFFERED), 300);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_ACKNOWLEDGED), 300);
    ese_history_read_close(&reader);
    tear_down(&bench);
}

static void what_does_not_fit_is_not_sent(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 2000, 1, 3));
    bench.client.count = 400;
    bench.client.settings.retry_deadline_ms = 1;
    bench.fake->room = 10;
    bench.fake->is_mute = true;
    run(&bench);
    assert_int_equal(bench.totals.not_sent, 390);
    assert_int_equal(bench.totals.unknown, 10); /* no outcome came: perhaps stored */
    assert_int_equal(noted(&bench, ESE_HISTORY_NOT_SENT), 390);
    assert_int_equal(noted(&bench, ESE_HISTORY_UNKNOWN), 10);
    tear_down(&bench);
}

static void without_a_schedule_it_waits_for_room(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.count = 5000;
    bench.fake->room = 7;
    run(&bench);
    assert_int_equal(bench.totals.acknowledged, 5000);
    tear_down(&bench);
}

/* Each third is sent once more when it has its acknowledgement, which is its outcome still. */
static void each_so_manieth_is_sent_twice(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.count = 301;
    bench.client.resend_every = 3;
    bench.fake->room = 7; /* the second sending may have to wait */
    run(&bench);
    assert_int_equal(bench.totals.offered, 301);
    assert_int_equal(bench.totals.acknowledged, 301);
    assert_int_equal(bench.totals.sent_again, 100);
    assert_int_equal(bench.fake->sent, 401);
    assert_int_equal(bench.fake->count, 0); /* none is left without its answer */
    assert_int_equal(noted(&bench, ESE_HISTORY_OFFERED), 301);
    assert_int_equal(noted(&bench, ESE_HISTORY_SENT), 301);
    assert_int_equal(noted(&bench, ESE_HISTORY_ACKNOWLEDGED), 301);
    assert_int_equal(noted(&bench, ESE_HISTORY_SENT_AGAIN), 100);
    tear_down(&bench);
}

static void what_was_refused_is_not_sent_twice(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.count = 50;
    bench.client.resend_every = 1;
    bench.fake->outcome = ESE_OUTCOME_REFUSED;
    run(&bench);
    assert_int_equal(bench.totals.refused, 50);
    assert_int_equal(bench.fake->sent, 50);
    assert_int_equal(noted(&bench, ESE_HISTORY_SENT_AGAIN), 0);
    tear_down(&bench);
}

static void outcomes_are_told_apart(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.count = 50;
    bench.fake->outcome = ESE_OUTCOME_REFUSED;
    run(&bench);
    assert_int_equal(bench.totals.refused, 50);
    assert_int_equal(noted(&bench, ESE_HISTORY_REFUSED), 50);
    tear_down(&bench);
}

static void a_schedule_that_was_not_kept_is_counted_late(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 1000, 1, 3));
    bench.client.duration_ns = ESE_NS_PER_S / 2;
    bench.fake->stall_ns = ESE_NS_PER_S / 4;
    run(&bench);
    assert_in_range(bench.totals.late, 100, bench.totals.offered);
    assert_true(ese_histogram_max(bench.totals.latency_us) >= 200000);
    tear_down(&bench);
}

static void a_start_in_the_past_leaves_out_what_is_over(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 1000, 1, 3));
    bench.client.start_at_ms = ese_clock_wall_ms() - 10000;
    bench.client.duration_ns = 10 * ESE_NS_PER_S + ESE_NS_PER_S / 4;
    run(&bench);
    assert_in_range(bench.totals.skipped, 9000, 11000);
    assert_in_range(bench.totals.offered, 100, 400);
    assert_true(ese_histogram_max(bench.totals.latency_us) < 5000000);
    tear_down(&bench);
}

static void a_start_in_the_future_is_waited_for(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.client.start_at_ms = ese_clock_wall_ms() + 200;
    bench.client.count = 10;
    int64_t began_ns = ese_clock_monotonic_ns();
    run(&bench);
    assert_true(bench.fake->first_send_ns - began_ns >= 195 * ESE_NS_PER_MS);
    tear_down(&bench);
}

static void a_transport_that_refuses_for_good_ends_the_client(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 0, 1, 3));
    bench.fake->is_broken = true;
    struct ese_error error;
    assert_int_equal(ese_client_run(&bench.client, &bench.totals, &error), -1);
    assert_non_null(strstr(error.text, "the disk is gone"));
    assert_int_equal(bench.totals.offered, 1);
    assert_int_equal(bench.totals.not_sent, 1);
    tear_down(&bench);
}

static void a_pipe_is_sent_to_its_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "k\nk\nk\n", 6), 6);
    close(ends[1]);
    struct bench bench;
    struct ese_source *source = NULL;
    struct ese_error error;
    assert_int_equal(ese_replay_open_typed(ends[0], &source, &error), 0);
    close(ends[0]);
    set_up(&bench, source);
    run(&bench);
    assert_int_equal(bench.totals.acknowledged, 3);
    tear_down(&bench);
}

/* On by an hour, back by two, and on by less than a retry deadline. */
static void a_wall_clock_that_is_set_takes_client_ts_along(void **state)
{
    (void)state;
    static const int64_t steps[] = {3600 * ESE_NS_PER_S, -7200 * ESE_NS_PER_S, 600 * ESE_NS_PER_MS};
    struct bench bench;
    set_up(&bench, ese_persons_open(&ese_clicks_life, 1000, 1, 3));
    bench.client.count = 5 * STEP_EVERY;
    bench.fake->steps_ns = steps;
    bench.fake->step_count = ESE_COUNT_OF(steps);
    int64_t began_ns = ese_clock_monotonic_ns();
    run(&bench);
    ese_test_clocks_restore();
    assert_int_equal(bench.fake->step_count, 0);
    assert_int_equal(bench.totals.acknowledged, 5 * STEP_EVERY);
    assert_true(ese_clock_monotonic_ns() - began_ns < 60 * ESE_NS_PER_S); /* the schedule stays */
    assert_true(bench.fake->farthest_ms < 500 + ese_histogram_max(bench.totals.latency_us) / 1000);
    assert_int_equal(bench.fake->set_back, 1);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration_ends_the_schedule_and_all_is_noted),
        cmocka_unit_test(offers_precede_their_sends_and_outcomes),
        cmocka_unit_test(what_does_not_fit_is_not_sent),
        cmocka_unit_test(without_a_schedule_it_waits_for_room),
        cmocka_unit_test(each_so_manieth_is_sent_twice),
        cmocka_unit_test(what_was_refused_is_not_sent_twice),
        cmocka_unit_test(outcomes_are_told_apart),
        cmocka_unit_test(a_schedule_that_was_not_kept_is_counted_late),
        cmocka_unit_test(a_start_in_the_past_leaves_out_what_is_over),
        cmocka_unit_test(a_start_in_the_future_is_waited_for),
        cmocka_unit_test(a_transport_that_refuses_for_good_ends_the_client),
        cmocka_unit_test(a_pipe_is_sent_to_its_end),
        cmocka_unit_test(a_wall_clock_that_is_set_takes_client_ts_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
