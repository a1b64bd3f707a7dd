/* Numbers read from text: whole, in range, by themselves or with a unit; and whatever is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

static void a_number_is_the_whole_text(void **state)
{
    static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1x", "0x1", "1.0", "11", "-6",
                                        "99999999999999999999"};
    (void)state;
    int64_t value = 0;
    struct ese_error error;
    assert_int_equal(ese_number_parse("-5", "it", -5, 10, &value, &error), 0);
    assert_int_equal(value, -5);
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        if (ese_number_parse(wrong[i], "what it is", -5, 10, &value, &error) != -1 || error.code != ESE_E_USAGE ||
            strstr(error.text, "what it is") == NULL || strstr(error.text, wrong[i]) == NULL)
            fail_msg("'%s': %s", wrong[i], error.text);
        assert_int_equal(value, -5);
    }
}

static const struct ese_unit units[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}};

static void a_unit_says_how_much_it_is(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {{"5ms", 5}, {"0s", 0}, {"10s", 10000}, {"60s", 60000}, {"60000ms", 60000}, {"007s", 7000}};
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        int64_t value = -1;
        struct ese_error error;
        if (ese_number_parse_in_units(cases[i].text, "it", units, 0, 60000, &value, &error) != 0)
            fail_msg("%s", error.text);
        assert_int_equal(value, cases[i].value);
    }
}

static void what_has_no_unit_or_is_too_much_is_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"", "ms or s"},     {"10", "ms or s"},    {"s", "ms or s"},     {"10m", "ms or s"},     {"10 s", "ms or s"},
        {"-1s", "ms or s"},  {"1.5s", "ms or s"},  {"10sms", "ms or s"}, {"10s ", "ms or s"},    {"61s", "range"},
        {"60001ms", "ms to"}, {"9ms", "give 10ms"}, {"0s", "range"},
        {"9223372036854775807s", "range"}, {"18446744073709551617ms", "range"},
        {"00000000000000000000000000000001s", "range"},
    };
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        int64_t value = -1;
        struct ese_error error = {.code = ESE_OK};
        if (ese_number_parse_in_units(wrong[i].text, "a time", units, 10, 60000, &value, &error) != -1 ||
            error.code != ESE_E_USAGE || strstr(error.text, wrong[i].words) == NULL ||
            strstr(error.text, "a time") == NULL || strstr(error.text, wrong[i].text) == NULL)
            fail_msg("'%s': %s", wrong[i].text, error.text);
        assert_int_equal(value, -1);
    }
}

static void a_fraction_is_read_up_to_its_end(void **state)
{
    static const struct {
        const char *text;
        double number;
        const char *rest;
    } cases[] = {
        {"10", 10, ""},          {"10:5", 10, ":5"},   {"0.25\n", 0.25, "\n"}, {".5", 0.5, ""},   {"5.", 5, ""},
        {"1e1", 10, ""},         {"1E+2x", 100, "x"}, {"25e-2", 0.25, ""},    {"1e", 1, "e"},    {"1e+", 1, "e+"},
        {"1.5.2", 1.5, ".2"},    {"007", 7, ""},      {"0", 0, ""},           {"1inf", 1, "inf"},
    };
    static const char *const none[] = {"", ".", "e5", ".e5", "-1", "+1", " 1", "inf", "nan", "infinity", "0x10",
                                       "0X1p3", "1e999"};
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        double number = -1;
        const char *end = NULL;
        if (ese_number_read_decimal(cases[i].text, &end, &number) != 0 || strcmp(end, cases[i].rest) != 0 ||
            number < cases[i].number || number > cases[i].number)
            fail_msg("'%s': %g", cases[i].text, number);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(none); i++) {
        double number;
        const char *end;
        if (ese_number_read_decimal(none[i], &end, &number) != -1)
            fail_msg("'%s': %g", none[i], number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_the_whole_text),
        cmocka_unit_test(a_unit_says_how_much_it_is),
        cmocka_unit_test(a_fraction_is_read_up_to_its_end),
        cmocka_unit_test(what_has_no_unit_or_is_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
