/* What a round of torture comes to: each thing that must not pass, beside one that may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/torture_report.h"
#include "orchestration/lab/torture_schedule.h"
#include "orchestration/lab/torture_verdict.h"

struct stage {
    struct ese_results results;
    struct ese_results_transport *one, *other;
};

/* Two journeys of which nobody can say a word. */
static int set_up(void **state)
{
    struct stage *stage = ese_alloc(sizeof *stage);
    stage->results.count = 2;
    stage->one = &stage->results.transports[0];
    stage->other = &stage->results.transports[1];
    for (int i = 0; i < 2; i++) {
        struct ese_results_transport *transport = &stage->results.transports[i];
        snprintf(transport->name, sizeof transport->name, "%s", i == 0 ? "one" : "other");
        transport->drained = true;
        transport->judgement.recovery.waiting_at_kill = ESE_TORTURE_WAITING;
    }
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void expect(const struct stage *stage, enum ese_verdict_word word, const char *reason)
{
    struct ese_verdict verdict;
    ese_torture_judge(&stage->results, &verdict);
    assert_string_equal(ese_verdict_text(verdict.word), ese_verdict_text(word));
    assert_non_null(strstr(verdict.reason, reason));
    if (word == ESE_VERDICT_PASS)
        assert_string_equal(verdict.reason, "");
}

static void what_balances_passes(void **state)
{
    expect(*state, ESE_VERDICT_PASS, "");
}

static void nothing_is_no_pass(void **state)
{
    struct stage *stage = *state;
    stage->results.count = 0;
    expect(stage, ESE_VERDICT_CANNOT_TELL, "nothing was judged");
}

static void a_failed_ledger_fails_the_round(void **state)
{
    struct stage *stage = *state;
    stage->other->judgement.ledger_verdict =
        (struct ese_verdict){ESE_VERDICT_FAIL, "1 acknowledged event is lost"};
    stage->one->judgement.ledger_verdict = (struct ese_verdict){ESE_VERDICT_CANNOT_TELL, "who knows"};
    expect(stage, ESE_VERDICT_FAIL, "other: 1 acknowledged event is lost");
    stage->other->judgement.ledger_verdict = (struct ese_verdict){.word = ESE_VERDICT_PASS};
    expect(stage, ESE_VERDICT_CANNOT_TELL, "one: who knows");
}

static void a_drain_without_an_end_is_no_pass(void **state)
{
    struct stage *stage = *state;
    stage->other->drained = false;
    stage->other->schedule_ns = 5 * ESE_NS_PER_S;
    stage->other->waited_until_ns = 45 * ESE_NS_PER_S;
    expect(stage, ESE_VERDICT_CANNOT_TELL, "other: all was not read and mailed 40.0 s after");
    stage->other->waited_until_ns = 36250 * ESE_NS_PER_MS; /* nothing moved any more */
    expect(stage, ESE_VERDICT_CANNOT_TELL, "other: all was not read and mailed 31.2 s after");
}

static void a_round_in_which_too_few_events_waited_is_no_pass(void **state)
{
    struct stage *stage = *state;
    stage->other->judgement.recovery.waiting_at_kill--;
    expect(stage, ESE_VERDICT_CANNOT_TELL, "other: at no kill more than 49 events");
}

/* ---- all rounds ------------------------------------------------------------------------------ */

static void the_exit_status_is_of_the_worst_round(void **state)
{
    const struct stage *stage = *state;
    struct ese_torture_totals totals = ESE_TORTURE_TOTALS_NONE;
    struct ese_verdict pass = {.word = ESE_VERDICT_PASS}, fail = {.word = ESE_VERDICT_FAIL},
                       untold = {.word = ESE_VERDICT_CANNOT_TELL};
    assert_int_equal(ese_torture_exit_status(&totals), 2); /* without a round there is nothing to tell */
    ese_torture_add(&totals, &stage->results, &pass);
    assert_int_equal(ese_torture_exit_status(&totals), 0);
    ese_torture_add(&totals, &stage->results, &untold);
    assert_int_equal(ese_torture_exit_status(&totals), 2);
    ese_torture_add(&totals, &stage->results, &fail);
    assert_int_equal(ese_torture_exit_status(&totals), 1);
}

static void totals_are_over_rounds_and_journeys(void **state)
{
    struct stage *stage = *state;
    struct ese_torture_totals totals = ESE_TORTURE_TOTALS_NONE;
    struct ese_verdict pass = {.word = ESE_VERDICT_PASS};
    stage->one->judgement.ledger.acknowledged = 1000;
    stage->one->judgement.ledger.dead_letters = 20;
    stage->other->judgement.mails.unknown = 2;
    stage->other->judgement.recovery.waiting_at_kill = 60;
    ese_torture_add(&totals, &stage->results, &pass);
    stage->one->judgement.recovery.waiting_at_kill = 70;
    ese_torture_add(&totals, &stage->results, &pass);
    assert_int_equal(totals.acknowledged, 2000);
    assert_int_equal(totals.dead_letters, 40);
    assert_int_equal(totals.unknown_mails, 4);
    assert_int_equal(totals.waiting_least, 50);
    assert_int_equal(totals.rounds[ESE_VERDICT_PASS], 2);
}

/* ---- a line a round -------------------------------------------------------------------------- */

static void what_became_of_each_event_is_told(void **state)
{
    struct stage *stage = *state;
    const struct ese_torture_round round = {.number = 7};
    const struct ese_verdict verdict = {.word = ESE_VERDICT_PASS};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    stage->results.count = 1;
    stage->one->judgement.ledger = (struct ese_ledger){
        .offered = 1234, .acknowledged = 1200, .dead_letters = 2, .lost = 3, .unknown = 16, .refused = 14,
        .not_sent = 4};
    ese_torture_round_line(&round, &stage->results, &verdict, &text);
    assert_non_null(strstr(text.text, "round 7: pass | one: 1,234 offered, 1,200 acknowledged, 2 dead letters, 3 lost, "
                                      "16 unknown, 14 refused, 4 not sent; "));
    ese_torture_round_json(&round, &stage->results, &verdict, NULL, &text);
    assert_non_null(strstr(text.text, "\"offered\":1234,\"acknowledged\":1200,\"dead_letters\":2,\"lost\":3,"
                                      "\"unknown\":16,\"refused\":14,\"not_sent\":4,"));
    ese_buffer_free(&text);
}

static void what_became_of_each_mail_is_told(void **state)
{
    struct stage *stage = *state;
    const struct ese_torture_round round = {.number = 7};
    const struct ese_verdict verdict = {.word = ESE_VERDICT_PASS};
    struct ese_torture_totals totals = ESE_TORTURE_TOTALS_NONE;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    stage->results.count = 1;
    stage->one->judgement.mails = (struct ese_mail_ledger){
        .arrived = 300, .lost = 2, .doubled = 3, .altered = 4, .unexpected = 5, .unknown = 6, .unknown_arrived = 1};
    ese_torture_round_line(&round, &stage->results, &verdict, &text);
    assert_non_null(strstr(text.text, "; 300 mails, 2 lost, 3 doubled, 4 altered, 5 unexpected, 7 unknown of at "));
    ese_torture_round_json(&round, &stage->results, &verdict, NULL, &text);
    assert_non_null(strstr(text.text, "\"mails_arrived\":300,\"mails_lost\":2,\"mails_doubled\":3,"
                                      "\"mails_altered\":4,\"mails_unexpected\":5,\"mails_unknown\":7,"));
    ese_torture_add(&totals, &stage->results, &verdict);
    ese_torture_add(&totals, &stage->results, &verdict);
    ese_torture_totals_text(&totals, &text);
    assert_non_null(strstr(text.text, " 600 mails came, 6 a second time, 8 of other events and 10 unexpected; 4 are "
                                      "lost and 14 unknown."));
    ese_torture_totals_json(&totals, &text);
    assert_non_null(strstr(text.text, "\"mails_arrived\":600,\"mails_lost\":4,\"mails_doubled\":6,"
                                      "\"mails_altered\":8,\"mails_unexpected\":10,\"mails_unknown\":14,"));
    ese_buffer_free(&text);
}

static void how_many_mails_may_be_unknown_is_told(void **state)
{
    struct stage *stage = *state;
    const struct ese_torture_round round = {.number = 7};
    const struct ese_verdict verdict = {.word = ESE_VERDICT_PASS};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    stage->results.count = 1;
    stage->one->judgement.mails = (struct ese_mail_ledger){.unknown = 1, .unknown_arrived = 2};
    ese_deeds_add(&stage->one->deeds,
                  &(struct ese_deed){.act = ESE_ACT_KILL, .roles = ESE_ROLE_BIT(ESE_ROLE_MAILER)});
    ese_torture_round_line(&round, &stage->results, &verdict, &text);
    assert_non_null(strstr(text.text, "3 unknown of at most 4; "));
    ese_torture_round_json(&round, &stage->results, &verdict, NULL, &text);
    assert_non_null(strstr(text.text, "\"mails_unknown\":3,\"mails_unknown_most\":4,"));
    ese_buffer_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_balances_passes),
        TEST(nothing_is_no_pass),
        TEST(a_failed_ledger_fails_the_round),
        TEST(a_drain_without_an_end_is_no_pass),
        TEST(a_round_in_which_too_few_events_waited_is_no_pass),
        TEST(what_became_of_each_event_is_told),
        TEST(what_became_of_each_mail_is_told),
        TEST(how_many_mails_may_be_unknown_is_told),
        TEST(the_exit_status_is_of_the_worst_round),
        TEST(totals_are_over_rounds_and_journeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
