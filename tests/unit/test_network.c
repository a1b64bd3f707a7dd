/* Which lines there are, before any of them leads anywhere. (tests/e2e/test_network.c has them led, and cut.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "orchestration/lab/network.h"

static void a_line_is_found_by_its_name(void **state)
{
    (void)state;
    for (int line = 0; line < ESE_LINES; line++)
        assert_int_equal(ese_line_find(ese_line_name((enum ese_line)line)), line);
    assert_int_equal(ese_line_find("client"), ESE_LINES);
    assert_int_equal(ese_line_find("client-serve"), ESE_LINES);
    assert_int_equal(ese_line_find(""), ESE_LINES);
}

static void a_condition_is_checked_before_there_is_a_line(void **state)
{
    (void)state;
    struct ese_error error;
    assert_int_equal(ese_network_check("cut backward", &error), 0);
    assert_int_equal(ese_network_check("cut upward", &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_int_equal(ese_network_check("show", &error), -1);
}

static void only_lines_that_lead_somewhere_are_there(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_network *network = NULL;
    const unsigned asked = ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER) | ESE_LINE_BIT(ESE_LINE_MAILER_SMTP);
    assert_int_equal(ese_network_open("/nowhere", "made up", asked, &network, &error), 0);
    for (int line = 0; line < ESE_LINES; line++) {
        assert_false(ese_network_has(network, (enum ese_line)line));
        assert_string_equal(ese_network_address(network, (enum ese_line)line, "there"), "there");
        assert_int_equal(ese_network_port(network, (enum ese_line)line) != 0, (asked & ESE_LINE_BIT(line)) != 0);
    }
    assert_int_equal(ese_network_start(network, &error), 0); /* nothing to do */
    assert_null(ese_network_process(network));
    ese_network_lead(network, ESE_LINE_CLIENT_SERVER, "127.0.0.1:1");
    ese_network_lead(network, ESE_LINE_CONSUMER_SERVER, "127.0.0.1:1"); /* not asked for */
    assert_true(ese_network_has(network, ESE_LINE_CLIENT_SERVER));
    assert_false(ese_network_has(network, ESE_LINE_CONSUMER_SERVER));
    assert_false(ese_network_has(network, ESE_LINES));
    char expected[32];
    snprintf(expected, sizeof expected, "127.0.0.1:%d", ese_network_port(network, ESE_LINE_CLIENT_SERVER));
    assert_string_equal(ese_network_address(network, ESE_LINE_CLIENT_SERVER, "there"), expected);
    assert_int_equal(ese_network_tell(network, ESE_LINE_CONSUMER_SERVER, "reset", NULL, 0, &error), 0);
    ese_network_close(&network);
    assert_null(network);
}

static void without_a_network_no_line_is_there(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_network *none = NULL;
    assert_false(ese_network_has(NULL, ESE_LINE_CLIENT_SERVER));
    assert_string_equal(ese_network_address(NULL, ESE_LINE_CLIENT_SERVER, "there"), "there");
    assert_int_equal(ese_network_port(NULL, ESE_LINE_CLIENT_SERVER), 0);
    assert_int_equal(ese_network_tell(NULL, ESE_LINE_CLIENT_SERVER, "reset", NULL, 0, &error), 0);
    assert_null(ese_network_process(NULL));
    ese_network_close(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_found_by_its_name),
        cmocka_unit_test(a_condition_is_checked_before_there_is_a_line),
        cmocka_unit_test(only_lines_that_lead_somewhere_are_there),
        cmocka_unit_test(without_a_network_no_line_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
