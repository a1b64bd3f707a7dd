#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/turn.h"
#include "ese-core/clock.h"
#include "tests/support/directory.h"

#define NOON 1700000000000
#define LATENESS_MS 10000
#define STUCK_AFTER_MS 5000

/* One consumer's insides over a fresh state file, holding partition 0. */
struct bench {
    char *directory;
    char *path;
    char *history_path;
    struct ese_rules rules;
    struct ese_metrics *metrics;
    struct ese_turn_parts parts;
    struct ese_holdings holdings;
    struct ese_turn *turn;
    struct ese_record records[64];
    int count;
    int64_t offset; /* of the next named one */
    int decided;
    struct ese_error error;
};

static struct ese_holding *hold(struct bench *bench)
{
    struct ese_holding *holding = ese_holdings_add(&bench->holdings, 0);
    assert_non_null(holding);
    assert_int_equal(
        ese_holding_load(holding, bench->parts.state, "p", &bench->rules, NULL), 0);
    return holding;
}

/* Anew, with the parts as they are now. */
static void open_turn(struct bench *bench)
{
    ese_turn_close(&bench->turn);
    assert_int_equal(ese_turn_open(&bench->parts, &bench->turn, NULL), 0);
}

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    bench->directory = ese_test_directory_make();
    bench->path = ese_test_path(bench->directory, "state");
    bench->history_path = ese_test_path(bench->directory, "history");
    bench->metrics = ese_metrics_new();
    const struct ese_state_options options = {
        .path = bench->path, .durability = ESE_DURABILITY_OS, .group = "g", .transport = "t"};
    bench->rules.settings.stuck_after_ms = STUCK_AFTER_MS;
    assert_int_equal(ese_rules_choose("steady-click,stuck-order", &bench->rules, NULL), 0);
    assert_int_equal(ese_state_open(&options, &bench->parts.state, NULL), 0);
    const struct ese_history_options history = {
        .path = bench->history_path, .party = "c", .transport = "t", .limit = 1 << 20};
    assert_int_equal(ese_history_open(&history, &bench->parts.history, NULL), 0);
    bench->parts.rules = &bench->rules;
    bench->parts.decisions = ese_decisions_new(ese_state_database(bench->parts.state), "t");
    bench->parts.holdings = &bench->holdings;
    bench->parts.statistics = ese_statistics_new(bench->metrics, "t", bench->rules.names);
    bench->parts.lateness_ms = LATENESS_MS;
    bench->parts.max_keys = 100;
    open_turn(bench);
    hold(bench);
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    ese_turn_close(&bench->turn);
    ese_holdings_clear(&bench->holdings);
    ese_statistics_free(&bench->parts.statistics);
    ese_decisions_free(&bench->parts.decisions);
    ese_state_close(&bench->parts.state);
    ese_history_close(&bench->parts.history);
    ese_metrics_free(&bench->metrics);
    free(bench->path);
    free(bench->history_path);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

/* Puts a key press of `key` into the batch to come. */
static void press(struct bench *bench, const char *key, uint32_t sequence, int64_t ms)
{
    struct ese_record *record = &bench->records[bench->count++];
    *record = (struct ese_record){.offset = sequence, .next = sequence + 1};
    record->event.client_ts = NOON + ms;
    record->event.server_ts = NOON + 100000;
    record->event.id = ese_id_make(
        &(struct ese_id_parts){.time_ms = NOON + ms, .lane = 1, .run = 1, .sequence = sequence});
    snprintf(record->event.key, sizeof record->event.key, "%s", key);
    snprintf(record->event.ip, sizeof record->event.ip, "%s", key);
    snprintf(record->event.sub_type, sizeof record->event.sub_type, ESE_SUB_TYPE_KEY_PRESS);
}

/* Moves the last press to another lane. */
static void to_lane(struct bench *bench, uint16_t lane)
{
    struct ese_id *id = &bench->records[bench->count - 1].event.id;
    struct ese_id_parts parts = ese_id_read(id);
    parts.lane = lane;
    *id = ese_id_make(&parts);
}

/* The same with an id that is made from a foreign one. */
static void press_named(struct bench *bench, const char *key, const char *foreign_id, int64_t ms)
{
    press(bench, key, (uint32_t)bench->offset++, ms);
    struct ese_event *event = &bench->records[bench->count - 1].event;
    snprintf(event->source, sizeof event->source, "shop");
    snprintf(event->foreign_id, sizeof event->foreign_id, "%s", foreign_id);
    event->id = ese_event_id_of_name(event);
}

static int process(struct bench *bench)
{
    struct ese_batch batch = {.records = bench->records, .count = bench->count};
    bench->count = 0;
    return ese_turn_process(bench->turn, &batch, NOON, &bench->decided, &bench->error);
}

/* Nothing came of a poll at `ms`. */
static int rest(struct bench *bench, bool at_end, int64_t ms)
{
    if (at_end)
        ese_turn_note_end(bench->turn, NOON + ms);
    return ese_turn_rest(bench->turn, &bench->decided, &bench->error);
}

static int64_t figure(const struct bench *bench, enum ese_figure figure)
{
    return ese_statistics_value(bench->parts.statistics, figure);
}

/* What the history's header says. */
static int64_t counted(const struct bench *bench, enum ese_history_counter counter)
{
    struct ese_history_reader *reader = NULL;
    assert_int_equal(ese_history_read_open(bench->history_path, &reader, NULL), 0);
    int64_t value = ese_history_read_count(reader, counter);
    ese_history_read_close(&reader);
    return value;
}

static void a_run_goes_over_batches(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 0);
    press(bench, "b", 1, 0);
    press(bench, "a", 2, 500);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 0);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 2);
    press(bench, "a", 3, 1000);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 1);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 4);
    assert_int_equal(counted(bench, ESE_COUNT_PROCESSED), 4);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), 1);

    struct ese_decision open[2];
    assert_int_equal(ese_decisions_read_open(bench->parts.decisions, 0, open, 2, NULL), 1);
    assert_string_equal(open[0].key, "a");
    assert_int_equal(ese_holdings_find(&bench->holdings, 0)->position.next, 4);
}

/* Whose history is looked at whenever something is counted in it; NULL: nobody's. */
static const char *watched_path;
static int64_t handings_counted;
static bool was_counted_first;

void __real_ese_history_count(struct ese_history *history, enum ese_history_counter counter, int64_t amount);
void __wrap_ese_history_count(struct ese_history *history, enum ese_history_counter counter, int64_t amount);

static int64_t handings_in(const char *path)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    int64_t handings = 0;
    assert_int_equal(ese_history_read_open(path, &reader, NULL), 0);
    while (ese_history_read_next(reader, &record, NULL) == 1)
        handings += record.kind == ESE_HISTORY_HANDED;
    ese_history_read_close(&reader);
    return handings;
}

void __wrap_ese_history_count(struct ese_history *history, enum ese_history_counter counter, int64_t amount)
{
    if (watched_path != NULL && counter == ESE_COUNT_HANDED) {
        handings_counted += amount;
        was_counted_first |= handings_in(watched_path) < handings_counted;
    }
    __real_ese_history_count(history, counter, amount);
}

/* Killed in between, it must not count more than it tells of: that is what a history that has lost records does. */
static void what_is_handed_is_recorded_before_it_is_counted(void **state)
{
    struct bench *bench = *state;
    watched_path = bench->history_path;
    press(bench, "a", 0, 0);
    press(bench, "a", 1, 1);
    assert_int_equal(process(bench), 0);
    watched_path = NULL;
    assert_int_equal(handings_counted, 2);
    assert_false(was_counted_first);
}

static void a_repeat_is_not_applied(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 0);
    press(bench, "a", 1, 1);
    press(bench, "a", 1, 1);
    press(bench, "a", 0, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 0);
    assert_int_equal(figure(bench, ESE_FIGURE_HANDED), 4);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 2);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 2);

    hold(bench); /* as after a restart: only the state file knows */
    press(bench, "a", 1, 1);
    press(bench, "a", 2, 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 3);
}

/* Nothing is known of time before it, and much has passed when it has come. */
static void a_partitions_first_event_is_not_forgotten(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 0);
    press(bench, "b", 1, 1);
    to_lane(bench, 2);
    press(bench, "a", 0, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 1);
}

static void a_name_that_comes_again_is_not_applied(void **state)
{
    struct bench *bench = *state;
    press_named(bench, "a", "1", 0);
    press_named(bench, "a", "2", 1);
    press_named(bench, "a", "1", 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 0);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 1);

    hold(bench); /* as after a restart: only the state file knows */
    press_named(bench, "a", "2", 1);
    press_named(bench, "a", "3", 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    press_named(bench, "a", "1", 0);
    press_named(bench, "a", "2", 1);
    press_named(bench, "a", "3", 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 0);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 5);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 3);
    assert_int_equal(figure(bench, ESE_FIGURE_BEYOND_WINDOW), 0);
}

/* What was fenced or failed left no name behind. */
static void names_are_committed_with_their_batch(void **state)
{
    struct bench *bench = *state;
    struct ese_position newer;
    press_named(bench, "a", "1", 0);
    press_named(bench, "a", "2", 1);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_state_take(bench->parts.state, 0, "p", &newer, NULL), 0);
    press_named(bench, "a", "3", 2);
    assert_int_equal(process(bench), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);

    assert_int_equal(ese_named_count(hold(bench)->named), 2);
    press_named(bench, "a", "2", 1);
    press_named(bench, "a", "3", 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
}

/* Its memory gone, a decision is still made once: the ids are as they were. */
static void what_names_forgot_decisions_know(void **state)
{
    struct bench *bench = *state;
    for (int time = 0; time < 2; time++) {
        press_named(bench, "a", "1", 0);
        press_named(bench, "a", "2", 1);
        press_named(bench, "a", "3", 2);
        assert_int_equal(process(bench), 0);
        assert_int_equal(bench->decided, time == 0);
        struct ese_holding *holding = ese_holdings_find(&bench->holdings, 0);
        ese_named_free(&holding->named);
        holding->named = ese_named_new(ESE_NAMED_LIMIT);
        assert_int_equal(ese_sqlite_run(ese_state_database(bench->parts.state),
                                        "DELETE FROM named", NULL), 0);
    }
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 6);
}

static void names_pushed_out_are_counted(void **state)
{
    struct bench *bench = *state;
    struct ese_holding *holding = ese_holdings_find(&bench->holdings, 0);
    ese_named_free(&holding->named);
    holding->named = ese_named_new(2);
    press_named(bench, "a", "1", 0);
    press_named(bench, "b", "2", 1);
    press_named(bench, "c", "3", 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_NAMES_EVICTED), 1);
    press_named(bench, "d", "4", 3);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_NAMES_EVICTED), 2);
    assert_int_equal(figure(bench, ESE_FIGURE_EVICTED), 0);
}

/* Records of the original's clients: told apart by where they are, and not remembered. */
static void what_has_neither_lane_nor_name_is_no_repeat(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 3; i++) {
        press(bench, "a", i, i);
        bench->records[i].event.id = ese_id_derive("a place", NULL, 0);
    }
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 0);
    assert_int_equal(ese_named_count(ese_holdings_find(&bench->holdings, 0)->named), 0);
}

static void without_promised_order_a_batch_is_sorted(void **state)
{
    struct bench *bench = *state;
    for (int sort = 0; sort < 2; sort++) {
        bench->parts.sort = sort == 1;
        open_turn(bench);
        uint32_t first = sort == 0 ? 0 : 10;
        press(bench, "a", first + 2, 1900);
        press(bench, "a", first + 0, 0);
        press(bench, "a", first + 1, 950);
        assert_int_equal(process(bench), 0);
        assert_int_equal(bench->decided, sort);
    }
}

static void who_was_fenced_writes_nothing(void **state)
{
    struct bench *bench = *state;
    struct ese_position newer;
    press(bench, "a", 0, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(rest(bench, false, 0), 0);
    assert_int_equal(ese_state_take(bench->parts.state, 0, "p", &newer, NULL), 0);
    press(bench, "a", 1, 1);
    press(bench, "a", 2, 2);
    assert_int_equal(process(bench), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);
    assert_int_equal(counted(bench, ESE_COUNT_PROCESSED), 1);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), 0);
    bench->error.code = ESE_OK;
    assert_int_equal(rest(bench, false, 0), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);

    assert_int_equal(hold(bench)->position.next, 1);
    struct ese_decision open;
    assert_int_equal(ese_decisions_read_open(bench->parts.decisions, 0, &open, 1, NULL), 0);
    press(bench, "a", 1, 1);
    press(bench, "a", 2, 2);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    assert_int_equal(counted(bench, ESE_COUNT_PROCESSED), 3);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), 1);
}

static void too_many_keys_are_refused(void **state)
{
    struct bench *bench = *state;
    bench->parts.max_keys = 2;
    open_turn(bench);
    press(bench, "a", 0, 0);
    press(bench, "b", 1, 0);
    assert_int_equal(process(bench), 0);
    press(bench, "c", 2, 0);
    assert_int_equal(process(bench), -1);
    assert_int_equal(bench->error.code, ESE_E_FULL);
    assert_non_null(strstr(bench->error.text, "--max-keys"));
    assert_int_equal(hold(bench)->position.next, 2);
}

static void keys_leave_with_event_time(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 0);
    press(bench, "b", 1, 1000 + LATENESS_MS);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 2); /* the second of "a" has not passed */
    press(bench, "b", 2, 1001 + LATENESS_MS);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 1);
    press(bench, "c", 3, 999); /* older than event time */
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_LATE), 1);
    assert_int_equal(rest(bench, true, 2002 + 2 * LATENESS_MS), 0);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 0); /* at the end the wall clock counts */
}

/* Event time does not go back: every event is late, and its key would have left before the next. */
static void a_wall_clock_that_was_set_back(void **state)
{
    struct bench *bench = *state;
    press(bench, "b", 0, 90000);
    assert_int_equal(process(bench), 0);
    for (uint32_t i = 0; i < 3; i++) {
        press(bench, "a", i + 1, i * 500);
        assert_int_equal(process(bench), 0);
        assert_int_equal(bench->decided, i == 2);
    }
    assert_int_equal(figure(bench, ESE_FIGURE_LATE), 3);
    press(bench, "a", 4, 3000);
    press(bench, "b", 5, 92000);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_holdings_keys(&bench->holdings), 1); /* "a" has left all the same */
}

static void a_clock_ahead_moves_no_time(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 999999999);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_holdings_find(&bench->holdings, 0)->position.event_time_ms,
                     NOON + 100000 - LATENESS_MS); /* its server_ts */
}

/* ---- timers ---------------------------------------------------------------------------------- */

/* Puts an event of an order into the batch to come. */
static void order(struct bench *bench, const char *key, uint32_t sequence, int64_t ms,
                  const char *sub_type)
{
    press(bench, key, sequence, ms);
    struct ese_event *event = &bench->records[bench->count - 1].event;
    snprintf(event->sub_type, sizeof event->sub_type, "%s", sub_type);
}

static void created(struct bench *bench, const char *key, uint32_t sequence, int64_t ms)
{
    order(bench, key, sequence, ms, ESE_SUB_TYPE_CREATED);
}

static void completed(struct bench *bench, const char *key, uint32_t sequence, int64_t ms)
{
    order(bench, key, sequence, ms, ESE_SUB_TYPE_COMPLETED);
}

/* The keys of the decisions that were made, in that order, with blanks between. */
static void check_decided(struct bench *bench, const char *keys)
{
    struct ese_decision open[16];
    struct ese_buffer text = ESE_BUFFER_INIT(1000);
    int count = ese_decisions_read_open(bench->parts.decisions, 0, open, 16, NULL);
    for (int i = 0; i < count; i++)
        ese_buffer_printf(&text, "%s%s", i == 0 ? "" : " ", open[i].key);
    assert_string_equal(text.text == NULL ? "" : text.text, keys);
    ese_buffer_free(&text);
}

/* Set and not ended. */
static int64_t waiting(const struct bench *bench)
{
    return counted(bench, ESE_COUNT_TIMERS_SET) - counted(bench, ESE_COUNT_TIMERS_ENDED);
}

static void an_order_is_stuck_when_event_time_says_so(void **state)
{
    struct bench *bench = *state;
    created(bench, "a", 0, 0);
    created(bench, "b", 1, 0);
    completed(bench, "b", 2, STUCK_AFTER_MS);
    press(bench, "x", 3, STUCK_AFTER_MS + LATENESS_MS);
    assert_int_equal(process(bench), 0);
    check_decided(bench, ""); /* event time has come to the window's end, and not passed it */
    assert_int_equal(waiting(bench), 2);
    assert_int_equal(ese_holdings_timers(&bench->holdings), 2);
    press(bench, "x", 4, STUCK_AFTER_MS + LATENESS_MS + 1);
    assert_int_equal(process(bench), 0);
    assert_int_equal(bench->decided, 1);
    check_decided(bench, "a");
    assert_int_equal(waiting(bench), 0);
    assert_int_equal(ese_holdings_timers(&bench->holdings), 0);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), 1);
}

/* Where no event moves time, the wall clock does, as it was before a poll that found the end. */
static void an_order_is_stuck_when_nothing_comes(void **state)
{
    struct bench *bench = *state;
    created(bench, "a", 0, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(rest(bench, false, 3600000), 0);
    assert_int_equal(rest(bench, true, STUCK_AFTER_MS + LATENESS_MS), 0);
    assert_int_equal(bench->decided, 0);
    assert_int_equal(rest(bench, true, STUCK_AFTER_MS + LATENESS_MS + 1), 0);
    assert_int_equal(bench->decided, 1);
    check_decided(bench, "a");
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 1);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), 1);

    struct ese_position newer; /* event time is kept with what it has concluded */
    assert_int_equal(ese_state_take(bench->parts.state, 0, "p", &newer, NULL), 0);
    assert_int_equal(newer.event_time_ms, NOON + STUCK_AFTER_MS + 1);
    assert_int_equal(newer.next, 1);
}

static void a_timer_goes_off_once_whoever_owns_the_partition(void **state)
{
    struct bench *bench = *state;
    struct ese_position newer;
    created(bench, "a", 0, 0);
    created(bench, "b", 1, 100);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_state_take(bench->parts.state, 0, "p", &newer, NULL), 0);
    assert_int_equal(rest(bench, true, 3600000), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);
    check_decided(bench, "");

    assert_int_equal(ese_holdings_timers(&bench->holdings), 2);
    assert_int_equal(hold(bench)->timers, 2); /* the newer one knows of them from the file */
    assert_int_equal(rest(bench, true, STUCK_AFTER_MS + LATENESS_MS + 1), 0);
    check_decided(bench, "a");
    hold(bench);
    assert_int_equal(rest(bench, true, 3600000), 0);
    check_decided(bench, "a b");
    assert_int_equal(rest(bench, true, 7200000), 0);
    check_decided(bench, "a b");
    assert_int_equal(waiting(bench), 0);
}

/* Of a straggler nobody knows what has left before it came. */
static void what_comes_late_opens_nothing(void **state)
{
    struct bench *bench = *state;
    created(bench, "a", 0, 0);
    created(bench, "b", 1, 0);
    completed(bench, "b", 2, 600);
    press(bench, "x", 3, 60000);
    assert_int_equal(process(bench), 0);
    assert_int_equal(rest(bench, false, 0), 0);
    check_decided(bench, "a");
    completed(bench, "a", 4, 600);
    created(bench, "b", 5, 700);
    created(bench, "c", 6, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_LATE), 3);
    assert_int_equal(ese_holdings_timers(&bench->holdings), 0);
    assert_int_equal(rest(bench, true, 3600000), 0);
    check_decided(bench, "a");
}

/* It joins what is there still. */
static void what_comes_late_may_join(void **state)
{
    struct bench *bench = *state;
    created(bench, "a", 0, 0);
    created(bench, "b", 1, 0);
    press(bench, "x", 2, LATENESS_MS + 1000);
    assert_int_equal(process(bench), 0);
    completed(bench, "a", 3, 600);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_LATE), 1);
    assert_int_equal(rest(bench, true, 3600000), 0);
    check_decided(bench, "b");
}

/* All are late until the wall clock has come as far again, and none is a straggler. */
static void orders_while_the_wall_clock_is_set_back(void **state)
{
    struct bench *bench = *state;
    int64_t ahead_ms = ese_clock_wall_ms() - NOON;
    press(bench, "x", 0, ahead_ms + 3600000);
    bench->records[0].event.server_ts = NOON + ahead_ms + 3600000;
    created(bench, "a", 1, ahead_ms);
    created(bench, "b", 2, ahead_ms);
    completed(bench, "b", 3, ahead_ms + 600);
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_LATE), 3);
    assert_int_equal(ese_holdings_timers(&bench->holdings), 2);
    assert_int_equal(rest(bench, true, ahead_ms + 3600000 + LATENESS_MS + STUCK_AFTER_MS), 0);
    check_decided(bench, "a");
}

static void timers_are_no_more_than_keys_may_be(void **state)
{
    struct bench *bench = *state;
    bench->parts.max_keys = 2;
    open_turn(bench);
    press(bench, "x", 0, 0);
    created(bench, "a", 1, 0);
    created(bench, "b", 2, 0);
    assert_int_equal(process(bench), -1);
    assert_int_equal(bench->error.code, ESE_E_FULL);
    assert_non_null(strstr(bench->error.text, "stuck-order"));
    assert_int_equal(counted(bench, ESE_COUNT_TIMERS_SET), 0);
}

/* More than one transaction takes go off in several. */
static void many_timers_go_off_one_after_the_other(void **state)
{
    struct bench *bench = *state;
    enum { BATCHES = 20, EACH = 60 };
    bench->parts.max_keys = BATCHES * EACH;
    open_turn(bench);
    for (uint32_t i = 0; i < BATCHES * EACH; i++) {
        char key[20];
        snprintf(key, sizeof key, "order-%u", i);
        created(bench, key, i, 0);
        if (bench->count == EACH)
            assert_int_equal(process(bench), 0);
    }
    int rests = 0, decided = 0;
    for (; ese_holdings_timers(&bench->holdings) > 0; rests++) {
        assert_int_equal(rest(bench, true, 3600000), 0);
        decided += bench->decided;
    }
    assert_int_equal(decided, BATCHES * EACH);
    assert_in_range(rests, 2, 10);
    assert_int_equal(counted(bench, ESE_COUNT_DECIDED), BATCHES * EACH);
    assert_int_equal(waiting(bench), 0);
}

/* Timers wait for room: nothing is lost, and the consumer lives on. */
static void timers_wait_for_room(void **state)
{
    struct bench *bench = *state;
    ese_turn_close(&bench->turn);
    ese_holdings_clear(&bench->holdings);
    ese_decisions_free(&bench->parts.decisions);
    ese_state_close(&bench->parts.state);
    const struct ese_state_options options = {.path = bench->path,
                                              .durability = ESE_DURABILITY_OS,
                                              .group = "g",
                                              .transport = "t",
                                              .max_bytes = INT64_C(1) << 24};
    assert_int_equal(ese_state_open(&options, &bench->parts.state, NULL), 0);
    struct ese_sqlite *database = ese_state_database(bench->parts.state);
    bench->parts.decisions = ese_decisions_new(database, "t");
    open_turn(bench);
    hold(bench);
    created(bench, "a", 0, 0);
    assert_int_equal(process(bench), 0);
    assert_int_equal(ese_sqlite_run(database, "CREATE TABLE filled(bytes BLOB);"
                                    "INSERT INTO filled VALUES(zeroblob(15000000))", NULL), 0);
    assert_int_equal(rest(bench, true, 3600000), 0);
    check_decided(bench, "");
    assert_int_equal(ese_holdings_timers(&bench->holdings), 1);
    assert_int_equal(ese_sqlite_run(database, "DELETE FROM filled", NULL), 0);
    assert_int_equal(rest(bench, true, 3600000), 0);
    check_decided(bench, "a");
}

static void other_partitions_events_are_passed_over(void **state)
{
    struct bench *bench = *state;
    press(bench, "a", 0, 0);
    bench->records[0].partition = 5;
    assert_int_equal(process(bench), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_HANDED), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_goes_over_batches),
        TEST(what_is_handed_is_recorded_before_it_is_counted),
        TEST(a_repeat_is_not_applied),
        TEST(a_partitions_first_event_is_not_forgotten),
        TEST(a_name_that_comes_again_is_not_applied),
        TEST(names_are_committed_with_their_batch),
        TEST(what_names_forgot_decisions_know),
        TEST(names_pushed_out_are_counted),
        TEST(what_has_neither_lane_nor_name_is_no_repeat),
        TEST(without_promised_order_a_batch_is_sorted),
        TEST(who_was_fenced_writes_nothing),
        TEST(too_many_keys_are_refused),
        TEST(keys_leave_with_event_time),
        TEST(a_wall_clock_that_was_set_back),
        TEST(a_clock_ahead_moves_no_time),
        TEST(an_order_is_stuck_when_event_time_says_so),
        TEST(an_order_is_stuck_when_nothing_comes),
        TEST(a_timer_goes_off_once_whoever_owns_the_partition),
        TEST(what_comes_late_opens_nothing),
        TEST(what_comes_late_may_join),
        TEST(orders_while_the_wall_clock_is_set_back),
        TEST(timers_are_no_more_than_keys_may_be),
        TEST(many_timers_go_off_one_after_the_other),
        TEST(timers_wait_for_room),
        TEST(other_partitions_events_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
