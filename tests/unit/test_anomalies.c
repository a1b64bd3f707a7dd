/* What is late, passed over, out of order or doubled, and why: each beside what comes nearest to it and is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/judgement.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .replayable = true, .positions_survive = true};
static const struct ese_promises careless = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .replayable = true, .positions_survive = true};
static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE, .tells_losses = true};

static struct ese_judgement judge_as(struct staged_run *run, struct ese_judge_options options)
{
    staged_run_consume(run);
    staged_run_write(run);
    options.directory = run->directory;
    const struct ese_judgement judgement = judged(&options);
    balance_check(&judgement);
    staged_run_free(&run);
    return judgement;
}

/* Of one key: three events, none of them a press, and how they were read. */
static struct staged_run *read_so(const char *reading)
{
    struct staged_run *run = staged_run_of("a0. a10. a20.");
    run->reading = reading;
    return run;
}

static struct ese_judgement judge_reading(const char *reading)
{
    return judge_as(read_so(reading), (struct ese_judge_options){.promises = &careful});
}

static void says(const struct ese_judgement *judgement, enum ese_verdict_word word, const char *reason)
{
    const struct ese_verdict *verdict = &judgement->ledger_verdict;
    if (verdict->word != word || strstr(verdict->reason, reason) == NULL)
        fail_msg("the verdict is %s: %s", ese_verdict_text(verdict->word), verdict->reason);
}

static void tells(const struct ese_judgement *judgement, const char *kind, const char *words)
{
    for (int i = 0; i < judgement->stories.fault_count; i++) {
        const struct ese_story *story = &judgement->stories.faults[i];
        if (strcmp(story->what, kind) != 0)
            continue;
        if (strstr(story->text, words) == NULL)
            fail_msg("it does not say '%s': %s", words, story->text);
        return;
    }
    fail_msg("of nothing %s is told", kind);
}

/* ---- too late -------------------------------------------------------------------------------- */

/* Acknowledged 22 ms after the first was due, committed at 20 + 100 + 4 + what is waited. */
static struct ese_judgement judge_late(const char *reading, int64_t bound_ms)
{
    return judge_as(read_so(reading),
                    (struct ese_judge_options){.promises = &careful, .stale_after_ms = bound_ms});
}

static void what_is_processed_later_than_the_bound_is_stale(void **state)
{
    (void)state;
    const char *reading = "1g0 1h0 1h1 1c2 +500 1h2 1c3";
    struct ese_judgement judgement = judge_late(reading, 500);
    says(&judgement, ESE_VERDICT_FAIL, "1 events were processed later");
    assert_int_equal(judgement.ledger.stale, 1);
    assert_int_equal(judgement.stale_worst_us, 604000); /* 100 ms, five of one and one of 501; less 2 */
    tells(&judgement, "processed too late (stale)", "0.604 s after it was acknowledged");
    judgement = judge_late(reading, 604);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.stale, 0);
    judgement = judge_late(reading, 0);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.stale_worst_us, 604000);
    judgement = judge_late("1g0 1h0 +500 1c1 1h1 1c2 1h2 1c3", 0); /* the first, and others less */
    assert_int_equal(judgement.stale_worst_us, 621000);
}

static void only_what_was_acknowledged_and_processed_can_be_stale(void **state)
{
    (void)state;
    struct staged_run *run = read_so("1g0 1h0 1h1 +500 1h2 1c3");
    for (int i = 0; i < run->count; i++)
        run->events[i].outcome = i == 1 ? ESE_HISTORY_ACKNOWLEDGED : ESE_HISTORY_UNKNOWN;
    run->events[1].done_ns = run->events[2].due_ns + ESE_NS_PER_S; /* after it was processed */
    struct ese_judgement judgement =
        judge_as(run, (struct ese_judge_options){.promises = &careful, .stale_after_ms = 1});
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.stale_worst_us, 0);
}

/* Its reader died between its commit and its note of it: the next one, a minute later, begins behind it. */
static void a_commit_that_nobody_has_noted_makes_nothing_stale(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_late("1g0 1h0 1h1 1h2 +60000 1g2 1h2 1c3", 1000);
    assert_int_equal(judgement.ledger.stale, 1); /* what it was handed again */
    judgement = judge_late("1g0 1h0 1h1 1h2 +60000 1g3 1c3", 1000);
    says(&judgement, ESE_VERDICT_PASS, "");
}

/* ---- passed over ----------------------------------------------------------------------------- */

/* The second event is of another key of the partition. */
static struct ese_judgement judge_keys(const char *reading)
{
    struct staged_run *run = staged_run_of("a0. a10. a20.");
    char *key = run->events[1].event.key;
    for (int i = 1; i == 1 || staged_run_partition(run, 1) != staged_run_partition(run, 0); i++)
        snprintf(key, sizeof run->events[1].event.key, "10.0.0.%d", i);
    run->reading = reading;
    return judge_as(run, (struct ese_judge_options){.promises = &careful});
}

static void what_its_reader_has_passed_over_and_is_handed_later_is_told(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_keys("1g0 1h0 1h2 1h1 1c3");
    says(&judgement, ESE_VERDICT_PASS, ""); /* of another key */
    assert_int_equal(judgement.ledger.passed_over_first, 1);
    tells(&judgement, "passed over by its reader, and handed later", "after what lies behind it in its partition");
    assert_int_equal(judge_keys("1g0 1h0 1h1 1h2 1h1 1c3").ledger.passed_over_first, 0); /* handed again */
    assert_int_equal(judge_keys("1g0 1h0 1h2 1g1 1h1 1h2 1c3").ledger.passed_over_first, 0); /* begun anew */
    assert_int_equal(judge_keys("1g2 1h2 2g0 2h0 2h1 1c3").ledger.passed_over_first, 0); /* another's */
    judgement = judge_keys("1g0 1h0 1h2 1c3"); /* never handed */
    assert_int_equal(judgement.ledger.passed_over_first, 0);
    assert_int_equal(judgement.ledger.lost, 1);
}

static void without_places_nothing_is_passed_over(void **state)
{
    (void)state;
    struct staged_run *run = read_so("1g0 1h0 1h2 1h1 1c3");
    run->tells_losses = true;
    struct ese_judgement judgement = judge_as(run, (struct ese_judge_options){.promises = &lossy});
    assert_int_equal(judgement.ledger.passed_over_first, 0);
    assert_int_equal(judgement.ledger.handed_out_of_order, 0);
}

/* ---- out of order ---------------------------------------------------------------------------- */

static void what_one_reader_is_handed_out_of_order_is_a_fault(void **state)
{
    (void)state;
    const char *reading = "1g0 1h0 1h2 1h1 1c3";
    struct ese_judgement judgement = judge_reading(reading);
    says(&judgement, ESE_VERDICT_FAIL, "1 events were handed behind a later one of their key, within one ownership");
    assert_int_equal(judgement.ledger.disordered_within, 1);
    tells(&judgement, "handed out of its key's order, within one ownership", "while the partition was one reader's");
    judgement = judge_as(read_so(reading), (struct ese_judge_options){.promises = &careless});
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.disordered_within, 1);
}

static void what_is_handed_again_is_not_out_of_order(void **state)
{
    (void)state;
    static const char *const readings[] = {"1g0 1h0 1h1 1h2 1h1 1h0 1c3", "1g0 1h0 1h1 1h2 2g0 2h0 2h1 2h2 2c3",
                                           "1g0 1h0 1h1 2g0 2h0 2h1 1h2 2h2 2c3"};
    for (size_t i = 0; i < ESE_COUNT_OF(readings); i++) {
        struct ese_judgement judgement = judge_reading(readings[i]);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.handed_out_of_order, 0);
    }
}

/* The next owner begins behind what its predecessor has in hand, and has not processed yet. */
static void what_a_rebalance_puts_out_of_order_is_told_apart(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_reading("1g0 1h0 1t 2g2 2h2 1h1 2c3");
    says(&judgement, ESE_VERDICT_FAIL, "1 events were processed behind a later one of their key");
    assert_int_equal(judgement.ledger.disordered_after, 1);
    assert_int_equal(judgement.ledger.disordered_within, 0);
    tells(&judgement, "handed out of its key's order, after a rebalance",
          "as the partition had changed hands, and processed so");
}

/* What its predecessor was handed too early was never committed: all of it is handed again, in order. */
static void what_was_handed_in_vain_was_not_processed_out_of_order(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_reading("1g0 1h0 1h2 2g0 2h0 2h1 2h2 2c3");
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.disordered_after, 1);
    assert_int_equal(judgement.ledger.processed_out_of_order, 0);
    judgement = judge_reading("1g0 1h0 1h2 1c1 2g1 2h1 1h2 2h2 2c3"); /* nor by who lost it, and does not know */
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_reading("1g0 1h0 1h2 1c3 2g1 2h1 2h2 2c3"); /* but what was committed counts */
    says(&judgement, ESE_VERDICT_FAIL, "processed behind a later one");
    judgement = judge_reading("1g0 1h0 1h2 2g1 2h1 2h2 1h1 2c3");
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_reading("1g0 1h0 1h2 2g1 2h1 1h2 1h1 2c3"); /* handed to who has lost it does not count */
    says(&judgement, ESE_VERDICT_FAIL, "processed behind a later one");
}

/* Both: some within its turn, one in another's. */
static void what_is_out_of_order_within_one_ownership_is_that_alone(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_reading("1g1 1h1 2g0 2h2 2h0 2h1 2c3");
    assert_int_equal(judgement.ledger.disordered_within, 1);
    assert_int_equal(judgement.ledger.disordered_after, 0);
}

static void what_lies_out_of_order_is_handed_as_it_lies(void **state)
{
    (void)state;
    struct staged_run *run = read_so("1g0 1h0 1h1 1h2 1c3");
    staged_run_swap(run, 0, 1);
    struct ese_judgement judgement = judge_as(run, (struct ese_judge_options){.promises = &careful});
    assert_int_equal(judgement.ledger.reordered, 1);
    assert_int_equal(judgement.ledger.handed_out_of_order, 0);
    run = read_so("1g0 1h0 1h2 1h1 1c3");
    run->events[1].outcome = ESE_HISTORY_UNKNOWN; /* nor does its place count */
    judgement = judge_as(run, (struct ese_judge_options){.promises = &careful});
    assert_int_equal(judgement.ledger.handed_out_of_order, 0);
    assert_int_equal(judgement.ledger.passed_over_first, 1);
}

static void keys_have_no_order_among_each_other(void **state)
{
    (void)state;
    assert_int_equal(judge_keys("1g0 1h0 1h2 1h1 1c3").ledger.handed_out_of_order, 0);
    assert_int_equal(judge_keys("1g0 1h1 1h0 1h2 1c3").ledger.handed_out_of_order, 0);
    assert_int_equal(judge_keys("1g0 1h2 1h1 1h0 1c3").ledger.handed_out_of_order, 1);
}

/* One reader's, of two keys. */
static void a_key_knows_nothing_of_the_turns_of_another(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. a10. a20. a30.");
    char *keys[] = {run->events[1].event.key, run->events[2].event.key};
    for (int i = 1; i == 1 || staged_run_partition(run, 1) != staged_run_partition(run, 0); i++)
        snprintf(keys[0], sizeof run->events[1].event.key, "10.0.0.%d", i);
    snprintf(keys[1], sizeof run->events[2].event.key, "%s", keys[0]);
    run->reading = "1g0 1h1 1h2 1h0 1h3 1c4";
    struct ese_judgement judgement = judge_as(run, (struct ese_judge_options){.promises = &careful});
    assert_int_equal(judgement.ledger.handed_out_of_order, 0);
}

/* ---- doubled, and why ------------------------------------------------------------------------ */

static void what_is_handed_again_has_its_cause(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_reading("1g0 1h0 1h1 2g0 2h0 2h1 2h2 2h2 2c3");
    assert_int_equal(judgement.ledger.redelivered, 3);
    assert_int_equal(judgement.ledger.redelivered_by_return, 2);
    assert_int_equal(judgement.ledger.redelivered_by_other, 1);
    tells(&judgement, "handed again, as its partition was given anew", "1 more as the partition was given anew");
    tells(&judgement, "handed again, for no cause that is noted", "1 more for no cause that is noted");
    judgement = judge_reading("1g0 1h0 1g0 1h0 1h0 1h1 1h2 1c3"); /* another life, and once more in it */
    assert_int_equal(judgement.ledger.redelivered_by_return, 1);
    assert_int_equal(judgement.ledger.redelivered_by_other, 1);
}

/* Nothing had been handed when both were given it. */
static void what_two_have_at_once_was_not_given_anew(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_reading("1g0 2g0 1h0 2h0 1h1 1h2 1c3");
    assert_int_equal(judgement.ledger.redelivered_by_return, 0);
    assert_int_equal(judgement.ledger.redelivered_by_other, 1);
    /* near: one was handed something before the other was given it, who comes behind it, or before */
    assert_int_equal(judge_reading("1g0 1h0 2g0 1h1 2h1 1h2 2c3").ledger.redelivered_by_return, 1);
    assert_int_equal(judge_reading("1g0 1h0 2g0 2h1 1h1 1h2 2c3").ledger.redelivered_by_return, 1);
}

/* The second event lies in the store again, behind all others; of so many attempts; its server dies at that time
 * since it was sent (-1: it does not). */
static struct ese_judgement judge_doubled(const char *reading, int attempts, int64_t death_ns, enum ese_role dead)
{
    struct staged_run *run = read_so(reading);
    struct ese_deeds deeds = {.count = 0};
    staged_run_append(run, 1);
    run->events[1].attempts = attempts;
    const struct ese_deed death = {.act = ESE_ACT_KILL, .roles = ESE_ROLE_BIT(dead),
                                   .done_ns = run->events[1].sent_ns + death_ns};
    if (death_ns != -1)
        ese_deeds_add(&deeds, &death);
    return judge_as(run, (struct ese_judge_options){.promises = &careful, .deeds = &deeds});
}

static const char *const once = "1g0 1h0 1h1 1h2 1h3 1c4";

static void a_copy_of_a_second_attempt_is_a_retrys(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_doubled(once, 2, -1, ESE_ROLE_SERVER);
    assert_int_equal(judgement.ledger.stored_twice_by_retry, 1);
    assert_int_equal(judgement.ledger.redelivered_by_retry, 1);
    tells(&judgement, "stored or handed again by a retry", ", 2 times, as its client tried again");
    judgement = judge_doubled(once, 1, -1, ESE_ROLE_SERVER); /* of which nobody tells */
    assert_int_equal(judgement.ledger.stored_twice_by_other, 1);
    assert_int_equal(judgement.ledger.redelivered_by_other, 1);
}

static void a_copy_of_what_was_sent_again_is_a_retrys(void **state)
{
    (void)state;
    struct staged_run *run = read_so(once);
    staged_run_append(run, 1);
    run->events[1].is_sent_again = true;
    struct ese_judgement judgement = judge_as(run, (struct ese_judge_options){.promises = &careful});
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.offered, judgement.ledger.acknowledged);
    assert_int_equal(judgement.ledger.stored_twice_by_retry, 1);
    assert_int_equal(judgement.ledger.stored_twice_by_other, 0);
}

static void a_copy_whose_server_died_meanwhile_is_its_deaths(void **state)
{
    (void)state;
    static const enum ese_role keeping[] = {ESE_ROLE_SERVER, ESE_ROLE_BROKER};
    for (size_t i = 0; i < ESE_COUNT_OF(keeping); i++) {
        struct ese_judgement judgement = judge_doubled(once, 2, 1000, keeping[i]);
        assert_int_equal(judgement.ledger.stored_twice_by_death, 1);
        assert_int_equal(judgement.ledger.redelivered_by_death, 1);
        tells(&judgement, "stored or handed again by a retry after its server's death", "when its server had died");
    }
    static const int64_t beside[] = {-1000, 3000000000}; /* before it was sent; after it was acknowledged */
    for (size_t i = 0; i < ESE_COUNT_OF(beside); i++)
        assert_int_equal(judge_doubled(once, 2, beside[i], ESE_ROLE_SERVER).ledger.stored_twice_by_retry, 1);
    assert_int_equal(judge_doubled(once, 2, 1000, ESE_ROLE_CONSUMER).ledger.stored_twice_by_retry, 1);
    assert_int_equal(judge_doubled(once, 1, 1000, ESE_ROLE_SERVER).ledger.stored_twice_by_other, 1);
}

/* Two places, handed twice each. */
static void a_copy_that_is_handed_again_was_handed_again(void **state)
{
    (void)state;
    struct ese_judgement judgement =
        judge_doubled("1g0 1h0 1h1 1h2 1h3 2g1 2h1 2h2 2h3 2c4", 2, -1, ESE_ROLE_SERVER);
    assert_int_equal(judgement.ledger.redelivered, 4);
    assert_int_equal(judgement.ledger.redelivered_by_retry, 1);
    assert_int_equal(judgement.ledger.redelivered_by_return, 3);
    judgement = judge_doubled("1g0 1h0 1h1 1h1 1h2 1h3 1h3 1c4", 2, -1, ESE_ROLE_SERVER); /* and by nobody's return */
    assert_int_equal(judgement.ledger.redelivered_by_retry, 1);
    assert_int_equal(judgement.ledger.redelivered_by_other, 2);
}

int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_processed_later_than_the_bound_is_stale),
        cmocka_unit_test(only_what_was_acknowledged_and_processed_can_be_stale),
        cmocka_unit_test(a_commit_that_nobody_has_noted_makes_nothing_stale),
        cmocka_unit_test(what_its_reader_has_passed_over_and_is_handed_later_is_told),
        cmocka_unit_test(without_places_nothing_is_passed_over),
        cmocka_unit_test(what_one_reader_is_handed_out_of_order_is_a_fault),
        cmocka_unit_test(what_is_handed_again_is_not_out_of_order),
        cmocka_unit_test(what_a_rebalance_puts_out_of_order_is_told_apart),
        cmocka_unit_test(what_was_handed_in_vain_was_not_processed_out_of_order),
        cmocka_unit_test(what_is_out_of_order_within_one_ownership_is_that_alone),
        cmocka_unit_test(what_lies_out_of_order_is_handed_as_it_lies),
        cmocka_unit_test(keys_have_no_order_among_each_other),
        cmocka_unit_test(a_key_knows_nothing_of_the_turns_of_another),
        cmocka_unit_test(what_is_handed_again_has_its_cause),
        cmocka_unit_test(what_two_have_at_once_was_not_given_anew),
        cmocka_unit_test(a_copy_of_a_second_attempt_is_a_retrys),
        cmocka_unit_test(a_copy_of_what_was_sent_again_is_a_retrys),
        cmocka_unit_test(a_copy_whose_server_died_meanwhile_is_its_deaths),
        cmocka_unit_test(a_copy_that_is_handed_again_was_handed_again),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
