/* What becomes of a scenario's expectations: a word for each and for all of them, and what of it is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/lab/scenario_outcome.h"
#include "tests/support/directory.h"
#include "tests/support/scenario_shelf.h"

#define HEAD "title A title\nstory A story.\npredict What?\n"

/* Two transports: of "far" nothing can be told about time. */
static const struct ese_results *figures(void)
{
    static struct ese_results results;
    results = (struct ese_results){.rate = "300", .scenario = "one", .question = "What?", .count = 2};
    for (int i = 0; i < results.count; i++) {
        struct ese_results_transport *transport = &results.transports[i];
        transport->members = 1;
        transport->durability = ESE_DURABILITY_OS;
        transport->judgement.ledger.offered = 7;
        transport->judgement.acknowledge = (struct ese_latency){.count = 7, .p50_us = 400};
        transport->judgement.recovery = (struct ese_recovery){.acknowledges_again_us = -1, .reads_again_us = 9};
    }
    snprintf(results.transports[0].name, sizeof results.transports[0].name, "near");
    snprintf(results.transports[1].name, sizeof results.transports[1].name, "far:way=direct");
    results.transports[1].judgement.ledger.lost = 3;
    results.transports[1].judgement.timing_verdict.word = ESE_VERDICT_FAIL;
    return &results;
}

/* What these lines of a scenario come to. */
static struct ese_scenario_outcome look(struct ese_test_shelf *shelf, const char *lines)
{
    struct ese_scenario_outcome outcome;
    struct ese_error error;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 12);
    ese_buffer_printf(&text, HEAD "%s", lines);
    ese_test_shelf_put(shelf, "one", text.text);
    char *path = ese_test_path(shelf->directory, "one" ESE_SCENARIO_ENDING);
    ese_scenario_free(&shelf->scenario);
    if (ese_scenario_read_text(path, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
        fail_msg("%s: %s", lines, error.text);
    free(path);
    ese_buffer_free(&text);
    ese_scenario_look(shelf->scenario, figures(), &outcome);
    return outcome;
}

static const char *told(const struct ese_scenario_outcome *outcome, size_t place, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(outcome->expectations, place), name));
    return text == NULL ? "" : text;
}

static void each_is_told_of_each_transport_it_is_about(void **state)
{
    struct ese_scenario_outcome outcome =
        look(*state, "expect all ledger.offered > 3 -- there is a load\nexpect far ledger.lost = 0\n");
    static const char *const wanted[][5] = {
        {"near", "ledger.offered > 3", "yes", "7", "there is a load"},
        {"far:way=direct", "ledger.offered > 3", "yes", "7", "there is a load"},
        {"far:way=direct", "ledger.lost = 0", "NO", "3", ""},
    };
    static const char *const names[] = {"transport", "claim", "holds", "found", "because"};
    assert_int_equal(json_array_size(outcome.expectations), ESE_COUNT_OF(wanted));
    for (size_t i = 0; i < ESE_COUNT_OF(wanted); i++) {
        assert_int_equal(json_object_size(json_array_get(outcome.expectations, i)), ESE_COUNT_OF(names));
        for (size_t k = 0; k < ESE_COUNT_OF(names); k++)
            assert_string_equal(told(&outcome, i, names[k]), wanted[i][k]);
    }
    ese_scenario_outcome_free(&outcome);
    assert_null(outcome.expectations);
}

static void a_word_says_whether_it_holds_and_a_text_what_was_found(void **state)
{
    static const struct {
        const char *expectation, *holds, *found;
    } cases[] = {
        {"near ledger.offered = 7", "yes", "7"},
        {"near ledger.offered != 7", "NO", "7"},
        {"near ledger.offered < 7", "NO", "7"},
        {"near ledger.offered <= 7", "yes", "7"},
        {"near verdict.ledger.word = pass", "yes", "pass"},
        {"near ledger.lost < far/ledger.lost", "yes", "0 beside 3"},
        {"near ledger.lost > far/ledger.lost", "NO", "0 beside 3"},
        {"near ledger.gone = 0", "NO", "there is no such figure"},
        {"near ledger.lost < else/ledger.lost", "-", "else does not take part"},
        {"far latency_us.ack.p50 < 500", "-", "the timing of far:way=direct is withheld"},
        {"near latency_us.ack.p50 <= far/latency_us.ack.p50", "-", "the timing of far:way=direct is withheld"},
        {"near latency_us.ack.p50 < 500", "yes", "400"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char line[120];
        snprintf(line, sizeof line, "expect %s\n", cases[i].expectation);
        struct ese_scenario_outcome outcome = look(*state, line);
        assert_int_equal(outcome.count, 1);
        assert_string_equal(told(&outcome, 0, "holds"), cases[i].holds);
        assert_string_equal(told(&outcome, 0, "found"), cases[i].found);
        ese_scenario_outcome_free(&outcome);
    }
}

/* A moment that did not come, and the half of nothing: neither soon nor late. */
static void what_was_not_measured_meets_no_order(void **state)
{
    static const char *const members[] = {"acknowledges_again_us", "latency_us.mail.p50"};
    static const char *const signs[] = {"< 500", "<= 500", "> -2", ">= -2", "<= near/reads_again_us",
                                        "!= near/reads_again_us"};
    for (size_t i = 0; i < ESE_COUNT_OF(members); i++) {
        for (size_t k = 0; k < ESE_COUNT_OF(signs); k++) {
            char line[120];
            snprintf(line, sizeof line, "expect near %s %s\n", members[i], signs[k]);
            struct ese_scenario_outcome outcome = look(*state, line);
            if (outcome.verdict.word != ESE_VERDICT_FAIL || strstr(told(&outcome, 0, "found"), "not measured") == NULL)
                fail_msg("%s: %s, found %s", line, told(&outcome, 0, "holds"), told(&outcome, 0, "found"));
            ese_scenario_outcome_free(&outcome);
        }
    }
    struct ese_scenario_outcome outcome = look(*state, "expect near acknowledges_again_us = -1\n");
    assert_string_equal(told(&outcome, 0, "holds"), "yes"); /* that it did not come is told */
    ese_scenario_outcome_free(&outcome);
}

#define HOLDS "expect near ledger.lost = 0\n"
#define HOLDS_AND_IS_TIMED "expect near latency_us.ack.p50 < 500\n"
#define BROKEN "expect near ledger.lost = 1\n"
#define WITHHELD "expect far latency_us.ack.p50 < 500\n"
#define WITH_NOBODY "expect near latency_us.ack.p50 < else/latency_us.ack.p50\n"
#define OF_NOBODY "expect else ledger.lost = 0\n"

static void they_come_to_one_word(void **state)
{
    static const char none[] = "nothing was looked at", time[] = "it is about time, and all of that is withheld";
    static const struct {
        const char *lines;
        enum ese_verdict_word word;
        const char *reason;
        int count, met, withheld, looked_at;
    } cases[] = {
        {HOLDS, ESE_VERDICT_PASS, "", 1, 1, 0, 1},
        {HOLDS BROKEN, ESE_VERDICT_FAIL, "1 of 2 expectations do not hold", 2, 1, 0, 2},
        {BROKEN WITHHELD BROKEN, ESE_VERDICT_FAIL, "2 of 2 expectations do not hold", 3, 0, 1, 2},
        {HOLDS OF_NOBODY, ESE_VERDICT_PASS, "", 1, 1, 0, 1},
        {HOLDS WITH_NOBODY, ESE_VERDICT_PASS, "", 2, 1, 0, 1},
        {HOLDS WITHHELD, ESE_VERDICT_PASS, "", 2, 1, 1, 1},
        /* Who shows nothing has not passed. */
        {OF_NOBODY, ESE_VERDICT_CANNOT_TELL, none, 0, 0, 0, 0},
        {WITH_NOBODY, ESE_VERDICT_CANNOT_TELL, none, 1, 0, 0, 0},
        {WITHHELD, ESE_VERDICT_CANNOT_TELL, none, 1, 0, 1, 0},
        /* Nor who was to show something about time, and shows something else. */
        {"alone\n" HOLDS WITHHELD, ESE_VERDICT_CANNOT_TELL, time, 2, 1, 1, 1},
        {"alone\n" WITHHELD WITHHELD, ESE_VERDICT_CANNOT_TELL, none, 2, 0, 2, 0},
        {"alone\n" HOLDS_AND_IS_TIMED WITHHELD, ESE_VERDICT_PASS, "", 2, 1, 1, 1},
        {"alone\n" HOLDS WITH_NOBODY, ESE_VERDICT_PASS, "", 2, 1, 0, 1},
        {"alone\n" HOLDS, ESE_VERDICT_PASS, "", 1, 1, 0, 1},
        {"alone\n" BROKEN WITHHELD, ESE_VERDICT_FAIL, "1 of 1 expectations do not hold", 2, 0, 1, 1},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_scenario_outcome outcome = look(*state, cases[i].lines);
        if (outcome.verdict.word != cases[i].word || strcmp(outcome.verdict.reason, cases[i].reason) != 0)
            fail_msg("%s: %s, %s", cases[i].lines, ese_verdict_text(outcome.verdict.word), outcome.verdict.reason);
        assert_int_equal(outcome.count, cases[i].count);
        assert_int_equal(outcome.met, cases[i].met);
        assert_int_equal(outcome.withheld, cases[i].withheld);
        assert_int_equal(outcome.looked_at, cases[i].looked_at);
        ese_scenario_outcome_free(&outcome);
    }
}

static void a_line_each_is_written_or_the_broken_ones(void **state)
{
    static const char broken[] = "  NO   near               ledger.lost = 1                            0"
                                 "                    as if\n";
    static const char held[] = "  yes  near               ledger.offered = 7                         7"
                               "                    \n";
    static const char untold[] = "  -    far:way=direct     latency_us.ack.p50 < 500                   "
                                 "the timing of far:way=direct is withheld \n";
    struct ese_scenario_outcome outcome =
        look(*state, "expect near ledger.lost = 1 -- as if\nexpect near ledger.offered = 7\n" WITHHELD);
    struct ese_buffer all = ESE_BUFFER_INIT(1 << 12), some = ESE_BUFFER_INIT(1 << 12);
    char wanted[sizeof broken + sizeof held + sizeof untold];
    snprintf(wanted, sizeof wanted, "%s%s%s", broken, held, untold);
    ese_scenario_outcome_write(&outcome, false, &all);
    assert_string_equal(all.text, wanted);
    ese_scenario_outcome_write(&outcome, true, &some);
    assert_string_equal(some.text, broken);
    ese_buffer_free(&all);
    ese_buffer_free(&some);
    ese_scenario_outcome_free(&outcome);
}

static void it_stands_in_the_results(void **state)
{
    struct ese_test_shelf *shelf = *state;
    struct ese_scenario_outcome outcome = look(shelf, BROKEN WITHHELD);
    struct ese_results results = *figures();
    results.expectations = outcome.expectations;
    results.scenario_verdict = &outcome.verdict;
    assert_int_equal(ese_results_write(shelf->directory, &results, NULL), 0);
    char *path = ese_test_path(shelf->directory, "results.json");
    json_t *root = json_load_file(path, 0, NULL), *scenario = json_object_get(root, "scenario");
    const char *name, *word, *reason;
    assert_int_equal(json_unpack(scenario, "{s:s, s:{s:s, s:s}}", "name", &name, "verdict", "word", &word, "reason",
                                 &reason), 0);
    assert_string_equal(name, "one");
    assert_string_equal(word, "fail");
    assert_string_equal(reason, "1 of 1 expectations do not hold");
    assert_true(json_equal(json_object_get(scenario, "expectations"), outcome.expectations));
    json_decref(root);
    free(path);
    ese_scenario_outcome_free(&outcome);
}

#define with_a_shelf(name) cmocka_unit_test_setup_teardown(name, ese_test_shelf_set_up, ese_test_shelf_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_a_shelf(each_is_told_of_each_transport_it_is_about),
        with_a_shelf(a_word_says_whether_it_holds_and_a_text_what_was_found),
        with_a_shelf(what_was_not_measured_meets_no_order),
        with_a_shelf(they_come_to_one_word),
        with_a_shelf(a_line_each_is_written_or_the_broken_ones),
        with_a_shelf(it_stands_in_the_results),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
