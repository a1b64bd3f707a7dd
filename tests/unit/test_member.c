/* A member over a transport made up here: a list of steps, one a poll. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ese-consumer/decisions.h"
#include "ese-consumer/enrolment.h"
#include "ese-consumer/member.h"
#include "ese-consumer/rule_cost.h"
#include "ese-consumer/state.h"
#include "ese-consumer/statistics.h"
#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "tests/support/directory.h"

#define NOON 1700000000000
#define LOG 32 /* events each partition has at most */
#define BOUND (INT64_C(2) << 20)

/* ---- the transport ------------------------------------------------------------------------------- */

/* What one poll does. HAND gives the next `count` events of the partition; AWAY says that nothing
 * is heard, and with a count that this is the end; SPOIL gives what is no event; HAND_AND_STOP
 * asks for a stop as it hands. */
enum act { GIVE, TAKE, HAND, SPOIL, STEAL, NAMESAKE, SKIP, FENCE, AWAY, END, STOP, HAND_AND_STOP };

struct step {
    enum act act;
    int32_t partition;
    int count;
};

struct ese_consumer {
    struct ese_consume_settings settings;
    int64_t at[2]; /* where each partition is read; -1: not given */
};

/* What the test sees of the transport, and what it makes it do. */
static struct {
    const struct step *steps;
    const char *state_path;
    struct ese_record records[2][LOG];
    struct ese_unreadable unreadable;
    int opened, closed;
    int max_batch;
    int64_t given_from[8];
    int given;
    int64_t acknowledged[2];
} fake;

static int fake_open(const struct ese_config *config, const struct ese_consume_settings *settings,
                     struct ese_consumer **consumer, struct ese_error *error)
{
    (void)config;
    (void)error;
    *consumer = ese_alloc(sizeof **consumer);
    **consumer = (struct ese_consumer){.settings = *settings, .at = {-1, -1}};
    fake.opened++;
    fake.max_batch = settings->max_batch;
    return 0;
}

static void give(struct ese_consumer *consumer, int32_t partition)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    int64_t from = listener->given(listener->context, partition);
    fake.given_from[fake.given++] = from;
    consumer->at[partition] = from == ESE_OFFSET_EARLIEST ? 0 : from;
}

static void take(struct ese_consumer *consumer, int32_t partition)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    if (consumer->at[partition] >= 0)
        listener->taken(listener->context, partition);
    consumer->at[partition] = -1;
}

static struct ese_state *open_state_behind(void)
{
    struct ese_state *state = NULL;
    const struct ese_state_options options = {.path = fake.state_path,
                                              .durability = ESE_DURABILITY_OS,
                                              .group = "g",
                                              .transport = "made up"};
    assert_int_equal(ese_state_open(&options, &state, NULL), 0);
    return state;
}

/* Somebody newer becomes the partition's owner, behind our back. */
static void steal(int32_t partition)
{
    struct ese_position position;
    struct ese_state *state = open_state_behind();
    assert_int_equal(ese_state_take(state, partition, "p", &position, NULL), 0);
    ese_state_close(&state);
}

/* A newer member opens the group's file. */
static void enrol(const char *name)
{
    struct ese_enrolment enrolment;
    struct ese_state *state = open_state_behind();
    assert_int_equal(ese_enrolment_begin(ese_state_database(state), name, &enrolment, NULL), 0);
    ese_state_close(&state);
}

static void spoil(struct ese_consumer *consumer, int32_t partition, struct ese_batch *batch)
{
    int64_t at = consumer->at[partition]++;
    fake.unreadable = (struct ese_unreadable){.partition = partition, .offset = at, .next = at + 1,
                                              .type = ESE_TYPE_CLICK, .bytes = "?", .length = 1, .whole = 1,
                                              .reason = "no JSON"};
    batch->unreadable = 1;
    batch->unreadables = &fake.unreadable;
}

static int fake_next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                     struct ese_error *error)
{
    (void)timeout_ms;
    const struct step *step = fake.steps;
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    *batch = (struct ese_batch){.at_end = step->act == END};
    fake.steps += step->act != END; /* the end goes on */
    switch (step->act) {
    case GIVE: give(consumer, step->partition); break;
    case TAKE: take(consumer, step->partition); break;
    case STEAL: steal(step->partition); break;
    case NAMESAKE: enrol(step->count == 0 ? "1" : "2"); break;
    case SKIP: listener->skipped(listener->context, step->partition, 3, 7); break;
    case AWAY:
        batch->away = "the line is cut";
        batch->at_end = step->count > 0;
        break;
    case FENCE: return ese_fail(error, ESE_E_FENCED, "another of this name has joined");
    case HAND_AND_STOP:
        ese_service_stop();
        /* fall through */
    case HAND:
        batch->records = &fake.records[step->partition][consumer->at[step->partition]];
        batch->count = step->count;
        consumer->at[step->partition] += step->count;
        break;
    case SPOIL: spoil(consumer, step->partition, batch); break;
    case STOP: ese_service_stop(); break;
    case END: break;
    }
    return 0;
}

static void fake_acknowledge(struct ese_consumer *consumer, int32_t partition, int64_t next)
{
    (void)consumer;
    fake.acknowledged[partition] = next;
}

static void fake_close(struct ese_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    take(*consumer, 0);
    take(*consumer, 1);
    free(*consumer);
    *consumer = NULL;
    fake.closed++;
}

static void fake_name(int32_t partition, char *text, size_t size)
{
    snprintf(text, size, "made-up-%d", (int)partition);
}

static const struct ese_consume_face fake_face = {
    .options = NULL,
    .open = fake_open,
    .next = fake_next,
    .acknowledge = fake_acknowledge,
    .close = fake_close,
    .partition_name = fake_name,
};

static const struct ese_transport sharing = {
    .name = "made up",
    .promises = {.ordered_per_key = true, .positions_survive = true, .shares_work = true},
    .consume = &fake_face,
};

static const struct ese_transport alone = {
    .name = "made up",
    .promises = {.ordered_per_key = true, .positions_survive = true},
    .consume = &fake_face,
};

/* Its offsets begin anew with each life of its reader. */
static const struct ese_transport forgetful = {
    .name = "made up",
    .promises = {.ordered_per_key = true},
    .consume = &fake_face,
};

/* ---- the bench ------------------------------------------------------------------------------------ */

struct bench {
    char *directory;
    char *state_path;
    char *history_path;
    struct ese_metrics *metrics;
    struct ese_pulse *pulse;
    struct ese_member *member;
    bool stays; /* it goes on behind the end, until a STOP */
    int64_t cost_us; /* of its rules, by event */
    const char *cost_file;
    struct ese_error error;
};

/* Key presses of two ips, one a partition, 100 ms apart. */
static void fill_log(int32_t partition)
{
    for (uint32_t i = 0; i < LOG; i++) {
        struct ese_record *record = &fake.records[partition][i];
        *record = (struct ese_record){.partition = partition, .offset = i, .next = i + 1};
        struct ese_event *event = &record->event;
        event->client_ts = NOON + i * 100;
        event->server_ts = NOON + i * 100;
        event->id = ese_id_make(&(struct ese_id_parts){
            .time_ms = NOON, .lane = (uint16_t)partition, .run = 1, .sequence = i});
        snprintf(event->ip, sizeof event->ip, "10.0.0.%d", (int)partition);
        snprintf(event->key, sizeof event->key, "%s", event->ip);
        snprintf(event->sub_type, sizeof event->sub_type, ESE_SUB_TYPE_KEY_PRESS);
    }
}

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    bench->directory = ese_test_directory_make();
    bench->state_path = ese_test_path(bench->directory, "state");
    bench->history_path = ese_test_path(bench->directory, "history");
    bench->metrics = ese_metrics_new();
    bench->pulse = ese_pulse_new("walk", 10000);
    memset(&fake, 0, sizeof fake);
    fake.state_path = bench->state_path;
    fill_log(0);
    fill_log(1);
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    ese_member_close(&bench->member);
    ese_metrics_free(&bench->metrics);
    ese_pulse_free(&bench->pulse);
    free(bench->state_path);
    free(bench->history_path);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

static int run(struct bench *bench, const struct ese_transport *transport, const struct step *steps)
{
    struct ese_member_options options = {
        .transport = transport,
        .group = "g",
        .member = "1",
        .state_path = bench->state_path,
        .durability = ESE_DURABILITY_OS,
        .from = ESE_OFFSET_EARLIEST,
        .max_batch = LOG,
        .rule_cost_us = bench->cost_us,
        .rule_cost_file = bench->cost_file,
        .lateness_ms = 1000,
        .max_keys = 1000,
        .max_bytes = BOUND,
        .history = {.path = bench->history_path, .party = "ese-consumer", .transport = "walk", .limit = 1 << 20},
        .until_end = !bench->stays,
        .metrics = bench->metrics,
        .pulse = bench->pulse,
    };
    fake.steps = steps;
    assert_int_equal(ese_rules_choose("steady-click", &options.rules, NULL), 0);
    ese_member_close(&bench->member);
    assert_int_equal(ese_member_open(&options, &bench->member, &bench->error), 0);
    return ese_member_run(bench->member, &bench->error);
}

static int64_t figure(struct bench *bench, enum ese_figure figure)
{
    return ese_statistics_value(ese_member_statistics(bench->member), figure);
}

static int count_history(struct bench *bench, enum ese_history_kind kind)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    int count = 0;
    assert_int_equal(ese_history_read_open(bench->history_path, &reader, NULL), 0);
    while (ese_history_read_next(reader, &record, NULL) == 1)
        count += record.kind == kind;
    ese_history_read_close(&reader);
    return count;
}

/* ---- the tests ------------------------------------------------------------------------------------ */

static void partitions_come_and_go(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {
        {GIVE, 0, 0}, {HAND, 0, 5}, {GIVE, 1, 0}, {HAND, 1, 4}, {TAKE, 0, 0},
        {HAND, 1, 3}, {GIVE, 0, 0}, {HAND, 0, 4}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(fake.given, 3);
    assert_true(fake.given_from[0] == ESE_OFFSET_EARLIEST);
    assert_true(fake.given_from[1] == ESE_OFFSET_EARLIEST);
    assert_int_equal(fake.given_from[2], 5); /* where it was left */
    assert_int_equal(fake.acknowledged[0], 9);
    assert_int_equal(fake.acknowledged[1], 7);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 16);
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 9 / 3 + 7 / 3);
    ese_member_close(&bench->member);
    assert_int_equal(count_history(bench, ESE_HISTORY_GIVEN), 3);
    assert_int_equal(count_history(bench, ESE_HISTORY_TAKEN), 3);
    assert_int_equal(count_history(bench, ESE_HISTORY_HANDED), 16);
    assert_int_equal(count_history(bench, ESE_HISTORY_COMMITTED), 4);
}

static void who_shares_work_joins_again(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {
        {GIVE, 0, 0},  {HAND, 0, 4}, {STEAL, 0, 0}, {HAND, 0, 5}, /* dropped */
        {GIVE, 0, 0},  {HAND, 0, 2}, {HAND, 0, 3},  {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(fake.given_from[1], 4);
    assert_int_equal(figure(bench, ESE_FIGURE_FENCED), 1);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 9);
    assert_int_equal(figure(bench, ESE_FIGURE_REPEATS), 0); /* what was dropped was not had */
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 3);
    ese_member_close(&bench->member);
    assert_int_equal(count_history(bench, ESE_HISTORY_FENCED), 1);
    assert_int_equal(count_history(bench, ESE_HISTORY_HANDED), 14);
}

static void who_reads_alone_ends(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {
        {GIVE, 0, 0}, {HAND, 0, 4}, {STEAL, 0, 0}, {HAND, 0, 5}, {END, 0, 0}};
    assert_int_equal(run(bench, &alone, steps), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);
    assert_non_null(strstr(bench->error.text, "partition 0"));
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.acknowledged[0], 4);
}

static void a_namesake_ends_it(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {
        {GIVE, 0, 0}, {NAMESAKE, 0, 0}, {FENCE, 0, 0}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);
    assert_string_equal(bench->error.text, "another of this name has joined");
    assert_int_equal(fake.opened, 1);
}

/* A coordinator may mistake a member's own repetition for a newer one. */
static void a_ghost_of_its_own_does_not_end_it(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 4}, {NAMESAKE, 0, 1},
                                        {FENCE, 0, 0}, {GIVE, 0, 0}, {HAND, 0, 5}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(fake.given_from[1], 4);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 9);
}

/* What comes again and again is somebody with another state file: one of the two has to end. */
static void ghosts_that_keep_coming_end_it(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {
        {FENCE, 0, 0}, {FENCE, 0, 0}, {FENCE, 0, 0}, {FENCE, 0, 0},
        {FENCE, 0, 0}, {GIVE, 0, 0},  {FENCE, 0, 0}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), -1);
    assert_int_equal(bench->error.code, ESE_E_FENCED);
    assert_int_equal(fake.opened, 1 + 5);
}

static void what_was_skipped_is_told(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {SKIP, 0, 0}, {HAND, 0, 1}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_SKIPPED), 1);
    ese_member_close(&bench->member);
    assert_int_equal(count_history(bench, ESE_HISTORY_SKIPPED), 1);
}

static void the_next_life_goes_on(void **state)
{
    struct bench *bench = *state;
    static const struct step first[] = {{GIVE, 0, 0}, {HAND, 0, 2}, {END, 0, 0}};
    static const struct step second[] = {{GIVE, 0, 0}, {HAND, 0, 1}, {END, 0, 0}};
    assert_int_equal(run(bench, &sharing, first), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 0);
    assert_int_equal(run(bench, &sharing, second), 0);
    assert_int_equal(fake.given_from[1], 2);
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 1); /* the third press: counters go on */
}

/* What is no event is passed over from the beginning of the next life, too: it has no id by which it would be known. */
static void where_positions_say_nothing_it_begins_anew(void **state)
{
    struct bench *bench = *state;
    static const struct step first[] = {{GIVE, 0, 0}, {HAND, 0, 4}, {SPOIL, 0, 0}, {END, 0, 0}};
    static const struct step second[] = {{GIVE, 0, 0}, {SPOIL, 0, 0}, {HAND, 0, 1}, {END, 0, 0}};
    assert_int_equal(run(bench, &forgetful, first), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_DEAD_LETTERS), 1);
    assert_int_equal(run(bench, &forgetful, second), 0);
    assert_true(fake.given_from[1] == ESE_OFFSET_EARLIEST);
    assert_int_equal(figure(bench, ESE_FIGURE_DEAD_LETTERS), 2);
}

static void whether_anything_is_heard_is_told(void **state)
{
    struct bench *bench = *state;
    static const struct step cut[] = {{GIVE, 0, 0}, {AWAY, 0, 0}, {HAND, 0, 1}, {AWAY, 0, 1}};
    static const struct step healed[] = {{GIVE, 0, 0}, {AWAY, 0, 0}, {END, 0, 0}};
    char text[200];
    assert_int_equal(run(bench, &sharing, cut), 0);
    assert_true(ese_pulse_well(bench->pulse, text, sizeof text)); /* for a moment only */
    assert_non_null(strstr(text, "'walk' has been away for 0 s: the line is cut"));
    assert_int_equal(run(bench, &sharing, healed), 0);
    assert_true(ese_pulse_well(bench->pulse, text, sizeof text));
    assert_string_equal(text, "");
}

/* ---- what rules cost -------------------------------------------------------------------------- */

/* How long the process had it, from when the first event of the history was handed until all that was handed last was
 * committed. */
static int64_t in_hand_ms(const struct bench *bench)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    int64_t handed_ns = 0, sum_ns = 0;
    assert_int_equal(ese_history_read_open(bench->history_path, &reader, NULL), 0);
    while (ese_history_read_next(reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_HANDED && handed_ns == 0)
            handed_ns = record.time_ns;
        if (record.kind == ESE_HISTORY_COMMITTED) {
            sum_ns += record.time_ns - handed_ns;
            handed_ns = 0;
        }
    }
    ese_history_read_close(&reader);
    return sum_ns / ESE_NS_PER_MS;
}

/* While they take their time the events are in the reader's hands: noted as handed, and not committed. */
static void what_rules_cost_is_waited(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 20}, {HAND, 0, 10}, {END, 0, 0}};
    int64_t begun_ns = ese_clock_monotonic_ns(), used = clock();
    bench->cost_us = 9900;
    assert_int_equal(run(bench, &sharing, steps), 0);
    int64_t took_ms = (ese_clock_monotonic_ns() - begun_ns) / ESE_NS_PER_MS;
    assert_in_range(took_ms, 30 * 99 / 10, 30000);
    assert_true((clock() - used) * 1000 / CLOCKS_PER_SEC < took_ms * 2 / 3); /* not burnt */
    assert_int_equal(fake.max_batch, 25);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 30);
    ese_member_close(&bench->member);
    assert_true(in_hand_ms(bench) >= 30 * 99 / 10 - 20);
}

/* In a process of its own, as nothing takes a stop back. */
static bool leaves_alone_what_it_had_in_hand(struct bench *bench)
{
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 3}, {HAND_AND_STOP, 0, 2}, {END, 0, 0}};
    bench->cost_us = 20000; /* more than a wait that ended late makes up for */
    return run(bench, &sharing, steps) == 0 && figure(bench, ESE_FIGURE_HANDED) == 5 &&
           figure(bench, ESE_FIGURE_PROCESSED) == 3 && fake.acknowledged[0] == 3;
}

/* What was handed and not waited for to its end is handed again to the next life. */
static void a_stop_while_rules_take_their_time_commits_nothing(void **state)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(leaves_alone_what_it_had_in_hand(*state) ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_batch_costs_a_quarter_of_a_second_at_most(void **state)
{
    (void)state;
    assert_int_equal(ese_rule_cost_batch(&(struct ese_rule_cost){.us = 0}, 500), 500);
    assert_int_equal(ese_rule_cost_batch(&(struct ese_rule_cost){.us = 4000}, 500), 62);
    assert_int_equal(ese_rule_cost_batch(&(struct ese_rule_cost){.us = 100}, 500), 500);
    assert_int_equal(ese_rule_cost_batch(&(struct ese_rule_cost){.us = 5000000}, 500), 1);
}

static void wait_for(struct ese_rule_cost *cost, int events)
{
    assert_int_equal(ese_rule_cost_begin(cost, events), events);
    assert_true(ese_rule_cost_pay(cost));
}

/* What is below a millisecond adds up; a process that stood still meanwhile has not paid in advance. */
static void small_costs_add_up(void **state)
{
    (void)state;
    struct ese_rule_cost cost = {.us = 300};
    int64_t begun_ns = ese_clock_monotonic_ns();
    for (int i = 0; i < 50; i++)
        wait_for(&cost, 1);
    assert_in_range((ese_clock_monotonic_ns() - begun_ns) / ESE_NS_PER_MS, 14, 30000);
    cost.owed_ns = -ESE_NS_PER_S;
    wait_for(&cost, 1);
    assert_true(cost.owed_ns >= -10 * ESE_NS_PER_MS);
}

static void write_cost(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A second later, as far as the cost is concerned. */
static int64_t cost_of_one_ms(struct ese_rule_cost *cost)
{
    cost->look_ns = cost->owed_ns = 0;
    int64_t begun_ns = ese_clock_monotonic_ns();
    wait_for(cost, 1);
    return (ese_clock_monotonic_ns() - begun_ns) / ESE_NS_PER_MS;
}

static void a_file_says_what_rules_cost_while_it_is_there(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "rule");
    struct ese_rule_cost cost = {.file = path};
    assert_int_equal(ese_rule_cost_batch(&cost, 500), ESE_RULE_COST_BATCH_FILE);
    assert_int_equal(ese_rule_cost_batch(&cost, 1), 1);
    cost_of_one_ms(&cost);
    assert_int_equal(cost.told_us, 0);
    write_cost(path, "30000\n");
    assert_true(cost_of_one_ms(&cost) >= 30);
    static const char *const wrong[] = {"", "soon", "-7", "5000001"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        write_cost(path, wrong[i]);
        cost_of_one_ms(&cost);
        assert_int_equal(cost.told_us, 0);
    }
    assert_int_equal(unlink(path), 0);
    cost_of_one_ms(&cost);
    assert_int_equal(cost.told_us, 0);
    free(path);
    ese_test_directory_remove(&directory);
}

/* What is handed was asked for when it cost nothing. */
static void what_has_become_slow_is_committed_piece_by_piece(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 12}, {SPOIL, 0, 0}, {END, 0, 0}};
    char *path = ese_test_path(bench->directory, "rule");
    bench->cost_file = path;
    write_cost(path, "60000"); /* four of these are 240 ms, five are more */
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(fake.max_batch, ESE_RULE_COST_BATCH_FILE);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 12);
    assert_int_equal(count_history(bench, ESE_HISTORY_HANDED), 12);
    assert_int_equal(count_history(bench, ESE_HISTORY_COMMITTED), 3 + 1);
    assert_int_equal(fake.acknowledged[0], 13);
    free(path);
}

/* Of what costs more than a batch may, one; where the cost changes, by what events cost when their turn comes. */
static void a_batch_is_no_dearer_than_it_may_be_whatever_events_cost_by_then(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "rule");
    struct ese_rule_cost cost = {.file = path};
    wait_for(&cost, 25);
    static const struct {
        const char *us;
        int count;
    } told[] = {{"300000", 1}, {"125000", 2}, {"0", 25}};
    for (size_t i = 0; i < ESE_COUNT_OF(told); i++) {
        write_cost(path, told[i].us);
        cost.look_ns = 0;
        assert_int_equal(ese_rule_cost_begin(&cost, 25), told[i].count);
    }
    cost = (struct ese_rule_cost){.us = 100000};
    assert_int_equal(ese_rule_cost_begin(&cost, 25), 2);
    wait_for(&cost, 1);
    free(path);
    ese_test_directory_remove(&directory);
}

/* ---- room in the state file ------------------------------------------------------------------ */

/* Fills the file with decisions that may leave in so long, once it is full. */
static void fill_state(struct bench *bench, int64_t leave_in_ms)
{
    const struct ese_state_options options = {.path = bench->state_path,
                                              .durability = ESE_DURABILITY_OS,
                                              .group = "g",
                                              .transport = "made up",
                                              .max_bytes = BOUND};
    int64_t now_ms = ese_clock_wall_ms();
    struct ese_state *state = NULL;
    char sql[100];
    bool added;
    assert_int_equal(ese_state_open(&options, &state, NULL), 0);
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "made up");
    assert_int_equal(ese_state_begin(state, NULL), 0);
    for (uint32_t i = 0; ese_state_check_room(state, 1, NULL) == 0; i++) {
        struct ese_event last = {.key = "somebody"};
        struct ese_decision decision;
        last.id = ese_id_make(&(struct ese_id_parts){.time_ms = 1, .run = 1, .sequence = i});
        ese_decision_make(&decision, "r", &last, &last.id, 1);
        snprintf(decision.subject, sizeof decision.subject, "s");
        memset(decision.content, 'c', sizeof decision.content - 1);
        decision.content[sizeof decision.content - 1] = '\0';
        decision.made_ms = now_ms;
        assert_int_equal(ese_decisions_add(decisions, &decision, &added, NULL), 0);
        assert_int_equal(
            ese_decisions_note_answered(decisions, &decision.id, now_ms, &added, NULL), 0);
    }
    snprintf(sql, sizeof sql, "UPDATE decision SET answered_ms = %lld",
             (long long)(ese_clock_wall_ms() - ESE_DECISIONS_KEPT_MS + leave_in_ms));
    assert_int_equal(ese_sqlite_run(ese_state_database(state), sql, NULL), 0);
    assert_int_equal(ese_state_commit(state, NULL), 0);
    ese_decisions_free(&decisions);
    ese_state_close(&state);
}

static int64_t gauge(struct bench *bench, const char *name)
{
    return ese_metric_value(ese_metrics_gauge(bench->metrics, name, NULL, ""));
}

static void without_room_nothing_is_committed(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 5}, {END, 0, 0}};
    fill_state(bench, ESE_DECISIONS_KEPT_MS);
    assert_int_equal(run(bench, &sharing, steps), -1);
    assert_int_equal(bench->error.code, ESE_E_FULL);
    assert_non_null(strstr(bench->error.text, "--max-bytes"));
    assert_non_null(strstr(bench->error.text, "2097152"));
    assert_int_equal(figure(bench, ESE_FIGURE_NO_ROOM), 1);
    assert_int_equal(figure(bench, ESE_FIGURE_HANDED), 0);
    assert_int_equal(fake.acknowledged[0], 0);
    assert_int_equal(gauge(bench, "ese_consumer_state_max_bytes"), BOUND);
    assert_in_range(gauge(bench, "ese_consumer_state_used_bytes"), BOUND / 2, BOUND);
}

/* Stops this process's service, which nothing takes back: the last to run. */
static void with_room_it_goes_on_where_it_was(void **state)
{
    struct bench *bench = *state;
    static const struct step steps[] = {{GIVE, 0, 0}, {HAND, 0, 5}, {HAND, 0, 4}, {STOP, 0, 0}};
    fill_state(bench, 2000);
    bench->stays = true;
    assert_int_equal(run(bench, &sharing, steps), 0);
    assert_int_equal(figure(bench, ESE_FIGURE_NO_ROOM), 1);
    assert_int_equal(figure(bench, ESE_FIGURE_PROCESSED), 9);
    assert_int_equal(figure(bench, ESE_FIGURE_DECISIONS), 3);
    assert_int_equal(fake.acknowledged[0], 9);
    assert_int_equal(gauge(bench, "ese_consumer_waiting_for_room"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(partitions_come_and_go),
        TEST(who_shares_work_joins_again),
        TEST(who_reads_alone_ends),
        TEST(a_namesake_ends_it),
        TEST(a_ghost_of_its_own_does_not_end_it),
        TEST(ghosts_that_keep_coming_end_it),
        TEST(what_was_skipped_is_told),
        TEST(the_next_life_goes_on),
        TEST(where_positions_say_nothing_it_begins_anew),
        TEST(whether_anything_is_heard_is_told),
        TEST(what_rules_cost_is_waited),
        TEST(a_stop_while_rules_take_their_time_commits_nothing),
        TEST(a_batch_costs_a_quarter_of_a_second_at_most),
        TEST(small_costs_add_up),
        TEST(a_file_says_what_rules_cost_while_it_is_there),
        TEST(what_has_become_slow_is_committed_piece_by_piece),
        TEST(a_batch_is_no_dearer_than_it_may_be_whatever_events_cost_by_then),
        TEST(without_room_nothing_is_committed),
        TEST(with_room_it_goes_on_where_it_was),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
