/* The report's page: whatever of results.json judging yields is held against what judging again comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orchestration/lab/page_again.h"

static json_t *specimen, *named;

static int set_up(void **state)
{
    (void)state;
    specimen = ese_results_specimen();
    named = json_array();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(specimen);
    json_decref(named);
    return 0;
}

static void what_is_the_same_is_said_so(void **state)
{
    (void)state;
    json_t *same = json_deep_copy(specimen);
    assert_int_equal(ese_page_again_differences("kafka", same, specimen, named), 0);
    assert_int_equal(json_array_size(named), 0);
    json_decref(same);
}

static bool is_one_of(const char *member, const char *const members[])
{
    while (*members != NULL && strcmp(*members, member) != 0)
        members++;
    return *members != NULL;
}

/* Another value of its kind. */
static json_t *forged(const json_t *value)
{
    if (json_is_integer(value))
        return json_integer(json_integer_value(value) + 1);
    if (json_is_real(value))
        return json_real(json_real_value(value) + 0.5);
    if (json_is_boolean(value))
        return json_boolean(!json_boolean_value(value));
    json_t *array = json_is_array(value) ? json_copy((json_t *)value) : NULL;
    if (array != NULL)
        json_array_append_new(array, json_integer(1));
    return array != NULL ? array : json_string("forged");
}

/* Each member below is forged alone, at any depth. */
static void forge_each(json_t *root, json_t *object, const char *path, bool is_seen)
{
    static const char *const given[] = {"name", "durability", "broker", "mock", "drained", "schedule_ns",
                                        "restarted_ns", "waited_until_ns", "consumers", "endings", "deeds", "cost",
                                        NULL};
    const char *member;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, member, value) {
        char inner[200];
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] == '\0' ? "" : ".", member);
        bool is_given = path[0] == '\0' ? is_one_of(member, given) : strcmp(inner, "promises.notes") == 0;
        bool is_told = is_seen && !is_given;
        if (json_is_object(value)) {
            forge_each(root, value, inner, is_told);
            continue;
        }
        json_incref(value);
        json_object_set_new(object, member, forged(value));
        json_array_clear(named);
        size_t differ = ese_page_again_differences("kafka", root, specimen, named);
        if (differ != (is_told ? 1 : 0))
            fail_msg("%s: %zu differ", inner, differ);
        if (is_told)
            assert_non_null(strstr(json_string_value(json_array_get(named, 0)), inner));
        json_object_set_new(object, member, value);
    }
}

static void every_figure_that_is_judged_is_compared(void **state)
{
    (void)state;
    json_t *other = json_deep_copy(specimen);
    forge_each(other, other, "", true);
    assert_int_equal(ese_page_again_differences("kafka", other, specimen, named), 0);
    json_decref(other);
}

static void what_is_missing_differs(void **state)
{
    (void)state;
    json_t *other = json_deep_copy(specimen);
    json_object_del(other, "rates");
    json_object_del(json_object_get(other, "lag"), "highest");
    assert_int_equal(ese_page_again_differences("kafka", other, specimen, named), 2);
    assert_string_equal(json_string_value(json_array_get(named, 0)), "kafka: lag.highest (missing)");
    assert_string_equal(json_string_value(json_array_get(named, 1)), "kafka: rates (missing)");
    json_decref(other);
}

static void both_values_are_told(void **state)
{
    (void)state;
    json_t *other = json_deep_copy(specimen);
    json_object_set_new(json_object_get(other, "ledger"), "lost", json_integer(31));
    ese_page_again_differences("kafka", other, specimen, named);
    assert_string_equal(json_string_value(json_array_get(named, 0)), "kafka: ledger.lost (31 there, 0 judged again)");
    json_decref(other);
}

/* However another program writes it. */
static void a_number_is_the_same_in_any_writing(void **state)
{
    (void)state;
    json_t *then = json_pack("{s:i, s:[[i, i]]}", "a", 100, "b", 50, 7);
    json_t *now = json_pack("{s:f, s:[[f, i]]}", "a", 100.0, "b", 50.0, 7);
    assert_int_equal(ese_page_again_differences("kafka", then, now, named), 0);
    json_decref(then);
    json_decref(now);
}

static void no_more_are_named_than_can_be_read(void **state)
{
    (void)state;
    json_t *other = json_object();
    size_t differ = ese_page_again_differences("kafka", other, specimen, named);
    json_t *ledger = json_pack("{s:{}}", "ledger");
    size_t more = ese_page_again_differences("http", ledger, specimen, named);
    assert_true(differ >= ESE_PAGE_DIFFERENCES && more > differ);
    assert_int_equal(json_array_size(named), ESE_PAGE_DIFFERENCES);
    json_decref(ledger);
    json_decref(other);
}

/* Of several transports one that cannot be judged again hides no difference of the others. */
static void trouble_hides_no_difference(void **state)
{
    (void)state;
    struct ese_results *results = calloc(1, sizeof *results);
    static char troubles[ESE_RESULTS_TRANSPORTS][ESE_ARTIFACT_PATH_SIZE];
    results->count = 2;
    results->transports[0].durability = results->transports[1].durability = ESE_DURABILITY_OS;
    snprintf(results->transports[0].name, sizeof results->transports[0].name, "one");
    snprintf(results->transports[1].name, sizeof results->transports[1].name, "two");
    char *text = ese_results_text(results);
    json_t *written = json_loads(text, 0, NULL);
    snprintf(troubles[1], sizeof troubles[1], "it is gone");
    json_t *again = ese_page_again(written, results, troubles);
    assert_string_equal(json_string_value(json_object_get(again, "word")), "cannot");
    assert_string_equal(json_string_value(json_object_get(again, "reason")), "it is gone");
    json_decref(again);
    results->transports[0].judgement.lag.highest = 9;
    again = ese_page_again(written, results, troubles);
    const json_t *each = json_object_get(again, "transports");
    assert_string_equal(json_string_value(json_object_get(again, "word")), "differs");
    assert_string_equal(json_string_value(json_object_get(json_array_get(each, 0), "word")), "differs");
    assert_string_equal(json_string_value(json_object_get(json_array_get(each, 1), "word")), "cannot");
    json_decref(again);
    json_decref(written);
    free(text);
    free(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_the_same_is_said_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_figure_that_is_judged_is_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_differs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_values_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_the_same_in_any_writing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_named_than_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_hides_no_difference, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
