/* Events that nobody can process: tried again, counted, passed over, and had all the same when they come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-consumer/replay.h"
#include "ese-consumer/turn.h"
#include "ese-core/clock.h"
#include "ese-core/service.h"
#include "tests/support/directory.h"
#include "tests/support/state_probe.h"

#define NOON 1700000000000
#define FAILING "{\"stumble\": \"fail\"}"
#define CRASHING "{\"stumble\": \"crash\"}"
#define STUMBLING "stumble,steady-click,stuck-order"
#define SOUND "steady-click,stuck-order"

static char *directory, *path;

/* What a process has open: one life of a consumer that holds partition 0. */
struct life {
    struct ese_rules rules;
    struct ese_metrics *metrics;
    struct ese_turn_parts parts;
    struct ese_holdings holdings;
    struct ese_turn *turn;
    int decided;
    struct ese_error error;
};

/* What is to be read; the same for all lives. */
static struct ese_record records[400];
static int count;
static struct ese_unreadable unreadables[8];
static int unreadable;

static void begin(struct life *life, const char *rules)
{
    *life = (struct life){.metrics = ese_metrics_new()};
    const struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "g", .transport = "t"};
    assert_int_equal(ese_rules_choose(rules, &life->rules, NULL), 0);
    assert_int_equal(ese_state_open(&options, &life->parts.state, NULL), 0);
    const struct ese_history_options history = {.path = NULL, .party = "c", .transport = "t"};
    assert_int_equal(ese_history_open(&history, &life->parts.history, NULL), 0);
    life->parts.rules = &life->rules;
    life->parts.decisions = ese_decisions_new(ese_state_database(life->parts.state), "t");
    life->parts.holdings = &life->holdings;
    life->parts.statistics = ese_statistics_new(life->metrics, "t", life->rules.names);
    life->parts.lateness_ms = 10000;
    life->parts.max_keys = 1000;
    life->parts.max_batch = 100;
    life->parts.pause_ms = 1;
    assert_int_equal(ese_turn_open(&life->parts, &life->turn, NULL), 0);
    struct ese_holding *holding = ese_holdings_add(&life->holdings, 0);
    assert_int_equal(ese_holding_load(holding, life->parts.state, "p", &life->rules, NULL), 0);
}

/* With the parts as they are now. */
static void reopen(struct life *life)
{
    ese_turn_close(&life->turn);
    assert_int_equal(ese_turn_open(&life->parts, &life->turn, NULL), 0);
}

static struct ese_holding *held(struct life *life)
{
    return life->holdings.items[0];
}

static void end(struct life *life)
{
    ese_turn_close(&life->turn);
    ese_holdings_clear(&life->holdings);
    ese_statistics_free(&life->parts.statistics);
    ese_decisions_free(&life->parts.decisions);
    ese_state_close(&life->parts.state);
    ese_history_close(&life->parts.history);
    ese_metrics_free(&life->metrics);
}

static int set_up(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    path = ese_test_path(directory, "state");
    count = unreadable = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    ese_test_directory_remove(&directory);
    return 0;
}

/* The next one is a key press of key at ms, with that data. Offsets leave room for what is none. */
static void press(const char *key, int64_t ms, const char *data)
{
    struct ese_record *record = &records[count];
    *record = (struct ese_record){.offset = count * 10, .next = count * 10 + 1};
    struct ese_event *event = &record->event;
    event->client_ts = NOON + ms;
    event->server_ts = NOON + 100000;
    event->id = ese_id_make(&(struct ese_id_parts){
        .time_ms = NOON + ms, .lane = 1, .run = 1, .sequence = (uint32_t)count});
    event->data = (char *)(uintptr_t)data; /* nobody frees it */
    snprintf(event->key, sizeof event->key, "%s", key);
    snprintf(event->ip, sizeof event->ip, "%s", key);
    snprintf(event->type, sizeof event->type, ESE_TYPE_CLICK);
    snprintf(event->sub_type, sizeof event->sub_type, ESE_SUB_TYPE_KEY_PRESS);
    count++;
}

/* At an offset of its own. */
static void spoil(int64_t offset, const char *bytes)
{
    unreadables[unreadable++] = (struct ese_unreadable){.offset = offset,
                                                        .next = offset + 1,
                                                        .type = ESE_TYPE_ORDER,
                                                        .bytes = bytes,
                                                        .length = strlen(bytes),
                                                        .whole = 1000,
                                                        .reason = "no event at all"};
}

/* All that lies behind the position, as a transport would hand it. */
static int process(struct life *life)
{
    int64_t next = held(life)->position.next;
    int from = 0, spoilt = 0;
    while (from < count && records[from].offset < next)
        from++;
    while (spoilt < unreadable && unreadables[spoilt].offset < next)
        spoilt++;
    const struct ese_batch batch = {.records = records + from,
                                    .count = count - from,
                                    .unreadable = unreadable - spoilt,
                                    .unreadables = unreadables + spoilt};
    return ese_turn_process(life->turn, &batch, NOON, &life->decided, &life->error);
}

static int64_t number(const char *sql)
{
    return state_probe_number(path, sql);
}

static void assert_letter(struct life *life, int64_t behind, int64_t offset, enum ese_dead_cause cause,
                          int64_t tries, const char *reason)
{
    struct ese_dead_letter letter = {.number = 0};
    assert_int_equal(
        ese_dead_letters_next(ese_state_letters(life->parts.state), behind, &letter, NULL), 1);
    assert_int_equal(letter.offset, offset);
    assert_int_equal(letter.cause, cause);
    assert_int_equal(letter.tries, tries);
    assert_non_null(strstr(letter.reason, reason));
    ese_dead_letter_clear(&letter);
}

/* ---- a rule that fails ----------------------------------------------------------------------- */

static void what_stands_before_and_behind_is_processed(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, NULL);
    press("b", 10, NULL);
    press("a", 20, FAILING);
    press("b", 30, NULL);
    press("a", 40, NULL);
    press("b", 50, NULL);
    press("a", 60, NULL);
    assert_int_equal(process(&life), 0);
    assert_int_equal(life.decided, 2); /* three of b, and of a the three that are left */
    assert_int_equal(number("SELECT count(*) FROM decision"), 2);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    assert_letter(&life, 0, 20, ESE_DEAD_FAILED, 5, "rule stumble: the event asked for it");
    assert_int_equal(number("SELECT next FROM position"), 61);
    assert_int_equal(number("SELECT processed FROM position"), 7); /* a dead letter is processed */
    assert_int_equal(number("SELECT count(*) FROM attempt WHERE mark IS NOT NULL"), 0);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_DEAD_LETTERS), 1);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_HANDED), 7);
    end(&life);
}

static void what_rules_keep_is_taken_back_with_a_batch(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, NULL);
    press("b", 10, FAILING);
    press("a", 20, NULL);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    assert_int_equal(number("SELECT count(*) FROM decision"), 0); /* the first of a is one, however often it went in */
    press("a", 30, NULL);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM decision"), 1);
    end(&life);
}

static int applied, fails_until;

static bool wants_failing(const struct ese_event *event)
{
    return strcmp(ese_event_data(event), FAILING) == 0;
}

static int fail_for_a_while(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                            const struct ese_event *event, struct ese_decision *decision,
                            struct ese_error *error)
{
    (void)settings, (void)state, (void)event, (void)decision;
    return ++applied <= fails_until ? ese_fail(error, ESE_E_IO, "not yet") : 0;
}

static const struct ese_rule for_a_while = {
    .name = "for-a-while", .state_size = 1, .wants = wants_failing, .apply = fail_for_a_while};

static void five_tries_are_five(void **state)
{
    (void)state;
    struct life life;
    begin(&life, SOUND);
    life.rules.items[life.rules.count++] = &for_a_while;
    press("a", 0, NULL);
    press("a", 10, FAILING);
    applied = 0;
    fails_until = 100;
    assert_int_equal(process(&life), 0);
    assert_int_equal(applied, 5);
    assert_letter(&life, 0, 10, ESE_DEAD_FAILED, 5, "not yet");
    end(&life);
}

/* The first of a batch is found out no later than the others. */
static void a_cause_that_passes_leaves_no_letter(void **state)
{
    (void)state;
    struct life life;
    begin(&life, SOUND);
    life.rules.items[life.rules.count++] = &for_a_while;
    press("a", 0, FAILING);
    press("a", 10, NULL);
    press("a", 20, NULL);
    applied = 0;
    fails_until = 4;
    assert_int_equal(process(&life), 0);
    assert_int_equal(applied, 5);
    assert_int_equal(life.decided, 1);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 0);
    assert_int_equal(number("SELECT tries FROM attempt"), 0);
    end(&life);
}

/* Nor do those that pass in the end. */
static void pauses_become_shorter(void **state)
{
    (void)state;
    struct life life;
    begin(&life, SOUND);
    life.parts.pause_ms = 200;
    reopen(&life);
    life.rules.items[life.rules.count++] = &for_a_while;
    int64_t began_ns = ese_clock_monotonic_ns();
    for (int i = 0; i < 10; i++) { /* each fails once, and passes then */
        press("a", i * 5000, FAILING);
        applied = 0;
        fails_until = 1;
        assert_int_equal(process(&life), 0);
    }
    int64_t took_ns = ese_clock_monotonic_ns() - began_ns;
    assert_in_range(took_ns, 390 * ESE_NS_PER_MS, 1900 * ESE_NS_PER_MS); /* not 10 times 200 ms */
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 0);
    end(&life);
}

static void many_do_not_hold_others_for_long(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    life.parts.pause_ms = 50;
    reopen(&life);
    for (int i = 0; i < 300; i++)
        press("a", i, FAILING);
    press("b", 300, NULL);
    int64_t began_ns = ese_clock_monotonic_ns();
    assert_int_equal(process(&life), 0);
    assert_true(ese_clock_monotonic_ns() - began_ns > 700 * ESE_NS_PER_MS); /* it has waited */
    assert_true(ese_clock_monotonic_ns() - began_ns < 30 * ESE_NS_PER_S);   /* not 300 times */
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 300);
    assert_int_equal(number("SELECT count(*) FROM kept WHERE instr(changes, x'006200') > 0"), 1);
    end(&life);
}

static void hand_again(const struct ese_record *record)
{
    records[count] = *record;
    records[count].offset = count * 10;
    records[count].next = count * 10 + 1;
    count++;
}

/* However much it is: what was taken out of the state file behind our back is known all the same. */
static void what_was_had_is_not_read_anew_for_each_try(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, NULL);
    records[0].event.id = ese_id_make(&(struct ese_id_parts){.time_ms = NOON, .lane = 2, .run = 1});
    press("b", 10, NULL);
    snprintf(records[1].event.source, sizeof records[1].event.source, "shop");
    snprintf(records[1].event.foreign_id, sizeof records[1].event.foreign_id, "order-1");
    records[1].event.id = ese_event_id_of_name(&records[1].event);
    assert_int_equal(process(&life), 0);
    struct ese_sqlite *database = ese_state_database(life.parts.state);
    assert_int_equal(number("SELECT count(*) FROM repeats") + number("SELECT count(*) FROM named"), 2);
    assert_int_equal(ese_sqlite_run(database, "DELETE FROM repeats; DELETE FROM named", NULL), 0);
    press("c", 20, FAILING);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    hand_again(&records[0]);
    hand_again(&records[1]);
    assert_int_equal(process(&life), 0);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_REPEATS), 2);
    end(&life);
}

static void nobody_has_had_a_dead_letter(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, FAILING);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM repeats"), 0);
    struct ese_record again = records[0];
    for (int i = 0; i < 2; i++) /* handed again, it is tried no more */
        hand_again(&again);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    assert_int_equal(number("SELECT offset FROM dead_letter"), 0);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_REPEATS), 2);
    end(&life);
    begin(&life, SOUND); /* nor where the cause is gone: it is to be replayed */
    hand_again(&again);
    assert_int_equal(process(&life), 0);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_REPEATS), 1);
    assert_int_equal(number("SELECT count(*) FROM repeats"), 0);
    end(&life);
}

static void a_replayed_one_is_had(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, FAILING);
    assert_int_equal(process(&life), 0);
    struct ese_dead_letters *letters = ese_state_letters(life.parts.state);
    assert_int_equal(ese_dead_letters_settle(letters, 1, 1, NOON, NULL), 0);
    records[count] = records[0];
    records[count].offset = 10;
    records[count++].next = 11;
    assert_int_equal(process(&life), 0);
    assert_int_equal(ese_statistics_value(life.parts.statistics, ESE_FIGURE_REPEATS), 1);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    end(&life);
}

static void whoever_was_fenced_counts_and_passes_nothing(void **state)
{
    (void)state;
    struct life life, newer;
    begin(&life, STUMBLING);
    press("a", 0, FAILING);
    begin(&newer, STUMBLING);
    assert_int_equal(process(&life), -1);
    assert_int_equal(life.error.code, ESE_E_FENCED);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 0);
    assert_int_equal(number("SELECT tries FROM attempt"), 0);
    end(&life);
    end(&newer);
}

/* ---- what is no event ------------------------------------------------------------------------ */

static void what_is_no_event_is_kept_where_it_stood(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    spoil(3, "first");
    press("a", 0, NULL);
    records[0].offset = 5;
    records[0].next = 6;
    spoil(7, "second");
    press("a", 10, FAILING);
    spoil(15, "third");
    press("a", 20, NULL);
    spoil(25, "last");
    spoil(26, "");
    assert_int_equal(process(&life), 0);
    const int64_t offsets[] = {3, 7, 10, 15, 25, 26};
    for (int i = 0; i < 6; i++) {
        bool is_event = offsets[i] == 10;
        assert_letter(&life, i, offsets[i], is_event ? ESE_DEAD_FAILED : ESE_DEAD_UNPARSABLE,
                      is_event ? 5 : 0, is_event ? "stumble" : "no event at all");
    }
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 6);
    assert_int_equal(number("SELECT next FROM position"), 27);
    assert_int_equal(number("SELECT count(*) FROM dead_letter WHERE bytes = CAST('third' AS BLOB)"
                            " AND whole = 1000 AND id IS NULL AND type = '" ESE_TYPE_ORDER "'"),
                     1);
    unreadables[unreadable - 1].offset = 30; /* and one alone */
    unreadables[unreadable - 1].next = 31;
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT next FROM position"), 31);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 7);
    end(&life);
}

static void letters_count_up_as_they_stood(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, NULL);
    press("a", 10, FAILING);
    spoil(5, "before it");
    spoil(15, "behind it");
    assert_int_equal(process(&life), 0);
    assert_letter(&life, 0, 5, ESE_DEAD_UNPARSABLE, 0, "no event at all");
    assert_letter(&life, 1, 10, ESE_DEAD_FAILED, 5, "stumble");
    assert_letter(&life, 2, 15, ESE_DEAD_UNPARSABLE, 0, "no event at all");
    assert_int_equal(number("SELECT next FROM position"), 16);
    end(&life);
}

/* ---- a rule that ends the process ------------------------------------------------------------ */

/* One life in a process of its own. True: it has come to its end. */
static bool live(const char *rules)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct life life;
        begin(&life, rules);
        _exit(process(&life) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return WIFEXITED(status);
}

static int count_lives(void)
{
    int lives = 1;
    while (!live(STUMBLING)) {
        lives++;
        assert_true(lives < 20);
    }
    return lives;
}

static void what_ends_the_process_is_passed_over(void **state)
{
    (void)state;
    press("b", 0, NULL);
    press("a", 10, CRASHING);
    press("b", 20, NULL);
    press("b", 30, NULL);
    assert_int_equal(count_lives(), 7); /* one that nobody suspects, five tries, and one that passes over */
    assert_int_equal(number("SELECT count(*) FROM decision"), 1);
    struct life life;
    begin(&life, STUMBLING);
    assert_letter(&life, 0, 10, ESE_DEAD_CRASHED, 5, "the consumer ended");
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    assert_int_equal(number("SELECT next FROM position"), 31);
    end(&life);
}

static void it_is_found_in_the_midst_of_a_life_too(void **state)
{
    (void)state;
    press("b", 0, NULL);
    assert_true(live(STUMBLING));
    press("a", 10, CRASHING);
    press("a", 20, CRASHING);
    press("b", 30, NULL);
    assert_int_equal(count_lives(), 12); /* the second one is found out while all are tried alone */
    assert_int_equal(number("SELECT count(*) FROM dead_letter WHERE cause = 'crashed'"), 2);
    assert_int_equal(number("SELECT next FROM position"), 31);
}

/* Killed between a commit and the next batch, however often: that is nobody's fault. */
static void lives_that_got_on_make_nobody_careful(void **state)
{
    (void)state;
    struct life life;
    for (int i = 0; i < 5; i++) {
        press("a", i * 5000, NULL);
        assert_true(live(STUMBLING));
    }
    begin(&life, STUMBLING);
    assert_false(held(&life)->attempt.is_careful);
    end(&life);
    begin(&life, STUMBLING); /* which did nothing, and did not end well */
    assert_true(held(&life)->attempt.is_careful);
    end(&life);
}

/* A stop is not waited for, and what was counted stays so. */
static void a_stop_leaves_it_alone(void **state)
{
    (void)state;
    press("a", 0, FAILING);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct life life;
        begin(&life, STUMBLING);
        ese_service_stop();
        life.parts.pause_ms = 60000;
        reopen(&life);
        _exit(process(&life) == 0 && held(&life)->position.next == ESE_POSITION_NONE ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 0);
    assert_int_equal(number("SELECT tries FROM attempt"), 1);
    struct life life;
    begin(&life, SOUND);
    life.rules.items[life.rules.count++] = &for_a_while;
    applied = 0;
    fails_until = 100;
    assert_int_equal(process(&life), 0);
    assert_int_equal(applied, 4);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 1);
    end(&life);
}

static bool is_killed_meanwhile(void *context)
{
    (void)context;
    raise(SIGKILL);
    return true;
}

static bool is_stopped_meanwhile(void *context)
{
    (void)context;
    return false;
}

/* A life that does not get beyond its rules' taking their time. */
static void live_waiting(bool (*wait)(void *))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct life life;
        begin(&life, SOUND);
        life.parts.wait = wait;
        reopen(&life);
        _exit(process(&life) == 0 && held(&life)->position.next == ESE_POSITION_NONE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
}

/* No rule has had the event: that a life ended is none's fault, however many do. */
static void what_was_only_waited_for_was_not_tried(void **state)
{
    (void)state;
    press("a", 0, NULL);
    for (int i = 0; i < 8; i++)
        live_waiting(is_killed_meanwhile);
    for (int i = 0; i < 8; i++)
        live_waiting(is_stopped_meanwhile);
    assert_int_equal(number("SELECT coalesce(max(tries), 0) FROM attempt"), 0);
    assert_true(live(SOUND));
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 0);
    assert_int_equal(number("SELECT next FROM position"), 1);
}

/* ---- a replay -------------------------------------------------------------------------------- */

static struct ese_replay_result result;
static struct ese_error why;

/* With rules that do not stumble any more, unless others are named. */
static int replay(struct life *life, const char *rules, const int64_t *numbers, int chosen)
{
    struct ese_rules chosen_rules = {.settings.stuck_after_ms = 5000};
    const struct ese_replay_choice choice = {.numbers = numbers, .count = chosen};
    assert_int_equal(ese_rules_choose(rules, &chosen_rules, NULL), 0);
    return ese_replay(life->parts.state, "t", &chosen_rules, &choice, &result, &why);
}

static void three_of_a_chain_give_their_mail_once(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", -2000, NULL); /* kept of that key, and no part of it */
    press("a", 0, FAILING);
    press("a", 100, FAILING);
    press("b", 150, NULL);
    press("b", 160, FAILING); /* two, that are three with what is kept */
    press("b", 170, FAILING);
    press("a", 200, FAILING);
    assert_int_equal(process(&life), 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter"), 5);
    char *before = state_probe_picture(path);
    assert_int_equal(replay(&life, STUMBLING, NULL, 0), -1); /* the cause is still there */
    assert_non_null(strstr(why.text, "letter 1"));
    char *after = state_probe_picture(path);
    assert_string_equal(before, after);
    free(before);
    free(after);
    int64_t kept = number("SELECT sum(length(changes)) FROM kept");
    assert_int_equal(replay(&life, SOUND, NULL, 0), 0);
    assert_int_equal(result.letters, 5);
    assert_int_equal(result.decisions, 1);
    assert_int_equal(number("SELECT count(*) FROM decision WHERE key = 'a' AND partition = 0"), 1);
    assert_int_equal(number("SELECT count(*) FROM dead_letter WHERE replay = 1"), 5);
    assert_int_equal(number("SELECT sum(length(changes)) FROM kept"), kept);
    assert_int_equal(replay(&life, SOUND, NULL, 0), 0);
    assert_int_equal(result.letters, 0);
    assert_int_equal(number("SELECT count(*) FROM decision"), 1);
    press("b", 250, NULL); /* whoever is at work goes on */
    press("b", 350, NULL);
    assert_int_equal(process(&life), 0);
    assert_int_equal(life.decided, 1);
    end(&life);
}

static void chosen_ones_are_a_batch_of_their_own(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    for (int i = 0; i < 5; i++)
        press("a", i * 100, FAILING);
    assert_int_equal(process(&life), 0);
    const int64_t first[] = {1, 2}, others[] = {3, 4, 5};
    assert_int_equal(replay(&life, SOUND, first, 2), 0);
    assert_int_equal(result.decisions, 0); /* two are no three, and are not kept for later */
    assert_int_equal(replay(&life, SOUND, others, 3), 0);
    assert_int_equal(result.decisions, 1);
    assert_int_equal(result.number, 2);
    assert_int_equal(replay(&life, SOUND, others, 3), -1);
    assert_non_null(strstr(why.text, "letter 3 was replayed already"));
    const int64_t none[] = {77};
    assert_int_equal(replay(&life, SOUND, none, 1), -1);
    assert_non_null(strstr(why.text, "there is no dead letter 77"));
    end(&life);
}

static void a_dropped_letter_is_replayed_no_more(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, FAILING);
    assert_int_equal(process(&life), 0);
    assert_int_equal(ese_state_begin(life.parts.state, NULL), 0);
    assert_int_equal(ese_dead_letters_settle(ese_state_letters(life.parts.state), 1, ESE_DEAD_DROPPED, 1000, NULL), 0);
    assert_int_equal(ese_state_commit(life.parts.state, NULL), 0);
    const int64_t it[] = {1};
    assert_int_equal(replay(&life, SOUND, it, 1), -1);
    assert_non_null(strstr(why.text, "letter 1 was dropped already"));
    assert_int_equal(replay(&life, SOUND, NULL, 0), 0);
    assert_int_equal(result.letters, 0);
    assert_int_equal(number("SELECT count(*) FROM dead_letter WHERE settled_ms = 1000 AND replay = 0"), 1);
    end(&life);
}

static void make_order(int i, const char *sub_type)
{
    struct ese_event *event = &records[i].event;
    snprintf(event->type, sizeof event->type, ESE_TYPE_ORDER);
    snprintf(event->sub_type, sizeof event->sub_type, "%s", sub_type);
}

static void behind_a_replay_time_has_passed(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("o-1", 0, FAILING);
    press("o-2", 0, FAILING);
    press("o-1", 100, FAILING);
    make_order(0, ESE_SUB_TYPE_CREATED);
    make_order(1, ESE_SUB_TYPE_CREATED);
    make_order(2, ESE_SUB_TYPE_COMPLETED);
    assert_int_equal(process(&life), 0);
    assert_int_equal(replay(&life, SOUND, NULL, 0), 0);
    assert_int_equal(result.letters, 3);
    assert_int_equal(number("SELECT count(*) FROM decision WHERE rule = 'stuck-order'"), 1);
    assert_int_equal(number("SELECT count(*) FROM decision WHERE key = 'o-2'"), 1);
    assert_int_equal(number("SELECT count(*) FROM kept"), 0);
    end(&life);
}

static void a_replay_is_all_or_nothing(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    press("a", 0, "{\"stumble\": \"fail\", \"is\": \"soon mended\"}");
    press("a", 100, FAILING);
    assert_int_equal(process(&life), 0);
    assert_int_equal(ese_sqlite_run(ese_state_database(life.parts.state),
                                    "UPDATE dead_letter SET data = '{}' WHERE number = 1", NULL), 0);
    assert_int_equal(replay(&life, STUMBLING, NULL, 0), -1);
    assert_non_null(strstr(why.text, "letter 2"));
    assert_int_equal(number("SELECT count(*) FROM dead_letter WHERE replay IS NOT NULL"), 0);
    end(&life);
}

static void what_is_no_event_is_not_replayed(void **state)
{
    (void)state;
    struct life life;
    begin(&life, STUMBLING);
    spoil(3, "x");
    assert_int_equal(process(&life), 0);
    const int64_t it[] = {1};
    assert_int_equal(replay(&life, SOUND, it, 1), -1);
    assert_non_null(strstr(why.text, "is no event (no event at all)"));
    assert_int_equal(replay(&life, SOUND, NULL, 0), 0);
    assert_int_equal(result.letters, 0);
    end(&life);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_stands_before_and_behind_is_processed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_rules_keep_is_taken_back_with_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(five_tries_are_five, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cause_that_passes_leaves_no_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pauses_become_shorter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_do_not_hold_others_for_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_had_is_not_read_anew_for_each_try, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_has_had_a_dead_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replayed_one_is_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_was_fenced_counts_and_passes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_kept_where_it_stood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letters_count_up_as_they_stood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_ends_the_process_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_found_in_the_midst_of_a_life_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lives_that_got_on_make_nobody_careful, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_leaves_it_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_only_waited_for_was_not_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(three_of_a_chain_give_their_mail_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chosen_ones_are_a_batch_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dropped_letter_is_replayed_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(behind_a_replay_time_has_passed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replay_is_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_not_replayed, set_up, tear_down),
    };
    ese_test_directories_in_memory();
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
