#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/proxy/condition.h"

static struct ese_proxy_condition parsed(const char *text)
{
    struct ese_error error;
    struct ese_proxy_condition condition;
    if (ese_proxy_condition_parse(text, &condition, &error) != 0)
        fail_msg("%s", error.text);
    return condition;
}

static void what_is_said_is_understood(void **state)
{
    (void)state;
    assert_int_equal(parsed("latency 0").verb, ESE_PROXY_LATENCY);
    assert_int_equal(parsed("latency 50").latency_ns, 50 * ESE_NS_PER_MS);
    assert_int_equal(parsed("latency 50").jitter_ns, 0);
    assert_int_equal(parsed("latency 50 jitter 7").jitter_ns, 7 * ESE_NS_PER_MS);
    assert_int_equal(parsed("bandwidth 1000").bytes_per_s, 1000);
    assert_true(parsed("cut forward").cut[ESE_PROXY_FORWARD]);
    assert_false(parsed("cut forward").cut[ESE_PROXY_BACKWARD]);
    assert_false(parsed("cut backward").cut[ESE_PROXY_FORWARD]);
    assert_true(parsed("cut backward").cut[ESE_PROXY_BACKWARD]);
    assert_true(parsed("cut both").cut[ESE_PROXY_FORWARD]);
    assert_true(parsed("cut both").cut[ESE_PROXY_BACKWARD]);
    assert_int_equal(parsed("half-open near").gone, ESE_PROXY_NEAR);
    assert_int_equal(parsed("half-open far").gone, ESE_PROXY_FAR);
    assert_int_equal(parsed("reset").verb, ESE_PROXY_RESET);
    assert_int_equal(parsed("restore").verb, ESE_PROXY_RESTORE);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           " ",           "latency",          "latency ",       "latency -1",     "latency 60001",
        "latency 1ms", "latency 1 2", "latency 1 jitter", "latency 1 jitter x", "latency 1 jitter 1 2",
        "bandwidth",  "bandwidth 0", "bandwidth 1 2",    "cut",            "cut sideways",   "cut forward backward",
        "half-open",  "half-open client", "reset now",   "restore  ",      "reset ",         " reset",
        "Reset",      "resett",      "cut  both"};
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++) {
        struct ese_error error = {0};
        struct ese_proxy_condition condition;
        if (ese_proxy_condition_parse(texts[i], &condition, &error) == 0)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_string_not_equal(error.text, "");
    }
}

static void a_long_text_is_refused(void **state)
{
    (void)state;
    char text[4096];
    struct ese_proxy_condition condition;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(ese_proxy_condition_parse(text, &condition, NULL), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_understood),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_long_text_is_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
