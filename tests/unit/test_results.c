/* results.json: what was written comes back, as far as `check` needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    snprintf(written.preset, sizeof written.preset, "share-work");
    written.consumers = 3;
    written.rule_cost_us = 4000;
    written.poison_every = 50;
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
    assert_int_equal(one->members, 2);
    assert_int_equal(one->deeds.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(one->deeds.list[i].members, deeds->list[i].members);
        assert_int_equal(one->deeds.list[i].act, deeds->list[i].act);
        assert_int_equal(one->deeds.list[i].done_ns, deeds->list[i].done_ns);
        assert_int_equal(one->deeds.list[i].roles, deeds->list[i].roles);
        assert_int_equal(one->deeds.list[i].passed_over, deeds->list[i].passed_over);
    }
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
static void a_run_of_earlier_days_is_read(void **state)
{
    (void)state;
    static const char *const younger[][2] = {
        {"\"gap_s\"", "\"_____\""},         {"\"consumers\"", "\"_________\""},
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
        TEST(unheard_of_deeds_are_malformed),
        TEST(a_run_of_earlier_days_is_read),
        TEST(a_run_of_no_transport_is_none),
        TEST(what_is_refused_is_named_with_what_to_do),
        TEST(what_the_verdict_hangs_on_is_demanded),
        TEST(a_group_is_as_large_as_one_can_be),
        TEST(a_transport_is_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
