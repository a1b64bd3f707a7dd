/* results.json: what was written comes back, as far as `check` needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "orchestration/lab/results.h"
#include "tests/support/directory.h"

static char *directory;

static int set_up(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ese_test_directory_remove(&directory);
    return 0;
}

static struct ese_results some_results(void)
{
    struct ese_results results = {.seed = 7, .source = "mixed", .rate = "300", .duration_s = 30, .warmup_s = 3,
                                  .fault = "none", .asked_durability = "os", .asked_broker = "auto",
                                  .retry_deadline_ms = 10000, .count = 1};
    struct ese_results_transport *one = &results.transports[0];
    snprintf(one->name, sizeof one->name, "some:way=direct");
    one->durability = ESE_DURABILITY_OS;
    one->drained = true;
    one->members = 1;
    one->schedule_ns = 1234567890123;
    one->waited_until_ns = 1234599990123;
    return results;
}

static void write_results(const char *text)
{
    char *path = ese_test_path(directory, "results.json");
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    free(path);
}

static void what_check_needs_comes_back(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    struct ese_endings *endings = &written.transports[0].endings;
    ese_endings_add(endings, "consumer", 137, "its \"last\" words \xff\n");
    ese_endings_add(endings, "broker", -1, "");
    written.gap_s = 4;
    written.smtp_timeout_ms = 5000;
    struct ese_deeds *deeds = &written.transports[0].deeds;
    ese_deeds_add(deeds, &(struct ese_deed){.act = ESE_ACT_KILL, .done_ns = 1234567890999,
                                            .roles = ESE_ROLE_BIT(ESE_ROLE_SERVER),
                                            .passed_over = ESE_ROLE_BIT(ESE_ROLE_BROKER)});
    ese_deeds_add(deeds, &(struct ese_deed){.act = ESE_ACT_START, .done_ns = 1234567891000,
                                            .roles = ESE_ROLES_KEEPING});
    ese_deeds_add(deeds, &(struct ese_deed){.act = ESE_ACT_FREEZE, .done_ns = 1234567891001,
                                            .roles = ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                            .members = ESE_MEMBER_BIT(2) | ESE_MEMBER_BIT(ESE_MEMBERS)});
    ese_deeds_add(deeds, &(struct ese_deed){.act = ESE_ACT_NETWORK, .done_ns = 1234567891002,
                                            .roles = ESE_ROLE_BIT(ESE_ROLE_CONSUMER), .how = "cut backward",
                                            .lines = ESE_LINE_BIT(ESE_LINE_CONSUMER_BROKER) |
                                                     ESE_LINE_BIT(ESE_LINE_CONSUMER_SERVER)});
    snprintf(written.preset, sizeof written.preset, "share-work");
    written.consumers = 3;
    written.rule_cost_us = 4000;
    written.poison_every = 50;
    written.resend_every = 7;
    written.readers_are_late = true;
    char schedule[ESE_RESULTS_SCHEDULE_SIZE] = "trace:"; /* as long as a path can be */
    memset(schedule + strlen(schedule), 'x', sizeof schedule - strlen(schedule) - 1);
    memcpy(written.schedule, schedule, sizeof schedule);
    written.trace = (struct ese_kept_trace){.sha256 = "0123abcd", .lines = 7, .bytes = 20, .is_kept = true};
    written.hot_percent = 60;
    written.retention_s = 3;
    written.poll_ms = 500;
    written.clients = 4;
    written.readers = 16;
    written.destinations = 100;
    written.flaky = 30;
    snprintf(written.scenario, sizeof written.scenario, "burst");
    snprintf(written.question, sizeof written.question, "Who \"waits\"?");
    written.is_small = true;
    written.stale_after_ms = 1500;
    written.transports[0].cost.parties[0] = (struct ese_party_cost){
        .party = "broker", .lives = 2, .cpu_ns = 1500000000, .switches = 70, .preemptions = 7, .requests = 30,
        .wire_bytes = ESE_COST_UNKNOWN, .syncs = ESE_COST_UNKNOWN, .requests_sent = ESE_COST_UNKNOWN};
    written.transports[0].cost.party_count = 1;
    written.transports[0].judgement.ledger.offered = 20;
    written.transports[0].members = 2;
    assert_int_equal(ese_results_write(directory, &written, NULL), 0);
    assert_int_equal(ese_results_read(directory, &read, NULL), 0);
    const struct ese_results_transport *one = &read.transports[0];
    assert_int_equal(read.count, 1);
    assert_int_equal(read.seed, 7);
    assert_string_equal(read.source, "mixed");
    assert_int_equal(read.warmup_s, 3);
    assert_string_equal(one->name, "some:way=direct");
    assert_int_equal(one->schedule_ns, 1234567890123);
    assert_int_equal(one->waited_until_ns, 1234599990123);
    assert_true(one->drained);
    assert_int_equal(one->endings.count, 2);
    assert_string_equal(one->endings.list[0].party, "consumer");
    assert_int_equal(one->endings.list[0].status, 137);
    assert_int_equal(one->endings.list[0].ended_ns, endings->list[0].ended_ns);
    assert_string_equal(one->endings.list[0].last_words, "its \"last\" words ??");
    assert_int_equal(one->endings.list[1].status, -1);
    assert_int_equal(read.gap_s, 4);
    assert_int_equal(read.smtp_timeout_ms, 5000);
    assert_string_equal(read.preset, "share-work");
    assert_int_equal(read.consumers, 3);
    assert_int_equal(read.rule_cost_us, 4000);
    assert_int_equal(read.poison_every, 50);
    assert_int_equal(read.resend_every, 7);
    assert_true(read.readers_are_late);
    assert_string_equal(read.schedule, schedule);
    assert_string_equal(read.trace.sha256, "0123abcd");
    assert_int_equal(read.trace.lines, 7);
    assert_int_equal(read.trace.bytes, 20);
    assert_true(read.trace.is_kept);
    assert_int_equal(read.hot_percent, 60);
    assert_int_equal(read.retention_s, 3);
    assert_int_equal(read.poll_ms, 500);
    assert_int_equal(read.clients, 4);
    assert_int_equal(read.readers, 16);
    assert_int_equal(read.destinations, 100);
    assert_int_equal(read.flaky, 30);
    assert_string_equal(read.scenario, "burst");
    assert_string_equal(read.question, "Who \"waits\"?");
    assert_true(read.is_small);
    assert_int_equal(read.stale_after_ms, 1500);
    assert_int_equal(one->cost.party_count, 1);
    assert_memory_equal(&one->cost.parties[0], &written.transports[0].cost.parties[0], sizeof one->cost.parties[0]);
    assert_int_equal(one->members, 2);
    assert_int_equal(one->deeds.count, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(one->deeds.list[i].lines, deeds->list[i].lines);
        assert_string_equal(one->deeds.list[i].how, deeds->list[i].how);
        assert_int_equal(one->deeds.list[i].members, deeds->list[i].members);
        assert_int_equal(one->deeds.list[i].act, deeds->list[i].act);
        assert_int_equal(one->deeds.list[i].done_ns, deeds->list[i].done_ns);
        assert_int_equal(one->deeds.list[i].roles, deeds->list[i].roles);
        assert_int_equal(one->deeds.list[i].passed_over, deeds->list[i].passed_over);
    }
}

static json_t *transport_of(const struct ese_results *results)
{
    char *text = ese_results_text(results);
    json_t *root = json_loads(text, 0, NULL), *transport = json_array_get(json_object_get(root, "transports"), 0);
    free(text);
    json_incref(transport);
    json_decref(root);
    return transport;
}

static json_int_t number_in(json_t *object, const char *array, size_t at)
{
    return json_integer_value(json_array_get(json_object_get(object, array), at));
}

/* What a page is drawn from. */
static void curves_and_promises_stand_there(void **state)
{
    (void)state;
    static const struct ese_promises promises = {.delivery = ESE_DELIVERY_AT_LEAST_ONCE, .shares_work = true};
    struct ese_results written = some_results();
    struct ese_results_transport *one = &written.transports[0];
    one->judgement.rates = (struct ese_rate_curves){.bucket_ms = 2000, .count = 2,
                                                    .number = {{5, 6}, {4, 7}, {0, 11}}};
    one->judgement.acknowledge = (struct ese_latency){.count = 11, .at_us = {[4] = 50, [ESE_PERCENTILES - 1] = 99}};
    json_t *transport = transport_of(&written), *rates = json_object_get(transport, "rates");
    assert_null(json_object_get(transport, "promises")); /* nobody knows a transport of that name */
    assert_int_equal(json_integer_value(json_object_get(rates, "bucket_ms")), 2000);
    assert_int_equal(json_array_size(json_object_get(rates, "offered")), 2);
    assert_int_equal(number_in(rates, "offered", 1), 6);
    assert_int_equal(number_in(rates, "acknowledged", 0), 4);
    assert_int_equal(number_in(rates, "processed", 1), 11);
    json_t *latency = json_object_get(transport, "latency_us");
    json_t *curve = json_object_get(json_object_get(latency, "ack"), "percentiles");
    assert_int_equal(json_array_size(curve), ESE_PERCENTILES);
    assert_true(json_real_value(json_array_get(json_array_get(curve, 4), 0)) == 50.0);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(curve, 4), 1)), 50);
    assert_int_equal(json_array_size(json_object_get(json_object_get(latency, "mail"), "percentiles")), 0);
    json_decref(transport);
    one->promises = &promises;
    transport = transport_of(&written);
    json_t *told = json_object_get(transport, "promises");
    assert_string_equal(json_string_value(json_object_get(told, "delivery")), "at_least_once");
    assert_true(json_is_true(json_object_get(told, "shares_work")));
    assert_true(json_is_false(json_object_get(told, "ordered_per_key")));
    json_decref(transport);
}

/* Of all but who hangs, and of each kind; nothing at all where there were none. */
static void destinations_stand_there_by_their_kind(void **state)
{
    (void)state;
    struct ese_results written = some_results();
    struct ese_crowd_account *crowd = &written.transports[0].crowd;
    json_t *transport = transport_of(&written);
    assert_null(json_object_get(transport, "destinations"));
    json_decref(transport);
    crowd->all = (struct ese_crowd_sum){.count = 19, .expected = 190, .delivered = 188, .missed = 2, .again = 7,
                                        .out_of_order = 1, .behind = 6, .latency = {.count = 188, .p99_us = 4000}};
    crowd->of[ESE_CROWD_HUNG] = (struct ese_crowd_sum){.count = 1, .missed = 9};
    transport = transport_of(&written);
    json_int_t count, expected, delivered, missed, again, out_of_order, behind, p99, hung_missed;
    assert_int_equal(json_unpack(transport, "{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I}, s:{s:I}, s:{}, s:{}, "
                                 "s:{}, s:{}}}", "destinations", "count", &count, "expected", &expected,
                                 "delivered", &delivered,
                                 "missed", &missed, "again", &again, "out_of_order", &out_of_order, "behind", &behind,
                                 "latency_us", "p99", &p99, "hung", "missed", &hung_missed, "healthy", "slow",
                                 "failing", "away"), 0);
    assert_true(count == 19 && expected == 190 && delivered == 188 && missed == 2 && again == 7 && out_of_order == 1);
    assert_true(behind == 6 && p99 == 4000 && hung_missed == 9);
    json_decref(transport);
    crowd->all.count = 0; /* one alone, and it hangs */
    transport = transport_of(&written);
    assert_non_null(json_object_get(transport, "destinations"));
    json_decref(transport);
}

/* What a program of another day may have written of them. */
static void unheard_of_deeds_are_malformed(void **state)
{
    (void)state;
    static const char *const strange[][2] = {{"\"kill\"", "\"stun\""}, {"\"consumer\"", "\"ensemble\""}};
    for (size_t i = 0; i < 2; i++) {
        struct ese_results written = some_results(), read;
        ese_deeds_add(&written.transports[0].deeds,
                      &(struct ese_deed){.act = ESE_ACT_KILL, .roles = ESE_ROLE_BIT(ESE_ROLE_CONSUMER)});
        char *text = ese_results_text(&written);
        char *word = strstr(text, strange[i][0]);
        assert_non_null(word);
        memcpy(word, strange[i][1], strlen(strange[i][1]));
        write_results(text);
        assert_int_equal(ese_results_read(directory, &read, NULL), -1);
        free(text);
    }
}

/* As the first version wrote it. */
static void what_nobody_can_tell_is_null(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    written.transports[0].cost.parties[0] = (struct ese_party_cost){
        .party = "server", .wire_bytes = ESE_COST_UNKNOWN, .requests = 30, .requests_sent = 10};
    written.transports[0].cost.party_count = 1;
    written.transports[0].judgement.ledger.offered = 20;
    char *text = ese_results_text(&written);
    assert_non_null(strstr(text, "\"wire_bytes\": null"));
    assert_non_null(strstr(text, "\"requests_per_event\": 2.0"));
    char *member = strstr(text, "\"syncs\": 0");
    assert_non_null(member);
    memcpy(member, "\"sinks\": 0", strlen("\"sinks\": 0")); /* not told at all */
    write_results(text);
    assert_int_equal(ese_results_read(directory, &read, NULL), -1);
    free(text);
}

static void a_run_of_earlier_days_is_read(void **state)
{
    (void)state;
    static const char *const younger[][2] = {
        {"\"gap_s\"", "\"_____\""},         {"\"consumers\"", "\"_________\""},
        {"\"parties\"", "\"_______\""},     {"\"stale_after_ms\"", "\"______________\""},
        {"\"lateness_us\"", "\"___________\""},
        {"\"consumers\"", "\"_________\""}, {"\"rule_cost_us\"", "\"____________\""}};
    struct ese_results written = some_results(), read;
    written.gap_s = 5;
    char *text = ese_results_text(&written);
    for (size_t i = 0; i < sizeof younger / sizeof younger[0]; i++) {
        char *member = strstr(text, younger[i][0]);
        assert_non_null(member);
        memcpy(member, younger[i][1], strlen(younger[i][1]));
    }
    write_results(text);
    assert_int_equal(ese_results_read(directory, &read, NULL), 0);
    assert_int_equal(read.gap_s, 0);
    assert_int_equal(read.consumers, 1);
    assert_int_equal(read.transports[0].members, 1);
    free(text);
}

static void a_question_comes_back_as_a_whole(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    struct ese_error error;
    snprintf(written.scenario, sizeof written.scenario, "some");
    memset(written.question, '?', sizeof written.question - 1);
    char *text = ese_results_text(&written), *longer = NULL;
    write_results(text);
    if (ese_results_read(directory, &read, &error) != 0)
        fail_msg("%s", error.text);
    assert_string_equal(read.question, written.question);
    char *asked = strstr(text, "??");
    assert_true(asprintf(&longer, "%.*s?%s", (int)(asked - text), text, asked) > 0);
    write_results(longer);
    assert_int_equal(ese_results_read(directory, &read, &error), -1);
    assert_non_null(strstr(error.text, "its scenario is malformed"));
    free(text);
    free(longer);
}

static void a_run_of_no_transport_is_none(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    struct ese_error error;
    written.count = 0;
    char *text = ese_results_text(&written);
    write_results(text);
    assert_int_equal(ese_results_read(directory, &read, &error), -1);
    assert_non_null(strstr(error.text, "names no transport"));
    free(text);
}

static void refuses(const char *text, const char *what, const char *to_do)
{
    struct ese_results read;
    struct ese_error error;
    write_results(text);
    assert_int_equal(ese_results_read(directory, &read, &error), -1);
    if (strstr(error.text, what) == NULL || strstr(error.text, to_do) == NULL)
        fail_msg("%s: without '%s' or '%s'", error.text, what, to_do);
}

static char *with(const char *there, const char *instead)
{
    struct ese_results written = some_results();
    char *text = ese_results_text(&written), *word = strstr(text, there);
    assert_non_null(word);
    memcpy(word, instead, strlen(instead));
    return text;
}

static void what_is_refused_is_named_with_what_to_do(void **state)
{
    (void)state;
    char *of_tomorrow = with("\"version\": 1", "\"version\": 9"), *edited = with("\"drained\"", "\"_______\"");
    refuses("{", "no run can be read", "name a directory");
    refuses("{}", "is not the results of a run", "name a directory");
    refuses(of_tomorrow, "has version 9, and this program reads 1", "judge it with the ese-lab that wrote it");
    refuses(edited, "transport 0 is malformed", "judge a run as compare left it");
    free(of_tomorrow);
    free(edited);
}

/* Else a run passes in which somebody ended, as soon as that is taken out. */
static void what_the_verdict_hangs_on_is_demanded(void **state)
{
    (void)state;
    static const char *const members[][2] = {{"\"endings\"", "\"_______\""}, {"\"deeds\"", "\"_____\""}};
    for (size_t i = 0; i < 2; i++) {
        char *text = with(members[i][0], members[i][1]);
        refuses(text, "transport 0 is malformed", "judge a run as compare left it");
        free(text);
    }
}

static void a_group_is_as_large_as_one_can_be(void **state)
{
    (void)state;
    static const int sizes[] = {0, -1, ESE_MEMBERS + 1, 1000000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ese_results written = some_results();
        written.transports[0].members = sizes[i];
        char *text = ese_results_text(&written);
        refuses(text, "transport 0 is malformed", "judge a run as compare left it");
        free(text);
    }
}

static void a_transport_is_named_once(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    written.transports[1] = written.transports[0];
    written.count = 2;
    char *text = ese_results_text(&written);
    refuses(text, "names transport 'some:way=direct' twice", "judge a run as compare left it");
    free(text);
    snprintf(written.transports[1].name, sizeof written.transports[1].name, "some");
    assert_int_equal(ese_results_write(directory, &written, NULL), 0);
    assert_int_equal(ese_results_read(directory, &read, NULL), 0);
    assert_int_equal(read.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_check_needs_comes_back),
        TEST(curves_and_promises_stand_there),
        TEST(destinations_stand_there_by_their_kind),
        TEST(unheard_of_deeds_are_malformed),
        TEST(what_nobody_can_tell_is_null),
        TEST(a_run_of_earlier_days_is_read),
        TEST(a_question_comes_back_as_a_whole),
        TEST(a_run_of_no_transport_is_none),
        TEST(what_is_refused_is_named_with_what_to_do),
        TEST(what_the_verdict_hangs_on_is_demanded),
        TEST(a_group_is_as_large_as_one_can_be),
        TEST(a_transport_is_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
