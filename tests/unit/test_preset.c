/* Named runs: what they set, what has the last word, and that their sentences say what the figures say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/option.h"
#include "orchestration/lab/fault.h"
#include "orchestration/lab/preset.h"

#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)

static const char *const names[] = {"share-work", "bad-day", "quiet-shop", "answer-now"};

static const struct ese_option options[] = {
    {.name = "consumers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = 16, .help = ""},
    {.name = "rule-cost-us", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 5000000,
     .help = ""},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "300", .min = 1, .max = 1000, .help = ""},
    {.name = "duration", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "30", .min = 1, .max = 1000, .help = ""},
    {.name = "fault", .kind = ESE_OPTION_CHOICE, .value = "F", .fallback = "bad-day", .choices = ESE_FAULT_NAMES,
     .help = ""},
    ESE_OPTION_END,
};

static void each_name_is_a_run(void **state)
{
    (void)state;
    size_t length = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        assert_non_null(ese_preset_find(names[i]));
        assert_true(ese_option_has_choice(ESE_PRESET_NAMES, names[i]));
        length += strlen(names[i]) + 1;
    }
    assert_int_equal(strlen(ESE_PRESET_NAMES) + 1, length);
    assert_null(ese_preset_find("share"));
    assert_null(ese_preset_find(""));
    assert_null(ese_preset_find(NULL));
    assert_string_equal(ese_preset_value(ese_preset_find("share-work"), "fault"), "members-down");
    assert_null(ese_preset_value(ese_preset_find("share-work"), "gap"));
    assert_null(ese_preset_value(ese_preset_find("bad-day"), "fault"));
    assert_null(ese_preset_value(NULL, "fault"));
    assert_true(ese_preset_is_of_careful(ese_preset_find("share-work")));
    assert_false(ese_preset_is_of_careful(ese_preset_find("bad-day")));
}

/* With so many words of a command line. */
static struct ese_config *settled(const char *preset, int count, char **words)
{
    struct ese_config *config = ese_config_new();
    struct ese_error error;
    ese_config_add(config, "Options", options);
    ese_config_give_arguments(config, count, words);
    ese_preset_give(ese_preset_find(preset), config);
    if (ese_config_settle(config, &error) != 0)
        fail_msg("%s: %s", preset, error.text);
    return config;
}

static void what_is_given_beside_it_has_the_last_word(void **state)
{
    (void)state;
    char *words[] = {"--rate", "77", "--fault=none"};
    struct ese_config *config = settled("share-work", 0, NULL);
    assert_int_equal(ese_config_number(config, "consumers"), 3);
    assert_int_equal(ese_config_number(config, "rule-cost-us"), 4000);
    assert_int_equal(ese_config_number(config, "rate"), 420);
    assert_int_equal(ese_config_number(config, "duration"), 60);
    assert_string_equal(ese_config_text(config, "fault"), "members-down");
    ese_config_free(&config);
    config = settled("share-work", 3, words);
    assert_int_equal(ese_config_number(config, "consumers"), 3);
    assert_int_equal(ese_config_number(config, "rate"), 77);
    assert_string_equal(ese_config_text(config, "fault"), "none");
    ese_config_free(&config);
    config = settled("bad-day", 0, NULL);
    assert_int_equal(ese_config_number(config, "rate"), 300);
    assert_string_equal(ese_config_text(config, "fault"), "bad-day");
    ese_config_free(&config);
}

/* ---- sentences ------------------------------------------------------------------------------- */

/* One reader that falls behind, and a group of three that does not, of which members were away. */
static struct ese_results some_run(void)
{
    struct ese_results results = {.rate = "400", .rule_cost_us = 4000, .consumers = 3, .count = 2};
    for (int i = 0; i < 2; i++) {
        struct ese_results_transport *one = &results.transports[i];
        snprintf(one->name, sizeof one->name, "%s", i == 0 ? "alpha" : "beta");
        snprintf(one->broker, sizeof one->broker, "%s", i == 0 ? "" : "a broker");
        one->durability = ESE_DURABILITY_OS;
        one->members = i == 0 ? 1 : 3;
        one->cost = (struct ese_journey_cost){.cpu_ns = (i + 1) * 2 * ESE_NS_PER_S,
                                              .rss_peak_bytes = (i * 9 + 1) * INT64_C(40000000), .processes = 4 + i};
        one->judgement.ledger = (struct ese_ledger){.offered = 1001, .acknowledged = 1000, .processed = 1000};
        one->judgement.acknowledge = (struct ese_latency){
            .count = 9, .p50_us = 500 + i * 700, .p99_us = 1500 + i * 9000};
        one->judgement.lag = (struct ese_lag_curve){.highest = i == 0 ? 9000 : 800, .at_load_end = i == 0 ? 8999 : 399,
                                                    .caught_up_us = i == 0 ? -1 : 7000000};
    }
    ese_deeds_add(&results.transports[1].deeds,
                  &(struct ese_deed){.act = ESE_ACT_KILL, .roles = CONSUMER, .members = 2, .done_ns = 5});
    return results;
}

static char *said(const char *preset, const struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(20000);
    ese_preset_say(ese_preset_find(preset), results, &text);
    return ese_buffer_detach(&text);
}

static void says(char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("'%s' is not in:\n%s", words, text);
}

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void each_has_three_sentences(void **state)
{
    (void)state;
    struct ese_results results = some_run();
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        char *text = said(names[i], &results);
        assert_int_equal(lines_of(text), 3);
        assert_int_equal(text[strlen(text) - 2], '.');
        free(text);
    }
}

static void who_shares_work_is_told_by_what_waited(void **state)
{
    (void)state;
    struct ese_results results = some_run();
    char *text = said("share-work", &results);
    says(text, "  Sharing: alpha, one reader, fell behind: at most 9,000 events waited, and 8,999 when the load ended; "
               "beta, a group of 3, kept up: at most 800 events waited, and 399 when the load ended, less than a "
               "second's worth 7 s after the last of its readers was back.\n");
    says(text, "over alpha and beta each key stayed in order, nothing was lost, and each mail came once, though "
               "members of beta were away meanwhile.\n");
    says(text, "alpha took 4 processes, 40 MB of memory at most and 2.0 s of processor time; beta took 5");
    says(text, "beta has a broker, which somebody has to run, watch and upgrade; up to 250 events a second one reader "
               "is enough for a rule of that cost.\n");
    free(text);
    results.transports[0].judgement.lag.at_load_end = 399; /* the figures turned */
    results.transports[1].judgement.lag.at_load_end = 400;
    results.transports[1].judgement.ledger.reordered = 1;
    results.transports[1].deeds.count = 0;
    results.rule_cost_us = 0;
    text = said("share-work", &results);
    says(text, "alpha, one reader, kept up");
    says(text, "beta, a group of 3, fell behind");
    says(text, "over alpha each key stayed in order, nothing was lost, and each mail came once; of the others that "
               "cannot be said.\n");
    assert_null(strstr(text, "is enough"));
    free(text);
    results.transports[0].judgement.ledger.acknowledged = 950; /* of 1,001: less than 19 of 20 */
    results.transports[1].judgement.ledger.acknowledged = 950;
    text = said("share-work", &results);
    says(text, "alpha, one reader, was not given the load: only 950 of 1,001 offered events were acknowledged, which");
    free(text);
    results.transports[1].judgement.ledger.acknowledged = 951;
    text = said("share-work", &results);
    says(text, "beta, a group of 3, fell behind");
    free(text);
    results.transports[0].judgement.mails.lost = 1;
    results.transports[1].judgement.ledger_verdict.word = ESE_VERDICT_CANNOT_TELL;
    text = said("share-work", &results);
    says(text, "of beta it cannot be told");
    says(text, "  Order: that can be said of none.\n");
    free(text);
}

static void the_quiet_shop_takes_what_costs_least(void **state)
{
    (void)state;
    struct ese_results results = some_run();
    char *text = said("quiet-shop", &results);
    says(text, "  Choice: all kept everything, and alpha took the least memory and processor time: for 400 events a "
               "second");
    free(text);
    results.transports[0].cost.cpu_ns = 5 * ESE_NS_PER_S;
    text = said("quiet-shop", &results);
    says(text, "none took the least memory and processor time");
    free(text);
    results.transports[0].cost.rss_peak_bytes = INT64_C(4000000000);
    text = said("quiet-shop", &results);
    says(text, "beta took the least memory and processor time"); /* whoever it is */
    free(text);
    results.transports[1].judgement.ledger.lost = 3;
    text = said("quiet-shop", &results);
    says(text, "beta lost 3 acknowledged events");
    says(text, "not all kept everything");
    free(text);
}

static void who_answers_soonest_is_told_by_both_times(void **state)
{
    (void)state;
    struct ese_results results = some_run();
    char *text = said("answer-now", &results);
    says(text, "alpha answered half of its callers within 0.5 ms, and 99 of 100 within 1.5; beta answered half of its "
               "callers within 1.2 ms, and 99 of 100 within 10.5.\n");
    says(text, "as safe as os (alpha), os (beta); over alpha 1000 of 1001 got theirs");
    says(text, "alpha answered soonest, half");
    free(text);
    results.transports[0].judgement.acknowledge.p50_us = 1100; /* which is about equal */
    text = said("answer-now", &results);
    says(text, "none answered both");
    free(text);
    results.transports[1].judgement.timing_verdict.word = ESE_VERDICT_CANNOT_TELL;
    text = said("answer-now", &results);
    says(text, "of beta it cannot be told");
    says(text, "none can be called the sooner");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_a_run),
        cmocka_unit_test(what_is_given_beside_it_has_the_last_word),
        cmocka_unit_test(each_has_three_sentences),
        cmocka_unit_test(who_shares_work_is_told_by_what_waited),
        cmocka_unit_test(the_quiet_shop_takes_what_costs_least),
        cmocka_unit_test(who_answers_soonest_is_told_by_both_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
